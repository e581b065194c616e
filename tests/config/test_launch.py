"""`licorne APP`, `licorne check APP`, `run()` and `serve()`: what they print, and the exit status."""

import asyncio
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import licorne
from licorne.errors import ConfigError
from tests.config.commands import Command

FAILING = """
def open_database():
    raise RuntimeError("no database")

open_database()
"""


@contextmanager
def serving(command: Command, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Have a server running; `port` is where."""
    process = command.start(*arguments, **variables)
    assert process.stderr
    try:
        said = ""
        while not (found := re.search(r"running on http://127\.0\.0\.1:(\d+)", said)):
            line = process.stderr.readline()
            assert line, f"it ended without serving: {said}"
            said += line
        with socket.create_connection(("127.0.0.1", int(found[1])), timeout=60) as client:
            client.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")
        yield process
    finally:
        process.kill()
        process.communicate(timeout=60)


# --- check ---------------------------------------------------------------------------------------------------


def test_check_prints_one_line_when_all_can_be_served(command: Command) -> None:
    done = command.run("check", "main:app")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "OK: main:app (asgi3) and its configuration can be served\n"


def test_check_takes_the_application_from_anywhere(command: Command) -> None:
    command.write("licorne.toml", 'app = "main:app"\n')
    assert command.run("check").returncode == 0
    assert command.run("check", LICORNE_APP="none_such:app").returncode == 3


def test_an_application_called_check_can_be_checked(command: Command) -> None:
    (command.folder / "main.py").rename(command.folder / "check.py")
    assert command.run("check", "check:app").stdout.startswith("OK: check:app ")


def test_an_application_called_check_can_be_served(command: Command) -> None:
    (command.folder / "main.py").rename(command.folder / "check.py")
    with serving(command, "-m", "licorne", "check:app", "--port", "0"):
        pass


def test_check_tells_an_option_that_only_the_server_can_judge(command: Command) -> None:
    command.write("logging.json", "[]")
    done = command.run("check", "main:app", "--log-config", "logging.json")
    assert done.returncode == 2
    assert re.fullmatch(r"licorne: log_config: .*, got 'logging.json' \(from flag --log-config\)\n", done.stderr)


# --- an application that cannot be served --------------------------------------------------------------------


@pytest.mark.parametrize("form", [(), ("check",)], ids=["serve", "check"])
def test_a_module_that_is_missing_is_one_line_and_status_3(command: Command, form: tuple[str, ...]) -> None:
    done = command.run(*form, "mian:app")
    assert (done.returncode, done.stdout) == (3, "")
    assert re.fullmatch(r'licorne: .*"mian".*did you mean "main"\?\n', done.stderr)


def test_workers_name_the_source_of_an_application_too(command: Command) -> None:
    command.write("licorne.toml", 'app = "main:ap"\nport = 0\nworkers = 1\n')
    done = command.run()
    assert done.returncode == 3
    assert re.search(r"^licorne: cannot load main:ap: .* \(from licorne.toml app\)$", done.stderr, re.MULTILINE)


def test_a_hook_that_is_missing_is_named_with_its_source(command: Command) -> None:
    done = command.run("main:app", "--preload", "--port", "0", "--after-fork", "main:hok")
    assert done.returncode == 3
    assert done.stderr.endswith(" (after_fork from flag --after-fork)\n")


def test_an_attribute_that_is_missing_is_one_line_and_status_3(command: Command) -> None:
    done = command.run("main:ap")
    assert done.returncode == 3
    assert re.fullmatch(r'licorne: .*"ap".*did you mean "app"\?\n', done.stderr)


@pytest.mark.parametrize("form", [(), ("check",)], ids=["serve", "check"])
def test_an_application_named_elsewhere_is_named_with_its_source(command: Command, form: tuple[str, ...]) -> None:
    done = command.run(*form, LICORNE_APP="main:ap")
    assert done.returncode == 3
    assert re.fullmatch(r"licorne: cannot load main:ap: .* \(from variable LICORNE_APP\)\n", done.stderr)


def test_a_factory_that_is_none_is_named_with_its_source(command: Command) -> None:
    command.write("licorne.toml", "factory = true\n")
    done = command.run("main:app")
    assert done.returncode == 3
    assert re.fullmatch(r"licorne: main:app is no factory: .* \(factory from licorne.toml factory\)\n", done.stderr)


def test_the_source_of_an_application_keeps_its_traceback(command: Command) -> None:
    command.write("outer.py", FAILING)
    done = command.run("check", LICORNE_APP="outer:app")
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert done.stderr.endswith("RuntimeError: no database (from variable LICORNE_APP)\n")


def test_an_event_loop_that_is_missing_is_no_file_of_the_user(command: Command) -> None:
    command.write("nope1.py", "")
    done = command.run("check", "main:app", "--loop", "nope:loop")
    assert done.returncode == 3
    assert done.stderr == (
        'licorne: cannot load the event loop nope:loop: there is no module "nope" (loop from flag --loop)\n'
    )


@pytest.mark.parametrize("form", [(), ("check",)], ids=["serve", "check"])
def test_a_failing_import_shows_the_users_own_traceback(command: Command, form: tuple[str, ...]) -> None:
    command.write("inner.py", FAILING)
    command.write("outer.py", "import inner\n")
    done = command.run(*form, "outer:app")
    lines = done.stderr.splitlines()
    assert done.returncode == 3
    assert lines[0] == "Traceback (most recent call last):"
    assert [re.sub(r".*/(\w+\.py).*, in ", r"\1 ", line) for line in lines if line.startswith("  File ")] == [
        "outer.py <module>",
        "inner.py <module>",
        "inner.py open_database",
    ]
    assert lines[-2] == "RuntimeError: no database"
    assert re.fullmatch(r"licorne: .*outer:app.*RuntimeError: no database", lines[-1])


def test_the_causes_of_a_failing_import_are_the_users_too(command: Command) -> None:
    command.write(
        "outer.py", "try:\n    import none_such\nexcept ImportError as error:\n    raise RuntimeError from error"
    )
    done = command.run("check", "outer:app")
    assert done.returncode == 3
    assert "ModuleNotFoundError: No module named 'none_such'" in done.stderr
    assert "importlib" not in done.stderr
    assert "/licorne/" not in done.stderr


def test_a_syntax_error_shows_its_line(command: Command) -> None:
    command.write("broken.py", "app = (\n")
    done = command.run("broken:app")
    assert done.returncode == 3
    assert 'broken.py", line 1' in done.stderr
    assert "/licorne/" not in done.stderr


def test_a_lifespan_that_fails_is_status_3(command: Command) -> None:
    command.write("main.py", "async def app(scope, receive, send):\n    raise RuntimeError('no database')\n")
    done = command.run("main:app", "--port", "0", "--lifespan", "on")
    assert done.returncode == 3


def test_an_address_in_use_is_one_line_and_status_3(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = command.run("main:app", "--port", port, "--log-level", "critical")
    assert (done.returncode, done.stdout) == (3, "")
    assert re.fullmatch(rf"licorne: .*{port}.*\n", done.stderr)


# --- how a server ends ---------------------------------------------------------------------------------------


def test_sigint_ends_with_status_0(command: Command) -> None:
    with serving(command, "-m", "licorne", "main:app", "--port", "0") as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0


def test_sigterm_ends_by_that_signal(command: Command) -> None:
    with serving(command, "-m", "licorne", "main:app", "--port", "0") as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == -signal.SIGTERM


# --- env files -----------------------------------------------------------------------------------------------


def test_an_env_file_is_read_before_the_application_is_imported(command: Command) -> None:
    command.write("settings.env", "DATABASE=here\nLICORNE_PORT=0\n")
    command.write("seen.py", "import os\nassert os.environ['DATABASE'] == 'here'\nfrom main import app\n")
    assert command.run("check", "seen:app", "--env-file", "settings.env").returncode == 0
    assert command.run("check", "seen:app").returncode == 3


# --- run() and serve() ---------------------------------------------------------------------------------------


def test_run_reads_variables_and_files_below_its_keywords(command: Command) -> None:
    command.write("licorne.toml", 'port = 1\nserver-header = false\napp = "none_such"\n')
    with serving(command, "-c", "import licorne; licorne.run('main:app')", LICORNE_PORT="0") as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0


def test_run_returns_to_a_program_whose_server_was_interrupted(command: Command) -> None:
    script = "import licorne, sys; licorne.run('main:app', port=0); sys.exit(7)"
    with serving(command, "-c", script) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 7


@pytest.mark.parametrize(
    ("call", "status", "line"),
    [
        ("run('main:app', port='x')", 2, r"port: must be .*, got 'x' \(from keyword port\)"),
        ("run('main:app', prot=1)", 2, r"unknown option 'prot' \(from keyword prot\); did you mean port\?"),
        ("run(Config('main:app'), port='x')", 2, r"port: must be .*, got 'x' \(from keyword port\)"),
        ("run()", 2, "no application given; pass one, or set LICORNE_APP, or app in licorne.toml"),
        ("run('mian:app')", 3, r'.*did you mean "main"\?'),
    ],
)
def test_run_exits_with_one_line_when_it_cannot_serve(command: Command, call: str, status: int, line: str) -> None:
    done = command.run_python("-c", f"from licorne import Config, run; {call}")
    assert (done.returncode, done.stdout) == (status, "")
    assert re.fullmatch(f"licorne: {line}\n", done.stderr)


def test_serve_raises_to_the_program_that_awaits_it() -> None:
    with pytest.raises(ConfigError, match="from keyword port"):
        asyncio.run(licorne.serve("main:app", port="x"))


@pytest.mark.parametrize("call", ["run('main:app', port=0)", "Server(licorne.Config('main:app', port=0)).run()"])
def test_run_in_a_running_loop_says_what_to_await(command: Command, call: str) -> None:
    script = f"import asyncio, licorne\nasync def main(): licorne.{call}\nasyncio.run(main())"
    done = command.run_python("-c", script)
    assert done.stderr.splitlines()[-1].startswith("RuntimeError: run() starts an event loop, and one is running")
    assert "never awaited" not in done.stderr


def test_a_server_takes_a_configuration_alone() -> None:
    with pytest.raises(TypeError, match=r"Server takes a Config, as in Server\(Config\('main:app'\)\), and no str"):
        licorne.Server("main:app")


def test_the_package_shows_what_it_promises() -> None:
    assert dir(licorne) == ["ClientDisconnected", "Config", "Server", "__version__", "run", "serve"]


def test_importing_the_package_imports_no_event_loop(command: Command) -> None:
    done = command.run_python("-c", "import sys, licorne; print({'asyncio', 'logging', 'click'} & sys.modules.keys())")
    assert done.stdout == "set()\n"
