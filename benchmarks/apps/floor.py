"""Answer canned bytes from a bare `asyncio.Protocol` on uvloop: nothing is parsed, nothing is made.

What a server costs more than this is its own doing. `python floor.py HOST PORT`.
"""

import asyncio
import sys
from typing import cast

import uvloop

ANSWER = (
    b"HTTP/1.1 200 OK\r\n"
    b"content-type: text/plain; charset=utf-8\r\n"
    b"content-length: 13\r\n"
    b"date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    b"server: canned\r\n"
    b"\r\n"
    b"Hello, world!"
)


class Canned(asyncio.Protocol):
    """Write one canned answer for every end of a head."""

    __slots__ = ("transport",)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # uvloop's transports are asyncio's in all but their base class.
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer. wrk's requests always arrive whole, so heads are counted, not followed."""
        self.transport.write(ANSWER * data.count(b"\r\n\r\n"))


async def serve(host: str, port: int) -> None:
    """Listen until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Canned, host, port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
