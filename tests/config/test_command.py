"""The command: what it prints, where, and its exit status. Every mistake is one line for the person who made it."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

import licorne
from licorne.config.options import OPTIONS
from tests.config.commands import Command

# --- mistakes in options: one line on standard error, exit status 2 -----------------------------------------

#: What is typed, and what is said about it; "…" stands for the rest of a sentence.
MISTAKES = {
    "--prot 1": "there is no flag --prot; did you mean --port?",
    "--no-acces-log": "there is no flag --no-acces-log; did you mean --no-access-log?",
    "--show-confg": "there is no flag --show-confg; did you mean --show-config?",
    "-x": "there is no flag -x",
    "--port": "flag --port needs a value",
    "--access-log=yes": "flag --access-log takes no value",
    "--port http": "port: must be a whole number from 0 to 65535, got 'http' (from flag --port)",
    "--port 65536": "port: must be a whole number from 0 to 65535, got '65536' (from flag --port)",
    "--host a:80": "host: must be a host name or address without a port …, got 'a:80' (from flag --host)",
    "--timeout-linger soon": "timeout_linger: must be a duration such as …, got 'soon' (from flag --timeout-linger)",
    "--limit-body-size big": "limit_body_size: must be a size such as …, got 'big' (from flag --limit-body-size)",
    "--limit-concurrency 0": 'limit_concurrency: must be a whole number of 1 or more, or "none", got …',
    "--lifespan maybe": "lifespan: must be auto, on or off, got 'maybe' (from flag --lifespan)",
    "--http llhttp": "http: must be auto, native, httptools or h11, got 'llhttp' (from flag --http)",
    "--loop fast": "loop: must be auto, asyncio, uvloop or module:attribute, got 'fast' (from flag --loop)",
    "--log-level loud": "log_level: must be critical, error, warning, info, debug, trace or a number, got …",
    "--log-config none.json": "log_config: must be a file, but there is none of this name, got 'none.json' (from …)",
    "--header a:b --header c": "headers: must be \"name: value\", got 'c' (from flag --header)",
    "-b :1 -b localhost": "bind: must be host:port, …, got 'localhost' (from flag --bind)",
    "-b :1 --host ::1": "bind (from flag --bind) and host (from flag --host) both say where to listen; use one …",
    "--env-file none.env": "env_file: must be a file, but there is none of this name, got 'none.env' (from …)",
    "--app-dir nowhere": "app_dir: must be a directory, but there is none of this name, got 'nowhere' (from …)",
    "--config none.toml": "cannot read the configuration file 'none.toml': No such file … (from flag --config)",
    "other:app": "unexpected argument 'other:app' after the application 'main:app'",
    "--completion tcsh": "completion: must be bash, zsh, fish, got 'tcsh' (from flag --completion)",
    "--workers 0": 'workers: must be a whole number of 1 or more, "auto" or "none", got \'0\' (from flag --workers)',
    "--workers all": 'workers: must be a whole number of 1 or more, "auto" or "none", got \'all\' (from …)',
    "--umask 9": "umask: must be octal digits from 000 to 777, …, or \"none\", got '9' (from flag --umask)",
    "--uds-mode 1777": "uds_mode: must be octal digits from 000 to 777, …, got '1777' (from flag --uds-mode)",
    "--uds-owner a:b:c": 'uds_owner: must be "user", "user:group" or ":group", each a name or a number, got …',
    "--reuse-port yes": "reuse_port: must be auto, on or off, got 'yes' (from flag --reuse-port)",
    "--before-fork warm": "before_fork: must be \"module:attribute\", got 'warm' (from flag --before-fork)",
    "--health-bind 9000": "health_bind: must be host:port, …, got '9000' (from flag --health-bind)",
    "--reload-dirs .": "there is no flag --reload-dirs; did you mean --reload-dir?",
    "--ssl-keyfile=key.pem": "ssl_keyfile: must be a file, but there is none of this name, got 'key.pem' (from …)",
    "--ssl-cert-reqs 3": "ssl_cert_reqs: must be none, optional or required (0, 1 or 2), got '3' (from …)",
    "--ssl-min-version 1.1": "ssl_min_version: must be 1.2 or 1.3, got '1.1' (…); did you mean 1.3?",
    "--ssl-version 3": "ssl_version: must not be a version before TLS 1.2, …, got '3' (from flag --ssl-version)",
    "--ssl-sni example.org": "ssl_sni: must be \"host=certificate,key\", …, got 'example.org' (from flag --ssl-sni)",
    "--ssl-sni -x=a,b": "ssl_sni: must have a host name such as …, not '-x', got '-x=a,b' (from flag --ssl-sni)",
    "--ssl-keyfile-password @none.txt": "ssl_keyfile_password: after \"@\" must be a file …, got '@none.txt' (from …)",
    "--ws websockets-sansio": "ws: must be auto, native, …, got 'websockets-sansio' (…); did you mean websockets?",
    "--ws-max-queue 0": "ws_max_queue: must be a whole number of 1 or more, got '0' (from flag --ws-max-queue)",
    "--ws-deflate-window-bits 8": "ws_deflate_window_bits: must be a whole number from 9 to 15, got '8' (from …)",
    "--ws-per-message-deflate maybe": "ws_per_message_deflate: must be true or false, got 'maybe' (from …)",
    "--no-ws-per-message-deflate": "there is no flag …; did you mean --ws-per-message-deflate?",
    "--ws-allowed-origins example.org": "ws_allowed_origins: must be an origin such as …, got 'example.org' (from …)",
    "--forwarded-allow-ips localhost": "forwarded_allow_ips: must be an IP address, …, got 'localhost' (from flag …)",
    "--forwarded-allow-ips 10.0.0.1/8": "forwarded_allow_ips: must be … (10.0.0.1/8 has host bits set), got …",
    "--forwarded-headers x": "forwarded_headers: must be auto, x-forwarded, forwarded or client, got 'x' (from …)",
    "--untrusted-headers drop": "untrusted_headers: must be pass or strip, got 'drop' (from …)",
    "--allowed-hosts a:80": "allowed_hosts: must be a host without a port such as …, got 'a:80' (from …)",
    "--allowed-host https://a": "allowed_hosts: must be a host without a port …, got 'https://a' (from …)",
    "--request-id-header Cookie": "request_id_header: must be the name of a header of its own, …, got 'Cookie' (…)",
    "--request-id-header Host": "request_id_header: must be the name of a header of its own, …, got 'Host' (from …)",
    "-V": "there is no flag -V; did you mean --version?",
    "-p 80": "there is no flag -p; did you mean --port?",
    "--loop uvlop": "loop: must be …, got 'uvlop' (from flag --loop); did you mean uvloop?",
    "--access-log-format tim": "access_log_format: is neither …, got 'tim' (from …)",
    "--access-log-format {tme}": "access_log_format: has an unknown atom {tme}, got …; did you mean 'time'?",
    "--app-dir main.py": "app_dir: must be a directory, but this is a file, got 'main.py' (from flag --app-dir)",
    "--env-file .": "env_file: must be a file, but this is a directory, got '.' (from flag --env-file)",
}


@pytest.mark.parametrize(("typed", "problem"), MISTAKES.items(), ids=MISTAKES)
def test_a_mistake_is_one_line_and_status_2(command: Command, typed: str, problem: str) -> None:
    done = command.run("main:app", *typed.split())
    line = re.escape(f"licorne: {problem}").replace("…", "[^\n]+")
    assert re.fullmatch(line + "\n", done.stderr), done.stderr
    assert (done.returncode, done.stdout) == (2, "")


def test_a_mistake_is_status_2_for_check_too(command: Command) -> None:
    done = command.run("check", "main:app", "--port", "x")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_missing_application_says_how_to_name_one(command: Command) -> None:
    (command.folder / "main.py").rename(command.folder / "site_app.py")
    for arguments in ([], ["check"], ["--port", "1"]):
        done = command.run(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert re.fullmatch(r"licorne: no application given; name one as in `licorne main:app`.*\n", done.stderr)


@pytest.mark.parametrize(("form", "shown"), [((), "licorne main"), (("check",), "licorne check main")])
def test_a_missing_application_is_suggested_where_one_is_there(command: Command, form: tuple[str], shown: str) -> None:
    done = command.run(*form)
    assert done.returncode == 2
    assert done.stderr == f"licorne: no application given; did you mean `{shown}`? (licorne --help says more)\n"


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("chek main:app", "there is no command chek; did you mean check?"),
        ("run main:app", "there is no command run; to serve an application, write: licorne main:app"),
        ("help", "there is no command help; use --help (an application is help:attribute)"),
    ],
)
def test_a_command_that_does_not_exist_is_told_from_an_application(command: Command, typed: str, line: str) -> None:
    done = command.run(*typed.split())
    assert (done.returncode, done.stderr) == (2, f"licorne: {line}\n")


def test_one_letter_asks_for_help(command: Command) -> None:
    assert command.run("-h").stdout == command.run("--help").stdout


def test_a_file_in_place_of_a_module_is_status_2(command: Command) -> None:
    done = command.run("main.py")
    assert done.returncode == 2
    assert (
        done.stderr
        == "licorne: app: must name a module rather than a file (try main), got 'main.py' (from argument APP)\n"
    )


def test_a_bad_variable_is_named(command: Command) -> None:
    done = command.run("main:app", LICORNE_LOOP="fast")
    assert (done.returncode, done.stderr.endswith("got 'fast' (from variable LICORNE_LOOP)\n")) == (2, True)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[server]\nprot = 1", "licorne.toml: unknown key 'prot' in [server]; did you mean port?"),
        ("port = ", "licorne.toml: not a valid TOML file: Invalid value (at line 1, column 8)"),
        ("port = -1", "port: must be a whole number from 0 to 65535, got -1 (from licorne.toml port)"),
    ],
)
def test_a_bad_file_is_one_line_and_status_2(command: Command, content: str, problem: str) -> None:
    command.write("licorne.toml", content)
    done = command.run("main:app")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.sub(r"end of document|line 1, column 8", "line 1, column 8", done.stderr) == f"licorne: {problem}\n"


def test_an_unknown_variable_is_one_line_of_warning(command: Command) -> None:
    done = command.run("--show-config", LICORNE_PROT="1")
    assert done.returncode == 0
    assert done.stderr == "licorne: warning: unknown variable LICORNE_PROT is ignored; did you mean LICORNE_PORT?\n"


# --- what it tells ------------------------------------------------------------------------------------------


def test_version_is_one_line_and_says_what_would_run(command: Command) -> None:
    done = command.run("--version", "--loop", "asyncio", "--http", "h11")
    version = re.escape(licorne.__version__)
    python = re.escape(sys.version.split()[0])
    line = rf"licorne {version} with \w+ {python} on \w+ \(build: (compiled|pure), loop: asyncio, parser: h11\)\n"
    assert re.fullmatch(line, done.stdout)
    assert (done.returncode, done.stderr) == (0, "")


def test_version_is_told_even_where_options_are_wrong(command: Command) -> None:
    assert command.run("--version", LICORNE_PORT="x").returncode == 0


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == licorne.__version__


def test_help_shows_every_option_in_its_group(command: Command) -> None:
    done = command.run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: licorne [check] APP [OPTIONS]\n")
    for option in OPTIONS:
        assert f"\n{option.group}:\n" in done.stdout
        assert option.is_argument or f" {option.flag} " in done.stdout


def test_show_config_says_where_each_value_came_from(command: Command) -> None:
    command.write("pyproject.toml", "[tool.licorne.limits]\nlimit-connections-per-peer = 3\n")
    done = command.run("main:app", "--no-access-log", "--show-config", LICORNE_PORT="9")
    lines = {line.split(" ")[0]: line.split("#")[1].strip() for line in done.stdout.splitlines() if "=" in line}
    assert (done.returncode, done.stderr) == (0, "")
    assert lines["access-log"] == "flag --no-access-log"
    assert lines["port"] == "variable LICORNE_PORT"
    assert lines["limit-connections-per-peer"] == "pyproject.toml [tool.licorne.limits] limit-connections-per-peer"
    assert lines["host"] == "default"


def test_a_reader_that_has_seen_enough_does_no_harm(command: Command) -> None:
    process = command.start("-m", "licorne", "--show-config")
    assert process.stdout
    process.stdout.close()
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(command: Command, shell: str) -> None:
    done = command.run("--completion", shell)
    assert done.returncode == 0
    assert f"_LICORNE_COMPLETE={shell}_complete" in done.stdout


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("--loop uv", "plain,uvloop"),
        ("--use-colors --no-date", "plain,--no-date-header"),
        ("ch", "plain,check"),
        ("check ma", "plain,main"),
    ],
)
def test_completion_offers_flags_choices_and_applications(command: Command, typed: str, offered: str) -> None:
    words = f"licorne {typed}"
    done = command.run(_LICORNE_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(words.count(" ")))
    assert done.stdout.splitlines() == [offered]


def test_the_command_line_needs_no_event_loop(command: Command) -> None:
    script = """
import sys
from licorne.cli import main
try:
    main(["main:app", "--show-config"])
finally:
    print({"asyncio", "uvloop", "ssl", "logging", "tomllib", "licorne.server"} & sys.modules.keys(), file=sys.stderr)
"""
    done = command.run_python("-c", script)
    assert done.stderr == "set()\n"
