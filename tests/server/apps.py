"""The applications that the tests of the server serve; a client decides when they go on, so no test sleeps."""

import asyncio
import json
import os
import resource
import subprocess
import sys
import threading
import time
from typing import Any

Message = dict[str, Any]
#: The most memory that the process had taken before it served.
START_BYTES = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Answer at once; speak no lifespan."""
    assert scope["type"] == "http"
    await answer(send, b"hello")


async def answer(send: Any, body: bytes) -> None:
    """Send a whole response."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the body when it is whole: the client decides when. Say what the lifespan does."""
    if scope["type"] == "lifespan":
        await say_lifespan(receive, send)
        return
    say("began")
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            say("disconnected")
            return
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await answer(send, body)
    say("answered")


async def deferred(scope: Any, receive: Any, send: Any) -> None:
    """Answer in a later turn of the loop, without a look at what the client does."""
    assert scope["type"] == "http"
    for _ in range(10):
        await asyncio.sleep(0)
    await answer(send, b"late")


async def stream(scope: Any, receive: Any, send: Any) -> None:
    """Stream a chunk, then wait until the client leaves, or is said to have left."""
    if scope["type"] == "lifespan":
        await say_lifespan(receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    await receive()
    while (await receive())["type"] != "http.disconnect":
        pass
    say("told")
    await send({"type": "http.response.body", "body": b"last"})


async def sockets(scope: Any, receive: Any, send: Any) -> None:
    """Send WebSocket messages back and say how each WebSocket ended; answer HTTP."""
    if scope["type"] == "lifespan":
        await say_lifespan(receive, send)
        return
    if scope["type"] == "http":
        await answer(send, b"plain")
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})
    say(f"ended {message['code']} {message['reason']}")


async def deaf(scope: Any, receive: Any, send: Any) -> None:
    """Neither accept nor refuse a WebSocket; answer HTTP."""
    if scope["type"] == "http":
        await answer(send, b"plain")
        return
    assert scope["type"] == "websocket"
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def stubborn(scope: Any, receive: Any, send: Any) -> None:
    """Begin a response and never end it."""
    if scope["type"] == "lifespan":
        await say_lifespan(receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        say("cancelled")
        raise


async def silent(scope: Any, receive: Any, send: Any) -> None:
    """Begin no response, however long the client waits."""
    if scope["type"] == "lifespan":
        await say_lifespan(receive, send)
        return
    say("began")
    await asyncio.Event().wait()


async def threaded(scope: Any, receive: Any, send: Any) -> None:
    """Wait in a thread, which cannot be cancelled, until the file `go` is there; nor can the application."""
    if scope["type"] == "lifespan":
        await say_lifespan(receive, send)
        return
    thread = threading.Thread(target=wait_for_go)
    thread.start()
    say("began")
    while thread.is_alive():
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            say("cancelled")


def wait_for_go() -> None:
    """Return when the file `go` is there."""
    while not os.path.exists("go"):
        time.sleep(0.01)


async def blocking(scope: Any, receive: Any, send: Any) -> None:
    """At /block, hold the whole event loop until the file `go` is there."""
    assert scope["type"] == "http"
    if scope["path"] == "/block":
        say("blocking")
        wait_for_go()
    await answer(send, b"hello")


async def growing(scope: Any, receive: Any, send: Any) -> None:
    """Keep 64 MiB for every request."""
    assert scope["type"] == "http"
    kept.append(b"\1" * (64 * 1024 * 1024))
    await answer(send, b"hello")


kept: list[bytes] = []


async def starting_a_program(scope: Any, receive: Any, send: Any) -> None:
    """Start a program that inherits what it can, and answer with its number."""
    assert scope["type"] == "http"
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], close_fds=False)
    await answer(send, b"%d" % program.pid)


async def whoami(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the number of the process."""
    assert scope["type"] == "http"
    await answer(send, b"%d" % os.getpid())


def make_nothing() -> Any:
    """Fail to make an application."""
    raise LookupError("no settings")


async def stateful(scope: Any, receive: Any, send: Any) -> None:
    """Answer with what the lifespan left, and spoil the copy of it."""
    if scope["type"] == "lifespan":
        scope["state"]["greeting"] = b"from the lifespan"
        await say_lifespan(receive, send)
        return
    await answer(send, scope["state"].pop("greeting"))


def old(scope: Any) -> Any:
    """Be an ASGI 2 application; answer with the version that its scope says."""

    async def instance(receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await answer(send, scope["asgi"]["version"].encode())

    return instance


async def slow_start(scope: Any, receive: Any, send: Any) -> None:
    """Never finish the start-up."""
    await receive()
    say("starting")
    try:
        await asyncio.Event().wait()
    finally:
        say("start-up cleaned up")


async def failing_start(scope: Any, receive: Any, send: Any) -> None:
    """Raise during the start-up."""
    await receive()
    raise LookupError("no database")


async def exiting_start(scope: Any, receive: Any, send: Any) -> None:
    """Leave the process during the start-up."""
    await receive()
    sys.exit(7)


async def stuck_end(scope: Any, receive: Any, send: Any) -> None:
    """Never finish the shutdown."""
    if scope["type"] != "lifespan":
        await answer(send, b"hello")
        return
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    say("stuck")
    await asyncio.Event().wait()


async def say_lifespan(receive: Any, send: Any) -> None:
    """Take part in the lifespan."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    say("lifespan shutdown")
    await send({"type": "lifespan.shutdown.complete"})


def say(line: str) -> None:
    """Print a line where the test reads the log."""
    print(f"app: {line}", file=sys.stderr, flush=True)


async def large(scope: Any, receive: Any, send: Any) -> None:
    """Answer "/n" with n mebibytes in one piece, and "/rss" with how much memory they take beyond what was there."""
    if scope["type"] == "lifespan":
        await say_lifespan(receive, send)
        return
    body = b"x" * (int(scope["path"][1:]) * 1024 * 1024) if scope["path"][1:].isdigit() else b"%d" % peak_bytes()
    fields = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def peak_bytes() -> int:
    """Return by how much the memory of this process has been larger than when it began to serve."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - START_BYTES


async def extensions(scope: Any, receive: Any, send: Any) -> None:
    """Answer with what the scope says of TLS, as JSON."""
    if scope["type"] == "lifespan":
        await say_lifespan(receive, send)
        return
    await answer(send, json.dumps([scope["scheme"], scope["extensions"].get("tls")]).encode())
