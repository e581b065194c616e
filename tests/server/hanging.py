"""An application that hangs in all the ways that there are, by the path of the request."""

import asyncio
import collections
import ctypes
import itertools
import os
import threading
import time
from typing import Any

__all__ = ["app", "slow_end", "slow_start"]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Do what the path says, then answer with the number of the process."""
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    path, _, number = scope["path"].strip("/").partition("/")
    await WAYS[path](float(number or 0))
    headers = [(b"content-length", b"%d" % len(str(os.getpid())))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})


async def live(receive: Any, send: Any, start: float = 0.0, end: float = 0.0) -> None:
    """Start and end, each so long that the event loop stands still."""
    await receive()
    time.sleep(start)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    time.sleep(end)
    await send({"type": "lifespan.shutdown.complete"})


async def slow_start(scope: Any, receive: Any, send: Any) -> None:
    """Block the loop for three seconds while the application starts."""
    if scope["type"] == "lifespan":
        await live(receive, send, start=3.0)
    else:
        await app(scope, receive, send)


async def slow_end(scope: Any, receive: Any, send: Any) -> None:
    """Block the loop for three seconds while the application ends."""
    if scope["type"] == "lifespan":
        await live(receive, send, end=3.0)
    else:
        await app(scope, receive, send)


async def answer(_: float) -> None:
    """Do nothing."""


async def wait(seconds: float) -> None:
    """Wait as one should, in small parts."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await asyncio.sleep(0.01)


async def sleep(seconds: float) -> None:
    """Hang in a call that lets other threads run."""
    time.sleep(seconds)


async def sleep_later(seconds: float) -> None:
    """Hang after the loop has turned a while."""
    await asyncio.sleep(0.5)
    time.sleep(seconds)


async def sleep_often(count: float) -> None:
    """Hang again and again, each time for long enough to be warned of."""
    for _ in range(int(count)):
        time.sleep(0.2)
        await asyncio.sleep(0.1)


async def spin(_: float) -> None:
    """Hang in Python code."""
    while True:
        pass


async def lock(_: float) -> None:
    """Take a lock twice."""
    taken = threading.Lock()
    taken.acquire()
    taken.acquire()


async def hold(seconds: float) -> None:
    """Hang in C code that holds the GIL, and waits."""
    ctypes.PyDLL(None).sleep(int(seconds))


async def consume(_: float) -> None:
    """Hang in C code that holds the GIL, computes and looks for no signal."""
    collections.deque(itertools.repeat(None), maxlen=0)


async def busy(seconds: float) -> None:
    """Keep the processor busy, but let the loop turn."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(10_000))
        await asyncio.sleep(0)


async def fork(_: float) -> None:
    """Send SIGABRT to a forked child, and wait for its end."""
    child = os.fork()
    if child == 0:
        os.abort()
    _, status = os.waitpid(child, 0)
    print(f"app: the child died of {os.WTERMSIG(status)}", flush=True)


async def thread(seconds: float) -> None:
    """Hang while a thread of the application waits."""
    event = threading.Event()
    threading.Thread(target=event.wait, name="the-pool", daemon=True).start()
    time.sleep(seconds)
    event.set()


WAYS = {
    "": answer,
    "busy": busy,
    "consume": consume,
    "fork": fork,
    "hold": hold,
    "lock": lock,
    "often": sleep_often,
    "later": sleep_later,
    "sleep": sleep,
    "spin": spin,
    "thread": thread,
    "wait": wait,
}
