"""A server for each row, its client, and what a report must say so that a page can be written of it."""

import importlib.metadata
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from xdist.scheduler import LoadScopeScheduling

import licorne
from tests.frameworks.conftest import calling
from tests.frameworks.rows.redis_server import redis_running
from tests.frameworks.rows.table import ROWS, Row, row_named
from tests.server.process import ServerProcess

APPS = Path(__file__).parent / "apps"
Start = Callable[[Row], ServerProcess]


def column_of(item: pytest.Item) -> str:
    """Return the column that a test fills, by its mark; empty for a test of something else."""
    mark = item.get_closest_marker("column")
    return str(mark.args[0]) if mark else ""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let a test of `test_rows.py` ask each framework that has such a thing."""
    if "row" in metafunc.fixturenames and not hasattr(metafunc.module, "ROW"):
        mark = next(metafunc.definition.iter_markers("column"), None)
        rows = [row for row in ROWS if not row.has_own_tests and not (mark and mark.args[0] in row.lacks)]
        metafunc.parametrize("row", rows, ids=[row.key for row in rows], scope="module", indirect=True)


class RowScheduling(LoadScopeScheduling):
    """Keep the tests of a row in one worker, so that it is served once."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        return test.rpartition("[")[2] if file.endswith("test_rows.py") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> RowScheduling:
    """Share out whole rows, whatever `--dist` says."""
    return RowScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the report name row, versions and column."""
    for item in items:
        if not item.path.is_relative_to(APPS.parent):
            continue
        row = row_of(item)
        versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in row.distributions)
        item.user_properties += [
            ("row", row.key),
            ("versions", versions),
            ("column", column_of(item)),
            ("platform", f"licorne {licorne.__version__}, CPython {platform.python_version()}, {platform.system()}"),
        ]


def row_of(item: pytest.Item) -> Row:
    """Return the row that a test is about: its parameter, or its module's."""
    assert isinstance(item, pytest.Function)
    if hasattr(item, "callspec") and isinstance(found := item.callspec.params.get("row"), Row):
        return found
    return row_named(item.module.ROW)


@pytest.fixture(scope="module")
def row(request: pytest.FixtureRequest) -> Row:
    """Return the row that is asked."""
    return request.param if hasattr(request, "param") else row_named(request.module.ROW)


@pytest.fixture(scope="session")
def cues(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which a test gives its cues."""
    return tmp_path_factory.mktemp("cues")


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the socket of a redis-server."""
    with redis_running(tmp_path_factory.mktemp("redis")) as path:
        yield path


@pytest.fixture(scope="module")
def start(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, cues: Path) -> Iterator[Start]:
    """Return what serves a row until the module's tests are over."""
    with ExitStack() as stack:

        def start_one(row: Row) -> ServerProcess:
            variables = {"CUES": str(cues)}
            if row.needs_redis:
                path = request.getfixturevalue("redis")
                variables |= {"REDIS_URL": f"unix://{path}", "REDIS_PATH": str(path)}
            # In a folder of its own, since Panther keeps its logs where it is started.
            folder = tmp_path_factory.mktemp(row.key)
            # Who does not look whether its client is there is cancelled after this; by default, three seconds.
            options = ["--port=0", "--timeout-disconnect=500ms", *row.options]
            server = ServerProcess(row.app, *options, app_dir=APPS, cwd=folder, variables=variables)
            stack.enter_context(server).wait_for("Licorne running on ")
            return server

        yield start_one


@pytest.fixture(scope="module")
def served(row: Row, start: Start) -> list[ServerProcess]:
    """Serve the row; the list is of one."""
    return [start(row)]


@pytest.fixture
def server(served: list[ServerProcess], row: Row, start: Start) -> ServerProcess:
    """Return the row's server: the one that runs, or another if a test has stopped it."""
    if served[0].process.poll() is not None:
        served[0] = start(row)
    return served[0]


@pytest.fixture
def client(server: ServerProcess) -> Iterator[httpx.Client]:
    """Be a client of it, on new connections."""
    with calling(server) as made:
        yield made


@pytest.fixture
def cue(cues: Path, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Return what makes the name of a cue that no other test has."""
    prefix = f"{os.getpid()}-{abs(hash(request.node.nodeid))}"
    return lambda name: f"{prefix}-{name}"
