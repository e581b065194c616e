"""Which files belong to an application, and which of them have changed."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from licorne.supervisor.changes import NotifySource, Source, StatSource
from licorne.supervisor.watch import Watched, take_look

DEADLINE_SECONDS = 60.0
DELAY_SECONDS = 0.05

Sources = Callable[[Watched, float], Source]


def watched_names(watched: Watched, root: Path) -> list[str]:
    """Return the files that one look finds, by their path below a directory."""
    return sorted(os.path.relpath(path, root) for path in take_look(watched).files)


def make(root: Path, *names: str) -> None:
    """Make files with their directories."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")


# --- what matters --------------------------------------------------------------------------------------------


def test_python_files_are_watched_at_any_depth(tmp_path: Path) -> None:
    make(tmp_path, "main.py", "package/inner/views.py", "notes.txt", "main.pyc")
    assert watched_names(Watched([str(tmp_path)]), tmp_path) == ["main.py", "package/inner/views.py"]


def test_traces_of_editors_are_not_watched(tmp_path: Path) -> None:
    make(tmp_path, ".main.py.swp", ".#main.py", "~main.py", "main.py~", "#main.py#", "4913")
    assert watched_names(Watched([str(tmp_path)], ["*"]), tmp_path) == [
        "#main.py#",
        "4913",
        "main.py~",
    ]
    assert watched_names(Watched([str(tmp_path)]), tmp_path) == []


def test_hidden_and_foreign_directories_are_not_entered(tmp_path: Path) -> None:
    make(tmp_path, ".git/hooks/x.py", ".venv/lib/a.py", "node_modules/gyp/b.py", "__pycache__/c.py", "src/main.py")
    make(tmp_path, "env/pyvenv.cfg", "env/lib/site.py")
    assert watched_names(Watched([str(tmp_path)]), tmp_path) == ["src/main.py"]


def test_what_is_watched_by_name_may_lie_in_a_hidden_directory(tmp_path: Path) -> None:
    make(tmp_path, ".hidden/project/main.py", ".hidden/.cache/x.py")
    assert watched_names(Watched([str(tmp_path / ".hidden")]), tmp_path) == [".hidden/project/main.py"]
    both = Watched([str(tmp_path), str(tmp_path / ".hidden")])
    assert watched_names(both, tmp_path) == [".hidden/project/main.py"]


def test_an_include_adds_to_python_files(tmp_path: Path) -> None:
    make(tmp_path, "main.py", "templates/index.html", "mail/index.html", ".env", ".env.local", ".hidden.py")
    root = str(tmp_path)
    assert watched_names(Watched([root], ["*.html"]), tmp_path) == [
        "mail/index.html",
        "main.py",
        "templates/index.html",
    ]
    assert watched_names(Watched([root], ["templates/*.html"]), tmp_path) == ["main.py", "templates/index.html"]
    assert watched_names(Watched([root], [".env*"]), tmp_path) == [".env", ".env.local", "main.py"]


def test_an_exclude_wins_over_an_include(tmp_path: Path) -> None:
    make(tmp_path, "main.py", "tests/test_main.py", "app/tests/test_views.py", "app/schema_pb2.py")
    root = str(tmp_path)
    assert watched_names(Watched([root], ["*.py"], ["test_*"]), tmp_path) == ["app/schema_pb2.py", "main.py"]
    assert watched_names(Watched([root], excludes=["tests"]), tmp_path) == ["app/schema_pb2.py", "main.py"]
    assert watched_names(Watched([root], excludes=["app/*_pb2.py", "./tests/*"]), tmp_path) == ["main.py"]
    assert watched_names(Watched([root], [], [], [str(tmp_path / "app")]), tmp_path) == [
        "main.py",
        "tests/test_main.py",
    ]


def test_nested_directories_are_watched_once(tmp_path: Path) -> None:
    make(tmp_path, "src/package/main.py")
    watched = Watched([str(tmp_path / "src" / "package"), str(tmp_path), str(tmp_path / "src") + "/"])
    assert watched.directories == (str(tmp_path),)
    siblings = Watched([str(tmp_path / "src"), str(tmp_path / "src2")])
    assert len(siblings.directories) == 2


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    make(tmp_path, "shared/models.py", "app/main.py")
    (tmp_path / "app" / "shared").symlink_to(tmp_path / "shared")
    (tmp_path / "shared" / "back").symlink_to(tmp_path / "app")
    (tmp_path / "app" / "dangling.py").symlink_to(tmp_path / "nowhere.py")
    found = watched_names(Watched([str(tmp_path / "app")]), tmp_path)
    assert found == ["app/main.py", "app/shared/models.py"]


@pytest.mark.parametrize(
    ("path", "is_within"),
    [("a.py", True), ("src/a.py", True), (".git/a.py", False), ("src/.cache/deep/a.py", False), ("../a.py", False)],
)
def test_a_path_is_within_when_each_directory_above_it_is_entered(tmp_path: Path, path: str, is_within: bool) -> None:
    watched = Watched([str(tmp_path)])
    assert watched.is_within(os.path.normpath(tmp_path / path)) is is_within


def test_looks_differ_by_what_is_new_gone_or_another(tmp_path: Path) -> None:
    make(tmp_path, "same.py", "gone.py", "other.py", "renamed.py")
    watched = Watched([str(tmp_path)])
    before = take_look(watched)
    (tmp_path / "gone.py").unlink()
    (tmp_path / "other.py").write_text("x")
    (tmp_path / "renamed.py").replace(tmp_path / "new.py")
    changed = {os.path.basename(path) for path in before.difference(take_look(watched))}
    assert changed == {"gone.py", "other.py", "renamed.py", "new.py"}
    assert not before.difference(before)


# --- waiting for changes -------------------------------------------------------------------------------------


class Waiting:
    """Let a source wait in a thread, as it does in use."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.found: list[set[str]] = []
        self.stop = threading.Event()
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def until(self, *names: str) -> None:
        """Return when all these names were reported; fail at the deadline."""
        with self._news:
            wanted = set(names)
            assert self._news.wait_for(lambda: wanted <= self.names, DEADLINE_SECONDS), self.names

    @property
    def names(self) -> set[str]:
        """Return the names of the files that were reported."""
        return {os.path.basename(path) for batch in self.found for path in batch}

    def end(self) -> None:
        """Have the thread end."""
        self.stop.set()
        self._thread.join(DEADLINE_SECONDS)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        while not self.stop.is_set():
            changed = self.source.wait(self.stop)
            with self._news:
                self.found.append(changed)
                self._news.notify_all()


@pytest.fixture(params=[StatSource, NotifySource])
def waiting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Waiting]]:
    begun: list[Waiting] = []

    def begin(*directories: Path, **options: Any) -> Waiting:
        watched = Watched([str(path) for path in directories or [tmp_path]], **options)
        begun.append(Waiting(request.param(watched, DELAY_SECONDS)))
        return begun[-1]

    yield begin
    for one in begun:
        one.end()


Begin = Callable[..., Waiting]


def test_a_save_that_renames_a_temporary_file_over_the_old_one_is_seen(waiting: Begin, tmp_path: Path) -> None:
    make(tmp_path, "main.py", "last.py")
    looking = waiting()
    (tmp_path / "main.py.tmp").write_text("new")
    (tmp_path / "main.py.tmp").replace(tmp_path / "main.py")
    looking.until("main.py")
    (tmp_path / "last.py").write_text("x")
    looking.until("last.py")
    assert looking.names == {"main.py", "last.py"}


def test_a_directory_that_comes_and_goes_as_a_whole_is_seen(waiting: Begin, tmp_path: Path) -> None:
    watched = tmp_path / "watched"
    make(tmp_path, "elsewhere/package/inner/views.py", "watched/main.py")
    looking = waiting(watched)
    (tmp_path / "elsewhere" / "package").rename(watched / "package")
    looking.until("views.py")
    looking.found.clear()
    (watched / "package").rename(tmp_path / "elsewhere" / "package")
    looking.until("views.py")


def test_a_watched_directory_that_is_made_anew_is_watched_again(waiting: Begin, tmp_path: Path) -> None:
    watched = tmp_path / "watched"
    make(watched, "main.py")
    looking = waiting(watched)
    shutil.rmtree(watched)
    looking.until("main.py")
    make(watched, "other.py")
    looking.until("other.py")
    make(watched, "deeper/third.py")
    looking.until("third.py")


def test_a_directory_that_comes_after_the_start_is_watched(waiting: Begin, tmp_path: Path) -> None:
    looking = waiting(tmp_path / "late")
    make(tmp_path, "late/main.py")
    looking.until("main.py")


def test_a_thousand_changes_come_in_few_reports(waiting: Begin, tmp_path: Path) -> None:
    looking = waiting()
    names = [f"module_{number}.py" for number in range(1000)]
    make(tmp_path, *names)
    looking.until(*names)
    assert len(looking.found) < 50


def test_what_does_not_matter_is_not_reported(waiting: Begin, tmp_path: Path) -> None:
    make(tmp_path, "main.py", "log.txt", ".git/hook.py")
    looking = waiting()
    (tmp_path / "log.txt").write_text("line")
    (tmp_path / ".git" / "hook.py").write_text("x")
    make(tmp_path, "__pycache__/main.cpython-313.pyc", "fleeting.tmp")
    (tmp_path / "fleeting.tmp").unlink()
    (tmp_path / "main.py").write_text("x")
    looking.until("main.py")
    assert looking.names == {"main.py"}


def test_a_source_that_is_told_to_stop_returns(waiting: Begin, tmp_path: Path) -> None:
    looking = waiting()
    looking.end()
    assert looking.names == set()
