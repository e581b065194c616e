"""exchange.py: what an application may do to its response, seen by the sink that is told of it."""

from collections.abc import Iterable

import pytest

from licorne.engine.exchange import Exchange
from licorne.engine.received import BodyBuffer, RequestHead
from licorne.engine.sink import UNKNOWN_LENGTH, ResponseSink
from licorne.errors import ClientDisconnected, LocalProtocolError


class Record(ResponseSink):
    """Write every call down as a tuple."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.is_open = True

    def can_inform(self) -> bool:
        return self.is_open

    def send_informational(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        self.calls.append(("informational", status, fields))

    def send_head(self, status: int, fields: list[tuple[bytes, bytes]], length: int, flags: int) -> None:
        self.calls.append(("head", status, fields, length))

    def send_data(self, data: bytes, end: bool) -> None:
        self.calls.append(("data", data, bool(end)))

    def send_trailers(self, fields: list[tuple[bytes, bytes]]) -> None:
        self.calls.append(("trailers", fields))

    def abort(self) -> None:
        self.calls.append(("abort",))


@pytest.fixture
def sink() -> Record:
    return Record()


def exchange_of(sink: Record, method: str = "GET", version: str = "1.1", *, takes_trailers: bool = False) -> Exchange:
    head = RequestHead.__new__(RequestHead)
    head.method, head.http_version, head.headers = method, version, []
    head.target, head.path, head.query = b"/", b"/", b""
    head.content_length, head.expects_continue, head.takes_trailers = 0, False, takes_trailers
    exchange = Exchange.__new__(Exchange)
    exchange.begin(head, BodyBuffer(1000), sink)
    return exchange


def test_names_go_to_the_wire_in_lower_case(sink: Record) -> None:
    exchange_of(sink).start_response(200, [(b"X-A", b"B")])
    assert sink.calls == [("head", 200, [(b"x-a", b"B")], UNKNOWN_LENGTH)]


def test_length_is_told_to_the_sink(sink: Record) -> None:
    exchange_of(sink).start_response(200, [(b"Content-Length", b"5")])
    assert sink.calls == [("head", 200, [(b"content-length", b"5")], 5)]


def test_equal_lengths_are_sent_once(sink: Record) -> None:
    exchange_of(sink).start_response(200, [(b"content-length", b"5"), (b"Content-Length", b"5")])
    assert sink.calls == [("head", 200, [(b"content-length", b"5")], 5)]


def test_two_lengths_raise(sink: Record) -> None:
    with pytest.raises(LocalProtocolError):
        exchange_of(sink).start_response(200, [(b"content-length", b"5"), (b"content-length", b"6")])


@pytest.mark.parametrize("value", [b"", b"x", b"+5", b"-1", b"5, 5", b"0x5", b"5 "])
def test_length_that_is_no_number_raises(sink: Record, value: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        exchange_of(sink).start_response(200, [(b"content-length", value)])
    assert sink.calls == []


def test_204_has_no_length(sink: Record) -> None:
    exchange_of(sink).start_response(204, [(b"content-length", b"0")])
    assert sink.calls == [("head", 204, [], UNKNOWN_LENGTH)]


@pytest.mark.parametrize("status", [0, 99, 100, 101, 199, 600, -200, 2**40, "200", 200.0, None, True])
def test_status_that_is_none_raises(sink: Record, status: int) -> None:
    with pytest.raises(LocalProtocolError):
        exchange_of(sink).start_response(status, [])
    assert sink.calls == []


@pytest.mark.parametrize(
    "fields", [[("a", b"b")], [(b"a", "b")], [(b"a", None)], [(b"a", 1)], [(bytearray(b"a"), b"b")]]
)
def test_field_that_is_no_pair_of_bytes_raises(sink: Record, fields: Iterable[tuple[bytes, bytes]]) -> None:
    with pytest.raises(LocalProtocolError):
        exchange_of(sink).start_response(200, fields)


def test_field_may_be_a_list_of_two(sink: Record) -> None:
    exchange_of(sink).start_response(200, [[b"a", b"b"]])  # type: ignore[list-item]
    assert sink.calls == [("head", 200, [(b"a", b"b")], UNKNOWN_LENGTH)]


def test_second_start_raises(sink: Record) -> None:
    exchange = exchange_of(sink)
    exchange.start_response(200, [])
    with pytest.raises(LocalProtocolError):
        exchange.start_response(200, [])


def test_body_before_the_start_raises(sink: Record) -> None:
    with pytest.raises(LocalProtocolError):
        exchange_of(sink).write(b"x", False)


def test_body_after_the_end_raises(sink: Record) -> None:
    exchange = exchange_of(sink)
    exchange.start_response(200, [])
    exchange.write(b"x", True)
    with pytest.raises(LocalProtocolError):
        exchange.write(b"y", True)
    assert exchange.is_complete()


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_body_of_an_answer_without_content_is_not_counted(sink: Record, method: str, status: int) -> None:
    exchange = exchange_of(sink, method)
    exchange.start_response(status, [])
    exchange.write(b"hello", False)
    exchange.write(b"hello", True)
    assert exchange.bytes_sent == 0


def test_head_may_promise_a_length_and_send_nothing(sink: Record) -> None:
    exchange = exchange_of(sink, "HEAD")
    exchange.start_response(200, [(b"content-length", b"5")])
    exchange.write(b"", True)
    assert exchange.is_complete()


def test_trailers_end_the_response(sink: Record) -> None:
    exchange = exchange_of(sink, takes_trailers=True)
    exchange.start_response(200, [], True)
    exchange.write(b"x", True)
    assert not exchange.is_complete()
    assert exchange.awaits_trailers()
    exchange.write_trailers([(b"X-Sum", b"1")])
    assert exchange.is_complete()
    assert sink.calls[1:] == [("data", b"x", False), ("trailers", [(b"x-sum", b"1")])]


def test_trailers_that_were_not_announced_raise(sink: Record) -> None:
    exchange = exchange_of(sink, takes_trailers=True)
    exchange.start_response(200, [])
    exchange.write(b"x", True)
    with pytest.raises(LocalProtocolError):
        exchange.write_trailers([(b"x-sum", b"1")])


def test_nothing_is_written_to_a_client_that_left(sink: Record) -> None:
    exchange = exchange_of(sink)
    exchange.start_response(200, [])
    exchange.disconnect()
    with pytest.raises(ClientDisconnected):
        exchange.write(b"x", True)
    assert len(sink.calls) == 1


def test_client_that_leaves_after_the_end_is_none_of_our_business(sink: Record) -> None:
    exchange = exchange_of(sink)
    exchange.start_response(200, [])
    exchange.write(b"x", True)
    exchange.disconnect()
    assert not exchange.is_disconnected
    assert not exchange.is_aborted


def test_interim_answer_is_sent_while_it_can_be(sink: Record) -> None:
    exchange = exchange_of(sink)
    exchange.send_informational(103, [(b"Link", b"x")])
    sink.is_open = False
    exchange.send_informational(103, [(b"Link", b"y")])
    assert sink.calls == [("informational", 103, [(b"link", b"x")])]


def test_interim_answer_is_not_sent_to_http10(sink: Record) -> None:
    exchange_of(sink, version="1.0").send_informational(103, [])
    assert sink.calls == []


def test_bytes_are_counted_for_the_log(sink: Record) -> None:
    exchange = exchange_of(sink)
    exchange.start_response(200, [])
    exchange.write(b"abc", False)
    exchange.write(b"de", True)
    assert (exchange.status, exchange.bytes_sent, exchange.is_aborted) == (200, 5, False)


def test_body_buffer_gathers_what_comes() -> None:
    buffer = BodyBuffer(10)
    for piece in (b"a", b"b", b"c"):
        buffer.append(piece)
    assert buffer.size() == 3
    assert buffer.take() == b"abc"
    assert (buffer.size(), buffer.take()) == (0, b"")
