"""Choosing the event loop: by name, by import, and what is said when it cannot be had."""

import asyncio
import builtins
import sys
from pathlib import Path
from typing import Any

import pytest

from licorne.errors import AppLoadError, StartupError
from licorne.server.loops import choose_loop


def made(name: str) -> asyncio.AbstractEventLoop:
    """Return a loop that the name stands for, closed."""
    loop = choose_loop(name)()
    loop.close()
    return loop


@pytest.fixture
def without_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make uvloop impossible to import."""
    real_import = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name == "uvloop":
            raise ImportError("No module named 'uvloop'")
        return real_import(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of a module called `custom_loop`."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "custom_loop", raising=False)
    return tmp_path / "custom_loop.py"


def test_auto_and_uvloop_are_uvloop_where_it_is_installed() -> None:
    uvloop = pytest.importorskip("uvloop")
    assert isinstance(made("auto"), uvloop.Loop)
    assert isinstance(made("uvloop"), uvloop.Loop)


def test_asyncio_is_asyncio_s_own_loop_whatever_the_policy() -> None:
    assert isinstance(made("asyncio"), asyncio.SelectorEventLoop)


@pytest.mark.usefixtures("without_uvloop")
def test_auto_is_asyncio_without_uvloop() -> None:
    assert isinstance(made("auto"), asyncio.SelectorEventLoop)


@pytest.mark.usefixtures("without_uvloop")
def test_uvloop_by_name_is_never_replaced() -> None:
    with pytest.raises(StartupError, match=r"No module named 'uvloop'.*pip install 'licorne\[standard\]'"):
        choose_loop("uvloop")


def test_an_imported_factory_makes_the_loop(module: Path) -> None:
    module.write_text("import asyncio\nclass Loop(asyncio.SelectorEventLoop): ...\n", encoding="utf-8")
    assert type(made("custom_loop:Loop")).__name__ == "Loop"


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("def new(): return 5", "the event loop custom_loop:new returned a int, which is no event loop"),
        ("def new(): raise ValueError('boom')", "the event loop custom_loop:new failed: ValueError: boom"),
        ("new = 5", "the event loop custom_loop:new is not callable"),
        ("", 'cannot load the event loop custom_loop:new: there is no "new" in module custom_loop'),
    ],
)
def test_a_factory_that_gives_no_loop_is_one_line(module: Path, source: str, line: str) -> None:
    module.write_text(source, encoding="utf-8")
    with pytest.raises(StartupError) as caught:
        made("custom_loop:new")
    assert str(caught.value).startswith(line)


def test_a_missing_module_is_named() -> None:
    with pytest.raises(AppLoadError, match="cannot load the event loop no_such_loop:new: there is no module"):
        choose_loop("no_such_loop:new")
