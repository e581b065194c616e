"""The command `uvicorn`: flags, variables, what it says, and how it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import uvicorn
from tests.dropin.process import HERE, UvicornProcess, ask, environment
from tests.dropin.test_imports import PARAMETERS

pytestmark = pytest.mark.processes

#: What the help shows and no parameter is called: the flag of a list is in the singular.
SINGULAR = {"reload_dirs": "reload-dir", "reload_includes": "reload-include", "reload_excludes": "reload-exclude"}
WITHOUT_FLAG = ("timeout_notify", "callback_notify", "ssl_context_factory")


def output(*arguments: str, variables: Mapping[str, str] | None = None, status: int = 0) -> str:
    """Return what the command writes, and make sure of its status."""
    done = subprocess.run(
        [sys.executable, "-m", "uvicorn", *arguments],
        capture_output=True,
        text=True,
        cwd=HERE,
        env={**os.environ, **environment(), **(variables or {})},
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def test_every_parameter_has_a_flag() -> None:
    flags = {flag for parameter in uvicorn.main.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    names = {SINGULAR.get(name, "header" if name == "headers" else name.replace("_", "-")) for name in PARAMETERS}
    assert {f"--{name}" for name in names} - flags == {f"--{name.replace('_', '-')}" for name in WITHOUT_FLAG}
    assert {"--app-dir", "--version", "--no-access-log", "--no-use-colors", "--no-proxy-headers"} <= flags
    assert {"--no-server-header", "--no-date-header"} <= flags


def test_every_parameter_has_the_same_default_as_a_flag() -> None:
    given = {parameter.name: parameter for parameter in uvicorn.main.params}
    differ = {"log_config", "reload_dirs", "reload_includes", "reload_excludes", "headers"}
    for name in PARAMETERS.keys() - differ - set(WITHOUT_FLAG):
        default = given[name].to_info_dict()["default"]
        assert (default or None) == (PARAMETERS[name] or None), name


def test_the_version_says_what_runs() -> None:
    said = output("--version")
    assert re.match(rf"Running uvicorn {re.escape(uvicorn.__version__)} with CPython 3\.\d+\.\d+\S* on \w+", said)


def test_without_an_application_it_ends_with_2() -> None:
    assert "Missing argument 'APP'" in output(status=2)


@pytest.mark.parametrize(
    "bad", [("--port", "x"), ("--log-level", "loud"), ("--no-such-flag",), ("--lifespan", "perhaps")]
)
def test_a_bad_flag_ends_with_2(bad: Any) -> None:
    assert "Usage: " in output("apps:app", *bad, status=2)


@pytest.mark.parametrize(
    ("app", "line"),
    [
        ("no_such:app", 'ERROR:    Error loading ASGI app. Could not import module "no_such".'),
        ("apps:no", 'ERROR:    Error loading ASGI app. Attribute "no" not found in module "apps".'),
        ("apps", 'ERROR:    Error loading ASGI app. Import string "apps" must be in format "<module>:<attribute>".'),
    ],
)
def test_an_application_that_is_not_there_ends_with_3(app: str, line: str) -> None:
    assert line in output(app, status=3).splitlines()


def test_a_failed_start_ends_with_3() -> None:
    lines = output("apps:refusing", "--port", "0", status=3).splitlines()
    assert "ERROR:    Application startup failed. Exiting." in lines


def test_a_missing_loop_ends_with_3() -> None:
    assert "Error loading custom loop setup function. " in output("apps:app", "--loop", "no_such:loop", status=3)


def test_an_address_in_use_ends_with_3() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        assert "address already in use" in output("apps:app", "--port", str(sock.getsockname()[1]), status=3)


@pytest.mark.parametrize("way", [("-m", "uvicorn"), ("-c", "import uvicorn; uvicorn.main()")])
def test_it_serves_and_ctrl_c_ends_it_with_0(way: Any) -> None:
    with UvicornProcess("apps:app", "--port", "0", command=way) as server:
        assert ask(server.port)["path"] == "/"
        server.signal(signal.SIGINT)
        assert server.wait() == 0
    lines = [re.sub(r"\d+", "N", line) for line in server.lines]
    assert [line for line in lines if "HTTP" not in line] == [
        "INFO:     Started server process [N]",
        "INFO:     Waiting for application startup.",
        "INFO:     Application startup complete.",
        "INFO:     Uvicorn running on http://N.N.N.N:N (Press CTRL+C to quit)",
        "INFO:     Shutting down",
        "INFO:     Waiting for application shutdown.",
        "INFO:     Application shutdown complete.",
        "INFO:     Finished server process [N]",
    ]
    assert 'INFO:     N.N.N.N:N - "GET / HTTP/N.N" N OK' in lines


def test_an_access_line_comes_before_what_is_said_later() -> None:
    with UvicornProcess("apps:app", "--port", "0") as server:
        ask(server.port)
        server.signal(signal.SIGINT)
        server.wait()
    assert server.log.index('"GET / HTTP/1.1" 200 OK') < server.log.index("Shutting down")


def test_sigterm_ends_it_by_that_signal() -> None:
    with UvicornProcess("apps:app", "--port", "0") as server:
        assert server.port
        server.signal(signal.SIGTERM)
        assert server.wait() == -signal.SIGTERM
    server.wait_for("Application shutdown complete.")


def test_the_limit_of_requests_ends_it_with_0() -> None:
    with UvicornProcess("apps:app", "--port", "0", "--limit-max-requests", "1") as server:
        ask(server.port)
        assert server.wait() == 0
    server.wait_for(r"Maximum request limit of 1 exceeded\. Terminating process\.")


def test_variables_stand_in_for_flags() -> None:
    variables = {"UVICORN_APP": "apps:app", "UVICORN_PORT": "0", "UVICORN_ROOT_PATH": "/api"}
    with UvicornProcess(variables=variables) as server:
        assert ask(server.port)["root_path"] == "/api"


def test_a_flag_wins_over_a_variable() -> None:
    variables = {"UVICORN_ROOT_PATH": "/api"}
    with UvicornProcess("apps:app", "--port", "0", "--root-path", "/other", variables=variables) as server:
        assert ask(server.port)["root_path"] == "/other"


def test_the_application_may_lie_elsewhere(tmp_path: Path) -> None:
    with UvicornProcess("apps:app", "--port", "0", "--app-dir", str(HERE), cwd=tmp_path) as server:
        assert ask(server.port)["path"] == "/"


def test_a_factory_and_headers() -> None:
    with UvicornProcess(
        "apps:new_app", "--factory", "--port", "0", "--header", "X-A:b:c", "--no-server-header"
    ) as server:
        headers = {name.lower(): value for name, value in ask(server.port)["headers"]}
    assert headers["x-a"] == "b:c"
    assert "server" not in headers


def test_no_access_log_and_no_colours() -> None:
    with UvicornProcess("apps:app", "--port", "0", "--no-access-log", "--use-colors") as server:
        ask(int(server.wait_for(r"http://127\.0\.0\.1:(\d+)")[1]))
        server.signal(signal.SIGINT)
        server.wait()
    assert '"GET / ' not in server.log
    assert "\x1b[32mINFO\x1b[0m:     " in server.log


def test_a_unix_socket_is_said_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with UvicornProcess("apps:app", "--uds", str(path)) as server:
        server.wait_for(re.escape(f"Uvicorn running on unix socket {path} (Press CTRL+C to quit)"))
        server.signal(signal.SIGINT)
        assert server.wait() == 0
    assert not path.exists()


def test_a_descriptor_is_served() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        fd = str(sock.fileno())
        with UvicornProcess("apps:app", "--fd", fd, pass_fds=[sock.fileno()]) as server:
            server.wait_for(r"Uvicorn running on socket \('127\.0\.0\.1', \d+\) \(Press CTRL\+C to quit\)")
            assert ask(sock.getsockname()[1])["path"] == "/"


@pytest.mark.parametrize("parameters", ["workers=2", "reload=True"])
def test_an_object_cannot_be_served_by_other_processes(parameters: str) -> None:
    with UvicornProcess(command=("-c", f"import apps, uvicorn; uvicorn.run(apps.app, {parameters})")) as server:
        assert server.wait() == 3
    server.wait_for("You must pass the application as an import string to enable 'reload' or 'workers'.")


def test_run_serves_and_returns_after_ctrl_c() -> None:
    program = "import uvicorn; uvicorn.run('apps:app', port=0, log_level='info'); print('over')"
    with UvicornProcess(command=("-c", program)) as server:
        ask(server.port)
        server.signal(signal.SIGINT)
        assert server.wait() == 0
    server.wait_for("^over$")
