"""A WebSocket client on a `Peer`: it masks what it sends and reads the server's frames, by hand and strictly.

client = await WebSocketClient.connect(stage, app)
assert (await client.answer()).status == 101
client.send_text("hello")
assert await client.message() == "hello"
client.close(1000)
assert await client.closing() == (1000, "")
"""

import struct
from typing import Any, Self

from tests.support.frames import masked
from tests.support.http1 import Answer
from tests.support.peer import Peer
from tests.support.stage import Stage

__all__ = ["ACCEPT", "KEY", "WebSocketClient", "asking", "frame"]

#: The example of RFC 6455 §1.3.
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

TEXT = 1
BINARY = 2
CLOSE = 8
PING = 9
PONG = 10


def asking(path: str = "/", *fields: str, key: bytes = KEY, version: str = "13") -> bytes:
    """Return the head of a request for a WebSocket."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: a",
        "Connection: Upgrade",
        "Upgrade: websocket",
        f"Sec-WebSocket-Version: {version}",
        f"Sec-WebSocket-Key: {key.decode()}",
        *fields,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """Return one frame of a client."""
    return masked((0x80 if fin else 0) | opcode, payload)


class WebSocketClient:
    """Be a client that opens one WebSocket."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    @classmethod
    async def connect(cls, stage: Stage, app: Any = None, request: bytes | None = None) -> Self:
        """Connect and ask."""
        peer = await stage.connect(app)
        peer.send(asking() if request is None else request)
        return cls(peer)

    @classmethod
    async def opened(cls, stage: Stage, app: Any = None, request: bytes | None = None) -> Self:
        """Connect, ask, and be accepted."""
        client = await cls.connect(stage, app, request)
        answer = await client.answer()
        assert answer.status == 101
        return client

    # what it sends

    def send_text(self, text: str) -> None:
        """Send a text message."""
        self.peer.send(frame(TEXT, text.encode()))

    def send_bytes(self, data: bytes) -> None:
        """Send a binary message."""
        self.peer.send(frame(BINARY, data))

    def close(self, code: int | None = 1000, reason: str = "") -> None:
        """Send a close frame; without a code it is empty."""
        self.peer.send(frame(CLOSE, b"" if code is None else struct.pack(">H", code) + reason.encode()))

    # what it reads

    async def answer(self) -> Answer:
        """Wait for the answer to the handshake, and take it."""
        received = self.peer.received
        await self.peer.until(lambda: b"\r\n\r\n" in received, "the head of an answer")
        head, _, _ = bytes(received).partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            return await self.peer.answer()
        del received[: len(head) + 4]
        lines = [line.partition(b": ") for line in head.split(b"\r\n")[1:]]
        return Answer(101, [(name, value) for name, _, value in lines])

    async def frame(self) -> tuple[int, bytes]:
        """Wait for one frame of the server and take it: opcode and payload. It must be a whole message."""
        await self.peer.until(lambda: self._frame_size() > 0, "a frame")
        size = self._frame_size()
        data = bytes(self.peer.received[:size])
        del self.peer.received[:size]
        assert data[0] & 0xF0 == 0x80, data[:1]
        return data[0] & 0x0F, data[self._head_size(data) :]

    async def message(self) -> str | bytes:
        """Wait for one message and take it."""
        opcode, payload = await self.frame()
        assert opcode in (TEXT, BINARY), (opcode, payload)
        return payload.decode() if opcode == TEXT else payload

    async def closing(self) -> tuple[int, str]:
        """Wait for the server's close frame; return its code, 1005 without one, and its reason."""
        opcode, payload = await self.frame()
        assert opcode == CLOSE, (opcode, payload)
        if not payload:
            return 1005, ""
        return struct.unpack(">H", payload[:2])[0], payload[2:].decode()

    # internals

    def _head_size(self, data: bytes | bytearray) -> int:
        assert not data[1] & 0x80, "a server does not mask"
        return 2 + {126: 2, 127: 8}.get(data[1], 0)

    def _frame_size(self) -> int:
        """Return the size of the frame that has come whole, 0 if none has."""
        data = self.peer.received
        if len(data) < 2 or len(data) < self._head_size(data):
            return 0
        head = self._head_size(data)
        size = data[1] if head == 2 else int.from_bytes(data[2:head], "big")
        return head + size if len(data) >= head + size else 0
