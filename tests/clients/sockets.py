"""The application that WebSocket clients are let loose on; the first part of the path chooses what it does.

The last part of a path is the client's choice: under that name `/ended/` tells how its socket ended. HTTP is here for
what tests of WebSocket need; everything else of it is in `apps.py`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import apps
from apps import answer, last_of

__all__ = ["app"]

Scope = dict[str, Any]
#: The last message that each socket's receive() gave, by name; a Future of it until then.
ENDS: dict[str, asyncio.Future[dict[str, Any]]] = {}


async def app(scope: Scope, receive: Any, send: Any) -> None:
    """Serve lifespan, HTTP and WebSocket."""
    if scope["type"] == "lifespan":
        await apps.app(scope, receive, send)
        return
    routes = PAGES if scope["type"] == "http" else SOCKETS
    await routes[scope["path"].split("/")[1]](scope, receive, send)


def end_of(name: str) -> asyncio.Future[dict[str, Any]]:
    """Return the future of how a socket ends."""
    return ENDS.setdefault(name, asyncio.get_running_loop().create_future())


# --- WebSocket ----------------------------------------------------------------------------------------------


async def echo(scope: Scope, receive: Any, send: Any) -> None:
    """Send everything back, but obey "close CODE REASON", "fail" and "return"; note how it ended."""
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept", "headers": [(b"x-route", b"echo")]})
    while (message := await receive())["type"] == "websocket.receive":
        order, _, more = (message.get("text") or "").partition(" ")
        if order == "return":
            return
        if order == "fail":
            raise LookupError("this route fails when it is told to")
        if order == "close":
            code, _, reason = more.partition(" ")
            await send({"type": "websocket.close", "code": int(code), "reason": reason})
            continue
        await send({**message, "type": "websocket.send"})
    end_of(last_of(scope)).set_result(message)


async def choose(scope: Scope, receive: Any, send: Any) -> None:
    """Accept with the last subprotocol that is offered, if any is, and say what the scope was."""
    await receive()
    offered = scope["subprotocols"]
    await send({"type": "websocket.accept", "subprotocol": offered[-1] if offered else None})
    shown = {name: scope[name] for name in ("type", "scheme", "path", "http_version", "subprotocols")}
    shown["query"] = scope["query_string"].decode("ascii")
    await send({"type": "websocket.send", "text": json.dumps(shown)})
    await receive()


async def refuse(scope: Scope, receive: Any, send: Any) -> None:
    """Close before it is accepted."""
    await receive()
    await send({"type": "websocket.close"})


async def deny(scope: Scope, receive: Any, send: Any) -> None:
    """Answer with a response of our own, in pieces."""
    await receive()
    headers = [(b"content-type", b"text/plain"), (b"x-why", b"no ticket")]
    await send({"type": "websocket.http.response.start", "status": 401, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b"You need ", "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b"a ticket"})


async def count(scope: Scope, receive: Any, send: Any) -> None:
    """Send so many numbers, then close."""
    await receive()
    await send({"type": "websocket.accept"})
    for number in range(int(last_of(scope))):
        await send({"type": "websocket.send", "text": str(number)})
    await send({"type": "websocket.close"})


# --- HTTP ---------------------------------------------------------------------------------------------------

PAGE = """<!doctype html><title>Sockets</title><script>
const open = (path, protocols) => new Promise((resolve, reject) => {
  const origin = location.origin.replace("http", "ws");
  const socket = new WebSocket(`${origin}${path}`, protocols), inbox = [], waiting = [];
  socket.binaryType = "arraybuffer";
  socket.onmessage = event => waiting.length ? waiting.shift()(event.data) : inbox.push(event.data);
  socket.next = () => inbox.length ? inbox.shift() : new Promise(done => waiting.push(done));
  socket.closed = new Promise(done => { socket.onclose = event => done([event.code, event.reason, event.wasClean]); });
  socket.onopen = () => resolve(socket);
  socket.onerror = () => reject("refused");
});
const play = async name => {
  const report = {};
  const socket = await open(`/echo/${name}`);
  report.extensions = socket.extensions;
  socket.send("héllo \\u{1f984}");
  report.text = await socket.next();
  socket.send(Uint8Array.from([0, 1, 254, 255]));
  report.bytes = [...new Uint8Array(await socket.next())];
  const long = "so many words ".repeat(50000);
  socket.send(long);
  report.long = (await socket.next()) == long;
  for (let number = 0; number < 1000; number++) socket.send(String(number));
  let matching = 0;
  for (let number = 0; number < 1000; number++) matching += (await socket.next()) == String(number);
  report.matching = matching;
  socket.close(3456, "enough");
  report.closed = await socket.closed;
  const told = await open(`/echo/${name}-told`);
  told.send("close 4321 go away");
  report.told = await told.closed;
  const chosen = await open("/choose", ["chat.v1", "chat.v2"]);
  report.protocol = chosen.protocol;
  chosen.close();
  await chosen.closed;
  report.refused = await open("/refuse").then(() => "open", reason => reason);
  return report;
};
</script>"""


async def show_page(scope: Scope, receive: Any, send: Any) -> None:
    """Answer with a page that plays when it is told to, and returns what it saw."""
    await answer(send, PAGE.encode(), kind=b"text/html; charset=utf-8")


async def show_end(scope: Scope, receive: Any, send: Any) -> None:
    """Wait until a socket has ended, and answer how."""
    await answer(send, json.dumps(await end_of(last_of(scope))).encode(), kind=b"application/json")


Route = Callable[[Scope, Any, Any], Awaitable[None]]
SOCKETS: dict[str, Route] = {"echo": echo, "choose": choose, "refuse": refuse, "deny": deny, "count": count}
PAGES: dict[str, Route] = {"page": show_page, "ended": show_end}
