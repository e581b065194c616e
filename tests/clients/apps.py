"""The application that clients and proxies are let loose on; the first part of the path chooses what it does.

Whatever is no route shows the request as it arrived, so oddities of targets need no route of their own.
"""

import asyncio
import hashlib
import json
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["PIECE_BYTES", "app", "pattern"]

Scope = dict[str, Any]
PIECE_BYTES = 64 * 1024
ASSETS = 50


def pattern(size: int) -> bytes:
    """Return bytes in which a piece that is lost, doubled or moved shows."""
    return array("I", range(size // 4 + 1)).tobytes()[:size]


# --- what every route uses ----------------------------------------------------------------------------------


async def app(scope: Scope, receive: Any, send: Any) -> None:
    """Serve lifespan and HTTP."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    assert scope["type"] == "http"
    await ROUTES.get(scope["path"].lstrip("/").partition("/")[0], show_request)(scope, receive, send)


async def answer(send: Any, body: bytes, status: int = 200, kind: bytes = b"text/plain") -> None:
    """Send a whole response."""
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": body})


async def pieces_of(receive: Any) -> AsyncIterator[bytes]:
    """Yield the body as it arrives. Raises ConnectionError when the client leaves inside of it."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client left")
        yield message.get("body", b"")
        more = message.get("more_body", False)


def last_of(scope: Scope) -> str:
    """Return the last part of the path."""
    return str(scope["path"].rpartition("/")[2])


# --- small answers ------------------------------------------------------------------------------------------


async def say_hello(scope: Scope, receive: Any, send: Any) -> None:
    """Answer at once."""
    await answer(send, b"Hello, world!")


async def show_request(scope: Scope, receive: Any, send: Any) -> None:
    """Answer what the server said of the request."""
    names = ("method", "path", "http_version", "client", "scheme", "server", "root_path", "extensions")
    shown = {name: scope[name] for name in names}
    shown["raw_path"] = scope["raw_path"].decode("latin-1")
    shown["query"] = scope["query_string"].decode("latin-1")
    shown["headers"] = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]
    await answer(send, json.dumps(shown, default=repr).encode(), kind=b"application/json")


async def refuse(scope: Scope, receive: Any, send: Any) -> None:
    """Answer without looking at the body."""
    await answer(send, b"no", status=403)


async def answer_nothing(scope: Scope, receive: Any, send: Any) -> None:
    """Answer without content."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def fail(scope: Scope, receive: Any, send: Any) -> None:
    """Raise before there is a response."""
    raise LookupError("this route always fails")


# --- bodies -------------------------------------------------------------------------------------------------


async def echo(scope: Scope, receive: Any, send: Any) -> None:
    """Answer with the body."""
    await answer(send, b"".join([piece async for piece in pieces_of(receive)]))


async def digest(scope: Scope, receive: Any, send: Any) -> None:
    """Answer what the body was, without keeping it."""
    size, hashed = 0, hashlib.sha256()
    async for piece in pieces_of(receive):
        size += len(piece)
        hashed.update(piece)
    await answer(send, json.dumps({"size": size, "sha256": hashed.hexdigest()}).encode(), kind=b"application/json")


async def send_back(scope: Scope, receive: Any, send: Any) -> None:
    """Send each piece of the body back as soon as it is here."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    async for piece in pieces_of(receive):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})


async def send_sized(scope: Scope, receive: Any, send: Any) -> None:
    """Send so many bytes, announced by their number."""
    await send_pieces(send, int(last_of(scope)), [(b"content-length", last_of(scope).encode())])


async def send_unsized(scope: Scope, receive: Any, send: Any) -> None:
    """Send so many bytes, without saying how many."""
    await send_pieces(send, int(last_of(scope)), [])


async def send_pieces(send: Any, size: int, headers: list[tuple[bytes, bytes]]) -> None:
    """Send a body piece by piece."""
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    body = pattern(size)
    for start in range(0, size, PIECE_BYTES):
        await send({"type": "http.response.body", "body": body[start : start + PIECE_BYTES], "more_body": True})
    await send({"type": "http.response.body"})


async def cut_short(scope: Scope, receive: Any, send: Any) -> None:
    """Raise in the middle of a response, "sized" or not."""
    headers = [(b"content-length", b"2000")] if last_of(scope) == "sized" else []
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": pattern(1000), "more_body": True})
    raise LookupError("this route fails half way")


# --- what only HTTP/1.1 has ---------------------------------------------------------------------------------


async def hint_early(scope: Scope, receive: Any, send: Any) -> None:
    """Send 103 before the answer."""
    await send({"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]})
    await answer(send, b"hinted")


async def send_trailers(scope: Scope, receive: Any, send: Any) -> None:
    """Send a field after the body."""
    headers = [(b"trailer", b"x-digest")]
    await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": True})
    await send({"type": "http.response.body", "body": b"one, ", "more_body": True})
    await send({"type": "http.response.body", "body": b"two"})
    await send({"type": "http.response.trailers", "headers": [(b"x-digest", b"abc")]})


# --- pages for a browser ------------------------------------------------------------------------------------


@dataclass
class Visit:
    """Hold what a browser fetched of one page, and what it reported."""

    assets: list[str] = field(default_factory=list)
    ports: set[int] = field(default_factory=set)
    report: Any = None
    is_reported: asyncio.Event = field(default_factory=asyncio.Event)


VISITS: dict[str, Visit] = {}

PAGE = """<!doctype html><title>Assets</title><body>%(tags)s<script>
const numbers = [...Array(%(count)d).keys()];
const style = getComputedStyle(document.documentElement);
addEventListener("load", async () => {
  const events = [];
  await new Promise(done => {
    const source = new EventSource("/events");
    source.onmessage = event => { events.push(event.data); if (events.length == 3) { source.close(); done(); } };
  });
  const echoed = await (await fetch("/echo", {method: "POST", body: "x".repeat(300000)})).text();
  const report = {
    scripts: numbers.filter(number => window["script" + number]).length,
    styles: numbers.filter(number => style.getPropertyValue("--style" + number)).length,
    images: [...document.images].filter(image => image.naturalWidth == 7).length,
    echoed: echoed.length,
    events,
  };
  await fetch("/report/%(visit)s", {method: "POST", body: JSON.stringify(report)});
});
</script>"""

TAGS = {
    "js": '<script src="/asset/{visit}/{number}.js"></script>',
    "css": '<link rel="stylesheet" href="/asset/{visit}/{number}.css">',
    "svg": '<img src="/asset/{visit}/{number}.svg">',
}
CONTENTS = {
    "js": (b"text/javascript", "window.script{number} = true;"),
    "css": (b"text/css", ":root {{ --style{number}: 1; }}"),
    "svg": (b"image/svg+xml", '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"><!-- {number} --></svg>'),
}


async def show_page(scope: Scope, receive: Any, send: Any) -> None:
    """Answer with a page that needs 50 assets and reports what it got."""
    visit = last_of(scope)
    VISITS.setdefault(visit, Visit())
    kinds = list(TAGS)
    tags = [TAGS[kinds[number % 3]].format(visit=visit, number=number) for number in range(ASSETS)]
    page = PAGE % {"tags": "".join(tags), "count": ASSETS, "visit": visit}
    await answer(send, page.encode(), kind=b"text/html")


async def show_asset(scope: Scope, receive: Any, send: Any) -> None:
    """Answer with a script, a style sheet or an image, and count it."""
    visit = VISITS[scope["path"].split("/")[2]]
    visit.assets.append(last_of(scope))
    visit.ports.add(scope["client"][1])
    number, _, suffix = last_of(scope).partition(".")
    kind, content = CONTENTS[suffix]
    await answer(send, content.format(number=number).encode(), kind=kind)


async def send_events(scope: Scope, receive: Any, send: Any) -> None:
    """Send three server-sent events, then wait until the client leaves."""
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for number in range(3):
        await send({"type": "http.response.body", "body": b"data: event %d\n\n" % number, "more_body": True})
    async for _ in pieces_of(receive):
        pass
    await receive()
    await send({"type": "http.response.body"})


async def take_report(scope: Scope, receive: Any, send: Any) -> None:
    """POST: take a browser's report. GET: wait for it, and answer with it and what was counted here."""
    visit = VISITS.setdefault(last_of(scope), Visit())
    if scope["method"] == "POST":
        visit.report = json.loads(b"".join([piece async for piece in pieces_of(receive)]))
        visit.is_reported.set()
    await visit.is_reported.wait()
    shown = {"report": visit.report, "assets": visit.assets, "connections": len(visit.ports)}
    await answer(send, json.dumps(shown).encode(), kind=b"application/json")


ROUTES: dict[str, Callable[[Scope, Any, Any], Awaitable[None]]] = {
    "hello": say_hello,
    "refuse": refuse,
    "nothing": answer_nothing,
    "fail": fail,
    "echo": echo,
    "digest": digest,
    "back": send_back,
    "sized": send_sized,
    "unsized": send_unsized,
    "cut": cut_short,
    "hint": hint_early,
    "trailers": send_trailers,
    "page": show_page,
    "asset": show_asset,
    "events": send_events,
    "report": take_report,
}
