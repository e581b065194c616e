"""Against `h2`, which holds us to the rules, and against bytes that hold to none."""

from itertools import count

import h2.config
import h2.connection
import h2.events
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licorne.engine.exchange import Exchange
from licorne.engine.limits import Limits
from tests.support import http2_frames as wire
from tests.support.http2_play import Http2Play

REQUEST = [(":method", "POST"), (":path", "/x?y=z"), (":scheme", "https"), (":authority", "example.org")]


class Peer:
    """Join an `h2` client and an engine; every frame of ours passes its checks."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self.play = Http2Play(limits, is_greeted=False)
        self.bodies: dict[int, bytearray] = {}
        self.heads: dict[int, list[tuple[bytes, bytes]]] = {}
        self.ended: set[int] = set()
        self.resets: dict[int, int] = {}
        self.client.initiate_connection()

    def turn(self) -> None:
        """Carry what both have to say."""
        for _ in range(1000):
            said = self.client.data_to_send()
            self.play.send(said) if said else self.play.pump()
            answered = bytes(self.play.received)
            self.play.received.clear()
            for event in self.client.receive_data(answered):
                self.take(event)
            if not said and not answered:
                return
        raise AssertionError("they go on for ever")

    def take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            self.heads[event.stream_id] = event.headers
        elif isinstance(event, h2.events.DataReceived):
            self.bodies.setdefault(event.stream_id, bytearray()).extend(event.data)
            self.client.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.ended.add(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.resets[event.stream_id] = event.error_code


def echo(exchange: Exchange, size: int = 0) -> None:
    exchange.start_response(200, [(b"content-type", b"text/plain")])
    exchange.write(exchange.take_body() + b"x" * size, True)


@pytest.mark.parametrize("size", [0, 1, 16384, 16385, 65535, 65536, 1_000_000])
def test_a_body_comes_whole_however_large_it_is(size: int) -> None:
    peer = Peer()
    for stream in (1, 3, 5):
        peer.client.send_headers(stream, REQUEST, end_stream=True)
    peer.turn()
    for exchange in peer.play.exchanges:
        echo(exchange, size)
    peer.turn()
    assert peer.ended == {1, 3, 5}
    assert {len(body) for body in peer.bodies.values()} in ([{size}] if size else [set()])
    assert all((b"content-length", b"%d" % size) in fields for fields in peer.heads.values())


def test_an_upload_comes_whole() -> None:
    peer = Peer()
    peer.client.send_headers(1, REQUEST)
    peer.turn()
    body, got = bytes(range(256)) * 8192, bytearray()
    at = 0
    while at < len(body) or not peer.play.exchange.is_body_complete:
        room = min(peer.client.local_flow_control_window(1), 16384, len(body) - at)
        if room:
            at += room
            peer.client.send_data(1, body[at - room : at], end_stream=at == len(body))
        peer.turn()
        got += peer.play.exchange.take_body()
    assert got == body


def test_trailers_and_interim_heads_are_understood() -> None:
    peer = Peer()
    peer.client.send_headers(1, [*REQUEST, ("te", "trailers")], end_stream=True)
    peer.turn()
    exchange = peer.play.exchange
    exchange.send_informational(103, [(b"link", b"</x>")])
    peer.turn()
    exchange.start_response(200, [], True)
    exchange.write(b"body", True)
    exchange.write_trailers([(b"grpc-status", b"0")])
    peer.turn()
    assert peer.ended == {1}


def test_many_streams_of_one_connection_in_many_turns() -> None:
    peer = Peer()
    numbers = count(1, 2)
    for _ in range(30):
        streams = [next(numbers) for _ in range(50)]
        for stream in streams:
            peer.client.send_headers(stream, REQUEST, end_stream=True)
        before = len(peer.play.exchanges)
        peer.turn()
        for exchange in peer.play.exchanges[before:]:
            echo(exchange, 100)
        peer.turn()
        assert peer.ended.issuperset(streams)
    assert not peer.resets


# --- whatever comes --------------------------------------------------------------------------------------------

STREAM = st.sampled_from([0, 1, 1, 3, 3, 5, 2, 7, 2**31 - 1])
CREDIT = st.sampled_from([0, 1, 100, 65535, 2**31 - 1])
BLOCKS = st.sampled_from(
    [
        wire.request(),
        wire.request(b"POST"),
        wire.request(b"POST", b"/", (b"content-length", b"5")),
        wire.request(b"HEAD", b"/", (b"priority", b"u=0, i")),
        wire.literal(b"x-trailer", b"1"),
        b"\xff\xff\xff",
        b"",
    ]
)
FRAMES = st.one_of(
    st.builds(wire.headers, STREAM, BLOCKS, end=st.booleans(), is_whole=st.sampled_from([True, True, False])),
    st.builds(wire.data, STREAM, st.sampled_from([b"", b"x" * 5, b"y" * 16384]), end=st.booleans()),
    st.builds(wire.window_update, STREAM, CREDIT),
    st.builds(wire.reset, STREAM),
    st.builds(wire.priority, STREAM, STREAM),
    st.builds(wire.continuation, STREAM, BLOCKS),
    st.builds(wire.ping),
    st.builds(wire.settings, st.tuples(st.sampled_from([1, 3, 4, 5, 6, 9]), CREDIT)),
    st.builds(wire.frame, st.integers(0, 20), st.integers(0, 255), STREAM, st.binary(max_size=40)),
)
DEEDS = st.sampled_from(["take", "start", "write", "end", "abort", "continue", "wait", "go on", "nothing"])


def act(play: Http2Play, deed: str, number: int) -> None:
    """Let the application, or the time, do something that may be allowed now."""
    if deed == "wait":
        play.wait(7.0)
        return
    if deed == "go on":
        play.connection.go_on(play.now)
    exchange = play.exchanges[number % len(play.exchanges)] if play.exchanges else None
    if exchange is None or exchange.is_disconnected or exchange.is_complete():
        return
    if deed == "take":
        exchange.take_body()
    elif deed == "continue":
        exchange.send_continue()
    elif deed == "abort":
        exchange.abort()
    elif deed in ("start", "write", "end"):
        if not exchange.has_started():
            exchange.start_response(200, [])
        if deed != "start":
            exchange.write(b"z" * 70_000 if deed == "write" else b"", deed == "end")
    play.pump()


@given(st.lists(st.tuples(st.lists(FRAMES, max_size=4), DEEDS, st.integers(0, 5)), max_size=25))
@settings(max_examples=300, deadline=None)
def test_nothing_that_comes_raises_and_all_that_leaves_is_whole(
    turns: list[tuple[list[bytes], str, int]],
) -> None:
    play = Http2Play(Limits(h2_max_streams=3))
    for sent, deed, number in turns:
        play.send(*sent)
        act(play, deed, number)
        play.frames()
    play.connection.receive_eof(play.now)
    play.pump()
    play.wait(100.0)
    play.connection.lost()
    assert play.connection.pending_bytes() == 0


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_bytes_that_mean_nothing_raise_nothing(noise: bytes) -> None:
    Http2Play().send(noise).wait(100.0)
    Http2Play(is_greeted=False).send(noise).wait(100.0)


@given(st.lists(FRAMES, max_size=12), st.integers(1, 50))
@settings(max_examples=100, deadline=None)
def test_how_bytes_arrive_does_not_matter(sent: list[bytes], size: int) -> None:
    whole, split = Http2Play(), Http2Play()
    said = b"".join(sent)
    whole.is_held = split.is_held = True
    whole.send(said)
    for at in range(0, len(said), size):
        split.send(said[at : at + size])
    assert whole.connection.closing == split.connection.closing
    assert [e.head.path for e in whole.exchanges if not e.is_disconnected] == [
        e.head.path for e in split.exchanges if not e.is_disconnected
    ]
