"""gRPC as a plain ASGI application (its protocol over HTTP/2): what a server must pass on for it to work at all.

Messages are bytes behind a flag and four bytes of length. The status of a call comes in trailers, or in the head when
there is nothing else to say.

    /check.Check/Unary      one message, answered in capitals
    /check.Check/Count      a number, answered by so many messages
    /check.Check/Gather     any number of messages, answered by their total size
    /check.Check/Talk       each message answered while more may come
    /check.Check/Refuse     NOT_FOUND, without a message
    /check.Check/Break      one message, then DATA_LOSS in trailers
    /check.Check/Wait       nothing, until the client has left
    /check.Check/Waiting    how many calls of Wait were begun
    /check.Check/Left       how many of them were left
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

__all__ = ["app"]

Scope = dict[str, Any]
OK, NOT_FOUND, UNIMPLEMENTED, DATA_LOSS = 0, 5, 12, 15
COUNTS = {"begun": 0, "left": 0}


class Call:
    """Speak with one client."""

    def __init__(self, scope: Scope, receive: Any, send: Any) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.is_begun = False

    async def messages(self) -> AsyncIterator[bytes]:
        """Yield each message as soon as it is whole. Raises ConnectionError when the client leaves."""
        received, more = b"", True
        while more:
            event = await self.receive()
            if event["type"] == "http.disconnect":
                raise ConnectionError("the client left")
            received += event.get("body", b"")
            more = event.get("more_body", False)
            while len(received) >= 5 and len(received) >= (end := 5 + int.from_bytes(received[1:5], "big")):
                yield received[5:end]
                received = received[end:]
        assert not received

    async def begin(self, *more: tuple[bytes, bytes]) -> None:
        """Send the head."""
        self.is_begun = True
        headers = [(b"content-type", b"application/grpc"), *more]
        await self.send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": not more})

    async def say(self, message: bytes) -> None:
        """Send a message."""
        if not self.is_begun:
            await self.begin()
        body = b"\0" + len(message).to_bytes(4, "big") + message
        await self.send({"type": "http.response.body", "body": body, "more_body": True})

    async def end(self, status: int = OK, text: bytes = b"") -> None:
        """Send the status."""
        fields = [(b"grpc-status", str(status).encode()), (b"grpc-message", text)]
        if not self.is_begun:
            await self.begin(*fields)
            await self.send({"type": "http.response.body"})
            return
        await self.send({"type": "http.response.body"})
        await self.send({"type": "http.response.trailers", "headers": fields})


async def app(scope: Scope, receive: Any, send: Any) -> None:
    """Serve gRPC alone."""
    assert scope["type"] == "http"
    assert scope["http_version"] == "2"
    assert (b"te", b"trailers") in scope["headers"]
    assert "http.response.trailers" in scope["extensions"]
    call = Call(scope, receive, send)
    await METHODS.get(scope["path"].rpartition("/")[2], say_unknown)(call)


async def answer_one(call: Call) -> None:
    """Answer in capitals."""
    async for message in call.messages():
        await call.say(message.upper())
    await call.end()


async def count(call: Call) -> None:
    """Answer with so many messages."""
    numbers = [int(message) async for message in call.messages()]
    for number in range(numbers[0]):
        await call.say(str(number).encode())
    await call.end()


async def gather(call: Call) -> None:
    """Answer how much came."""
    await call.say(str(sum([len(message) async for message in call.messages()])).encode())
    await call.end()


async def refuse(call: Call) -> None:
    """Have no message."""
    await call.end(NOT_FOUND, b"no such thing")


async def break_off(call: Call) -> None:
    """Fail behind a message."""
    await call.say(b"half")
    await call.end(DATA_LOSS, b"the rest is lost")


async def wait(call: Call) -> None:
    """Say nothing until the client leaves."""
    COUNTS["begun"] += 1
    await call.begin()
    try:
        while True:
            if (await call.receive())["type"] == "http.disconnect":
                return
    finally:
        COUNTS["left"] += 1


async def show_begun(call: Call) -> None:
    """Answer how many were begun."""
    await call.say(str(COUNTS["begun"]).encode())
    await call.end()


async def show_left(call: Call) -> None:
    """Answer how many were left."""
    await call.say(str(COUNTS["left"]).encode())
    await call.end()


async def say_unknown(call: Call) -> None:
    """Know no such method."""
    await call.end(UNIMPLEMENTED, b"no such method")


METHODS: dict[str, Callable[[Call], Awaitable[None]]] = {
    "Unary": answer_one,
    "Talk": answer_one,
    "Count": count,
    "Gather": gather,
    "Refuse": refuse,
    "Break": break_off,
    "Wait": wait,
    "Waiting": show_begun,
    "Left": show_left,
}
