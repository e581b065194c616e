"""A worker process whose supervisor is the test: what the tests of attached workers stand on."""

import selectors
import socket
import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, TypeVar

from licorne.config.options import Config
from licorne.server.attached.assignment import Assignment, pack_start
from licorne.server.attached.channel import Channel
from licorne.server.attached.messages import Message, Ready
from licorne.server.listening.listeners import Listener, binds_of, open_listeners
from tests.server.process import APPS, DEADLINE_SECONDS, ServerProcess

__all__ = ["WorkerProcess"]

M = TypeVar("M", bound=Message)

_PROGRAM = "import sys; from licorne.server.attached.entry import main; sys.exit(main(sys.argv[1:2]))"


class WorkerProcess(ServerProcess):
    """Run a worker, read its log and converse with it."""

    def __init__(
        self,
        app: str,
        *,
        listeners: Sequence[Listener] | None = None,
        index: int = 0,
        loads_fd: int = -1,
        is_started: bool = True,
        **options: Any,
    ) -> None:
        """Serve one of the applications of apps.py, on a free port or on sockets that are bound."""
        self.config = Config(f"apps:{app}", app_dir=str(APPS), **({"port": 0} | options))
        self.owned = [] if listeners is not None else open_listeners(binds_of(self.config))
        self.listeners = list(self.owned if listeners is None else listeners)
        self.assignment = Assignment.of(self.config, self.listeners, index, loads_fd=loads_fd)
        self.messages: list[Message] = []
        ours, theirs = socket.socketpair()
        self.channel = Channel(ours)
        fds = [theirs.fileno(), *self.assignment.fds, *([loads_fd] if loads_fd >= 0 else [])]
        with theirs:
            program = (sys.executable, "-c", _PROGRAM, str(theirs.fileno()))
            super().__init__(pass_fds=fds, launcher=program)
        if is_started:
            self.start()

    def start(self) -> None:
        """Tell the process what to serve."""
        self.channel.send(pack_start(self.assignment, sys.path))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        super().__exit__(kind, error, _)
        self.channel.close()
        for listener in self.owned:
            listener.close()

    @property
    def port(self) -> int:
        """Return the port of the first listener, when connections are let in."""
        self.hear(Ready)
        return self.listeners[0].port

    def hear(self, kind: type[M], count: int = 1) -> M:
        """Return the `count`th message of a kind; fail if it does not come."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while len(found := [message for message in self.messages if isinstance(message, kind)]) < count:
            left = deadline - time.monotonic()
            is_hopeless = self.channel.is_closed or left <= 0
            assert not is_hopeless, f"no {kind.__name__} in {self.messages}\n{self.log}"
            self._listen(left)
        return found[count - 1]

    def hear_that(self, kind: type[M], holds: Callable[[M], bool]) -> M:
        """Return the first message of a kind for which something holds; fail if it does not come."""
        number = 1
        while not holds(message := self.hear(kind, number)):
            number += 1
        return message

    def hear_all(self) -> list[Message]:
        """Return all messages up to the end of the process."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self.channel.is_closed:
            assert time.monotonic() < deadline, f"the channel does not end\n{self.log}"
            self._listen(deadline - time.monotonic())
        return self.messages

    def _listen(self, seconds: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.channel, selectors.EVENT_READ)
            selector.select(seconds)
        self.messages += self.channel.receive()
