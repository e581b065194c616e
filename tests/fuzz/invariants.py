"""What must hold for any bytes whatever. A target turns its input into calls of these; an AssertionError is a find.

1. Nothing raises: a peer's fault is an answer, never an exception.
2. The same bytes have the same outcome however they are cut.
3. What is held for a peer is bounded by the limits and one read.
4. After a refusal, or the last answer, nothing more is parsed.
5. What is sent is a sequence of whole responses, one for each request, and at most one refusal at the end.
6. The oracle, which shares no code with the engine, has the same opinion.
"""

from collections.abc import Callable, Iterable

from licorne.engine.connection import Closing, Connection
from licorne.engine.http1.chunked import parse_chunk_line
from licorne.engine.limits import Limits
from licorne.errors import RemoteProtocolError
from tests.support.cuts import byte_by_byte
from tests.support.http1 import NOW, Conversation, Seen, converse, read_answers
from tests.support.oracle import CHUNK_LINE, CONTROL, MAX_EXTENSION_LINE, MAX_LENGTH, judge

__all__ = ["TIGHT", "check_chunk_line", "check_outcome", "check_reading_ahead"]

#: Limits that a few hundred bytes can cross.
TIGHT = Limits(
    max_line_bytes=100,
    max_head_bytes=300,
    max_fields=6,
    max_body_bytes=200,
    max_chunk_extension_bytes=60,
    max_trailer_bytes=80,
    max_trailers=3,
    max_requests=4,
    high_water_bytes=64,
)
PROBE = b"GET /probe HTTP/1.1\r\nHost: probe.example\r\n\r\n"
#: An adversary may make the server hold this much beside the limits: one incomplete line and one read.
SLACK = 64 * 1024

Outcome = tuple[list[Seen], list[int], bool]


def check_outcome(new_connection: Callable[[], Connection], limits: Limits, pieces: list[bytes], ends: bool) -> None:
    """Play the pieces, the whole and the single bytes; compare the three with each other and with the oracle."""
    data = b"".join(pieces)
    whole = converse(new_connection(), [data], ends=ends)
    outcome = _outcome(whole)
    assert _outcome(converse(new_connection(), pieces, ends=ends)) == outcome, "cut as given"
    assert _outcome(converse(new_connection(), byte_by_byte(data), ends=ends)) == outcome, "byte by byte"
    _check_end(whole)
    _check_oracle(data, limits, ends, outcome)


def check_reading_ahead(connection: Connection, pieces: Iterable[bytes], limits: Limits) -> None:
    """Play the pieces to an application that neither reads nor answers; see that little is held for it."""
    connection.start(NOW)
    exchange, largest = None, 0
    for piece in pieces:
        if connection.closing != Closing.OPEN or not connection.wants_data():
            break
        connection.receive_data(piece, NOW)
        largest = max(largest, len(piece))
        exchange = exchange or connection.next_exchange(NOW)
        if exchange is not None:
            assert exchange.body.size() <= limits.high_water_bytes + largest
        assert connection.pending_bytes() < SLACK
    assert connection.next_exchange(NOW) is None or exchange is None, "a second exchange before the first is answered"


def check_chunk_line(line: bytes) -> None:
    """Compare the reader of chunk lines with the grammar; the parser has refused control characters before."""
    if CONTROL.search(line):
        return
    try:
        size = parse_chunk_line(line)
    except RemoteProtocolError as refusal:
        size = -refusal.status
    match = CHUNK_LINE.fullmatch(line)
    if not match:
        assert size == -400
    elif int(match[1], 16) > MAX_LENGTH:
        assert size == -413
    elif len(match[2]) <= MAX_EXTENSION_LINE:
        assert size == int(match[1], 16)


def _outcome(conversation: Conversation) -> Outcome:
    complete = [seen for seen in conversation.requests if seen.is_complete]
    methods = [seen.method for seen in complete]
    answers = read_answers(conversation.sent(), methods, conversation.is_closing())
    statuses = [answer.status for answer in answers]
    assert statuses[: len(complete)] == [200] * len(complete)
    assert len(statuses) <= len(complete) + 1
    assert conversation.connection.closing != Closing.ABORT
    return complete, statuses[len(complete) :], conversation.is_closing()


def _check_end(conversation: Conversation) -> None:
    if conversation.is_closing():
        before, sent = len(conversation.requests), len(conversation.out)
        conversation.receive(PROBE)
        assert len(conversation.requests) == before
        assert len(conversation.out) == sent


def _check_oracle(data: bytes, limits: Limits, ends: bool, outcome: Outcome) -> None:
    requests, refusals, is_closing = outcome
    verdict = judge(data, limits, ends)
    judged = [request for request in verdict.requests if request.is_complete]
    assert [
        (seen.method, seen.target, seen.version, seen.path, seen.query, seen.fields, seen.body) for seen in requests
    ] == [(seen.method, seen.target, seen.version, seen.path, seen.query, seen.fields, seen.body) for seen in judged]
    assert refusals == ([verdict.status] if verdict.status else [])
    assert is_closing == (verdict.outcome in ("close", "error"))
