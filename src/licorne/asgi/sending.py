"""Sending: what an application waits for behind what it has sent, and files that must pass through an engine.

An application waits for two things: its own exchange, whose peer may let only so much out (the windows of HTTP/2),
and the transport that all exchanges of a link share.
"""

from licorne.asgi.files import FileRange
from licorne.engine.exchange import Exchange
from licorne.link import Link

__all__ = ["until_room", "write_file"]

_READ_BYTES = 128 * 1024


async def until_room(exchange: Exchange, link: Link) -> None:
    """Wait for both."""
    while exchange.is_full():
        if exchange.write_gate is None:
            exchange.write_gate = link.gate()
        await exchange.write_gate.wait()
    waiting = link.drain()
    if waiting is not None:
        await waiting


async def write_file(part: FileRange, exchange: Exchange, link: Link) -> None:
    """Send a part of a file as body, where the engine has to see it, between `start_file` and `finish_file`.

    Raises:
        ClientDisconnected: The peer left.
        OSError: The file cannot be read, or is shorter than it was.
    """
    left = part.count
    while left:
        data = part.read(part.count - left, min(left, _READ_BYTES))
        left -= len(data)
        exchange.write_file(data)
        link.pump()
        await until_room(exchange, link)
        await link.turn()
