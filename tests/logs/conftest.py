"""Logging as it was, after every test."""

from collections.abc import Iterator

import pytest

from .scenes import logging_restored


@pytest.fixture(autouse=True)
def _logging_restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    with logging_restored():
        yield
