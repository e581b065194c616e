"""The loop of the supervisor, with workers that are threads: what it must not sleep through."""

import os
import signal
import socket
import threading
from collections.abc import Sequence
from typing import Any

from licorne.config.options import Config
from licorne.server.attached.channel import Channel
from licorne.server.attached.messages import Drain, Ready, Tick
from licorne.server.listening.listeners import Listener
from licorne.supervisor.board import Board
from licorne.supervisor.children import Child
from licorne.supervisor.inbox import SignalInbox
from licorne.supervisor.rereading import Configs
from licorne.supervisor.sockets import Sockets
from licorne.supervisor.supervisor import Supervisor
from licorne.supervisor.upgrade import remember_beginning


class ThreadChild(Child):
    """Be a worker that is a thread: it is ready, ticks once that was heard, and ends when it is told to drain."""

    def __init__(self, was_heard: threading.Event) -> None:
        ours, theirs = socket.socketpair()
        super().__init__(os.getpid(), Channel(ours))
        self.other_end = Channel(theirs)
        self.was_heard = was_heard
        self.thread = threading.Thread(target=self.live, daemon=True)
        self.thread.start()

    def live(self) -> None:
        self.other_end.send(Ready())
        self.was_heard.wait()
        self.other_end.send(Tick(0, 0, 0, 0))
        while not isinstance(self.other_end.receive_first(), Drain):
            pass
        self.other_end.close()

    def signal(self, number: int) -> None:
        raise AssertionError("nobody is to be killed here")

    def _ask(self) -> int | None:
        return 0 if self.other_end.fileno() < 0 else None


class ThreadLauncher:
    """Start one worker."""

    def __init__(self, was_heard: threading.Event) -> None:
        self.was_heard = was_heard

    def launch(self, config: Config, listeners: Sequence[Listener], index: int, loads_fd: int = -1) -> Child:
        return ThreadChild(self.was_heard)


class LateBoard(Board):
    """Let SIGTERM come when a tick was heard, before anybody has looked for signals."""

    def __init__(self) -> None:
        super().__init__()
        self.was_heard = threading.Event()
        self.waits = 0

    def wait(self, timeout: float | None) -> list[Any]:
        self.waits += 1
        if self.waits == 2:
            self.was_heard.set()
        found = super().wait(timeout)
        if self.waits == 2:
            signal.raise_signal(signal.SIGTERM)
        return found


def test_a_signal_that_comes_between_the_wait_and_the_look_is_followed_at_once() -> None:
    config = Config("main:app", workers=1, timeout_worker_healthcheck=0)
    supervisor = Supervisor(Configs(config), Sockets([[]]), remember_beginning(), SignalInbox())
    supervisor._board = board = LateBoard()
    assert supervisor.run(ThreadLauncher(board.was_heard)) == 0
    supervisor.close()
