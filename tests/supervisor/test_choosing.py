"""One process, or a supervisor with workers: what decides."""

from typing import Any

import pytest

from licorne.config.options import Config
from licorne.launch import is_supervised


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Be an application object."""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, False),
        ({"workers": 1}, True),
        ({"workers": 2}, True),
        ({"workers": "auto"}, True),
        ({"reload": True}, True),
        ({"preload": True}, True),
        ({"user": "nobody"}, True),
        ({"group": "nogroup"}, True),
        ({"health_bind": "127.0.0.1:0"}, True),
        ({"limit_max_requests": 10}, False),
        ({"timeout_worker_healthcheck": 10}, False),
    ],
)
def test_options_about_processes_ask_for_a_supervisor(options: dict[str, Any], expected: bool) -> None:
    assert is_supervised(Config("main:app", **options)) is expected


def test_an_object_and_one_worker_are_one_process() -> None:
    assert not is_supervised(Config(app, workers=1))
    assert is_supervised(Config(app, workers=2))
    assert is_supervised(Config(app, workers=1, preload=True))
