"""Programs that know Uvicorn, on the drop-in: fastapi-cli, gunicorn, sse-starlette."""

import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.dropin.process import HERE, UvicornProcess, ask, connect
from tests.gunicorn.process import GunicornProcess

pytestmark = pytest.mark.processes


def needs(name: str) -> pytest.MarkDecorator:
    """Skip a test where a package is not installed."""
    return pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is not installed")


@needs("sse_starlette")
@pytest.mark.parametrize("way", [(), ("--workers", "2")])
def test_streams_of_sse_starlette_end_when_the_server_stops(way: tuple[str, ...]) -> None:
    with UvicornProcess("sse_app:app", "--port", "0", *way) as server:
        port = server.port
        server.wait_for("Application startup complete")
        with connect(port) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            data = b""
            while b"data: tick" not in data:
                data += client.recv(65536)
            server.signal(signal.SIGTERM)
            while client.recv(65536):
                pass
        assert server.wait() in (0, -signal.SIGTERM)


@needs("fastapi_cli")
@pytest.mark.parametrize("command", ["run", "dev"])
def test_fastapi_cli_serves(command: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/')\ndef root(): return {'path': '/'}\n"
    )
    flags = ("main.py", "--port", "0")
    with UvicornProcess(command, *flags, cwd=tmp_path, command=("-m", "fastapi_cli")) as server:
        assert ask(server.port)["path"] == "/"
        server.signal(signal.SIGINT)
        assert server.wait() == 0


class UvicornInGunicorn(GunicornProcess):
    """Run gunicorn with a worker of Uvicorn's."""

    def __init__(self, app: str, home: Path, *arguments: str, worker: str) -> None:
        from tests.dropin.process import environment

        self._home = home.resolve()
        command = (sys.executable, "-m", "gunicorn", app, "--worker-class", worker, "--bind", "127.0.0.1:0")
        path = os.pathsep.join([str(HERE), environment()["PYTHONPATH"]])
        self._begin([*command, *arguments], home, {"HOME": str(home), "PYTHONPATH": path})


@needs("gunicorn")
@pytest.mark.parametrize("worker", ["UvicornWorker", "UvicornH11Worker"])
def test_gunicorn_serves_with_the_worker(worker: str, tmp_path: Path) -> None:
    with UvicornInGunicorn("apps:app", tmp_path, worker=f"uvicorn.workers.{worker}") as server:
        server.wait_until_ready()
        assert dict(ask(server.port)["headers"])["server"] == "uvicorn"
        server.signal(signal.SIGTERM)
        assert server.wait() == 0


@needs("gunicorn")
def test_parameters_of_a_worker_of_ones_own_are_uvicorns(tmp_path: Path) -> None:
    (tmp_path / "own_worker.py").write_text(
        "from uvicorn.workers import UvicornWorker\n"
        "class Worker(UvicornWorker):\n"
        "    CONFIG_KWARGS = {'loop': 'none', 'http': 'httptools', 'ws': 'websockets-sansio', 'root_path': 'api',\n"
        "                     'headers': [('X-A', 'b')], 'server_header': False, 'lifespan': 'on',\n"
        "                     'ws_ping_interval': None, 'forwarded_allow_ips': '*'}\n"
    )
    with UvicornInGunicorn("apps:app", tmp_path, worker="own_worker.Worker") as server:
        server.wait_until_ready()
        told = ask(server.port, headers={"X-Forwarded-For": "192.0.2.7"})
    assert (told["root_path"], told["client"]) == ("/api", ["192.0.2.7", 0])
    headers = dict(told["headers"])
    assert headers["x-a"] == "b"
    assert "server" not in headers
