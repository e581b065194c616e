"""The contract of `parser.py`, for every parser: the facts that a sink is told, and when."""

import pytest

from licorne.engine.framing import CHUNKED
from licorne.engine.http1.parser import PARSERS, Parser, RequestSink, new_parser
from licorne.engine.limits import Limits
from licorne.errors import RemoteProtocolError

GET = b"GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n"


class Record(RequestSink):
    """Write every fact down as a tuple; answer heads with the lengths given."""

    def __init__(self, *lengths: int) -> None:
        self.is_full = False
        self.lengths = list(lengths)
        self.facts: list[tuple[object, ...]] = []

    def on_head(self, method: bytes, target: bytes, minor: int, fields: list[tuple[bytes, bytes]]) -> int:
        self.facts.append(("head", method, target, minor, fields))
        return self.lengths.pop(0) if self.lengths else 0

    def on_body(self, data: bytes) -> None:
        self.facts.append(("body", data))

    def on_end(self) -> None:
        self.facts.append(("end",))


@pytest.fixture(params=PARSERS)
def parser(request: pytest.FixtureRequest) -> Parser:
    return new_parser(request.param, Limits())


HEAD = ("head", b"GET", b"/a?b", 1, [(b"host", b"x")])


def test_request_without_body(parser: Parser) -> None:
    sink = Record()
    parser.feed(GET, sink)
    assert sink.facts == [HEAD, ("end",)]
    assert parser.is_between_requests()


def test_body_is_passed_on_as_it_comes(parser: Parser) -> None:
    sink = Record(5)
    parser.feed(GET + b"he", sink)
    assert sink.facts == [HEAD, ("body", b"he")]
    assert not parser.is_between_requests()
    parser.feed(b"ll", sink)
    parser.feed(b"o", sink)
    assert sink.facts[2:] == [("body", b"ll"), ("body", b"o"), ("end",)]


def test_chunks_are_passed_on_without_their_coding(parser: Parser) -> None:
    sink = Record(CHUNKED)
    parser.feed(GET + b"2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nT: 1\r\n\r\n", sink)
    assert sink.facts == [HEAD, ("body", b"he"), ("body", b"llo"), ("end",)]


def test_next_request_waits_while_the_sink_is_full(parser: Parser) -> None:
    sink = Record()
    sink.is_full = True
    parser.feed(GET + GET, sink)
    assert sink.facts == []
    assert parser.pending_bytes() == 2 * len(GET)
    sink.is_full = False
    parser.feed(b"", sink)
    assert sink.facts == [HEAD, ("end",), HEAD, ("end",)]
    assert parser.pending_bytes() == 0


def test_body_does_not_wait_while_the_sink_is_full(parser: Parser) -> None:
    sink = Record(5)
    parser.feed(GET, sink)
    sink.is_full = True
    parser.feed(b"hello" + GET, sink)
    assert sink.facts == [HEAD, ("body", b"hello"), ("end",)]
    assert parser.pending_bytes() == len(GET)


def test_half_a_head_is_kept(parser: Parser) -> None:
    sink = Record()
    parser.feed(GET[:20], sink)
    assert sink.facts == []
    assert not parser.is_between_requests()
    parser.feed(GET[20:], sink)
    assert sink.facts == [HEAD, ("end",)]


def test_fault_is_raised_with_its_answer(parser: Parser) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parser.feed(b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", Record())
    assert caught.value.status == 400
    assert caught.value.reason


def test_refusal_of_the_sink_passes_through(parser: Parser) -> None:
    class Refusing(Record):
        def on_head(self, method: bytes, target: bytes, minor: int, fields: list[tuple[bytes, bytes]]) -> int:
            raise RemoteProtocolError(499, "no")

    with pytest.raises(RemoteProtocolError) as caught:
        parser.feed(GET, Refusing())
    assert caught.value.status == 499
