"""Answer canned WebSocket frames from a bare `asyncio.Protocol` on uvloop: nothing is unmasked, nothing is made.

The first frame of a connection is read, and its echo is the answer to everything that follows: as many answers as
frames of that length have come. On `/broadcast` everybody is answered. `python floor_sockets.py HOST PORT`.
"""

import asyncio
import base64
import hashlib
import sys
from typing import cast

import uvloop

HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\nHello, world!"
SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
EVERYBODY: "list[Canned]" = []


class Canned(asyncio.Protocol):
    """Upgrade, learn one message, and answer it for every frame."""

    __slots__ = ("answer", "is_broadcast", "is_open", "length", "rest", "transport")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # uvloop's transports are asyncio's in all but their base class.
        self.transport = cast(asyncio.Transport, transport)
        self.is_open = self.is_broadcast = False
        self.answer = b""
        self.length = self.rest = 0

    def data_received(self, data: bytes) -> None:
        """Answer; a frame may arrive in parts, but for the first small one."""
        if not self.is_open:
            self.transport.write(self.open(data) if b"Upgrade: websocket" in data else HELLO)
            return
        if not self.length:
            self.learn(data)
        count, self.rest = divmod(self.rest + len(data), self.length)
        if count and self.is_broadcast:
            for each in EVERYBODY:
                each.transport.write(self.answer)
        elif count:
            self.transport.write(self.answer * count)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the connection."""
        if self.is_broadcast:
            EVERYBODY.remove(self)

    def open(self, head: bytes) -> bytes:
        """Return the answer to a handshake."""
        self.is_open = True
        self.is_broadcast = head.startswith(b"GET /broadcast ")
        if self.is_broadcast:
            EVERYBODY.append(self)
        key = head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        accept = base64.b64encode(hashlib.sha1(key + SUFFIX).digest())
        fields = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept
        return b"HTTP/1.1 101 Switching Protocols\r\n" + fields + b"\r\n\r\n"

    def learn(self, data: bytes) -> None:
        """Take the first frame for the pattern of all; what it repeats is known from its first 64 bytes."""
        size, start = data[1] & 0x7F, 2
        if size >= 126:
            start += 2 if size == 126 else 8
            size = int.from_bytes(data[2:start], "big")
        key, pattern = data[start : start + 4], data[start + 4 : start + 4 + min(size, 64)]
        payload = bytes(byte ^ key[place % 4] for place, byte in enumerate(pattern)) * (size // len(pattern))
        self.length = start + 4 + size
        self.answer = data[:1] + bytes((data[1] & 0x7F,)) + data[2:start] + payload


async def serve(host: str, port: int) -> None:
    """Listen until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Canned, host, port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
