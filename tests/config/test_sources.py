"""Sources: which value wins, where it is said to come from, and what is wrong with files and variables."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from licorne.arguments import parse_arguments
from licorne.config.options import Config
from licorne.config.sources import load
from licorne.config.targets import Bind
from licorne.errors import ConfigError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made_by(environ: Mapping[str, str] | None = None, **flags: object) -> Config:
    """Return the configuration that variables and flags make."""
    return load(environ=dict(environ or {}), flags={name: (value, f"flag --{name}") for name, value in flags.items()})


def problem_of(environ: Mapping[str, str] | None = None, **flags: object) -> str:
    """Return what is said about variables and flags."""
    with pytest.raises(ConfigError) as caught:
        made_by(environ, **flags)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- precedence ----------------------------------------------------------------------------------------------


def test_keyword_beats_flag_beats_variable_beats_file_beats_default(folder: Path) -> None:
    expected = {
        1: "default",
        2: "licorne.toml [limits] limit-connections-per-peer",
        3: "variable LICORNE_LIMIT_CONNECTIONS_PER_PEER",
        4: "flag --limit-connections-per-peer",
        5: "keyword limit_connections_per_peer",
    }
    for rank in range(1, 6):
        (folder / "licorne.toml").write_text("[limits]\nlimit-connections-per-peer = 2" if rank >= 2 else "")
        config = load(
            environ={"LICORNE_LIMIT_CONNECTIONS_PER_PEER": "3"} if rank >= 3 else {},
            flags={"limit_connections_per_peer": ("4", "flag --limit-connections-per-peer")} if rank >= 4 else {},
            keywords={"limit_connections_per_peer": 5} if rank >= 5 else {},
        )
        assert config.limit_connections_per_peer == (rank if rank > 1 else 0)
        assert config.sources["limit_connections_per_peer"] == expected[rank]


def test_a_bad_value_that_is_overridden_does_no_harm() -> None:
    assert made_by({"LICORNE_PORT": "many"}, port="1").port == 1


def test_a_stronger_none_takes_back_a_value() -> None:
    assert made_by({"LICORNE_LIMIT_CONCURRENCY": "5"}, limit_concurrency="none").limit_concurrency is None


def test_the_strongest_source_that_says_where_to_listen_decides_alone(folder: Path) -> None:
    (folder / "licorne.toml").write_text('bind = [":1", "unix:/x"]')
    config = made_by({"LICORNE_UDS": "/y"}, port="9000")
    assert (config.bind, config.uds, config.host, config.port) == ((), None, "127.0.0.1", 9000)
    assert config.sources["bind"] == "default, because flag --port says where to listen"


def test_none_does_not_decide_where_to_listen(folder: Path) -> None:
    (folder / "licorne.toml").write_text('uds = "/x"\n')
    assert made_by({"LICORNE_UDS": "none"}).uds is None
    assert load(keywords={"uds": None, "port": 1}, environ={}).port == 1


def test_host_and_port_may_come_from_two_sources(folder: Path) -> None:
    (folder / "licorne.toml").write_text('host = "::1"')
    config = made_by(port="9000")
    assert (config.host, config.port) == ("::1", 9000)


def test_two_ways_to_say_where_to_listen_in_one_source_are_refused() -> None:
    assert problem_of(bind=(":1",), host="::1").startswith(
        "bind (from flag --bind) and host (from flag --host) both say where to listen"
    )


# --- variables -----------------------------------------------------------------------------------------------


def test_variables_are_read_by_kind() -> None:
    config = made_by(
        {
            "LICORNE_APP": "main:app",
            "LICORNE_ACCESS_LOG": "off",
            "LICORNE_BIND": ":1,unix:/x",
            "LICORNE_HEADERS": "a: b\nc: d, e",
            "LICORNE_TIMEOUT_LINGER": "250ms",
        }
    )
    assert (config.app, config.access_log, config.timeout_linger) == ("main:app", False, 0.25)
    assert config.bind == (Bind(host="", port=1), Bind(path="/x"))
    assert config.headers == (("a", "b"), ("c", "d, e"))


def test_the_source_of_a_second_address_is_the_one_that_counts(folder: Path) -> None:
    (folder / "licorne.toml").write_text('host = "::1"')
    assert problem_of(port="7000", bind=":80").startswith(
        "bind (from flag --bind) and port (from flag --port) both say where to listen"
    )


def test_a_table_for_the_project_file_is_told_from_an_unknown_key(folder: Path) -> None:
    (folder / "licorne.toml").write_text("[tool.licorne]\nport = 1\n")
    assert problem_of().startswith("licorne.toml: [tool.licorne] is the table for pyproject.toml; write [server]")


def test_an_empty_variable_is_not_set() -> None:
    assert made_by({"LICORNE_PORT": ""}).sources["port"] == "default"


def test_a_bad_variable_is_named_with_its_value() -> None:
    assert problem_of({"LICORNE_PORT": "http"}) == (
        "port: must be a whole number from 0 to 65535, got 'http' (from variable LICORNE_PORT)"
    )


def warnings_of(environ: dict[str, str]) -> list[str]:
    """Return the warnings that variables cause."""
    warnings: list[str] = []
    load(environ=environ, warn=warnings.append)
    return warnings


def test_an_unknown_variable_is_a_warning_with_the_nearest_name() -> None:
    assert warnings_of({"LICORNE_PROT": "1"}) == [
        "unknown variable LICORNE_PROT is ignored; did you mean LICORNE_PORT?"
    ]
    assert warnings_of({"LICORNE_XYZZY_QQ": "1"}) == ["unknown variable LICORNE_XYZZY_QQ is ignored"]


def test_variables_of_the_build_and_of_kubernetes_cause_no_warning() -> None:
    environ = {
        "LICORNE_PURE": "1",
        "LICORNE_PORT": "tcp://10.0.0.7:80",
        "LICORNE_PORT_80_TCP_ADDR": "10.0.0.7",
        "LICORNE_SERVICE_HOST": "10.0.0.7",
    }
    assert warnings_of(environ) == []
    assert made_by(environ).port == 8000


# --- TOML files ----------------------------------------------------------------------------------------------


def test_sections_and_flat_keys_dashes_and_underscores_are_the_same(folder: Path) -> None:
    (folder / "licorne.toml").write_text('timeout_linger = "1s"\nport = 1\n[Limits]\nlimit-connections-per-peer = 3\n')
    config = made_by()
    assert (config.timeout_linger, config.port, config.limit_connections_per_peer) == (1.0, 1, 3)
    assert config.sources["port"] == "licorne.toml port"
    assert config.sources["limit_connections_per_peer"] == "licorne.toml [Limits] limit-connections-per-peer"


def test_a_file_takes_native_values(folder: Path) -> None:
    (folder / "licorne.toml").write_text(
        'access-log = false\ntimeout-linger = 1.5\nheaders = ["a: b"]\nbind = [":1"]\n'
        "[logging.log-config]\nversion = 1\n"
    )
    config = made_by()
    assert (config.access_log, config.timeout_linger, config.log_config) == (False, 1.5, {"version": 1})
    assert (config.headers, config.bind) == ((("a", "b"),), (Bind(host="", port=1),))


def test_pyproject_is_read_when_it_has_our_table(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[project]\nname = "x"\n[tool.licorne.server]\nport = 2\n')
    config = made_by()
    assert config.port == 2
    assert config.sources["port"] == "pyproject.toml [tool.licorne.server] port"


def test_pyproject_that_only_depends_on_us_says_nothing(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[project]\ndependencies = ["licorne"]\n')
    assert made_by() == Config()


def test_pyproject_of_others_need_not_be_valid(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[project\n")
    assert made_by() == Config()


def test_our_own_file_comes_before_pyproject(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.licorne]\nport = 2\nbacklog = 7\n")
    (folder / "licorne.toml").write_text("port = 3\n")
    assert (made_by().port, made_by().backlog) == (3, 2048)


def test_a_named_file_is_read_instead(folder: Path) -> None:
    (folder / "licorne.toml").write_text("port = 3\n")
    (folder / "other.toml").write_text("backlog = 4\n")
    assert load(file="other.toml", environ={}).port == 8000
    config = made_by({"LICORNE_CONFIG": "other.toml"})
    assert (config.port, config.backlog, config.sources["backlog"]) == (8000, 4, "other.toml backlog")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("prot = 1", "licorne.toml: unknown key 'prot'; did you mean port?"),
        ("[server]\nprot = 1", "licorne.toml: unknown key 'prot' in [server]; did you mean port?"),
        ("[servre]\nport = 1", "licorne.toml: unknown key 'servre'; did you mean server?"),
        ("[limits]\nport = 1", "licorne.toml: 'port' is not an option of [limits]; put it under [server]"),
        ("port = 1\n[server]\nport = 2", "port: set twice, licorne.toml port and licorne.toml [server] port"),
        ("port = [", "licorne.toml: not a valid TOML file: Invalid value (at end of document)"),
        ("port = 'x'", "port: must be a whole number from 0 to 65535, got 'x' (from licorne.toml port)"),
        (
            "[server]\nport = true",
            "port: must be a whole number from 0 to 65535, got True (from licorne.toml [server] port)",
        ),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(folder: Path, content: str, problem: str) -> None:
    (folder / "licorne.toml").write_text(content)
    assert problem_of() == problem


def test_a_bad_key_of_pyproject_is_named_with_its_table(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.licorne.server]\nprot = 2\n")
    assert problem_of() == "pyproject.toml: unknown key 'prot' in [tool.licorne.server]; did you mean port?"


def test_a_file_that_is_not_text_is_named(folder: Path) -> None:
    (folder / "licorne.toml").write_bytes(b"port = '\xff'")
    assert problem_of().startswith("licorne.toml: not a valid TOML file: ")


def test_a_named_file_that_is_missing_is_an_error() -> None:
    with pytest.raises(ConfigError) as caught:
        load(file="none.toml", environ={})
    assert str(caught.value) == (
        "cannot read the configuration file 'none.toml': No such file or directory (from flag --config)"
    )
    assert problem_of({"LICORNE_CONFIG": "none.toml"}).endswith("(from variable LICORNE_CONFIG)")


# --- env files -----------------------------------------------------------------------------------------------


def test_an_env_file_sets_options_and_the_environment(folder: Path) -> None:
    (folder / ".env").write_text("LICORNE_PORT=9\nSECRET=s\n")
    environ: dict[str, str] = {}
    config = load(environ=environ, flags={"env_file": (".env", "flag --env-file")})
    assert (config.port, environ["SECRET"]) == (9, "s")
    assert config.sources["port"] == "variable LICORNE_PORT of .env"


def test_the_environment_wins_over_an_env_file(folder: Path) -> None:
    (folder / ".env").write_text("LICORNE_PORT=9\n")
    environ = {"LICORNE_PORT": "10", "LICORNE_ENV_FILE": ".env"}
    assert load(environ=environ).port == 10


def test_a_file_can_name_the_env_file(folder: Path) -> None:
    (folder / ".env").write_text("LICORNE_PORT=9\n")
    (folder / "licorne.toml").write_text('env-file = ".env"\nport = 8\n')
    assert made_by().port == 9


def test_a_missing_env_file_is_an_error() -> None:
    assert problem_of(env_file=".env") == (
        "env_file: must be a file, but there is none of this name, got '.env' (from flag --env_file)"
    )


def test_an_env_file_that_is_not_utf8_is_named_with_its_source(folder: Path) -> None:
    (folder / ".env").write_bytes(b"A=\xff\n")
    assert problem_of(env_file=".env").endswith(" (from flag --env_file)")


def test_a_line_of_an_env_file_that_says_nothing_is_a_warning(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / ".env").write_text("A=b\n!! ?\n")
    load(environ={}, flags={"env_file": (".env", "flag --env-file")})
    assert capsys.readouterr().err == "licorne: warning: .env: line 2 is not NAME=value and is ignored\n"


def test_an_env_file_without_dotenv_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("A=b\n")
    monkeypatch.setitem(sys.modules, "dotenv", None)
    assert problem_of(env_file=".env") == (
        "env_file: reading .env needs python-dotenv; install it with: pip install python-dotenv"
    )


# --- keywords ------------------------------------------------------------------------------------------------


def test_an_unknown_keyword_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        load(keywords={"prot": 1}, environ={})
    assert str(caught.value) == "unknown option 'prot' (from keyword prot); did you mean port?"


def typed(*words: str) -> Config:
    """Return the configuration that a command line makes."""
    request = parse_arguments(["main:app", *words])
    assert request is not None
    return load(environ={}, flags=request.flags)


def test_a_switch_that_is_spelled_takes_its_word_as_a_flag() -> None:
    assert typed("--ws-per-message-deflate", "false").ws_per_message_deflate is False
    assert typed("--ws-per-message-deflate=true").ws_per_message_deflate is True


def test_origins_come_from_repeated_flags_and_from_a_variable() -> None:
    origins = ("https://a.example", "http://b.example:81")
    assert typed("--ws-allowed-origins", origins[0], "--ws-allowed-origin", origins[1]).ws_allowed_origins == origins
    environ = {"LICORNE_WS_ALLOWED_ORIGINS": ",".join(origins)}
    assert load(environ=environ).ws_allowed_origins == origins


@pytest.mark.parametrize("value", [None, "none", "off", 0])
def test_pings_are_switched_off_as_uvicorn_does_and_as_durations_are(value: object) -> None:
    config = Config(ws_ping_interval=value, ws_ping_timeout=value)
    assert (config.ws_ping_interval, config.ws_ping_timeout) == (0.0, 0.0)
