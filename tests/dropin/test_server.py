"""Server: an object that programs and test suites run, stop, override and look into."""

import asyncio
import contextlib
import io
import logging
import os
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import uvicorn
from tests.dropin import apps
from tests.dropin.process import ask, port_of, served, wait_until


class Recorded(logging.Handler):
    """Keep records."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        for name in names:
            logger = logging.getLogger(name)
            logger.addHandler(self)
            logger.setLevel(min(logger.level or logging.INFO, logging.INFO))

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def lines(self) -> list[str]:
        return [record.getMessage() for record in self.records]


def config_of(app: Any = apps.app, **parameters: Any) -> uvicorn.Config:
    return uvicorn.Config(app, **{"log_config": None, "port": 0, **parameters})


# --- in a thread -----------------------------------------------------------------------------------------------


def test_a_server_in_a_thread_serves_until_it_should_exit() -> None:
    with served(apps.app) as server:
        assert ask(port_of(server))["path"] == "/"
        assert (server.should_exit, server.force_exit) == (False, False)
    assert server.started


def test_a_server_in_a_thread_whose_signals_are_overridden() -> None:
    class Quiet(uvicorn.Server):
        def install_signal_handlers(self) -> None:
            pass

        @contextlib.contextmanager
        def run_in_thread(self) -> Iterator[None]:
            thread = threading.Thread(target=self.run)
            thread.start()
            try:
                wait_until(lambda: self.started)
                yield
            finally:
                self.should_exit = True
                thread.join()

    server = Quiet(config=config_of())
    with server.run_in_thread():
        assert ask(port_of(server))["path"] == "/"


def test_the_state_tells_what_is_going_on() -> None:
    with served(apps.app, headers=[("X-A", "b")]) as server:
        assert server.server_state.total_requests == 0
        with socket.create_connection(("127.0.0.1", port_of(server))):
            wait_until(lambda: len(server.server_state.connections) == 1)
        ask(port_of(server))
        wait_until(lambda: server.server_state.total_requests == 1)
        wait_until(lambda: not server.server_state.tasks)
        names = [name for name, _ in server.server_state.default_headers]
    assert names == [b"date", b"server", b"x-a"]


def test_the_lifespan_shows_its_state() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            scope["state"]["key"] = "value"
        await apps.app(scope, receive, send)

    with served(app) as server:
        assert server.lifespan.state == {"key": "value"}
        assert not server.lifespan.should_exit


def test_default_headers_are_those_of_uvicorn() -> None:
    with served(apps.app, headers=[("X-A", "b")]) as server:
        headers = {name.lower(): value for name, value in ask(port_of(server))["headers"]}
    assert (headers["server"], headers["x-a"]) == ("uvicorn", "b")
    assert "date" in headers
    assert "keep-alive" not in headers


def test_default_headers_can_be_left_out() -> None:
    with served(apps.app, server_header=False, date_header=False) as server:
        headers = {name.lower() for name, _ in ask(port_of(server))["headers"]}
    assert not headers & {"server", "date"}


def test_a_socket_that_was_bound_before_is_served() -> None:
    config = config_of()
    sock = config.bind_socket()
    port = sock.getsockname()[1]
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    wait_until(lambda: server.started)
    assert ask(port)["path"] == "/"
    server.should_exit = True
    thread.join()


def test_a_unix_socket_is_served_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with served(apps.silent, uds=str(path)), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert client.makefile("rb").read().startswith(b"HTTP/1.1 200 OK")
    assert not path.exists()


def test_requests_beyond_the_limit_end_the_server() -> None:
    server = uvicorn.Server(config_of(limit_max_requests=2))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    port = port_of(server)
    ask(port)
    assert thread.is_alive()
    ask(port)
    thread.join()
    assert server.should_exit
    assert server.limit_max_requests == 2


def test_the_limit_is_drawn_once() -> None:
    server = uvicorn.Server(config_of(limit_max_requests=5, limit_max_requests_jitter=100))
    assert 5 <= server.limit_max_requests <= 105  # type: ignore[operator]
    assert {server.limit_max_requests for _ in range(20)} == {server.limit_max_requests}


def test_tls_is_spoken(certificate: Any) -> None:
    with served(apps.silent, ssl_certfile=certificate[0], ssl_keyfile=certificate[1]) as server:
        assert reply_over_tls(port_of(server)).startswith(b"HTTP/1.1 200 OK")


def test_a_context_that_was_put_in_the_place_of_the_loaded_one_is_used(certificate: Any) -> None:
    config = config_of(apps.silent)
    config.load()
    config.ssl = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    config.ssl.load_cert_chain(*certificate)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    try:
        assert reply_over_tls(port_of(server)).startswith(b"HTTP/1.1 200 OK")
    finally:
        server.should_exit = True
        thread.join()


def reply_over_tls(port: int) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port)) as sock,
        context.wrap_socket(sock) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return client.makefile("rb").read()


def test_an_application_that_was_put_in_the_place_of_the_loaded_one_is_served() -> None:
    async def other(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": "/other"}
        await inner(scope, receive, send)

    config = config_of()
    config.load()
    inner, config.loaded_app = config.loaded_app, other
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    try:
        told = ask(port_of(server), headers={"X-Forwarded-For": "192.0.2.7"})
    finally:
        server.should_exit = True
        thread.join()
    assert (told["path"], told["client"]) == ("/other", ["192.0.2.7", 0])


@pytest.mark.parametrize(("app", "version"), [(apps.app, "3.0"), (apps.Second, "2.0")])
def test_the_scope_says_which_asgi_it_is(app: Any, version: str) -> None:
    with served(app) as server:
        assert ask(port_of(server))["asgi"]["version"] == version


def test_wsgi_is_served() -> None:
    with served(apps.wsgi, interface="wsgi") as server:
        assert ask(port_of(server), "/a")["path"] == "/a"


@pytest.mark.parametrize("root", ["/api", "/api/", "api"])
def test_the_root_path_is_put_in_front(root: str) -> None:
    with served(apps.app, root_path=root) as server:
        told = ask(port_of(server), "/a%20b")
    assert (told["root_path"], told["path"], told["raw_path"]) == ("/api", "/api/a b", "/api/a%20b")


def test_the_root_path_is_not_put_in_front_twice() -> None:
    with served(apps.app, root_path="/api") as server:
        assert ask(port_of(server), "/api/a")["path"] == "/api/a"


@pytest.mark.parametrize("allowed", ["127.0.0.1", ["127.0.0.0/8"], "*", None])
def test_trusted_proxies_tell_of_the_client_and_of_nothing_else(allowed: Any) -> None:
    fields = {"X-Forwarded-For": "192.0.2.7:99", "X-Forwarded-Proto": "https"}
    others = {"X-Forwarded-Host": "evil", "X-Forwarded-Prefix": "/evil", "Forwarded": "for=192.0.2.8;host=evil"}
    with served(apps.app, forwarded_allow_ips=allowed) as server:
        told = ask(port_of(server), headers={**fields, **others})
    assert (told["client"], told["scheme"]) == (["192.0.2.7", 99], "https")
    assert (told["root_path"], told["path"]) == ("", "/")
    assert told["host"].startswith("127.0.0.1")


@pytest.mark.parametrize("parameters", [{"forwarded_allow_ips": "10.0.0.1"}, {"proxy_headers": False}])
def test_others_tell_nothing(parameters: Any) -> None:
    with served(apps.app, **parameters) as server:
        told = ask(port_of(server), headers={"X-Forwarded-For": "192.0.2.7"})
    assert told["client"][0] == "127.0.0.1"


@pytest.mark.parametrize("http", ["auto", "h11", "httptools"])
@pytest.mark.parametrize("loop", ["none", "auto", "asyncio", "asyncio:SelectorEventLoop"])
def test_protocols_and_loops_serve(http: str, loop: str) -> None:
    with served(apps.app, http=http, loop=loop) as server:
        assert ask(port_of(server))["path"] == "/"


@pytest.mark.parametrize("ws", ["auto", "websockets", "websockets-sansio", "wsproto"])
def test_websockets_are_served(ws: str) -> None:
    from websockets.sync.client import connect

    with served(apps.app, ws=ws) as server, connect(f"ws://127.0.0.1:{port_of(server)}") as client:
        client.send("hello")
        assert client.recv() == "hello"


# --- in a coroutine --------------------------------------------------------------------------------------------


def test_serving_in_a_running_loop() -> None:
    async def main() -> None:
        server = uvicorn.Server(config_of())
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        assert (await asyncio.to_thread(ask, port_of(server)))["path"] == "/"
        server.should_exit = True
        await serving

    asyncio.run(main())


def test_each_step_can_be_overridden() -> None:
    steps = []

    class Traced(uvicorn.Server):
        async def serve(self, sockets: Any = None) -> None:
            steps.append("serve")
            await super().serve(sockets)

        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets=sockets)
            steps.append("startup" if self.started else "not started")

        async def main_loop(self) -> None:
            steps.append("main_loop")
            await super().main_loop()

        async def on_tick(self, counter: int) -> bool:
            steps.append(f"tick {counter}")
            self.should_exit = counter == 2
            return await super().on_tick(counter)

        async def shutdown(self, sockets: Any = None) -> None:
            steps.append("shutdown")
            await super().shutdown(sockets=sockets)

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            steps.append("signals")
            yield

    Traced(config_of()).run()
    assert steps == ["serve", "signals", "startup", "main_loop", "tick 0", "tick 1", "tick 2", "shutdown"]


def test_steps_can_be_taken_one_by_one() -> None:
    async def main() -> None:
        config = config_of()
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        assert (await asyncio.to_thread(ask, port_of(server)))["path"] == "/"
        server.should_exit = True
        await server.main_loop()
        await server.shutdown()

    asyncio.run(main())


def test_a_lifespan_is_an_object_of_its_own() -> None:
    async def main(app: Any) -> Any:
        config = config_of(app)
        config.load()
        lifespan = config.lifespan_class(config)
        await lifespan.startup()
        await lifespan.shutdown()
        return lifespan

    assert not asyncio.run(main(apps.app)).should_exit
    failed = asyncio.run(main(apps.refusing))
    assert (failed.should_exit, failed.startup_failed, failed.shutdown_failed) == (True, True, False)


def test_the_callback_is_awaited_from_the_loop() -> None:
    server: Any = None

    async def notify() -> None:
        server.should_exit = True

    server = uvicorn.Server(config_of(callback_notify=notify, timeout_notify=0))
    server.run()
    assert server.last_notified > 0


# --- signals ---------------------------------------------------------------------------------------------------


def test_the_handler_of_signals_is_a_method_of_the_server() -> None:
    """What sse-starlette finds the server by."""

    class Curious(uvicorn.Server):
        async def main_loop(self) -> None:
            handlers = map(signal.getsignal, (signal.SIGINT, signal.SIGTERM))
            found.extend(getattr(handler, "__self__", None) for handler in handlers)

    found: list[Any] = []
    before = signal.getsignal(signal.SIGTERM)
    server = Curious(config_of())
    server.run()
    assert found == [server, server]
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_handler_that_was_patched_into_the_class_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    original = uvicorn.Server.handle_exit

    def handle_exit(*arguments: Any) -> None:
        calls.append(arguments[1])
        original(*arguments)

    monkeypatch.setattr(uvicorn.Server, "handle_exit", handle_exit)

    class Struck(uvicorn.Server):
        async def main_loop(self) -> None:
            signal.raise_signal(signal.SIGINT)
            await super().main_loop()

    with pytest.raises(KeyboardInterrupt):
        Struck(config_of()).run()
    assert calls == [signal.SIGINT]


def test_a_second_interrupt_forces_and_a_second_term_does_not() -> None:
    server = uvicorn.Server(config_of())
    server.handle_exit(signal.SIGTERM, None)
    server.handle_exit(signal.SIGTERM, None)
    assert (server.should_exit, server.force_exit) == (True, False)
    server.handle_exit(signal.SIGINT, None)
    assert server.force_exit


def test_captured_signals_are_raised_again_the_last_one_first(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[int] = []
    server = uvicorn.Server(config_of())
    with server.capture_signals():
        server.handle_exit(signal.SIGTERM, None)
        server.handle_exit(signal.SIGINT, None)
        monkeypatch.setattr(signal, "raise_signal", raised.append)
    assert raised == [signal.SIGINT, signal.SIGTERM]


# --- what it says ----------------------------------------------------------------------------------------------


def test_a_life_is_told_in_these_words() -> None:
    log = Recorded("uvicorn.error")
    with served(apps.app) as server:
        port = port_of(server)
    pid = os.getpid()
    assert log.lines == [
        f"Started server process [{pid}]",
        "Waiting for application startup.",
        "Application startup complete.",
        f"Uvicorn running on http://127.0.0.1:{port} (Press CTRL+C to quit)",
        "Shutting down",
        "Waiting for application shutdown.",
        "Application shutdown complete.",
        f"Finished server process [{pid}]",
    ]
    assert {record.name for record in log.records} == {"uvicorn.error"}


def test_an_application_without_lifespan_is_told_so() -> None:
    log = Recorded("uvicorn.error")
    with served(apps.silent):
        pass
    assert "ASGI 'lifespan' protocol appears unsupported." in log.lines


def test_a_failed_start_ends_with_3() -> None:
    log = Recorded("uvicorn.error")
    with pytest.raises(SystemExit) as caught:
        asyncio.run(uvicorn.Server(config_of(apps.refusing)).serve())
    assert caught.value.code == 3
    assert log.lines[-2:] == ["there is no database", "Application startup failed. Exiting."]
    assert [record.levelname for record in log.records[-2:]] == ["ERROR", "ERROR"]


def test_an_address_in_use_ends_with_3() -> None:
    log = Recorded("uvicorn.error")
    with socket.create_server(("127.0.0.1", 0)) as sock, pytest.raises(SystemExit) as caught:
        uvicorn.Server(config_of(port=sock.getsockname()[1])).run()
    assert caught.value.code == 3
    assert "error while attempting to bind on address ('127.0.0.1', " in log.lines[-1]
    assert log.lines[-1].endswith("address already in use")


def test_an_access_record_has_five_arguments() -> None:
    log = Recorded("uvicorn.access")
    with served(apps.app) as server:
        ask(port_of(server), "/a%20b?c=d")
        wait_until(lambda: log.records)
    (record,) = log.records
    assert (record.name, record.levelno, record.msg) == ("uvicorn.access", logging.INFO, '%s - "%s %s HTTP/%s" %d')
    client, *rest = record.args  # type: ignore[misc]
    assert str(client).startswith("127.0.0.1:")
    assert rest == ["GET", "/a%20b?c=d", "1.1", 200]


def test_the_access_line_of_the_default_configuration() -> None:
    stream = io.StringIO()
    config = {**uvicorn.config.LOGGING_CONFIG, "handlers": {**uvicorn.config.LOGGING_CONFIG["handlers"]}}
    config["handlers"]["access"] = {**config["handlers"]["access"], "stream": stream}
    with served(apps.app, log_config=config, use_colors=False) as server:
        ask(port_of(server), "/a")
    assert stream.getvalue().startswith("INFO:     127.0.0.1:")
    assert stream.getvalue().endswith(' - "GET /a HTTP/1.1" 200 OK\n')


def test_a_filter_on_the_access_logger_is_obeyed_whenever_it_comes() -> None:
    stream = io.StringIO()
    config = {**uvicorn.config.LOGGING_CONFIG, "handlers": {**uvicorn.config.LOGGING_CONFIG["handlers"]}}
    config["handlers"]["access"] = {**config["handlers"]["access"], "stream": stream}

    def is_wanted(record: logging.LogRecord) -> bool:
        return record.args[2] != "/health"  # type: ignore[index]

    with served(apps.app, log_config=config) as server:
        logging.getLogger("uvicorn.access").addFilter(is_wanted)
        ask(port_of(server), "/health")
        ask(port_of(server), "/other")
    assert stream.getvalue().count("\n") == 1
    assert "/other" in stream.getvalue()


def test_an_exception_is_told_with_its_traceback() -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("from within")

    log = Recorded("uvicorn.error")
    with (
        served(failing, lifespan="off") as server,
        socket.create_connection(("127.0.0.1", port_of(server))) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        reply = client.makefile("rb").read()
    assert reply.startswith(b"HTTP/1.1 500 ")
    assert reply.endswith(b"Internal Server Error")
    assert "Exception in ASGI application\n" in log.lines


def test_a_websocket_is_told_of() -> None:
    from websockets.sync.client import connect

    log = Recorded("uvicorn.error")
    with served(apps.app) as server, connect(f"ws://127.0.0.1:{port_of(server)}/a?b"):
        pass
    assert any(line.endswith(' - "WebSocket /a?b" [accepted]') for line in log.lines)


def test_level_trace_tells_of_every_message() -> None:
    log = Recorded("uvicorn.asgi")
    logging.getLogger("uvicorn.asgi").setLevel(5)
    with served(apps.app, log_level="trace") as server:
        ask(port_of(server))
    told = "\n".join(log.lines)
    for words in (
        "Started scope=",
        "Receive {'type': 'lifespan.startup'",
        "Send {'type': 'http.response.start'",
        "Completed",
    ):
        assert words in told
    assert {record.levelname for record in log.records} == {"TRACE"}


def test_access_lines_go_the_short_way_with_the_default_configuration() -> None:
    from licorne.logs.shortcut import find_direct_handler

    uvicorn.Config(apps.app)
    assert find_direct_handler(logging.getLogger("licorne.access"), True) is not None
    logging.getLogger("uvicorn.access").addFilter(lambda record: True)
    assert find_direct_handler(logging.getLogger("licorne.access"), True) is None
