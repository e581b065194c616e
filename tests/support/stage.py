"""Stage: an application served to peers, in memory or over sockets, and what must hold when a test is over.

    async def test_hello(stage: Stage) -> None:
        peer = await stage.connect(hello)
        peer.send(GET)
        assert (await peer.answer()).body == b"Hello"

A test is a coroutine function with the parameter `stage`; `run_scene` in a conftest.py runs it in the loop of its
stage. When it is over all peers leave, and then no link, no task, no logged error that the test did not take and no
call of the loop's exception handler may be left.
"""

import asyncio
import inspect
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from licorne.asgi.run import Application, AsgiOptions
from licorne.drivers.asyncio import AsyncioRuntime
from licorne.drivers.base import DriverOptions
from licorne.engine import negotiate
from licorne.engine.defaults import DefaultHeaders
from licorne.engine.http1 import new_connection_factory
from licorne.engine.http2 import new_connection_factory as new_http2_factory
from licorne.engine.limits import Limits
from licorne.engine.websocket import new_session_factory
from licorne.engine.websocket.options import SessionOptions
from tests.support import memory_link
from tests.support.http2_translator import Http2Translator
from tests.support.peer import DEADLINE, Peer

__all__ = ["CHUNKED", "GET", "HTTP2", "KINDS", "LOOPS", "POST", "Stage", "hello", "pytest_pyfunc_call"]

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

#: The kinds of stage with sockets, and all of them.
LOOPS = ("asyncio", "uvloop")
KINDS = ("memory", *LOOPS)
#: One more, over sockets too, whose peers translate to HTTP/2.
HTTP2 = "http2"

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#: A request whose body has five bytes, without them.
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

logger = logging.getLogger("licorne.error")


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at once."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"Hello"})


class Records(logging.Handler):
    """Keep what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class Stage:
    """Serve one application to peers. `kind` is one of KINDS."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        #: Whoever is to leave at the end.
        self.peers: list[Any] = []
        self.links: list[memory_link.MemoryLink] = []
        self.application: Application | None = None
        self.runtime: AsyncioRuntime | None = None
        self.new_connection: Any = None
        self.address: Any = ("127.0.0.1", 0)
        self.server: asyncio.Server | None = None
        self.log = Records()
        #: What the loop's exception handler was told.
        self.faults: list[dict[str, Any]] = []

    # what a test does

    def prepare(
        self,
        app: Any,
        *,
        state: dict[str, Any] | None = None,
        options: AsgiOptions | None = None,
        limits: Limits | None = None,
        driver: dict[str, Any] | None = None,
        defaults: DefaultHeaders | None = None,
        websocket: SessionOptions | None = None,
        origins: Sequence[str] = (),
        log_access: Any = None,
        on_response: Any = None,
    ) -> None:
        """Make ready to serve `app`; `connect` does it with the defaults."""
        limits = limits or Limits()
        state = state if state is not None else {}
        self.application = Application(app, state, options or AsgiOptions(), log_access, on_response)
        self.application.shared.open_session = new_session_factory("native", websocket or SessionOptions(), origins)
        defaults = defaults or DefaultHeaders([], has_date=False)
        self.new_connection = new_connection_factory(limits, "native", defaults)
        if self.kind == HTTP2:
            self.new_connection = negotiate.new_connection_factory(
                self.new_connection, new_http2_factory(limits, defaults), limits.head_timeout
            )
        if self.kind != "memory":
            chosen = DriverOptions(**{"eager": sys.version_info >= (3, 12), **(driver or {})})
            loop = asyncio.get_running_loop()
            self.runtime = AsyncioRuntime(loop, limits, chosen, self.new_connection, self.application)
            self.runtime.on_tick.append(self.application.tick)
            self.runtime.start()

    async def connect(self, app: Any = None) -> Peer:
        """Return a new peer; `app` is what is served if nothing was prepared."""
        if self.application is None:
            self.prepare(app)
        assert self.application is not None
        if self.runtime is None:
            link, peer = memory_link.connect(self.new_connection(), self.application.begin)
            self.links.append(link)
        else:
            peer = await self._connect_socket()
        self.peers.append(peer)
        return peer

    def take_log(self) -> list[logging.LogRecord]:
        """Return what was logged so far; a test that expects errors must take them."""
        records, self.log.records = self.log.records, []
        return records

    def running(self) -> int:
        """Return how many calls of the application run."""
        return self.runtime.running if self.runtime else sum(len(link.cycles) for link in self.links)

    def is_eager(self) -> bool:
        """Tell whether applications are started before the loop turns."""
        return self.runtime is not None and sys.version_info >= (3, 12)

    def connections(self) -> int:
        """Return how many connections the server holds."""
        return len(self.runtime.links) if self.runtime else sum(not link.is_gone for link in self.links)

    async def until(self, is_true: Callable[[], bool]) -> None:
        """Let the loop turn until something is true."""
        async with asyncio.timeout(DEADLINE):
            while not is_true():
                await asyncio.sleep(0.001)

    # the frame around a test

    def open(self) -> None:
        """Begin to watch."""
        logger.addHandler(self.log)
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: self.faults.append(context))

    async def close(self) -> None:
        """Send all peers away and wait until nothing is left of them."""
        try:
            for peer in self.peers:
                peer.leave()
            await self.until(lambda: not self.running())
            if self.server is not None:
                self.server.close()
            if self.runtime is not None:
                assert await self.runtime.drained(DEADLINE)
                self.runtime.stop()
            await self.until(lambda: len(asyncio.all_tasks()) == 1)
        finally:
            logger.removeHandler(self.log)

    def check(self) -> None:
        """Hold what every test must hold."""
        assert not self.faults
        assert not [record.getMessage() for record in self.log.records]

    # internals

    async def _connect_socket(self) -> Peer:
        loop = asyncio.get_running_loop()
        assert self.runtime is not None
        new_peer = Http2Translator if self.kind == HTTP2 else Peer
        if isinstance(self.address, str):
            if self.server is None:
                self.server = await loop.create_unix_server(self.runtime.protocol_factory, self.address)
            _, peer = await loop.create_unix_connection(new_peer, self.address)
            return peer
        if self.server is None:
            self.server = await loop.create_server(self.runtime.protocol_factory, *self.address)
            self.address = self.server.sockets[0].getsockname()[:2]
        _, peer = await loop.create_connection(new_peer, *self.address)
        return peer


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine function in the loop of its stage."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    stage: Stage = pyfuncitem.funcargs["stage"]
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    with asyncio.Runner(loop_factory=_loop_factory(stage.kind)) as runner:
        runner.run(_play(pyfuncitem.obj, arguments, stage))
    stage.check()
    return True


async def _play(scene: Callable[..., Awaitable[None]], arguments: dict[str, Any], stage: Stage) -> None:
    stage.open()
    try:
        await scene(**arguments)
    finally:
        await stage.close()


def _loop_factory(kind: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if kind in ("uvloop", HTTP2):
        import uvloop

        return uvloop.new_event_loop  # type: ignore[no-any-return]
    return asyncio.new_event_loop
