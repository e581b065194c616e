"""The applications that the tests of the supervisor serve; files and clients decide what happens."""

import atexit
import gc
import os
import resource
import threading
import time
import weakref
from pathlib import Path
from typing import Any

from licorne.server.attached.channel import Channel
from tests.server.apps import answer


def say(line: str) -> None:
    """Write a line in one piece: others write there too."""
    os.write(2, f"app: {line}\n".encode())


say(f"imported by {os.getpid()}")


async def number(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the number of the process; `/hang` blocks the event loop, `/exit` ends the process."""
    assert scope["type"] == "http"
    if scope["path"] == "/hang":
        hang_here()
    elif scope["path"] == "/exit":
        os._exit(7)
    await answer(send, b"%d" % os.getpid())


def begin_last_words(index: int) -> None:
    """Have something said at the end of the process."""
    threading.Thread(target=lambda: (threading.main_thread().join(), say("the last words of a thread"))).start()
    atexit.register(print, "app: the last words of the process")


async def forking(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the number of a child that was forked, and sleeps."""
    assert scope["type"] == "http"
    pid = os.fork()
    if pid == 0:
        hang_here()
        os._exit(0)
    await answer(send, b"%d" % pid)


def with_child() -> Any:
    """Fork a process while the application is made, and say its number."""
    pid = os.fork()
    if pid == 0:
        hang_here()
        os._exit(0)
    say(f"forked {pid}")
    return number


def leaving() -> Any:
    """Leave the process while the application is made."""
    raise SystemExit(0)


def framed(text: str) -> bytes:
    """Return what a channel carries, whatever it means."""
    return len(text).to_bytes(4, "big") + text.encode()


NONSENSE = {
    "/noise": b"\xff" * 100,
    "/half": b"\0\x0f\xff\xff{",
    "/no-json": framed("GET / HTTP/1.1"),
    "/no-message": framed("[[]]"),
    "/wrong-type": framed('{"kind": "tick", "connections": "many"}'),
    "/unknown": framed('{"kind": "weather"}') + framed('{"kind": "start"}') + framed('{"kind": "stop"}'),
    "/out-of-place": b"".join(framed(f'{{"kind": "{kind}"}}') for kind in ("ready", "ending", "log", "failed")),
    "/draining": framed('{"kind": "draining", "reason": "a \\ud800 reason"}'),
}


async def babbling(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the number of the process; some paths write into the channel to the supervisor before."""
    assert scope["type"] == "http"
    if nonsense := NONSENSE.get(scope["path"]):
        channel = next(found for found in gc.get_objects() if isinstance(found, Channel))
        os.write(channel.fileno(), nonsense)
    await answer(send, b"%d" % os.getpid())


def hang_here() -> None:
    """Block for longer than any test takes."""
    time.sleep(600)


async def begun(scope: Any, receive: Any, send: Any) -> None:
    """Answer when the body is whole; say when a request has begun."""
    assert scope["type"] == "http"
    say("began")
    while (await receive()).get("more_body"):
        pass
    await answer(send, b"%d" % os.getpid())


def one_only() -> Any:
    """Return an application once, and fail for every process after the first."""
    with Path(os.environ["CLAIM"]).open("x"):
        return number


def hungry() -> Any:
    """Return an application; leave every process after the first hardly any descriptors."""
    try:
        return one_only()
    except FileExistsError:
        highest = max(int(name) for name in os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 2, highest + 2))
        return number


def broken() -> Any:
    """Fail."""
    raise RuntimeError("the moon is not in position")


def made() -> Any:
    """Say that it was called; return an application."""
    say(f"made by {os.getpid()}")
    return number


def with_thread() -> Any:
    """Start a thread while the application is made."""
    threading.Thread(target=time.sleep, args=(600,), name="metronome", daemon=True).start()
    return number


def slow_while_there() -> Any:
    """Take as long as a file is there."""
    while Path(os.environ["BRAKE"]).exists():
        time.sleep(0.01)
    return number


def signalled_in_a_callback() -> Any:
    """Take a signal in a callback of a weak reference, as the machinery of imports has them, and take for ever."""

    class Module:
        pass

    module = Module()
    reference = weakref.ref(module, lambda reference: os.kill(os.getpid(), int(os.environ["NUMBER"])))
    del module
    while reference() is None:
        time.sleep(0.01)


async def failing_start(scope: Any, receive: Any, send: Any) -> None:
    """Fail during lifespan.startup as long as a file is there."""
    if scope["type"] == "lifespan":
        await receive()
        if Path(os.environ["BRAKE"]).exists():
            raise RuntimeError("the tide is out")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await number(scope, receive, send)


def before(index: int) -> None:
    """Say that a worker is about to be forked."""
    say(f"before_fork {index} in {os.getpid()}")


def after(index: int) -> None:
    """Say that a worker was forked."""
    say(f"after_fork {index} in {os.getpid()}")


def failing_hook(index: int) -> None:
    """Fail."""
    raise RuntimeError("no anchor")


async def identity(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the number of the process, with a length."""
    assert scope["type"] == "http"
    body = b"%d" % os.getpid()
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def live(scope: Any, receive: Any, send: Any) -> None:
    """Stream events until told, and then a last one; to a WebSocket say nothing; say how each was told."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        message = await receive()
        say(f"socket told by {message['type']} {message['code']}")
        return
    assert scope["type"] == "http"
    assert (await receive())["more_body"] is False
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"data: first\n\n", "more_body": True})
    message = await receive()
    say(f"stream told by {message['type']}")
    await send({"type": "http.response.body", "body": b"data: last\n\n"})
