"""A client uploads 1 GiB to an application that never reads it, with a length and chunked; then to one that does.

Promised: memory stays flat in every case, and the client gets its answer.
"""

import select
import socket
import time
from dataclasses import dataclass

from ..running import Running
from .stage import MIB, Stage, Verdict

__all__ = ["play"]

UPLOAD_BYTES = 1024 * MIB
HOLD_SECONDS = 4.0
# After its answer the server may linger, and one that never stops taking must not keep us here.
LIMIT_SECONDS = 20.0
RSS_SLACK = 1 * MIB
PIECE = b"x" * 65536
SAMPLE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Upload:
    """Hold what became of one upload."""

    sent: int
    seconds: float
    growth: int
    answer: bytes


def play(stage: Stage) -> Verdict:
    """Upload three times to one server."""
    verdict = Verdict()
    with stage.live() as live:
        _upload(live, "/drain", 64 * MIB, is_chunked=False)
        unread = f"/unread?{HOLD_SECONDS:g}"
        _judge(verdict, "never read", _upload(live, unread, UPLOAD_BYTES, is_chunked=False))
        _judge(verdict, "never read, chunked", _upload(live, unread, UPLOAD_BYTES, is_chunked=True))
        _judge(verdict, "read", _upload(live, "/drain", UPLOAD_BYTES, is_chunked=False))
    return verdict


def _judge(verdict: Verdict, name: str, upload: Upload) -> None:
    status = upload.answer[9:12].decode() or "nothing"
    verdict.show(
        name,
        f"{upload.sent / MIB:,.1f} MiB taken in {upload.seconds:.1f} s, answered {status}, "
        f"memory grew by {upload.growth / MIB:.2f} MiB",
    )
    verdict.expect(f"{name}: memory grows by less than {RSS_SLACK // MIB} MiB", upload.growth < RSS_SLACK)
    verdict.expect(f"{name}: the client is answered 200", status == "200")


def _upload(live: Running, path: str, length: int, *, is_chunked: bool) -> Upload:
    """Push until all is sent, the server closes, or time is up; watch the server's memory meanwhile."""
    before = highest = live.rss()
    framing = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {length}"
    piece = b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if is_chunked else PIECE
    begun = sampled_at = time.monotonic()
    sent, answer = 0, b""
    with live.connect() as client:
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n".encode())
        client.setblocking(False)
        pending = memoryview(b"")
        while not _is_over(answer, sent, length) and time.monotonic() - begun < LIMIT_SECONDS:
            pending = pending or memoryview(piece)[: None if is_chunked else length - sent]
            count, heard = _exchange(client, pending)
            answer += heard
            if count is None:
                break
            sent, pending = sent + count, pending[count:]
            if time.monotonic() - sampled_at > SAMPLE_SECONDS:
                highest, sampled_at = max(highest, live.rss()), time.monotonic()
    return Upload(sent, time.monotonic() - begun, max(highest, live.rss()) - before, answer)


def _is_over(answer: bytes, sent: int, length: int) -> bool:
    return sent >= length and answer != b""


def _exchange(client: socket.socket, pending: memoryview) -> tuple[int | None, bytes]:
    """Send and receive what goes without waiting; the count is None when the server has closed."""
    readable, writable, _ = select.select([client], [client] if pending else [], [], SAMPLE_SECONDS)
    heard = b""
    try:
        if readable:
            heard = client.recv(65536)
            if not heard:
                return None, b""
        return client.send(pending) if writable else 0, heard
    except BlockingIOError:
        return 0, heard
    except OSError:
        return None, heard
