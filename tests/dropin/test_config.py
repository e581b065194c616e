"""Config: attributes, messages and what load() finds."""

import asyncio
import logging
import logging.config
import pickle
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

import uvicorn
from tests.dropin import apps
from uvicorn.config import LOGGING_CONFIG, create_ssl_context
from uvicorn.middleware.asgi2 import ASGI2Middleware
from uvicorn.middleware.message_logger import MessageLoggerMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

HERE = str(Path(__file__).parent)
TEXT = "tests.dropin.apps:app"


def loaded(app: Any = apps.app, **parameters: Any) -> uvicorn.Config:
    """Return a Config that is loaded."""
    config = uvicorn.Config(app, **{"log_config": None, **parameters})
    config.load()
    return config


def test_attributes_are_the_parameters() -> None:
    config = uvicorn.Config(apps.app, "::1", 9, log_config=None, ws_max_queue=3, headers=[("A", "b")])
    assert (config.app, config.host, config.port, config.ws_max_queue, config.headers) == (
        *(apps.app, "::1", 9, 3),
        [("A", "b")],
    )
    assert (config.loaded, config.encoded_headers, config.workers, config.reload_dirs) == (False, [], 1, [])


def test_loading_finds_classes_and_application() -> None:
    config = loaded()
    assert config.loaded
    assert config.interface == "asgi3"
    assert config.ssl is None
    for name in ("http_protocol_class", "ws_protocol_class", "lifespan_class"):
        assert isinstance(getattr(config, name), type)


def test_twice_is_once_too_often() -> None:
    config = loaded()
    with pytest.raises(AssertionError):
        config.load()


def test_the_server_header_comes_first_and_names_are_small() -> None:
    assert loaded(headers=[("X-A", " b")]).encoded_headers == [(b"server", b"uvicorn"), (b"x-a", b" b")]


@pytest.mark.parametrize("parameters", [{"server_header": False}, {"headers": [("Server", "mine")]}])
def test_the_server_header_can_be_left_out_or_replaced(parameters: Any) -> None:
    assert (b"server", b"uvicorn") not in loaded(**parameters).encoded_headers


@pytest.mark.parametrize(
    ("app", "interface", "version"),
    [(apps.app, "asgi3", "3.0"), (apps.Second, "asgi2", "2.0"), (TEXT, "asgi3", "3.0")],
)
def test_the_interface_is_found_out(app: Any, interface: str, version: str) -> None:
    config = loaded(app)
    assert (config.interface, config.asgi_version) == (interface, version)


def test_proxy_headers_stand_outermost() -> None:
    assert isinstance(loaded().loaded_app, ProxyHeadersMiddleware)
    assert loaded(proxy_headers=False).loaded_app is apps.app


def test_at_level_trace_messages_are_logged() -> None:
    assert isinstance(loaded(log_level="trace", proxy_headers=False).loaded_app, MessageLoggerMiddleware)


def test_asgi_2_is_wrapped() -> None:
    assert isinstance(loaded(apps.Second, proxy_headers=False).loaded_app, ASGI2Middleware)


def test_wsgi_is_wrapped_and_has_no_websocket() -> None:
    config = loaded(apps.wsgi, interface="wsgi", proxy_headers=False)
    assert type(config.loaded_app).__name__.endswith("WSGIMiddleware")
    assert config.ws_protocol_class is None


@pytest.mark.parametrize(
    ("app", "line"),
    [
        ("no_such_module:app", 'Error loading ASGI app. Could not import module "no_such_module".'),
        ("tests.dropin.apps", 'Error loading ASGI app. Import string "tests.dropin.apps" must be in format "<module>:'),
        ("tests.dropin.apps:no", 'Error loading ASGI app. Attribute "no" not found in module "tests.dropin.apps".'),
    ],
)
def test_an_application_that_is_not_there_ends_the_process(
    app: str, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SystemExit) as caught:
        loaded(app)
    assert caught.value.code == 3
    assert [(record.name, record.levelname) for record in caplog.records] == [("uvicorn.error", "ERROR")]
    assert caplog.messages[0].startswith(line)


def test_a_factory_is_called() -> None:
    assert loaded(apps.new_app, factory=True, proxy_headers=False).loaded_app is apps.app


def test_a_factory_that_nobody_has_named_is_called_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert loaded(apps.new_app, proxy_headers=False).loaded_app is apps.app
    assert caplog.messages == [
        "ASGI app factory detected. Using it, but please consider setting the --factory flag explicitly."
    ]


def test_what_is_no_factory_ends_the_process(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit) as caught:
        loaded(factory=True)
    assert caught.value.code == 3
    assert caplog.messages[0].startswith("Error loading ASGI app factory: ")


def test_a_type_error_inside_a_factory_is_not_hidden() -> None:
    def failing() -> Any:
        raise TypeError("from within")

    with pytest.raises(TypeError, match="from within"):
        loaded(failing)


# --- protocols and loops ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("http", ["auto", "h11", "httptools", "uvicorn.protocols.http.h11_impl:H11Protocol"])
@pytest.mark.parametrize("ws", ["auto", "websockets", "websockets-sansio", "wsproto"])
def test_every_name_of_a_protocol_is_taken(http: str, ws: str) -> None:
    assert loaded(http=http, ws=ws).ws_protocol_class is not None


def test_no_websocket_is_none() -> None:
    assert loaded(ws="none").ws_protocol_class is None


def test_classes_are_taken_as_they_are() -> None:
    from uvicorn.protocols.http.h11_impl import H11Protocol

    assert loaded(http=H11Protocol).http_protocol_class is H11Protocol


def test_http2_needs_the_protocol_that_has_it() -> None:
    with pytest.raises(ValueError, match="zttp"):
        loaded(http2=True)
    assert loaded(http2=True, http="zttp").http2


@pytest.mark.parametrize("loop", ["auto", "asyncio"])
def test_a_loop_has_a_factory(loop: str) -> None:
    factory = uvicorn.Config(apps.app, log_config=None, loop=loop).get_loop_factory()
    assert factory is not None
    made = factory()
    made.close()
    assert isinstance(made, asyncio.AbstractEventLoop)


def test_no_loop_is_what_asyncio_does_by_itself() -> None:
    assert uvicorn.Config(apps.app, log_config=None, loop="none").get_loop_factory() is None


def test_a_loop_of_ones_own_is_used_directly() -> None:
    config = uvicorn.Config(apps.app, log_config=None, loop="asyncio:SelectorEventLoop")
    assert config.get_loop_factory() is asyncio.SelectorEventLoop


def test_a_loop_that_is_not_there_ends_the_process(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit) as caught:
        uvicorn.Config(apps.app, log_config=None, loop="no_such:loop").get_loop_factory()
    assert caught.value.code == 3
    assert caplog.messages == ['Error loading custom loop setup function. Could not import module "no_such".']


def test_setting_up_a_loop_points_to_the_factory() -> None:
    with pytest.raises(AttributeError, match="get_loop_factory"):
        uvicorn.Config(apps.app, log_config=None).setup_event_loop()


# --- the environment -------------------------------------------------------------------------------------------


def test_web_concurrency_says_how_many_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "3")
    assert uvicorn.Config(TEXT, log_config=None).workers == 3
    assert uvicorn.Config(TEXT, log_config=None, workers=2).workers == 2


def test_forwarded_allow_ips_says_whom_to_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    assert uvicorn.Config(TEXT, log_config=None).forwarded_allow_ips == "127.0.0.1,::1"
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.0.0.1")
    assert uvicorn.Config(TEXT, log_config=None).forwarded_allow_ips == "10.0.0.1"


def test_an_env_file_can_say_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS"):
        monkeypatch.setenv(name, "-")  # so that what the file sets is undone
        monkeypatch.delenv(name)
    path = tmp_path / "env"
    path.write_text("WEB_CONCURRENCY=4\nFORWARDED_ALLOW_IPS=*\n")
    logging.getLogger("uvicorn.error").setLevel(logging.INFO)
    config = uvicorn.Config(TEXT, log_config=None, env_file=path)
    assert (config.workers, config.forwarded_allow_ips) == (4, "*")
    assert caplog.messages == [f"Loading environment from '{path}'"]


# --- reloading -------------------------------------------------------------------------------------------------


def test_options_of_reloading_without_it_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    uvicorn.Config(TEXT, log_config=None, reload_dirs="x")
    assert caplog.messages == [
        "Current configuration will not reload as not all conditions are met, please refer to documentation."
    ]


def test_reloading_has_one_worker(caplog: pytest.LogCaptureFixture) -> None:
    config = uvicorn.Config(TEXT, log_config=None, reload=True, workers=2)
    assert '"workers" flag is ignored when reloading is enabled.' in caplog.messages
    assert config.should_reload
    assert config.use_subprocess


def test_an_object_is_not_reloaded() -> None:
    assert not uvicorn.Config(apps.app, log_config=None, reload=True).should_reload


def test_watched_directories_are_resolved_and_nested_ones_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    logging.getLogger("uvicorn.error").setLevel(logging.INFO)
    given = [str(tmp_path / "a"), str(tmp_path / "a" / "b")]
    config = uvicorn.Config(TEXT, log_config=None, reload=True, reload_dirs=given)
    assert config.reload_dirs == [(tmp_path / "a").resolve()]
    assert caplog.messages == [f"Will watch for changes in these directories: ['{(tmp_path / 'a').resolve()}']"]


def test_directories_that_are_not_there_leave_the_current_one(caplog: pytest.LogCaptureFixture) -> None:
    config = uvicorn.Config(TEXT, log_config=None, reload=True, reload_dirs=["no/such"])
    assert config.reload_dirs == [Path.cwd()]
    assert caplog.messages[0] == (
        "Provided reload directories ['no/such'] did not contain valid directories, watching current working directory."
    )


def test_a_pattern_that_names_a_directory_adds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("more", "less"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    config = uvicorn.Config(
        TEXT, log_config=None, reload=True, reload_includes=["more", "*.html"], reload_excludes="less"
    )
    assert config.reload_dirs == [tmp_path.resolve() / "more"]
    assert config.reload_includes == ["more", "*.html"]
    assert config.reload_dirs_excludes == [tmp_path.resolve() / "less"]


# --- sockets, TLS ----------------------------------------------------------------------------------------------


def test_a_bound_socket_is_inheritable_and_said(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("uvicorn.error").setLevel(logging.INFO)
    with uvicorn.Config(TEXT, port=0, log_config=None).bind_socket() as sock:
        assert sock.get_inheritable()
        port = sock.getsockname()[1]
    assert caplog.messages == [f"Uvicorn running on http://127.0.0.1:{port} (Press CTRL+C to quit)"]


def test_a_unix_socket_may_be_used_by_all(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("uvicorn.error").setLevel(logging.INFO)
    path = tmp_path / "s"
    with uvicorn.Config(TEXT, uds=str(path), log_config=None).bind_socket() as sock:
        assert path.stat().st_mode & 0o777 == 0o666
        with uvicorn.Config(TEXT, fd=sock.fileno(), log_config=None).bind_socket() as other:
            assert other.family is socket.AF_UNIX
    assert caplog.messages == [
        f"Uvicorn running on unix socket {path} (Press CTRL+C to quit)",
        f"Uvicorn running on socket {path} (Press CTRL+C to quit)",
    ]


def test_the_family_of_a_descriptor_is_its_own() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as sock,
        uvicorn.Config(TEXT, fd=sock.fileno(), log_config=None).bind_socket() as other,
    ):
        assert other.family is socket.AF_INET


def test_an_address_in_use_ends_the_process(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock, pytest.raises(SystemExit) as caught:
        uvicorn.Config(TEXT, port=sock.getsockname()[1], log_config=None).bind_socket()
    assert caught.value.code == 3
    assert "ddress already in use" in caplog.text


@pytest.mark.parametrize("name", ["ssl_certfile", "ssl_keyfile", "ssl_context_factory"])
def test_each_of_three_parameters_means_tls(name: str) -> None:
    assert uvicorn.Config(apps.app, log_config=None, **{name: "x"}).is_ssl
    assert not uvicorn.Config(apps.app, log_config=None).is_ssl


def test_a_context_is_what_the_parameters_say(certificate: Any) -> None:
    context = create_ssl_context(*certificate, None, ssl.PROTOCOL_TLS_SERVER, ssl.CERT_NONE, None, None, ["http/1.1"])
    assert isinstance(context, ssl.SSLContext)
    assert isinstance(loaded(ssl_certfile=certificate[0], ssl_keyfile=certificate[1]).ssl, ssl.SSLContext)


def test_a_factory_of_contexts_gets_the_config_and_the_default(certificate: Any) -> None:
    calls = []

    def factory(config: uvicorn.Config, default: Any) -> ssl.SSLContext:
        calls.append(config)
        context: ssl.SSLContext = default()
        return context

    config = loaded(ssl_certfile=certificate[0], ssl_keyfile=certificate[1], ssl_context_factory=factory)
    assert calls == [config]


def test_a_factory_of_contexts_must_return_one() -> None:
    with pytest.raises(TypeError, match="SSLContext"):
        loaded(ssl_context_factory=lambda config, default: None)


def test_a_default_context_needs_a_certificate() -> None:
    with pytest.raises(ValueError, match="ssl_certfile"):
        loaded(ssl_context_factory=lambda config, default: default())


def test_another_process_is_told_the_parameters_alone() -> None:
    config = loaded(TEXT, port=7)
    other = pickle.loads(pickle.dumps(config))
    assert (other.app, other.port, other.loaded) == (TEXT, 7, False)
    other.load()


# --- logging ---------------------------------------------------------------------------------------------------


def test_the_default_configuration_of_logging_is_this() -> None:
    assert LOGGING_CONFIG["formatters"]["default"] == {
        "()": "uvicorn.logging.DefaultFormatter",
        "fmt": "%(levelprefix)s %(message)s",
        "use_colors": None,
    }
    assert LOGGING_CONFIG["formatters"]["access"] == {
        "()": "uvicorn.logging.AccessFormatter",
        "fmt": '%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s',
    }
    assert {name: found["stream"] for name, found in LOGGING_CONFIG["handlers"].items()} == {
        "default": "ext://sys.stderr",
        "access": "ext://sys.stdout",
    }
    assert LOGGING_CONFIG["loggers"] == {
        "uvicorn": {"handlers": ["default"], "level": "INFO", "propagate": False},
        "uvicorn.error": {"level": "INFO"},
        "uvicorn.access": {"handlers": ["access"], "level": "INFO", "propagate": False},
    }


@pytest.mark.parametrize("level", ["debug", "DEBUG", 10])
def test_a_level_is_set_on_three_loggers(level: Any) -> None:
    uvicorn.Config(apps.app, log_level=level)
    assert {logging.getLogger(f"uvicorn.{name}").level for name in ("error", "access", "asgi")} == {10}


def test_a_level_that_is_none_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        uvicorn.Config(apps.app, log_level="loud")


def test_without_access_log_its_logger_has_no_handler() -> None:
    uvicorn.Config(apps.app, access_log=False)
    logger = logging.getLogger("uvicorn.access")
    assert (logger.handlers, logger.propagate) == ([], False)


def test_colours_are_put_into_the_formatters(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("default", "access"):
        monkeypatch.setitem(LOGGING_CONFIG["formatters"][name], "use_colors", None)
    uvicorn.Config(apps.app, use_colors=True)
    (handler,) = logging.getLogger("uvicorn").handlers
    assert handler.formatter.use_colors is True  # type: ignore[union-attr]


def test_none_leaves_logging_alone() -> None:
    logging.getLogger("uvicorn").handlers = [handler := logging.NullHandler()]
    uvicorn.Config(apps.app, log_config=None)
    assert logging.getLogger("uvicorn").handlers == [handler]


@pytest.mark.parametrize("suffix", ["json", "yaml", "ini"])
def test_a_file_configures_logging(suffix: str, tmp_path: Path) -> None:
    written = {
        "json": '{"version": 1, "loggers": {"uvicorn.error": {"level": 33}}}',
        "yaml": "version: 1\nloggers:\n  uvicorn.error:\n    level: 33\n",
        "ini": "[loggers]\nkeys=root,u\n[handlers]\nkeys=\n[formatters]\nkeys=\n"
        "[logger_root]\nlevel=WARNING\nhandlers=\n"
        "[logger_u]\nqualname=uvicorn.error\nlevel=CRITICAL\nhandlers=\n",
    }
    path = tmp_path / f"log.{suffix}"
    path.write_text(written[suffix])
    before = logging.root.level, logging.root.handlers[:]
    try:
        uvicorn.Config(apps.app, log_config=path)
    finally:
        logging.root.level, logging.root.handlers[:] = before
    assert logging.getLogger("uvicorn.error").level == (50 if suffix == "ini" else 33)


def test_what_a_configuration_does_not_name_is_not_silenced_by_what_licorne_is_called() -> None:
    uvicorn.Config(apps.app, log_config={"version": 1, "loggers": {"uvicorn": {"level": "INFO"}}})
    assert not logging.getLogger("uvicorn.error").disabled
    logging.config.dictConfig({"version": 1, "loggers": {"uvicorn": {}, "uvicorn.access": {}}})
    assert not logging.getLogger("uvicorn.error").disabled
    assert logging.getLogger("licorne.error").isEnabledFor(logging.ERROR)
