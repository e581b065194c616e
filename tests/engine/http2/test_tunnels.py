"""Extended CONNECT (RFC 8441): raw bytes both ways in the DATA of one stream."""

from licorne.engine.connection import NEVER, Closing
from licorne.engine.exchange import Exchange
from licorne.engine.limits import Limits
from licorne.engine.tunnel import Tunnel
from tests.support.http2_frames import DATA, HEADERS, Code, block, data, headers, request, reset
from tests.support.http2_play import Http2Play

OPENING = block(
    (b":method", b"CONNECT"),
    (b":protocol", b"websocket"),
    (b":scheme", b"http"),
    (b":path", b"/chat"),
    (b":authority", b"localhost"),
)
CONNECT = headers(1, OPENING, end=False)


class Pipe(Tunnel):
    """Note what is said to a tunnel, and be as full as it is told."""

    def __init__(self) -> None:
        self.said: list[object] = []
        self.full = False
        self.resting = False
        self.due = NEVER
        #: How often it was asked when it is due.
        self.asked = 0

    def receive_data(self, data: bytes, now: float) -> None:
        self.said.append(data)

    def receive_eof(self, now: float) -> None:
        self.said.append("eof")

    def lost(self) -> None:
        self.said.append("lost")

    def settle(self, now: float) -> float:
        self.asked += 1
        return self.due

    def expire(self, now: float) -> None:
        if now >= self.due:
            self.said.append("expired")
            self.due = NEVER

    def shutdown(self, now: float) -> None:
        self.said.append("shutdown")

    def is_full(self) -> bool:
        return self.full

    def is_resting(self) -> bool:
        return self.resting

    def go_on(self, now: float) -> None:
        self.resting = False
        self.said.append("go on")


def offered(limits: Limits | None = None) -> tuple[Http2Play, Exchange, Pipe]:
    play = Http2Play(limits).send(CONNECT)
    pipe = Pipe()
    play.exchange.offer_tunnel(pipe)
    return play, play.exchange, pipe


def accepted(limits: Limits | None = None) -> tuple[Http2Play, Exchange, Pipe]:
    play, exchange, pipe = offered(limits)
    exchange.start_tunnel([(b"sec-websocket-protocol", b"chat")])
    play.pump()
    return play, exchange, pipe


def test_a_request_for_a_websocket_is_one() -> None:
    _, exchange, _ = offered()
    assert exchange.is_websocket()
    assert exchange.head.path == b"/chat"


def test_a_protocol_that_was_not_offered_is_malformed() -> None:
    play = Http2Play(takes_websocket=False).send(CONNECT)
    assert not play.exchanges
    assert play.resets() == [(1, Code.PROTOCOL_ERROR)]


def test_acceptance_is_a_200_that_does_not_end() -> None:
    play, _, _ = accepted()
    frames = play.frames()
    assert [(frame.kind, frame.ends_stream) for frame in frames] == [(HEADERS, False)]
    assert play.decoder.decode(frames[0].payload, raw=True)[0] == (b":status", b"200")


def test_bytes_pass_both_ways() -> None:
    play, exchange, pipe = accepted()
    play.send(data(1, b"ping"))
    assert pipe.said == [b"ping"]
    play.frames()
    exchange.send_raw(b"pong")
    assert [(frame.kind, frame.payload) for frame in play.pump().frames()] == [(DATA, b"pong")]


def test_what_comes_before_acceptance_waits_for_it() -> None:
    play, exchange, pipe = offered()
    play.send(data(1, b"early"))
    assert pipe.said == []
    exchange.start_tunnel([])
    play.pump()
    assert pipe.said == [b"early"]


def test_an_end_before_acceptance_is_told_behind_it() -> None:
    play, exchange, pipe = offered()
    play.send(data(1, b"early", end=True))
    exchange.start_tunnel([])
    play.pump()
    assert pipe.said == [b"early", "eof"]


def test_the_end_of_the_peer_is_the_end_of_its_side() -> None:
    play, exchange, pipe = accepted()
    play.send(data(1, b"", end=True))
    assert pipe.said == ["eof"]
    play.frames()
    exchange.send_raw(b"still")
    exchange.finish_tunnel()
    assert play.pump().frames()[-1].ends_stream
    assert play.connection.is_idle()


def test_our_end_waits_for_the_end_of_the_peer() -> None:
    play, exchange, _ = accepted()
    exchange.finish_tunnel()
    assert play.pump().frames()[-1].ends_stream
    assert not play.connection.is_idle()
    play.send(data(1, b"late"), data(1, b"", end=True))
    assert play.frames() == []
    assert play.connection.is_idle()


def test_a_peer_that_does_not_end_its_side_is_reset() -> None:
    play, exchange, _ = accepted()
    exchange.finish_tunnel()
    play.pump().wait(4.0)
    assert play.resets() == []
    play.wait(2.0)
    assert play.resets() == [(1, Code.NO_ERROR)]


def test_a_reset_is_a_loss() -> None:
    play, exchange, pipe = accepted()
    play.send(reset(1))
    assert pipe.said == ["lost"]
    assert exchange.is_disconnected
    assert play.connection.closing == Closing.OPEN


def test_a_full_tunnel_has_its_peer_wait() -> None:
    play, exchange, pipe = accepted()
    pipe.full = True
    play.send(*[data(1, b"x" * 16384)] * 16)
    assert play.credits() == []
    pipe.full = False
    exchange.note_room()
    assert play.pump().credits() == [(1, 256 * 1024), (0, 256 * 1024)]


def test_a_tunnel_that_rests_is_gone_on_with() -> None:
    play, _, pipe = accepted()
    play.goes_on = False
    pipe.resting = True
    play.send(data(1, b"x"))
    assert not play.connection.wants_data()
    assert play.connection.is_resting()
    play.connection.go_on(play.now)
    play.pump()
    assert pipe.said == [b"x", "go on"]
    assert play.connection.wants_data()


def test_the_clocks_of_a_tunnel_run_from_its_offer() -> None:
    play, _, pipe = offered()
    pipe.due = 7.0
    play.pump()
    assert play.connection.deadline == 7.0
    play.wait(8.0)
    assert pipe.said == ["expired"]


def test_a_tunnel_may_be_silent() -> None:
    play, exchange, _ = accepted()
    play.wait(10_000.0)
    assert not exchange.is_disconnected


def test_a_drain_is_told_to_tunnels() -> None:
    play, exchange, pipe = accepted()
    play.connection.shutdown(play.now)
    play.pump()
    assert pipe.said == ["shutdown"]
    exchange.finish_tunnel()
    play.pump().send(data(1, b"", end=True))
    play.wait(1.1)
    assert play.connection.closing


def test_a_body_has_no_limit_in_a_tunnel() -> None:
    play, _, pipe = accepted(Limits(max_body_bytes=10))
    play.send(data(1, b"x" * 100))
    assert pipe.said == [b"x" * 100]


def test_a_refusal_is_an_answer() -> None:
    play, exchange, pipe = offered()
    exchange.start_response(403, [])
    exchange.write(b"no", True)
    frames = play.pump().frames()
    assert play.decoder.decode(frames[0].payload, raw=True)[0] == (b":status", b"403")
    assert frames[-1].ends_stream
    assert "lost" not in pipe.said


def test_other_requests_go_on_beside_a_tunnel() -> None:
    play, _, _ = accepted()
    play.send(headers(3, request()))
    assert len(play.exchanges) == 2


def test_what_happens_on_one_tunnel_costs_nothing_for_the_others() -> None:
    play = Http2Play()
    pipes = []
    for stream in range(1, 101, 2):
        play.send(headers(stream, OPENING, end=False))
        pipes.append(Pipe())
        play.exchange.offer_tunnel(pipes[-1])
        play.exchange.start_tunnel([])
        play.pump()
    before = [pipe.asked for pipe in pipes]
    for _ in range(10):
        play.send(data(99, b"x"))
        play.exchange.send_raw(b"y")
        play.pump()
    assert [pipe.asked for pipe in pipes[:-1]] == before[:-1]
    assert pipes[-1].asked > before[-1]


def test_the_clock_of_a_tunnel_is_kept_while_others_talk() -> None:
    play, _, pipe = accepted()
    pipe.due = 5.0
    play.exchange.send_raw(b"x")
    play.pump()
    play.send(headers(3, request()))
    play.exchange.start_response(200, [])
    play.exchange.write(b"", True)
    play.pump().wait(5.0)
    assert pipe.said == ["expired"]
