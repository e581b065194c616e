"""The server as an object: in a running loop, in a thread, several at once, stopped from anywhere."""

import asyncio
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from licorne import Config, Server
from licorne.errors import StartupError
from tests.server import apps
from tests.server.process import DEADLINE_SECONDS, Client

HELLO = b"hello"


@pytest.fixture(params=["asyncio", "uvloop"])
def run_async(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Return what runs a coroutine on each event loop."""
    factory = asyncio.SelectorEventLoop
    if request.param == "uvloop":
        factory = pytest.importorskip("uvloop").new_event_loop

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(asyncio.wait_for(main, DEADLINE_SECONDS))

    return run


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Give back the loggers that a server configures."""
    names = ("licorne", "licorne.error", "licorne.access", "licorne.asgi")
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger.level, logger.handlers[:], logger.propagate) for logger in loggers]
    yield
    for logger, (level, handlers, propagate) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers[:] = handlers
        logger.propagate = propagate


def new_server(app: Any = apps.hello, **options: Any) -> Server:
    """Return a server of a free port that leaves logging alone."""
    return Server(Config(app, port=0, log_config={}, **options))


async def started(server: Server) -> int:
    """Return the port of a server when it has started."""
    while not server.started:
        await asyncio.sleep(0.001)
    return server.listeners[0].port


async def get(port: int) -> bytes:
    """Return a response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    response = await reader.read()
    writer.close()
    await writer.wait_closed()
    return response


def test_a_server_serves_inside_a_running_loop(run_async: Any) -> None:
    async def main() -> None:
        server = new_server()
        serving = asyncio.ensure_future(server.serve())
        assert (await get(await started(server))).endswith(HELLO)
        server.should_exit = True
        await serving

    run_async(main())


def test_several_servers_share_a_loop_and_stop_alone(run_async: Any) -> None:
    async def main() -> None:
        servers = [new_server(), new_server()]
        serving = [asyncio.ensure_future(server.serve()) for server in servers]
        ports = [await started(server) for server in servers]
        servers[0].should_exit = True
        await serving[0]
        assert (await get(ports[1])).endswith(HELLO)
        servers[1].should_exit = True
        await serving[1]

    run_async(main())


def test_a_signal_stops_all_servers_of_a_loop(run_async: Any) -> None:
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))

    async def main() -> None:
        servers = [new_server(), new_server()]
        serving = [asyncio.ensure_future(server.serve()) for server in servers]
        for server in servers:
            await started(server)
        signal.raise_signal(signal.SIGTERM)
        await asyncio.gather(*serving)

    try:
        run_async(main())
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]


@pytest.mark.parametrize("loop", ["asyncio", "auto"])
def test_a_server_runs_in_a_thread_and_stops_at_once(loop: str) -> None:
    server = new_server(loop=loop)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    with Client(server.listeners[0].port) as client:
        assert client.get().endswith(HELLO)
    begin = time.monotonic()
    server.should_exit = True
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()
    assert time.monotonic() - begin < 20  # a graceful stop may take thirty


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when a condition holds; fail at the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_server_told_to_stop_before_it_serves_stops(run_async: Any) -> None:
    async def main() -> None:
        server = new_server()
        server.should_exit = True
        await server.serve()

    run_async(main())


def test_force_exit_does_not_wait(run_async: Any) -> None:
    async def main() -> None:
        server = new_server(apps.stubborn)
        serving = asyncio.ensure_future(server.serve())
        reader, writer = await asyncio.open_connection("127.0.0.1", await started(server))
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"first")
        server.should_exit = True
        server.force_exit = True
        await serving
        writer.close()

    run_async(main())


def test_sockets_of_the_caller_are_served_and_closed(run_async: Any) -> None:
    async def main() -> None:
        server = new_server()
        given = socket.create_server(("127.0.0.1", 0))
        serving = asyncio.ensure_future(server.serve(sockets=[given]))
        assert await started(server) == given.getsockname()[1]
        assert (await get(await started(server))).endswith(HELLO)
        server.should_exit = True
        await serving
        assert given.fileno() == -1

    run_async(main())


def test_a_cancelled_server_ends_its_application(run_async: Any) -> None:
    stages = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        stages.append((await receive())["type"])
        await send({"type": "lifespan.startup.complete"})
        stages.append((await receive())["type"])
        await send({"type": "lifespan.shutdown.complete"})

    async def main() -> None:
        server = new_server(app)
        serving = asyncio.ensure_future(server.serve())
        port = await started(server)
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)

    run_async(main())
    assert stages == ["lifespan.startup", "lifespan.shutdown"]


def test_a_failure_to_start_is_an_exception(run_async: Any) -> None:
    with pytest.raises(StartupError, match=r"Application startup failed\. Exiting\."):
        run_async(new_server(apps.failing_start).serve())
    with pytest.raises(StartupError, match="no network interface"):
        run_async(Server(Config(apps.hello, host="192.0.2.1", port=0, log_config={})).serve())


def test_an_application_whose_port_was_taken_meanwhile_is_ended(run_async: Any) -> None:
    stages = []
    rival = socket.socket()
    rival.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        stages.append((await receive())["type"])
        rival.bind(("127.0.0.1", server.listeners[0].port))
        rival.listen()
        await send({"type": "lifespan.startup.complete"})
        stages.append((await receive())["type"])
        await send({"type": "lifespan.shutdown.complete"})

    server = new_server(app)
    with rival, pytest.raises(StartupError, match="the address is in use"):
        run_async(server.serve())
    assert stages == ["lifespan.startup", "lifespan.shutdown"]
    assert not server.started


def test_the_usual_overrides_are_called(run_async: Any) -> None:
    called = []

    class Watched(Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets=sockets)
            called.append("startup")
            self.should_exit = True

        async def shutdown(self, sockets: Any = None) -> None:
            await super().shutdown(sockets=sockets)
            called.append("shutdown")

    run_async(Watched(Config(apps.hello, port=0, log_config={})).serve())
    assert called == ["startup", "shutdown"]


def test_handle_exit_may_be_replaced(monkeypatch: pytest.MonkeyPatch, run_async: Any) -> None:
    heard = []

    def handle_exit(server: Server, sig: int, frame: Any) -> None:
        heard.append(sig)
        server.should_exit = True

    monkeypatch.setattr(Server, "handle_exit", handle_exit)

    async def main() -> None:
        server = new_server()
        serving = asyncio.ensure_future(server.serve())
        await started(server)
        signal.raise_signal(signal.SIGTERM)
        await serving

    run_async(main())  # a signal that the replacement did not take as the server's own is not raised again
    assert heard == [signal.SIGTERM]
