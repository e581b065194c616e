"""ThreadPool: threads that run what is submitted, in order of arrival, and as few of them as are busy.

A thread that is waked by a lock waits for the interpreter next, and one that runs goes on with the next job by itself:
so only one thread at a time is on its way, and it calls the next one if it finds more than it can do. Many short jobs
are done by one or two threads, many that wait by as many as there may be.

Rules: the thread that was busy last is called first. Threads are daemons: at its end a process waits for them as long
as `stop` says, and not for ever.
"""

import _thread
import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic

__all__ = ["ThreadPool"]

logger = logging.getLogger("licorne.error")

_POLL_SECONDS = 0.01


class ThreadPool:
    """Run jobs in at most `limit` threads."""

    __slots__ = ("_called", "_idle", "_is_stopped", "_jobs", "_lock", "_threads", "limit", "name")

    def __init__(self, limit: int, name: str) -> None:
        if limit < 1:
            raise ValueError(f"a pool of threads needs at least one, got {limit}")
        self.limit = limit
        self.name = name
        self._lock = _thread.allocate_lock()
        self._jobs: deque[Callable[[], object]] = deque()
        #: The locks that idle threads wait for, the last one to become idle behind.
        self._idle: list[_thread.LockType] = []
        #: A thread was called and has not looked for a job yet.
        self._called = False
        self._threads = 0
        self._is_stopped = False

    @property
    def threads(self) -> int:
        """Return how many threads there are."""
        return self._threads

    @property
    def busy(self) -> int:
        """Return how many threads are not idle."""
        return self._threads - len(self._idle)

    @property
    def waiting(self) -> int:
        """Return how many jobs wait for a thread."""
        return len(self._jobs)

    def submit(self, job: Callable[[], object]) -> None:
        """Run a job, which may raise nothing. Raises RuntimeError when the pool is stopped or has no thread."""
        with self._lock:
            if self._is_stopped:
                raise RuntimeError("the threads of the WSGI application have been stopped")
            self._jobs.append(job)
            if not self._called:
                self._call()

    async def stop(self, grace: float) -> int:
        """End the threads: idle ones at once, others after their jobs; return how many run on after `grace` seconds."""
        with self._lock:
            self._is_stopped = True
            idle, self._idle = self._idle, []
        for lock in idle:
            lock.release()
        deadline = monotonic() + grace
        while self._threads and monotonic() < deadline:
            await asyncio.sleep(_POLL_SECONDS)
        return self._threads

    # internals

    def _call(self) -> None:
        """Have another thread look for a job; the lock is held."""
        if self._idle:
            self._called = True
            self._idle.pop().release()
        elif self._threads < self.limit:
            self._start()

    def _start(self) -> None:
        self._threads += 1
        self._called = True
        try:
            threading.Thread(target=self._run, name=f"{self.name}-{self._threads}", daemon=True).start()
        except RuntimeError as error:
            self._threads -= 1
            self._called = False
            if not self._threads:
                self._jobs.pop()
                raise
            logger.warning("Cannot start another thread for the WSGI application: %s", error)

    def _run(self) -> None:
        is_called = True
        wake = _thread.allocate_lock()
        wake.acquire()
        while True:
            job = None
            with self._lock:
                if is_called:
                    self._called = False
                if self._jobs:
                    job = self._jobs.popleft()
                    if self._jobs and not self._called:
                        self._call()
                elif self._is_stopped:
                    self._threads -= 1
                    return
                else:
                    self._idle.append(wake)
            is_called = job is None
            if job is None:
                wake.acquire()
            else:
                job()
