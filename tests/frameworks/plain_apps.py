"""Applications without a framework: a function, an instance, a class, one of ASGI 2, one that a factory makes."""

import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

__all__ = ["Classic", "Instance", "app", "instance", "legacy", "make_app", "without_lifespan"]

Scope = dict[str, Any]


def say(line: str) -> None:
    """Print a line where the test reads the log."""
    print(f"app: {line}", file=sys.stderr, flush=True)


async def app(scope: Scope, receive: Any, send: Any) -> None:
    """Serve lifespan and HTTP."""
    if scope["type"] == "lifespan":
        await agree(scope, receive, send)
    elif scope["type"] == "http":
        await ROUTES.get(scope["path"], show_missing)(scope, receive, send)
    else:
        raise ValueError(f"unknown scope {scope['type']!r}")


async def without_lifespan(scope: Scope, receive: Any, send: Any) -> None:
    """Serve HTTP, and raise for anything else."""
    assert scope["type"] == "http"
    await app(scope, receive, send)


async def agree(scope: Scope, receive: Any, send: Any) -> None:
    """Take part in the lifespan; leave something for each request."""
    await receive()
    scope["state"]["greeting"] = "hello"
    await send({"type": "lifespan.startup.complete"})
    await receive()
    say("lifespan is over")
    await send({"type": "lifespan.shutdown.complete"})


async def body_of(receive: Any) -> bytes:
    """Return the whole body."""
    body, more = b"", True
    while more:
        message = await receive()
        assert message["type"] == "http.request"
        body, more = body + message["body"], message["more_body"]
    return body


async def answer(send: Any, value: Any, status: int = 200) -> None:
    """Send JSON."""
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(value).encode()})


async def show_json(scope: Scope, receive: Any, send: Any) -> None:
    """Answer with what was posted."""
    say("reading")
    await answer(send, {"got": json.loads(await body_of(receive)), "asgi": scope["asgi"], "state": scope["state"]})


async def show_form(scope: Scope, receive: Any, send: Any) -> None:
    """Answer with what a form held, and the query."""
    form = parse_qs((await body_of(receive)).decode())
    await answer(send, {"form": form, "query": parse_qs(scope["query_string"].decode())})


async def send_stream(scope: Scope, receive: Any, send: Any) -> None:
    """Answer in pieces, some of them empty."""
    await send({"type": "http.response.start", "status": 200})
    for number in range(100):
        await send({"type": "http.response.body", "body": b"%d," % number, "more_body": True})
        await send({"type": "http.response.body", "more_body": True})
    await send({"type": "http.response.body"})


async def fail(scope: Scope, receive: Any, send: Any) -> None:
    """Raise."""
    raise LookupError("this route always fails")


async def answer_nothing(scope: Scope, receive: Any, send: Any) -> None:
    """Return without a word."""


async def show_missing(scope: Scope, receive: Any, send: Any) -> None:
    """Be the page for what is not there."""
    await answer(send, {"missing": scope["path"]}, status=404)


ROUTES: dict[str, Callable[[Scope, Any, Any], Awaitable[None]]] = {
    "/json": show_json,
    "/form": show_form,
    "/stream": send_stream,
    "/fail": fail,
    "/silent": answer_nothing,
}


class Instance:
    """Be called."""

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Do what the function does."""
        await app(scope, receive, send)


instance = Instance()


class Classic:
    """Be an application of ASGI 2 written as a class."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, receive: Any, send: Any) -> None:
        """Do what the function does."""
        await app(self.scope, receive, send)


def legacy(scope: Scope) -> Callable[[Any, Any], Awaitable[None]]:
    """Be an application of ASGI 2 written as a function."""

    async def call(receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return call


def make_app() -> Callable[[Scope, Any, Any], Awaitable[None]]:
    """Be a factory."""
    return app
