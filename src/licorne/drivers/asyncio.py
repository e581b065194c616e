"""The driver for asyncio and for loops that speak its protocol, such as uvloop.

One `AsyncioLink` is the protocol of one transport. It has no coroutine of its own: the loop calls it, it feeds
the engine and pumps. Applications are started at once where Python can (3.12), so that most have answered
before the call from the loop returns.
"""

import asyncio
import contextvars
import os
import socket
import struct
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, BinaryIO

try:
    import fcntl
    import termios
except ImportError:  # Windows, where nobody asks them
    pass

from licorne.drivers.base import DriverOptions, Runtime, Stage
from licorne.drivers.files import send_file
from licorne.drivers.gates import AsyncioGate, Latch, new_gate
from licorne.drivers.link import DriverLink
from licorne.drivers.newcomers import has_vanished
from licorne.drivers.sweep import sweep
from licorne.engine.connection import Closing, Connection
from licorne.engine.limits import Limits
from licorne.link import Cycle, Gate, Security, Service

__all__ = ["AsyncioRuntime"]

_STOPPING = int(Stage.STOPPING)
_LINGER = int(Closing.LINGER)
_FLUSH = int(Closing.FLUSH)
#: Sweeps come this often while the server drains, in seconds.
_DRAIN_TICK = 0.05
# Behind a read of this size others have their turn: to take it in is so much work as to answer some of them. One that
# fills the buffer of uvloop, 256,000 bytes, is followed at once by up to 31 more if nobody stops it.
_GREEDY_BYTES = 128 * 1024
# What comes behind the end is nobody's. After a read of that size it waits for so long, in seconds.
_LINGER_PAUSE = 0.01
# One of so many links that rest goes on in one turn of the loop.
_TURN_SHARE = 8
#: SO_LINGER on, for no time: closing resets the connection.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

_Task: Any = asyncio.Task


class AsyncioRuntime(Runtime):
    """Hold what the links of one asyncio worker share, and its one timer."""

    __slots__ = (
        "context",
        "empty",
        "host",
        "is_plain",
        "latch",
        "loop",
        "on_end",
        "server",
        "task_options",
        "timer",
        "turns",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: Limits,
        options: DriverOptions,
        new_connection: Callable[[], Connection],
        service: Service,
    ) -> None:
        super().__init__(limits, options, new_connection, service)
        self.loop = loop
        self.timer: asyncio.TimerHandle | None = None
        self.context = contextvars.Context() if options.reset_contextvars else contextvars.copy_context()
        #: Opened when no link and no task is left; made when somebody waits for that.
        self.empty: AsyncioGate | None = None
        #: One read is taken at a time.
        self.latch = Latch(loop)
        #: Made once, like the options: each task would have a method of its own.
        self.on_end = self.take_end
        self.turns = Turns(loop, self.context)
        #: Where the last connection came from, and the address that it was made to: others share them.
        self.host = ""
        self.server: tuple[str, int | None] | None = None
        #: Made once: a call with keywords would make this dict again for each task.
        #: None: the loop makes tasks, by a factory of its own or in a Python whose tasks do not start at once.
        self.task_options: dict[str, Any] | None = {"loop": loop, "eager_start": True}
        if loop.get_task_factory() is not None or not options.eager:
            self.task_options = None
        #: A task may be started eagerly in the context that the loop calls us in.
        self.is_plain = self.task_options is not None and not options.reset_contextvars

    def protocol_factory(self) -> "AsyncioLink":
        """Make the protocol of a new connection, for the loop's create_server()."""
        return AsyncioLink(self)

    def start(self) -> None:
        """Begin to sweep."""
        self.now = self.loop.time() + self.tick
        self.timer = self.loop.call_later(self.tick, self._sweep)

    def stop(self) -> None:
        """End sweeping."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def begin_drain(self) -> None:
        """End gracefully: idle links close soon, busy ones after their exchange."""
        self.stage = Stage.DRAINING
        self.tick = min(self.tick, _DRAIN_TICK)
        for link in list(self.links):
            link.connection.shutdown(self.loop.time())
            link.pump()
        if self.timer is not None:
            self.stop()
            self.start()

    async def drained(self, timeout: float | None) -> bool:
        """Wait until no link and no task is left, at most `timeout` seconds (None: for ever); tell whether so."""
        if self.is_empty():
            return True
        if self.empty is None:
            self.empty = new_gate(self.latch)
        try:
            await asyncio.wait_for(self.empty.wait(), timeout)
        except TimeoutError:
            return False
        return True

    def abort(self) -> None:
        """Drop every link and cancel every task."""
        self.drop_links()
        self.cancel_tasks()

    def spawn(self, coroutine: Coroutine[Any, Any, None], is_clean: bool) -> Any:
        """Start a task; it may be over when this returns. `is_clean`: the loop called us, not an application."""
        options = self.task_options
        if is_clean and self.is_plain and options is not None:
            return _Task(*(coroutine,), **options)
        context = self.context.copy()
        if options is None:
            return self.loop.create_task(coroutine, context=context)
        return _Task(coroutine, loop=self.loop, context=context, eager_start=True)

    def cancel_more_soon(self) -> None:
        self.loop.call_soon(self.cancel_on, context=self.context)

    def take_end(self, task: Any) -> None:
        """Take the end of a task that was not over at once; a callback of that task."""
        self.finish_task(task, outcome(task))
        self.check_empty()

    def client_address(self, name: Any) -> tuple[str, int] | None:
        """Return (host, port) of an IP address; None for anything else. Clients behind one proxy share its host."""
        if not isinstance(name, tuple) or len(name) < 2:
            return None
        if name[0] != self.host:
            self.host = str(name[0])
        return self.host, int(name[1])

    def server_address(self, name: Any) -> tuple[str, int | None] | None:
        """Return (host, port) of an IP address, (path, None) of a UNIX socket, None for an unnamed one.

        Connections that were made to one address share it.
        """
        server: tuple[str, int | None] | None = None
        if isinstance(name, tuple) and len(name) >= 2:
            server = str(name[0]), int(name[1])
        elif name and isinstance(name, str | bytes):
            server = os.fsdecode(name), None
        if server != self.server:
            self.server = server
        return self.server

    def check_empty(self) -> None:
        """Open the gate of `drained` when there is nothing left."""
        if self.empty is not None and self.is_empty():
            self.empty.open()
            self.empty = None

    def is_empty(self) -> bool:
        """Tell whether no link, nobody who is about to be one, and no task is left."""
        return not (self.links or self.tasks or self.newcomers.waiting)

    def _sweep(self) -> None:
        self.timer = self.loop.call_later(self.tick, self._sweep)
        sweep(self, self.loop.time())


class Turns:
    """Let links that rest go on, a few in each turn of the loop however many they are."""

    __slots__ = ("context", "is_due", "links", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, context: contextvars.Context) -> None:
        self.loop = loop
        self.context = context
        #: In the order in which they go on.
        self.links: deque[AsyncioLink] = deque()
        self.is_due = False

    def add(self, link: "AsyncioLink") -> None:
        """Have a link go on in a turn that is to come."""
        self.links.append(link)
        self._come_soon()

    def take(self) -> None:
        """Let some go on."""
        self.is_due = False
        count = len(self.links)
        if count > 1:
            self._come_soon()
        for _ in range(1 + count // _TURN_SHARE):
            self.links.popleft().go_on()

    def _come_soon(self) -> None:
        if not self.is_due:
            self.is_due = True
            # In the context of the runtime: this may be called by an application.
            self.loop.call_soon(self.take, context=self.context)


def outcome(task: Any) -> BaseException | None:
    """Return what a task that is done raised, or None."""
    try:
        error: BaseException | None = task.exception()
    except asyncio.CancelledError as cancelled:
        return cancelled
    return error


class AsyncioLink(DriverLink):
    """Be the asyncio protocol of one connection."""

    __slots__ = ("has_gates", "is_clean", "shared", "transport", "write_gate")

    def __init__(self, runtime: AsyncioRuntime) -> None:
        super().__init__(runtime)
        self.shared = runtime
        self.transport: Any = None
        self.is_clean = False
        #: Tasks may wait for what a read brings.
        self.has_gates = False
        self.write_gate: AsyncioGate | None = None

    # what the loop calls

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.set_write_buffer_limits(high=self.runtime.write_high_water)
        self.client = self.shared.client_address(transport.get_extra_info("peername"))
        self.server = self.shared.server_address(transport.get_extra_info("sockname"))
        tls = transport.get_extra_info("ssl_object")
        self.is_secure = tls is not None
        if tls is not None:
            self.tls = Security(tls)
            self.connection.agree(tls.selected_alpn_protocol())
        self.scope = None
        account = transport.get_extra_info("account")
        if account is not None:
            self.account = account
            self.is_secure = self.is_secure or account.is_secure
        self.open()
        if self.client is None and has_vanished(transport):
            self.abort()

    def data_received(self, data: bytes) -> None:
        if self.has_gates:
            self._take_in(data)
        else:
            self.connection.receive_data(data, self.runtime.now)
        if len(data) >= _GREEDY_BYTES:
            self.let_others_read()
        # Nobody's task is running: what is started now may take the context that there is.
        self.is_clean = True
        try:
            self.pump()
        finally:
            self.is_clean = False

    def eof_received(self) -> bool:
        self.connection.receive_eof(self.runtime.now)
        self.runtime.abandon(self)
        self.pump()
        return True  # our TLS can be closed by halves too (RFC 8446 §6.1)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed()
        self.resume_writing()
        self.shared.check_empty()

    def pause_writing(self) -> None:
        self.is_write_paused = True
        self.progress_at = self.runtime.now

    def resume_writing(self) -> None:
        self.is_write_paused = False
        if self.write_gate is not None:
            self.write_gate.open()
            self.write_gate = None
        if not self.shown_closing:
            self.pump()

    # the link, as the ASGI layer sees it

    def drain(self) -> Awaitable[None] | None:
        # A transport that is closing takes nothing any more; the loop must turn for its end, which opens the gate.
        is_ending = self.transport.is_closing() and self in self.runtime.links
        if not self.is_write_paused and not is_ending:
            return None
        if self.write_gate is None:
            self.write_gate = new_gate(self.shared.latch)
        return self.write_gate.wait()

    def gate(self) -> Gate:
        self.has_gates = True
        return new_gate(self.shared.latch)

    def turn(self) -> Awaitable[None]:
        return asyncio.sleep(0)

    def start(self, cycle: Cycle) -> None:
        if self.runtime.stage == _STOPPING:
            cycle.announce_shutdown()
        try:
            task = self.shared.spawn(cycle.start(), self.is_clean)
        except BaseException as raised:
            # An eager task raises SystemExit and KeyboardInterrupt also out of its constructor.
            cycle.finish(raised)
            return
        # What has answered is nearly always over, and its outcome tells that too.
        if cycle.is_answered() or task.done():
            try:
                error = outcome(task)
            except asyncio.InvalidStateError:
                pass  # background work behind the answer
            else:
                cycle.finish(error)
                return
        self.runtime.add_task(task, cycle, self)
        task.add_done_callback(self.shared.on_end, context=self.shared.context)

    def send_file(self, file: BinaryIO, offset: int, count: int) -> Awaitable[None]:
        return send_file(self, self.transport, file, offset, count)

    def _take_in(self, data: bytes) -> None:
        """Feed the engine, then let the tasks go on whose gates that opened; what they send leaves together."""
        latch = self.shared.latch
        was_pumping = self.is_pumping
        # The exact time, by which tunnels measure; a deadline made from it is not early either.
        now = latch.hold()
        try:
            self.connection.receive_data(data, now)
        finally:
            self.is_pumping = True
            latch.release()
            self.is_pumping = was_pumping

    # what the shared link asks for

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    def write_all(self, pieces: list[bytes]) -> None:
        self.transport.writelines(pieces)
        # CVE-2024-12254: writelines() of some releases of Python does not look at the high water; this does.
        self.transport.set_write_buffer_limits(high=self.runtime.write_high_water)

    def set_reading(self, is_reading: bool) -> None:
        if self.transport.is_closing():
            return
        if is_reading:
            # asyncio keeps the context that it is called in, which may be a request's, for all later reads.
            self.shared.context.copy().run(self.transport.resume_reading)
        else:
            self.transport.pause_reading()

    def go_on_soon(self) -> None:
        shared = self.shared
        if self.shown_closing == _LINGER:
            shared.loop.call_later(_LINGER_PAUSE, self.go_on, context=shared.context)
        else:
            shared.turns.add(self)

    def unsent_bytes(self) -> int:
        size: int = self.transport.get_write_buffer_size()
        return size + _unsent_by_kernel(self.transport)

    def abort(self) -> None:
        self.transport.abort()

    def reset(self) -> None:
        # Without this the kernel would go on offering what it holds to a peer that does not take it.
        sock = self.transport.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()

    def close_transport(self, closing: int) -> None:
        if closing == _LINGER and self.transport.can_write_eof():
            try:
                self.transport.write_eof()
            except OSError:  # the peer has gone meanwhile
                self.transport.abort()
        elif closing <= _FLUSH:
            self.transport.close()
        else:
            self.reset()


def _unsent_by_kernel(transport: Any) -> int:
    """Return how many bytes the kernel holds for the peer: a slow one makes progress there first. 0 if unknown."""
    sock = transport.get_extra_info("socket")
    if sock is None or not sys.platform.startswith("linux"):
        return 0
    try:
        answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4))
    except (OSError, ValueError):
        return 0
    return int.from_bytes(answer, sys.byteorder)
