"""What can be imported, by which name, and what it is."""

import importlib
import inspect
import logging

import pytest

import uvicorn

#: Every name that others import: module and names.
NAMES = {
    "uvicorn": ["Config", "Server", "main", "run", "__version__"],
    "uvicorn.config": [
        *("LOGGING_CONFIG", "LOG_LEVELS", "STARTUP_FAILURE", "SSL_PROTOCOL_VERSION", "UvicornDeprecationWarning"),
        *("create_ssl_context", "HTTP_PROTOCOLS", "WS_PROTOCOLS", "LIFESPAN", "LOOP_FACTORIES", "INTERFACES", "Config"),
    ],
    "uvicorn.logging": ["DefaultFormatter", "AccessFormatter", "ColourizedFormatter", "TRACE_LOG_LEVEL"],
    "uvicorn.server": ["Server", "ServerState", "HANDLED_SIGNALS"],
    "uvicorn.main": ["Server", "main", "run", "STARTUP_FAILURE", "Config"],
    "uvicorn.supervisors": ["Multiprocess", "ChangeReload"],
    "uvicorn.supervisors.multiprocess": ["Multiprocess"],
    "uvicorn.supervisors.basereload": ["BaseReload"],
    "uvicorn.supervisors.statreload": ["StatReload"],
    "uvicorn.supervisors.watchfilesreload": ["WatchFilesReload"],
    "uvicorn.importer": ["import_from_string", "ImportFromStringError"],
    "uvicorn.middleware.proxy_headers": ["ProxyHeadersMiddleware"],
    "uvicorn.middleware.asgi2": ["ASGI2Middleware"],
    "uvicorn.middleware.wsgi": ["WSGIMiddleware"],
    "uvicorn.middleware.message_logger": ["MessageLoggerMiddleware"],
    "uvicorn.protocols.utils": ["ClientDisconnected", "get_client_addr", "get_path_with_query_string"],
    "uvicorn.protocols.http.auto": ["AutoHTTPProtocol"],
    "uvicorn.protocols.http.h11_impl": ["H11Protocol"],
    "uvicorn.protocols.http.httptools_impl": ["HttpToolsProtocol"],
    "uvicorn.protocols.websockets.auto": ["AutoWebSocketsProtocol"],
    "uvicorn.protocols.websockets.websockets_impl": ["WebSocketProtocol"],
    "uvicorn.protocols.websockets.websockets_sansio_impl": ["WebSocketsSansIOProtocol"],
    "uvicorn.protocols.websockets.wsproto_impl": ["WSProtocol"],
    "uvicorn.lifespan.on": ["LifespanOn"],
    "uvicorn.lifespan.off": ["LifespanOff"],
    "uvicorn.loops.auto": ["auto_loop_factory"],
    "uvicorn.loops.asyncio": ["asyncio_loop_factory"],
    "uvicorn._types": [
        "ASGIApplication",
        "ASGIReceiveCallable",
        "ASGISendCallable",
        "Scope",
        "HTTPScope",
        "ASGI3Application",
    ],
}

#: The parameters in the order in which they may be given, and their defaults.
PARAMETERS = {
    "host": "127.0.0.1",
    "port": 8000,
    "uds": None,
    "fd": None,
    "loop": "auto",
    "http": "auto",
    "http2": False,
    "ws": "auto",
    "ws_max_size": 16777216,
    "ws_max_queue": 32,
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,
    "ws_per_message_deflate": True,
    "lifespan": "auto",
    "env_file": None,
    "log_level": None,
    "access_log": True,
    "use_colors": None,
    "interface": "auto",
    "reload": False,
    "reload_dirs": None,
    "reload_delay": 0.25,
    "reload_includes": None,
    "reload_excludes": None,
    "workers": None,
    "proxy_headers": True,
    "server_header": True,
    "date_header": True,
    "forwarded_allow_ips": None,
    "root_path": "",
    "limit_concurrency": None,
    "limit_max_requests": None,
    "limit_max_requests_jitter": 0,
    "backlog": 2048,
    "timeout_keep_alive": 5,
    "timeout_notify": 30,
    "timeout_graceful_shutdown": None,
    "timeout_worker_healthcheck": 5,
    "callback_notify": None,
    "ssl_keyfile": None,
    "ssl_certfile": None,
    "ssl_keyfile_password": None,
    "ssl_version": 17,
    "ssl_cert_reqs": 0,
    "ssl_ca_certs": None,
    "ssl_ciphers": None,
    "ssl_context_factory": None,
    "headers": None,
    "factory": False,
    "h11_max_incomplete_event_size": None,
    "reset_contextvars": False,
}


@pytest.mark.parametrize("module", NAMES)
def test_every_name_that_others_import_is_there(module: str) -> None:
    found = importlib.import_module(module)
    assert [name for name in NAMES[module] if not hasattr(found, name)] == []


def test_the_package_is_the_drop_in() -> None:
    assert "compat" in str(uvicorn.__file__)


def test_the_attribute_main_is_the_command() -> None:
    assert type(uvicorn.main).__name__ == "Command"
    assert callable(uvicorn.main)


def test_a_config_has_every_parameter_with_its_default() -> None:
    given = inspect.signature(uvicorn.Config).parameters
    defaults = {name: parameter.default for name, parameter in given.items() if name not in ("app", "log_config")}
    assert list(defaults) == list(PARAMETERS)
    assert defaults == PARAMETERS
    assert given["log_config"].default is importlib.import_module("uvicorn.config").LOGGING_CONFIG


def test_run_takes_the_same_by_keyword() -> None:
    given = inspect.signature(uvicorn.run).parameters
    defaults = {name: given[name].default for name in given if name not in ("app", "app_dir", "log_config")}
    assert {**defaults, "timeout_notify": 30, "callback_notify": None} == PARAMETERS
    assert {given[name].kind for name in defaults} == {inspect.Parameter.KEYWORD_ONLY}
    assert given["app_dir"].default is None


def test_startup_failure_is_3_and_the_level_trace_5() -> None:
    config, formats = importlib.import_module("uvicorn.config"), importlib.import_module("uvicorn.logging")
    assert (config.STARTUP_FAILURE, formats.TRACE_LOG_LEVEL) == (3, 5)
    assert config.LOG_LEVELS["trace"] == 5


def test_the_deprecation_warning_is_one_that_python_shows() -> None:
    assert issubclass(importlib.import_module("uvicorn.config").UvicornDeprecationWarning, UserWarning)


def test_server_state_of_main_is_deprecated_and_works() -> None:
    main = importlib.import_module("uvicorn.main")
    with pytest.deprecated_call():
        found = main.ServerState
    assert found is importlib.import_module("uvicorn.server").ServerState


def test_another_name_of_main_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError):
        _ = importlib.import_module("uvicorn.main").nothing


def test_a_server_state_begins_empty() -> None:
    state = importlib.import_module("uvicorn.server").ServerState()
    assert (state.total_requests, state.connections, state.tasks, state.default_headers) == (0, set(), set(), [])


def test_a_disconnect_can_be_caught_as_an_os_error() -> None:
    assert issubclass(importlib.import_module("uvicorn.protocols.utils").ClientDisconnected, OSError)


def test_importing_touches_no_logger_of_licorne() -> None:
    assert logging.getLogger("licorne.error").name == "licorne.error"


class TestImporter:
    """import_from_string(): what it returns, and what it says."""

    find = staticmethod(importlib.import_module("uvicorn.importer").import_from_string)
    Failure = importlib.import_module("uvicorn.importer").ImportFromStringError

    def test_a_name_is_imported(self) -> None:
        assert self.find("os:path.join") is __import__("os").path.join

    def test_what_is_no_text_is_itself(self) -> None:
        assert self.find(self) is self

    @pytest.mark.parametrize(
        ("name", "line"),
        [
            ("os", 'Import string "os" must be in format "<module>:<attribute>".'),
            ("os:", 'Import string "os:" must be in format "<module>:<attribute>".'),
            (":path", 'Import string ":path" must be in format "<module>:<attribute>".'),
            ("no_such_module:app", 'Could not import module "no_such_module".'),
            ("os:no.such", 'Attribute "no.such" not found in module "os".'),
        ],
    )
    def test_what_cannot_be_imported_is_said(self, name: str, line: str) -> None:
        with pytest.raises(self.Failure) as caught:
            self.find(name)
        assert str(caught.value) == line

    def test_another_module_that_is_missing_is_passed_on(
        self, tmp_path: object, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "broken_inside.py").write_text("import no_such_module_inside\n")  # type: ignore[operator]
        monkeypatch.syspath_prepend(str(tmp_path))
        with pytest.raises(ModuleNotFoundError, match="no_such_module_inside"):
            self.find("broken_inside:app")
