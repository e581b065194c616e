"""Spare: a worker starts from the process in reserve, and reads anew what was changed."""

import importlib.util
import py_compile
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import licorne.link
from licorne.supervisor.children import Child
from licorne.supervisor.spare import SpareSpawner
from tests.supervisor.fleets import wait_until


@pytest.fixture
def fds() -> Iterator[tuple[int, ...]]:
    with socket.socket() as sock:
        yield (sock.fileno(),)


@pytest.fixture
def spawner(fds: tuple[int, ...]) -> Iterator[SpareSpawner]:
    """Return one that has started a worker, which has ended, and has another process in reserve."""
    spawner = SpareSpawner()
    end(spawner.start(fds))
    spawner.prepare()
    spare = spawner._spare
    assert spare is not None
    yield spawner
    spawner.close()
    end(spare)


def end(child: Child) -> None:
    """End a process that was told nothing."""
    child.channel.close()
    wait_until(lambda: child.poll() is not None)


def test_what_python_has_kept_of_a_changed_file_is_dropped(
    spawner: SpareSpawner, fds: tuple[int, ...], tmp_path: Path
) -> None:
    changed, other = tmp_path / "changed.py", tmp_path / "other.py"
    for source in (changed, other):
        source.write_text("version = 1\n")
        py_compile.compile(str(source), doraise=True)
    spare = spawner._spare
    spawner.mistrust({str(changed), str(tmp_path / "page.html"), str(tmp_path / "gone.py")})
    started = spawner.start(fds)
    end(started)
    assert started is spare
    assert not Path(importlib.util.cache_from_source(str(changed))).exists()
    assert Path(importlib.util.cache_from_source(str(other))).exists()


def test_a_process_in_reserve_that_has_imported_what_was_changed_is_not_used(
    spawner: SpareSpawner, fds: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped: set[str] = set()
    monkeypatch.setattr("licorne.supervisor.spare.drop_bytecode", dropped.update)
    spare = spawner._spare
    assert spare is not None
    spawner.mistrust({licorne.link.__file__})
    started = spawner.start(fds)
    end(started)
    assert started is not spare
    assert spare.channel.is_closed
    assert dropped == {licorne.link.__file__}
