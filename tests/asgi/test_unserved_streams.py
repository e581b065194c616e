"""Requests that no cycle serves do not count as streams of their connection for ever."""

import asyncio
from typing import Any

from licorne.asgi.run import Application, AsgiOptions
from licorne.engine.limits import Limits
from tests.support.http2_frames import PREFACE, RST_STREAM, Code, headers, request, reset, settings, split_frame
from tests.support.http2_play import new_connection
from tests.support.memory_link import MemoryLink
from tests.support.peer import Peer


async def never_end(scope: Any, receive: Any, send: Any) -> None:
    """Keep the only place that there is."""
    await asyncio.Event().wait()


def refused(peer: Peer) -> list[int]:
    """Return the streams that were refused."""
    data, found = bytearray(peer.received), []
    while (frame := split_frame(data)) is not None:
        del data[: 9 + len(frame.payload)]
        if frame.kind == RST_STREAM and frame.code == Code.REFUSED_STREAM:
            found.append(frame.stream)
    return found


async def ask_and_leave(limits: Limits, options: AsgiOptions) -> list[int]:
    """Have requests wait that are reset, twice, with the end of their wait between; return who was refused."""
    application = Application(never_end, {}, options, clock=lambda: 0.0)
    peer = Peer()
    link = MemoryLink(new_connection(limits), application.begin, peer)
    link.connection.start(0.0)
    first = 3
    link.connection.receive_data(PREFACE + settings() + headers(1, request()), 0.0)
    link.pump()
    for now in (2.0, 4.0):
        for stream in range(first, first + 8, 2):
            link.connection.receive_data(headers(stream, request()), 0.0)
            link.pump()
            link.connection.receive_data(reset(stream), 0.0)
            link.pump()
        first += 8
        application.tick(now)
    link.lose()
    for task in list(link.cycles):
        task.cancel()
    return refused(peer)


def test_requests_that_were_reset_while_they_waited_make_room() -> None:
    options = AsgiOptions(limit_concurrency=1, concurrency_wait=1.0)
    assert asyncio.run(ask_and_leave(Limits(h2_max_streams=5), options)) == []


def test_requests_that_were_reset_and_wait_still_count() -> None:
    options = AsgiOptions(limit_concurrency=1, concurrency_wait=3.0)
    assert asyncio.run(ask_and_leave(Limits(h2_max_streams=5), options)) == [11, 13, 15, 17]
