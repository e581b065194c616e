"""Titles of processes, with the package for them and without."""

import sys
import types
from pathlib import Path

import pytest

from licorne.config.options import Config
from licorne.server.premises.title import set_title, title_of


class Application:
    """Stand for an application that is an object."""

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        """Answer nothing."""


async def main(scope: object, receive: object, send: object) -> None:
    """Stand for an application that is a function."""


@pytest.fixture
def own_name() -> object:
    """Give this process its name back at the end."""
    file = Path("/proc/self/comm")
    before = file.read_text() if file.exists() else ""
    yield
    if before:
        file.write_text(before)


def test_a_title_names_the_role_and_the_application() -> None:
    assert title_of("worker 1", Config("main:app")) == "licorne: worker 1 (main:app)"
    assert title_of("server", Config(main)) == "licorne: server (main)"
    assert title_of("server", Config(Application())) == "licorne: server (Application)"


def test_the_package_for_titles_is_used_if_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    package = types.ModuleType("setproctitle")
    titles: list[str] = []
    package.setproctitle = titles.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "setproctitle", package)
    set_title("supervisor", Config("main:app"))
    assert titles == ["licorne: supervisor (main:app)"]


@pytest.mark.usefixtures("own_name")
def test_without_the_package_linux_shows_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "setproctitle", None)
    set_title("worker 12", Config("main:app"))
    if sys.platform == "linux":
        assert Path("/proc/self/comm").read_text() == "licorne worker \n"
