"""WebSocketSession ends: the close handshake from both sides, faults, losses, the server's stop; and what it sends."""

import gc
import weakref
from enum import StrEnum

import pytest

from licorne.engine.connection import Closing
from licorne.engine.websocket import new_session_factory
from licorne.engine.websocket.codec import CODECS
from licorne.engine.websocket.session import SessionOptions, is_sendable, refusal_fields
from licorne.errors import ClientDisconnected, LocalProtocolError, RemoteProtocolError
from tests.support.frames import masked
from tests.support.talk import CountingGate, Talk, closing
from tests.support.websocket_play import play_socket

TEXT = 0x81


@pytest.fixture(params=CODECS)
def codec(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def close_frame(code: int, reason: str = "") -> tuple[int, bytes]:
    """Return a close frame of the server."""
    return 0x88, code.to_bytes(2, "big") + reason.encode()


# --- accepting ----------------------------------------------------------------------------------------------


def test_accepting_starts_the_tunnel_with_the_fields_of_both() -> None:
    talk = Talk(accepts=False)
    assert not talk.session.is_open()
    talk.session.accept("chat", [(b"x-own", b"1")])
    assert talk.sink.status == 101
    assert talk.sink.fields == [
        (b"sec-websocket-accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        (b"sec-websocket-protocol", b"chat"),
        (b"x-own", b"1"),
    ]
    assert talk.session.is_open()


@pytest.mark.parametrize(
    ("field", "status"),
    [
        ((b"origin", b"https://other"), 403),
        ((b"sec-websocket-version", b"8"), 400),
        ((b"sec-websocket-key", b"x"), 400),
    ],
)
def test_a_handshake_that_is_refused_gets_no_session(field: tuple[bytes, bytes], status: int) -> None:
    exchange = Talk(accepts=False).exchange
    exchange.tunnel = None
    exchange.headers.append(field)
    with pytest.raises(RemoteProtocolError) as raised:
        new_session_factory("native", SessionOptions(), ["https://own"])(exchange)
    assert raised.value.status == status
    assert exchange.tunnel is None


def test_only_a_session_that_is_offered_can_be_accepted() -> None:
    talk = Talk()
    with pytest.raises(LocalProtocolError):
        talk.session.accept(None, [])
    talk = Talk(accepts=False)
    talk.session.lost()
    with pytest.raises(ClientDisconnected):
        talk.session.accept(None, [])


def test_nothing_can_be_sent_before_it_is_accepted() -> None:
    session = Talk(accepts=False).session
    for send in (lambda: session.send_text("x"), lambda: session.send_bytes(b"x"), lambda: session.close(1000, "")):
        with pytest.raises(LocalProtocolError):
            send()


def test_a_refused_acceptance_can_be_repeated() -> None:
    talk = Talk(accepts=False)
    with pytest.raises(LocalProtocolError):
        talk.session.accept("no token", [])
    with pytest.raises(LocalProtocolError):
        talk.session.accept(None, [(b"x-bad", b"a\r\nb")])
    talk.session.accept(None, [])
    assert talk.session.is_open()


# --- sending ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 125, 126, 16_383, 16_384, 16_385, 65_535, 65_536, 200_000])
def test_messages_of_every_size_are_sent(codec: str, size: int) -> None:
    talk = Talk(codec)
    talk.session.send_text("x" * size)
    talk.session.send_bytes(b"y" * size)
    talk.session.send_text("\xe9" * size)
    assert talk.sent() == [(0x81, b"x" * size), (0x82, b"y" * size), (0x81, b"\xc3\xa9" * size)]


def test_a_small_message_is_one_piece_and_a_large_one_is_not_copied() -> None:
    talk = Talk()
    talk.session.send_bytes(b"small")
    talk.session.send_text("small")
    assert talk.sink.pieces == [b"\x82\x05small", b"\x81\x05small"]
    large = bytes(100_000)
    talk.session.send_bytes(large)
    assert talk.sink.pieces[-1] is large


def test_what_is_like_text_or_like_bytes_is_sent() -> None:
    class Text(str):
        """Be a text."""

        __slots__ = ()

    talk = Talk()
    talk.session.send_text(Text("text"))
    talk.session.send_bytes(bytearray(b"array"))  # type: ignore[arg-type]
    talk.session.send_bytes(memoryview(b"view"))  # type: ignore[arg-type]
    assert talk.sent() == [(0x81, b"text"), (0x82, b"array"), (0x82, b"view")]


@pytest.mark.parametrize("text", ["\ud800", "x" * 20_000 + "\udfff"])
def test_a_lone_surrogate_is_the_applications_fault_and_reaches_no_wire(text: str) -> None:
    talk = Talk()
    with pytest.raises(LocalProtocolError):
        talk.session.send_text(text)
    assert talk.sent() == []
    assert talk.session.messages_out == 0


# --- the peer breaks a rule behind its messages -------------------------------------------------------------

FAULT = masked(0xB1, b"RSV 2 and 3")


def test_a_message_before_a_fault_in_the_same_read_can_still_be_answered(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(masked(0x81, b"first") + masked(0x81, b"second") + FAULT + masked(0x81, b"ignored"))
    assert talk.sent() == []
    assert talk.session.is_full()
    for text in ("first", "second"):
        assert talk.session.take_message() == text
        talk.session.send_text(text)
    assert talk.ending() is None
    assert talk.session.take_message() is None
    assert [head for head, _ in talk.sent()] == [0x81, 0x81, 0x88]
    assert talk.ending() == (1002, "a reserved bit is set")
    assert talk.sink.has_ended


def test_a_fault_without_messages_before_it_ends_at_once(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(masked(0x81, b"first"))
    assert talk.session.take_message() == "first"
    talk.hear(FAULT)
    assert [head for head, _ in talk.sent()] == [0x88]
    assert talk.sink.has_ended


def test_what_comes_behind_a_fault_that_waits_is_ignored(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(masked(0x81, b"first") + FAULT)
    talk.hear(masked(0x81, b"second"), masked(0x89), closing(1000))
    assert talk.taken() == ["first"]
    assert [head for head, _ in talk.sent()] == [0x88]
    assert talk.ending() == (1002, "a reserved bit is set")


def test_a_fault_waits_no_longer_than_the_close_timeout(codec: str) -> None:
    talk = Talk(codec, close_timeout=10.0, ping_interval=0.0)
    talk.hear(masked(0x81, b"first") + FAULT)
    talk.wait(9.9)
    assert not talk.sink.has_ended
    talk.wait(0.2)
    assert [head for head, _ in talk.sent()] == [0x88]
    assert talk.sink.has_ended
    assert talk.session.take_message() == "first"
    assert talk.ending() == (1002, "a reserved bit is set")


def test_a_close_of_the_application_before_a_fault_waits_for_no_answer(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(masked(0x81, b"first") + FAULT)
    talk.session.close(4000, "bye")
    assert talk.sent() == [close_frame(4000, "bye")]
    assert talk.ending() == (4000, "bye")
    assert talk.sink.has_ended


def test_the_servers_stop_before_a_fault_waits_for_no_answer(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(masked(0x81, b"first") + FAULT)
    talk.session.shutdown(1.0)
    assert talk.sent() == [close_frame(1012, "service restart")]
    assert talk.sink.has_ended


def test_an_end_of_stream_behind_a_fault_changes_nothing(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(masked(0x81, b"first") + FAULT)
    talk.session.receive_eof(1.0)
    assert talk.taken() == ["first"]
    assert talk.ending() == (1002, "a reserved bit is set")


def test_a_loss_behind_a_fault_is_1006(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(masked(0x81, b"first") + FAULT)
    talk.session.lost()
    assert talk.taken() == ["first"]
    assert talk.ending() == (1006, "")


# --- the peer ends it behind its messages ---------------------------------------------------------------------


@pytest.mark.parametrize("is_cut", [False, True])
@pytest.mark.parametrize("max_queue", [1, 32])
def test_messages_before_a_close_frame_can_be_answered_however_the_stream_is_cut(
    codec: str, is_cut: bool, max_queue: int
) -> None:
    talk = Talk(codec, max_queue=max_queue)
    pieces = [masked(TEXT, b"first"), masked(TEXT, b"second"), closing(4000, b"bye")]
    talk.hear(*(pieces if is_cut else [b"".join(pieces)]))
    for text in ("first", "second"):
        assert talk.session.take_message() == text
        talk.session.send_text(text)
    assert (talk.session.take_message(), talk.ending()) == (None, (4000, "bye"))
    assert talk.sent() == [(TEXT, b"first"), (TEXT, b"second"), close_frame(4000, "bye")]
    assert talk.sink.has_ended


@pytest.mark.parametrize("max_queue", [1, 32])
def test_messages_before_an_end_of_stream_can_be_answered(codec: str, max_queue: int) -> None:
    talk = Talk(codec, max_queue=max_queue)
    talk.hear(masked(TEXT, b"first") + masked(TEXT, b"second"))
    talk.session.receive_eof(1.0)
    for text in ("first", "second"):
        assert talk.session.take_message() == text
        talk.session.send_text(text)
    assert (talk.session.take_message(), talk.ending()) == (None, (1006, ""))
    assert talk.sent() == [(TEXT, b"first"), (TEXT, b"second")]
    assert talk.sink.has_ended


@pytest.mark.parametrize("ends_stream", [False, True])
def test_messages_before_the_peers_end_hold_it_up_no_longer_than_the_close_timeout(
    codec: str, ends_stream: bool
) -> None:
    talk = Talk(codec, close_timeout=10.0, ping_interval=0.0)
    talk.hear(masked(TEXT, b"first") + (b"" if ends_stream else closing(4000)))
    if ends_stream:
        talk.session.receive_eof(talk.now)
    talk.wait(9.9)
    assert talk.session.is_open()
    talk.wait(0.2)
    assert talk.sink.has_ended
    assert talk.sent() == ([] if ends_stream else [close_frame(4000)])
    assert talk.taken() == ["first"]
    assert talk.ending() == ((1006, "") if ends_stream else (4000, ""))


def test_a_close_of_the_application_behind_the_peers_is_the_answer(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(masked(TEXT, b"first") + closing(4000))
    assert talk.session.take_message() == "first"
    talk.session.close(1000, "done")
    assert talk.sent() == [close_frame(1000, "done")]
    assert talk.sink.has_ended


def test_an_end_of_stream_behind_a_close_frame_changes_nothing(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(masked(TEXT, b"first") + closing(4000))
    talk.session.receive_eof(1.0)
    assert talk.taken() == ["first"]
    assert talk.ending() == (4000, "")


# --- the peer closes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999])
def test_the_peers_close_code_and_reason_are_told_and_returned(codec: str, code: int) -> None:
    talk = Talk(codec)
    talk.hear(closing(code, "tsch\xfcss".encode()))
    assert talk.sent() == [close_frame(code, "tsch\xfcss")]
    assert talk.ending() == (code, "tsch\xfcss")
    assert talk.sink.has_ended
    assert not talk.session.is_open()


def test_a_close_frame_without_a_code_is_1005_and_returned_without_one(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(closing(None))
    assert talk.sent() == [(0x88, b"")]
    assert talk.ending() == (1005, "")


@pytest.mark.parametrize("code", [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
def test_a_close_code_that_is_not_allowed_is_1002(codec: str, code: int) -> None:
    talk = Talk(codec)
    talk.hear(closing(code))
    assert [head for head, _ in talk.sent()] == [0x88]
    assert talk.session.close_code == 1002


def test_a_close_reason_that_is_not_utf8_is_1007(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(closing(1000, b"\xff"))
    assert talk.session.close_code == 1007
    assert talk.sent()[0][1][:2] == (1007).to_bytes(2, "big")


def test_what_comes_behind_a_close_frame_is_ignored(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(masked(TEXT, b"a") + closing(1000) + masked(TEXT, b"b") + b"\x00junk", b"\xff" * 100)
    assert talk.taken() == ["a"]
    assert talk.ending() == (1000, "")
    assert talk.sent() == [close_frame(1000)]


def test_messages_before_the_close_frame_are_told_first(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(masked(TEXT, b"a") + masked(TEXT, b"b") + closing(4000))
    assert talk.ending() is None
    assert talk.session.take_message() == "a"
    assert talk.ending() is None
    assert talk.session.take_message() == "b"
    assert talk.taken() == []
    assert talk.ending() == (4000, "")


def test_a_close_frame_ends_a_message_that_was_not_whole(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(masked(0x01, b"part") + closing(1001))
    assert talk.taken() == []
    assert talk.ending() == (1001, "")


def test_sending_behind_the_end_raises(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(closing())
    with pytest.raises(ClientDisconnected):
        talk.session.send_text("x")
    with pytest.raises(ClientDisconnected):
        talk.session.send_bytes(b"x")
    talk.session.close(1000, "")
    assert talk.sent() == [close_frame(1000)]


# --- we close -----------------------------------------------------------------------------------------------


def test_our_close_is_told_at_once_and_ends_with_the_peers_answer(codec: str) -> None:
    talk = Talk(codec)
    talk.session.close(4001, "that's it")
    assert talk.ending() == (4001, "that's it")
    assert talk.sent() == [close_frame(4001, "that's it")]
    assert not talk.sink.has_ended
    talk.hear(closing(4001))
    assert talk.sink.has_ended
    assert talk.sent() == []
    assert talk.ending() == (4001, "that's it")


def test_one_close_frame_is_sent() -> None:
    talk = Talk()
    talk.session.close(1000, "")
    talk.session.close(1001, "")
    talk.session.shutdown(0.0)
    assert talk.sent() == [close_frame(1000)]
    assert talk.ending() == (1000, "")


def test_behind_our_close_frame_only_the_peers_counts(codec: str) -> None:
    talk = Talk(codec, max_size=10)
    talk.hear(masked(0x01, b"part"))
    talk.session.close(1000, "")
    talk.sent()
    talk.hear(masked(0x80, b"end"), masked(TEXT, b"x" * 10) * 100, masked(0x89, b"ping"), masked(TEXT, b"\xff"))
    assert (talk.taken(), talk.sent(), talk.sink.has_ended) == ([], [], False)
    assert not talk.session.is_full()
    talk.hear(closing(1000))
    assert talk.sink.has_ended
    assert talk.sent() == []


def test_messages_that_were_not_taken_are_dropped_by_our_close(codec: str) -> None:
    talk = Talk(codec, max_queue=1)
    talk.hear(masked(TEXT, b"a") + masked(TEXT, b"b") + closing(1000))
    assert talk.session.is_full()
    talk.session.close(1000, "")
    assert talk.taken() == []
    assert talk.ending() == (1000, "")
    assert talk.sink.has_ended  # the peer's answer had come


def test_a_peer_that_does_not_answer_our_close_is_cut_off() -> None:
    talk = Talk(close_timeout=7.0)
    talk.session.close(1000, "")
    talk.wait(6.9)
    assert not talk.sink.has_ended
    talk.wait(0.2)
    assert talk.sink.has_ended
    assert talk.ending() == (1000, "")
    assert talk.deadline == float("inf")


def test_a_peer_that_breaks_a_rule_behind_our_close_is_cut_off(codec: str) -> None:
    talk = Talk(codec)
    talk.session.close(1000, "")
    talk.sent()
    talk.hear(b"\x81\x00")
    assert talk.sink.has_ended
    assert (talk.sent(), talk.ending()) == ([], (1000, ""))


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2999, 5000])
def test_a_code_that_may_not_be_sent_is_the_applications_fault(code: int) -> None:
    talk = Talk()
    with pytest.raises(LocalProtocolError):
        talk.session.close(code, "")
    assert talk.session.is_open()
    assert talk.sent() == []


@pytest.mark.parametrize(
    ("reason", "sent"), [("x" * 124, b"x" * 123), ("\xe9" * 62, b"\xc3\xa9" * 61), ("a\ud800b", b"a?b")]
)
def test_a_reason_is_made_to_fit(reason: str, sent: bytes) -> None:
    talk = Talk()
    talk.session.close(1000, reason)
    assert talk.sent() == [(0x88, b"\x03\xe8" + sent)]


# --- losses and the server's stop ---------------------------------------------------------------------------


def test_a_loss_without_a_close_frame_is_1006() -> None:
    talk = Talk()
    talk.session.gate = gate = CountingGate()
    talk.session.lost()
    assert talk.ending() == (1006, "")
    assert gate.count == 1
    assert talk.deadline < float("inf")
    talk.settle()
    assert talk.deadline == float("inf")
    with pytest.raises(ClientDisconnected):
        talk.session.send_text("x")


def test_a_loss_keeps_the_messages_that_came_before() -> None:
    talk = Talk()
    talk.hear(masked(TEXT, b"a"))
    talk.session.lost()
    assert talk.ending() is None
    assert talk.taken() == ["a"]
    assert talk.ending() == (1006, "")


def test_an_end_of_stream_without_a_close_frame_is_1006_and_ends_our_side(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(masked(TEXT, b"a") + masked(TEXT, b"part")[:7])
    talk.session.receive_eof(1.0)
    assert talk.taken() == ["a"]
    assert talk.ending() == (1006, "")
    assert talk.sink.has_ended


def test_an_end_of_stream_waits_for_what_came_before_it(codec: str) -> None:
    talk = Talk(codec, max_queue=1)
    talk.hear(masked(TEXT, b"a") + masked(TEXT, b"b") + closing(4000, b"bye"))
    talk.session.receive_eof(1.0)
    assert talk.taken() == ["a", "b"]
    assert talk.ending() == (4000, "bye")
    talk = Talk(codec, max_queue=1)
    talk.hear(masked(TEXT, b"a") + masked(TEXT, b"b"))
    talk.session.receive_eof(1.0)
    assert talk.taken() == ["a", "b"]
    assert talk.ending() == (1006, "")
    assert talk.sink.has_ended


def test_an_end_of_stream_answers_our_close() -> None:
    talk = Talk()
    talk.session.close(1000, "")
    talk.session.receive_eof(1.0)
    assert talk.sink.has_ended
    assert talk.ending() == (1000, "")


@pytest.mark.parametrize("happens", ["lost", "eof"])
def test_who_leaves_before_the_answer_is_1006(happens: str) -> None:
    talk = Talk(accepts=False)
    talk.session.gate = gate = CountingGate()
    if happens == "lost":
        talk.session.lost()
    else:
        talk.session.receive_eof(0.0)
    assert talk.ending() == (1006, "")
    assert gate.count == 1


def test_the_servers_stop_is_1012_and_told_at_once(codec: str) -> None:
    talk = Talk(codec)
    talk.session.gate = gate = CountingGate()
    talk.session.shutdown(0.0)
    assert talk.sent() == [close_frame(1012, "service restart")]
    assert talk.ending() == (1012, "service restart")
    assert gate.count == 1
    talk.hear(closing(1012))
    assert talk.sink.has_ended


def test_messages_that_came_before_the_servers_stop_can_be_taken() -> None:
    talk = Talk(max_queue=1)
    talk.hear(masked(TEXT, b"a") + masked(TEXT, b"b"))
    talk.session.shutdown(0.0)
    talk.settle()
    assert talk.ending() is None
    assert talk.taken() == ["a"]
    assert talk.ending() == (1012, "service restart")


def test_the_servers_stop_before_the_answer_is_503() -> None:
    talk = Talk(accepts=False)
    talk.session.shutdown(0.0)
    assert (talk.sink.status, talk.sink.has_ended) == (503, True)
    assert talk.ending() == (1012, "")


def test_a_session_that_is_over_has_left_its_exchange() -> None:
    talk = Talk()
    assert talk.exchange.tunnel is talk.session
    talk.hear(closing())
    assert talk.exchange.tunnel is None


def test_nothing_is_sent_when_the_exchange_was_aborted() -> None:
    talk = Talk()
    talk.exchange.abort()
    talk.hear(masked(0x89, b"ping"))
    talk.session.shutdown(0.0)
    assert talk.sent() == []
    assert talk.ending() == (1006, "")


@pytest.mark.parametrize("stop", ["denied", "aborted", "late", "stopped", "ended"])
def test_session_and_exchange_do_not_keep_each_other(stop: str) -> None:
    gc.disable()
    try:
        talk = Talk(accepts=stop == "ended", handshake_timeout=1.0)
        if stop == "denied":
            talk.exchange.start_response(403, [])
            talk.exchange.write(b"", True)
        elif stop in ("aborted", "ended"):
            talk.exchange.abort()
        elif stop == "late":
            talk.wait(2.0)
        else:
            talk.session.shutdown(0.0)
        sink = weakref.ref(talk.sink)
        del talk
        assert sink() is None
    finally:
        gc.enable()


def test_an_aborted_exchange_ends_its_session() -> None:
    talk = Talk()
    talk.session.gate = gate = CountingGate()
    talk.exchange.abort()
    assert (talk.ending(), gate.count) == ((1006, ""), 1)
    with pytest.raises(ClientDisconnected):
        talk.session.send_text("x")


@pytest.mark.parametrize(("timeout", "most"), [(10.0, 1.0), (0.0, 1.0), (0.5, 0.5)])
@pytest.mark.parametrize("is_closing", [False, True])
def test_the_servers_stop_waits_a_second_for_the_answer_to_a_close(
    timeout: float, most: float, is_closing: bool
) -> None:
    talk = Talk(close_timeout=timeout)
    if is_closing:
        talk.session.close(4000, "bye")
        talk.settle()
    talk.session.shutdown(0.0)
    talk.wait(most - 0.1)
    assert not talk.sink.has_ended
    talk.wait(0.2)
    assert talk.sink.has_ended
    assert talk.ending() == ((4000, "bye") if is_closing else (1012, "service restart"))


class Chat(StrEnum):
    """Name subprotocols as an application may."""

    PLAIN = "chat.plain"


def test_a_subprotocol_may_be_a_member_of_an_enum() -> None:
    talk = Talk(accepts=False)
    talk.session.accept(Chat.PLAIN, [])
    assert (b"sec-websocket-protocol", b"chat.plain") in talk.sink.fields


@pytest.mark.parametrize("cut", [False, True])
def test_a_ping_before_a_fault_is_answered_however_the_stream_is_cut(codec: str, cut: bool) -> None:
    talk = Talk(codec)
    ping = masked(0x89, b"ping")
    talk.hear(*((ping, FAULT) if cut else (ping + FAULT,)))
    assert [head for head, _ in talk.sent()] == [0x8A, 0x88]
    talk = Talk(codec)
    text = masked(0x81, b"first") + ping
    talk.hear(*((text, FAULT) if cut else (text + FAULT,)))
    assert talk.sent() == [(0x8A, b"ping")]
    assert talk.taken() == ["first"]
    assert talk.ending() == (1002, "a reserved bit is set")


def test_a_pong_before_a_fault_counts() -> None:
    talk = Talk(ping_interval=20.0)
    talk.wait(22.5)
    ((_, payload),) = talk.sent()
    talk.hear(masked(0x8A, payload) + FAULT)
    assert talk.session.rtt > 0


def test_the_asgi_layer_finds_here_what_it_needs() -> None:
    assert is_sendable(1000)
    assert not is_sendable(1006)
    assert dict(refusal_fields(426))[b"sec-websocket-version"] == b"13"


def test_what_comes_behind_the_end_is_counted_for_each_connection_alone() -> None:
    head = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    head += b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    for _ in range(3):
        dialogue = play_socket("native", SessionOptions(), [closing()], head=head)
        assert dialogue.outcome().code == 1000
        dialogue.receive(bytes(12 * 1024 * 1024))
        assert dialogue.connection.closing == Closing.LINGER
        dialogue.receive(bytes(12 * 1024 * 1024))
        assert dialogue.connection.closing == Closing.FLUSH
