"""Exchange on its own, before a sink that remembers: states, lengths, the gate, and the buffer of a body."""

from collections.abc import Callable
from typing import Any

import pytest

from licorne.engine.exchange import Exchange
from licorne.engine.received import BodyBuffer, RequestHead
from licorne.engine.sink import ResponseSink
from licorne.engine.tunnel import Tunnel
from licorne.errors import ClientDisconnected, LocalProtocolError


class Sink(ResponseSink):
    """Remember the calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.has_left = False
        self.has_room = True
        self.sends_files = True

    def send_informational(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        self.calls.append(("informational", status, fields))

    def can_inform(self) -> bool:
        return not self.has_left

    def send_head(self, status: int, fields: list[tuple[bytes, bytes]], length: int, flags: int) -> None:
        self.calls.append(("head", status, fields, length))

    def send_data(self, data: bytes, end: bool) -> None:
        self.calls.append(("data", data, end))

    def send_trailers(self, fields: list[tuple[bytes, bytes]]) -> None:
        self.calls.append(("trailers", fields))

    def start_file(self, count: int, end: bool) -> None:
        self.calls.append(("start_file", count, end))

    def finish_file(self, end: bool) -> None:
        self.calls.append(("finish_file", end))

    def start_tunnel(self, fields: list[tuple[bytes, bytes]], flags: int) -> None:
        self.calls.append(("tunnel", fields))

    def can_send_files(self) -> bool:
        return self.sends_files

    def is_full(self) -> bool:
        return not self.has_room

    def abort(self) -> None:
        self.calls.append(("abort",))

    def names(self) -> list[str]:
        """Return the names of the calls."""
        return [call[0] for call in self.calls]


class Gate:
    """Count how often it is opened."""

    def __init__(self) -> None:
        self.count = 0

    def open(self) -> None:
        """Count."""
        self.count += 1


def new_exchange(method: str = "GET", expects: bool = False) -> tuple[Exchange, Sink]:
    """Return an exchange whose body is still to come, and its sink."""
    head = RequestHead.__new__(RequestHead)
    head.asks_websocket = False
    head.content_length = 5
    head.expects_continue = expects
    head.headers = []
    head.http_version = "1.1"
    head.is_websocket = False
    head.method = method
    head.path = head.target = b"/"
    head.query = b""
    head.takes_trailers = True
    exchange, sink = Exchange.__new__(Exchange), Sink()
    exchange.begin(head, BodyBuffer(10), sink)
    return exchange, sink


# --- the buffer of a body -----------------------------------------------------------------------------------


def test_buffer_hands_over_all_that_came() -> None:
    buffer = BodyBuffer(10)
    assert (buffer.take(), buffer.size()) == (b"", 0)
    for piece in (b"a", b"bc", b"d"):
        buffer.append(piece)
    assert buffer.size() == 4
    assert (buffer.take(), buffer.size(), buffer.take()) == (b"abcd", 0, b"")
    buffer.append(b"e")
    assert buffer.take() == b"e"


def test_buffer_does_not_copy_a_single_piece() -> None:
    buffer, piece = BodyBuffer(10), 1000 * b"x"
    buffer.append(piece)
    assert buffer.take() is piece


# --- the gate -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(lambda exchange: exchange.append_body(b"x"), id="body"),
        pytest.param(lambda exchange: exchange.finish_body(), id="end-of-body"),
        pytest.param(lambda exchange: exchange.disconnect(), id="disconnect"),
        pytest.param(lambda exchange: exchange.leave(), id="leave"),
        pytest.param(lambda exchange: exchange.abort(), id="abort"),
        pytest.param(lambda exchange: answer(exchange), id="end-of-response"),
    ],
)
def test_gate_opens_once_for_each_event_that_receive_waits_for(happens: Callable[[Exchange], object]) -> None:
    exchange, _ = new_exchange()
    exchange.gate = gate = Gate()
    happens(exchange)
    assert (gate.count, exchange.gate) == (1, None)
    exchange.leave()
    assert gate.count == 1


def answer(exchange: Exchange) -> None:
    """Send a whole response."""
    exchange.start_response(200, [])
    exchange.write(b"ok", True)


# --- states -------------------------------------------------------------------------------------------------


def test_disconnect_after_a_whole_response_is_none() -> None:
    exchange, _ = new_exchange()
    answer(exchange)
    exchange.disconnect()
    assert not exchange.is_disconnected
    assert not exchange.is_aborted


def test_nothing_may_be_written_to_a_peer_that_has_gone() -> None:
    exchange, sink = new_exchange()
    exchange.start_response(200, [], True)
    exchange.disconnect()
    for write in (
        lambda: exchange.write(b"x", False),
        lambda: exchange.start_response(200, []),
        lambda: exchange.send_informational(103, []),
        lambda: exchange.start_file(1, True),
    ):
        with pytest.raises(ClientDisconnected):
            write()
    assert sink.names() == ["head"]


def test_peer_that_only_leaves_may_still_be_answered() -> None:
    exchange, sink = new_exchange()
    exchange.leave()
    answer(exchange)
    assert sink.names() == ["head", "data"]
    assert exchange.is_complete()


def test_abort_is_done_once_and_never_after_the_end() -> None:
    exchange, sink = new_exchange()
    exchange.start_response(200, [])
    exchange.abort()
    exchange.abort()
    assert sink.names() == ["head", "abort"]
    whole, sink = new_exchange()
    answer(whole)
    whole.abort()
    assert "abort" not in sink.names()
    assert not whole.is_aborted


def test_continue_is_asked_for_once() -> None:
    exchange, sink = new_exchange(expects=True)
    exchange.send_continue()
    exchange.send_continue()
    assert sink.calls == [("informational", 100, [])]


@pytest.mark.parametrize("first", ["body", "end", "start", "disconnect"])
def test_continue_is_too_late(first: str) -> None:
    exchange, sink = new_exchange(expects=True)
    {
        "body": lambda: exchange.append_body(b"x"),
        "end": exchange.finish_body,
        "start": lambda: exchange.start_response(200, []),
        "disconnect": exchange.disconnect,
    }[first]()
    exchange.send_continue()
    assert "informational" not in sink.names()


# --- files --------------------------------------------------------------------------------------------------


def test_nothing_else_is_written_while_a_file_is() -> None:
    exchange, sink = new_exchange()
    exchange.start_response(200, [])
    assert exchange.start_file(10, True)
    with pytest.raises(LocalProtocolError):
        exchange.write(b"x", False)
    with pytest.raises(LocalProtocolError):
        exchange.start_file(1, False)
    exchange.finish_file(True)
    assert exchange.is_complete()
    assert sink.names() == ["head", "start_file", "finish_file"]
    assert exchange.bytes_sent == 10


def test_file_that_was_not_sent_whole_leaves_only_the_abort() -> None:
    exchange, _ = new_exchange()
    exchange.start_response(200, [(b"content-length", b"10")])
    assert exchange.start_file(10, False)
    with pytest.raises(LocalProtocolError):
        exchange.write(b"", True)
    exchange.abort()
    assert exchange.is_aborted


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_file_of_a_response_without_content_is_not_sent(method: str, status: int) -> None:
    exchange, _ = new_exchange(method)
    exchange.start_response(status, [])
    assert not exchange.start_file(10, True)
    exchange.finish_empty()
    assert exchange.is_complete()
    assert exchange.bytes_sent == 0


def test_file_counts_towards_the_promised_length() -> None:
    exchange, _ = new_exchange()
    exchange.start_response(200, [(b"content-length", b"10")])
    with pytest.raises(LocalProtocolError, match="longer"):
        exchange.start_file(11, False)
    with pytest.raises(LocalProtocolError, match="shorter"):
        exchange.start_file(9, True)


# --- lengths ------------------------------------------------------------------------------------------------


def test_bytes_sent_counts_the_body_only() -> None:
    exchange, _ = new_exchange()
    exchange.start_response(200, [(b"x", b"y")])
    exchange.write(b"12", False)
    exchange.write(b"345", True)
    assert exchange.bytes_sent == 5


# --- tunnels ------------------------------------------------------------------------------------------------


class Lost(Tunnel):
    """Count how often it is lost."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.count = 0
        exchange.offer_tunnel(self)

    def lost(self) -> None:
        """Count; the exchange knows already."""
        assert self.exchange.is_disconnected or self.exchange.is_complete()
        self.count += 1


def new_tunnel() -> tuple[Exchange, Sink]:
    """Return an exchange that was accepted as a tunnel, and its sink."""
    exchange, sink = new_exchange()
    exchange.start_tunnel([])
    return exchange, sink


def test_tunnel_takes_raw_bytes_as_they_are_until_it_is_finished() -> None:
    exchange, sink = new_tunnel()
    data = b"\x81\x02hi"
    exchange.send_raw(data)
    exchange.send_raw(b"x")
    exchange.finish_tunnel()
    assert sink.calls == [("tunnel", []), ("data", data, False), ("data", b"x", False), ("data", b"", True)]
    assert sink.calls[1][1] is data
    assert exchange.bytes_sent == 5
    assert exchange.status == 101


def test_states_of_a_tunnel() -> None:
    exchange, _ = new_exchange()
    assert not exchange.is_tunnel()
    exchange.start_tunnel([])
    assert exchange.is_tunnel()
    assert exchange.has_started()
    assert not exchange.is_complete()
    assert not exchange.withdraw()
    exchange.finish_tunnel()
    assert exchange.is_complete()
    assert not exchange.is_tunnel()
    assert not exchange.is_aborted


def test_tunnel_keeps_no_framing_field_of_the_application() -> None:
    exchange, sink = new_exchange()
    owned = [(name, b"1") for name in (b"Content-Length", b"Connection", b"Upgrade", b"Transfer-Encoding")]
    exchange.start_tunnel([*owned, (b"Sec-WebSocket-Protocol", b"x")])
    assert sink.calls == [("tunnel", [(b"sec-websocket-protocol", b"x")])]
    assert exchange.response_headers == [(b"sec-websocket-protocol", b"x")]


@pytest.mark.parametrize("field", [(b"a b", b""), (b"a", b"x\r\ny: z"), ("a", "b")])
def test_tunnel_with_a_bad_field_does_not_start(field: tuple[Any, Any]) -> None:
    exchange, sink = new_exchange()
    with pytest.raises(LocalProtocolError):
        exchange.start_tunnel([field])
    assert sink.calls == []
    exchange.start_response(500, [])


@pytest.mark.parametrize("before", ["response", "tunnel", "finished"])
def test_tunnel_starts_once_and_instead_of_a_response(before: str) -> None:
    exchange, _ = new_exchange()
    if before == "response":
        exchange.start_response(403, [])
    else:
        exchange.start_tunnel([])
    if before == "finished":
        exchange.finish_tunnel()
    with pytest.raises(LocalProtocolError, match="already started"):
        exchange.start_tunnel([])


def test_response_does_not_start_in_a_tunnel() -> None:
    exchange, _ = new_tunnel()
    with pytest.raises(LocalProtocolError):
        exchange.start_response(200, [])
    with pytest.raises(LocalProtocolError):
        exchange.write(b"x", True)


@pytest.mark.parametrize("state", ["not begun", "response", "finished", "aborted"])
def test_raw_bytes_need_an_open_tunnel(state: str) -> None:
    exchange, sink = new_exchange()
    if state == "response":
        exchange.start_response(200, [])
    elif state != "not begun":
        exchange.start_tunnel([])
    if state == "finished":
        exchange.finish_tunnel()
    elif state == "aborted":
        exchange.abort()
    with pytest.raises(LocalProtocolError):
        exchange.send_raw(b"x")
    assert "data" not in [call[0] for call in sink.calls if call[-1] is False]


def test_tunnel_is_finished_once() -> None:
    exchange, sink = new_tunnel()
    exchange.finish_tunnel()
    exchange.finish_tunnel()
    exchange.abort()
    assert sink.names() == ["tunnel", "data"]
    assert not exchange.is_aborted


def test_tunnel_that_never_started_is_not_finished() -> None:
    exchange, sink = new_exchange()
    exchange.finish_tunnel()
    assert sink.calls == []
    assert not exchange.is_complete()


@pytest.mark.parametrize("state", ["offered", "open", "aborted"])
def test_loss_of_the_peer_is_told_to_the_tunnel(state: str) -> None:
    exchange, _ = new_exchange()
    tunnel = Lost(exchange)
    if state != "offered":
        exchange.start_tunnel([])
    if state == "aborted":
        exchange.abort()
    exchange.disconnect()
    assert tunnel.count == 1


@pytest.mark.parametrize("is_open", [False, True])
def test_peer_that_is_gone_gets_no_tunnel_and_no_bytes(is_open: bool) -> None:
    exchange, _ = new_exchange()
    if is_open:
        exchange.start_tunnel([])
    exchange.disconnect()
    for send in (lambda: exchange.start_tunnel([]), lambda: exchange.send_raw(b"x")):
        with pytest.raises(ClientDisconnected):
            send()
    assert exchange.is_aborted


def test_end_of_a_tunnel_opens_the_gate() -> None:
    for end in ("finish_tunnel", "abort", "disconnect"):
        exchange, _ = new_tunnel()
        gate = exchange.gate = Gate()
        getattr(exchange, end)()
        assert gate.count == 1


# --- room ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(lambda exchange: exchange.open_write_gate(), id="room"),
        pytest.param(lambda exchange: exchange.disconnect(), id="disconnect"),
        pytest.param(lambda exchange: exchange.abort(), id="abort"),
        pytest.param(lambda exchange: answer(exchange), id="end-of-response"),
    ],
)
def test_the_write_gate_opens_once_for_room_and_for_what_ends_sending(happens: Callable[[Exchange], object]) -> None:
    exchange, _ = new_exchange()
    exchange.write_gate = gate = Gate()
    happens(exchange)
    exchange.open_write_gate()
    assert (gate.count, exchange.write_gate) == (1, None)


def test_body_that_arrives_is_no_room() -> None:
    exchange, _ = new_exchange()
    exchange.write_gate = gate = Gate()
    exchange.append_body(b"x")
    exchange.finish_body()
    exchange.leave()
    assert gate.count == 0


def test_an_exchange_is_full_while_its_sink_is_and_somebody_may_still_send() -> None:
    exchange, sink = new_exchange()
    assert not exchange.is_full()
    sink.has_room = False
    assert exchange.is_full()
    exchange.disconnect()
    assert not exchange.is_full()
    exchange, sink = new_exchange()
    sink.has_room = False
    answer(exchange)
    assert not exchange.is_full()


def test_a_file_may_pass_through_the_sink() -> None:
    exchange, sink = new_exchange()
    sink.sends_files = False
    exchange.start_response(200, [(b"content-length", b"5")])
    assert not exchange.can_send_files()
    assert exchange.start_file(5, True)
    with pytest.raises(LocalProtocolError):
        exchange.write(b"x", False)
    exchange.write_file(b"abc")
    exchange.write_file(b"de")
    exchange.finish_file(True)
    assert sink.calls[1:] == [
        ("start_file", 5, True),
        ("data", b"abc", False),
        ("data", b"de", False),
        ("finish_file", True),
    ]
    assert exchange.bytes_sent == 5


def test_no_file_goes_to_a_peer_that_left() -> None:
    exchange, _ = new_exchange()
    exchange.start_response(200, [])
    exchange.start_file(5, True)
    exchange.disconnect()
    with pytest.raises(ClientDisconnected):
        exchange.write_file(b"abc")


@pytest.mark.parametrize(("version", "status"), [("1.1", 101), ("2", 200)])
def test_an_accepted_tunnel_has_the_status_of_its_version(version: str, status: int) -> None:
    exchange, _ = new_exchange()
    exchange.head.http_version = version
    exchange.offer_tunnel(Tunnel())
    exchange.start_tunnel([])
    assert exchange.status == status


def test_an_exchange_is_released_when_nobody_works_on_it_any_more() -> None:
    exchange, _ = new_exchange()
    assert not exchange.is_released
    exchange.release()
    assert exchange.is_released
