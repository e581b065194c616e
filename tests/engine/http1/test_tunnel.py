"""Http1Connection as a tunnel: the handshake told as one, raw bytes both ways, clocks, and every end."""

from collections.abc import Callable

import pytest

from licorne.engine.connection import NEVER, Closing, Connection
from licorne.engine.defaults import DefaultHeaders
from licorne.engine.http1 import new_connection_factory
from licorne.engine.limits import Limits
from licorne.engine.tunnel import Tunnel
from licorne.errors import ClientDisconnected
from tests.engine.http1.conftest import Connect
from tests.support.http1 import read_answers
from tests.support.play import (
    NOTHING,
    Playbook,
    Step,
    abort,
    answer,
    end_of_stream,
    inform,
    lose,
    play,
    shutdown,
    start,
    wait,
    write,
)

ASK = b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\nx: y\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n"
DENIED = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno"


class Record(Tunnel):
    """Remember what comes; its deadline and whether it is full are set by the test."""

    def __init__(self, deadline: float = NEVER) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.deadline = deadline
        self.has_room = True
        self.on_expire: Callable[[], None] = lambda: None

    def receive_data(self, data: bytes, now: float) -> None:
        self.calls.append(("data", data))

    def receive_eof(self, now: float) -> None:
        self.calls.append(("eof",))

    def lost(self) -> None:
        self.calls.append(("lost",))

    def settle(self, now: float) -> float:
        return self.deadline

    def expire(self, now: float) -> None:
        self.calls.append(("expire", now))
        self.deadline = NEVER
        self.on_expire()

    def shutdown(self, now: float) -> None:
        self.calls.append(("shutdown",))

    def is_full(self) -> bool:
        return not self.has_room


def offer(tunnel: Tunnel) -> Step:
    """Let a tunnel be offered to the exchange."""
    return lambda book: book.exchange.offer_tunnel(tunnel)


def accept(book: Playbook) -> None:
    """Let the exchange be accepted as a tunnel."""
    book.exchange.start_tunnel([(b"x", b"y")])


def finish(book: Playbook) -> None:
    """Let the tunnel end our side."""
    book.exchange.finish_tunnel()


def send(data: bytes) -> Step:
    """Let the tunnel send."""
    return lambda book: book.exchange.send_raw(data)


def tunnelled(connection: Connection, tunnel: Tunnel) -> Playbook:
    """Return a conversation in which a tunnel was accepted."""
    return play(connection) >> ASK >> offer(tunnel) >> accept << ACCEPTED


# --- the request --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        b"Connection: Upgrade\r\nUpgrade: websocket",
        b"connection: upgrade\r\nupgrade: WebSocket",
        b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket",
        b"Connection: keep-alive\r\nConnection: x,uPGRADE\r\nUpgrade: h2c, WEBSOCKET",
        b"Upgrade: h2c\r\nUpgrade: websocket\r\nConnection: upgrade, close",
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0",
    ],
)
def test_request_for_a_websocket_is_told_as_one(connect: Connect, fields: bytes) -> None:
    book = play(connect()) >> b"GET / HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n" % fields
    assert book.exchange.is_websocket()
    assert book.exchange.head.headers[0] == (b"host", b"a")


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket",
        b"GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket",
        b"GET / HTTP/1.1\r\nConnection: Upgrade",
        b"GET / HTTP/1.1\r\nUpgrade: websocket",
        b"GET / HTTP/1.1\r\nConnection: close\r\nUpgrade: websocket",
        b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c",
        b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websockets",
        b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket/13",
    ],
)
def test_other_requests_are_not(connect: Connect, head: bytes) -> None:
    book = play(connect()) >> head + b"\r\nHost: a\r\n\r\n"
    assert not book.exchange.is_websocket()


def test_request_after_one_that_was_asked_for_an_upgrade_is_judged_by_itself(connect: Connect) -> None:
    ask = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    book = play(connect()) >> ask >> answer(200) >> GET >> answer(200)
    assert not book.exchange.is_websocket()
    book << 2 * b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" << Closing.OPEN


@pytest.mark.parametrize("framing", [b"Content-Length: 5", b"Transfer-Encoding: chunked"])
def test_request_for_a_websocket_with_a_body_is_refused(connect: Connect, framing: bytes) -> None:
    book = play(connect()) >> ASK[:-2] + framing + b"\r\n\r\n"
    (refusal,) = read_answers(book.out, [], True)
    assert refusal.status == 400
    assert book.exchanges == []


def test_where_websockets_are_not_wanted_the_request_is_one_like_any_other() -> None:
    defaults = DefaultHeaders([], has_date=False)
    book = play(new_connection_factory(Limits(), "native", defaults, takes_websocket=False)()) >> ASK
    assert not book.exchange.is_websocket()
    assert book.exchange.head.asks_websocket
    book >> answer(200, b"ok") << b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" << Closing.OPEN


# --- acceptance and refusal ---------------------------------------------------------------------------------


def test_acceptance_is_sent_at_once_with_the_default_fields() -> None:
    defaults = DefaultHeaders([(b"server", b"licorne"), (b"x", b"1")])
    defaults.refresh(0)
    book = play(new_connection_factory(Limits(), "native", defaults, has_hint=True)()) >> ASK >> accept
    assert book.out == (
        b"HTTP/1.1 101 Switching Protocols\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\nserver: licorne\r\nx: 1\r\n"
        b"x: y\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n"
    )


def test_bytes_pass_both_ways_as_they_are(connect: Connect) -> None:
    tunnel = Record()
    book = tunnelled(connect(), tunnel) >> b"\x16\r\n\r\n" >> b"GET" >> send(b"\x81\x00") >> send(b"more")
    book << b"\x81\x00more" << Closing.OPEN
    assert tunnel.calls == [("data", b"\x16\r\n\r\n"), ("data", b"GET")]
    assert len(book.exchanges) == 1


def test_bytes_behind_the_head_are_the_tunnels(connect: Connect) -> None:
    tunnel = Record()
    play(connect()) >> ASK + b"\x81\x80abcd" >> offer(tunnel) >> accept >> b"next"
    assert tunnel.calls == [("data", b"\x81\x80abcd"), ("data", b"next")]


def test_bytes_that_come_before_acceptance_wait_for_it(connect: Connect) -> None:
    tunnel = Record()
    book = play(connect()) >> ASK >> offer(tunnel) >> b"one " >> b"two" << NOTHING
    assert tunnel.calls == []
    book >> accept
    assert tunnel.calls == [("data", b"one two")]


def test_bytes_that_come_before_acceptance_are_bounded(connect: Connect) -> None:
    book = play(connect(high_water_bytes=100)) >> ASK
    assert book.connection.wants_data()
    book >> 100 * b"x"
    assert not book.connection.wants_data()
    book >> offer(Record()) >> accept
    assert book.connection.wants_data()


def test_refused_websocket_ends_its_connection(connect: Connect) -> None:
    tunnel = Record(deadline=5.0)
    book = play(connect()) >> ASK >> offer(tunnel) >> answer(403, b"no") << DENIED << Closing.LINGER
    book >> GET >> b"\x81\x80abcd" << NOTHING
    assert len(book.exchanges) == 1
    assert tunnel.calls == []


def test_denial_may_come_in_pieces(connect: Connect) -> None:
    book = play(connect()) >> ASK >> offer(Record()) >> start(403) >> write(b"n") >> write(b"o", True)
    head = b"HTTP/1.1 403 Forbidden\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    book << head + b"1\r\nn\r\n1\r\no\r\n0\r\n\r\n" << Closing.LINGER


def test_interim_responses_may_come_before_acceptance(connect: Connect) -> None:
    book = play(connect()) >> ASK >> inform(103, [(b"link", b"x")]) >> offer(Record()) >> accept
    book << b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + ACCEPTED


def test_tunnel_may_follow_requests_on_the_same_connection(connect: Connect) -> None:
    book = play(connect()) >> GET + ASK >> answer(204) >> offer(Record()) >> accept
    book << b"HTTP/1.1 204 No Content\r\n\r\n" + ACCEPTED << Closing.OPEN


# --- clocks and back-pressure -------------------------------------------------------------------------------


def test_clocks_of_a_tunnel_run_since_it_was_offered(connect: Connect) -> None:
    tunnel = Record(deadline=7.0)
    book = play(connect()) >> ASK >> offer(tunnel) >> b"early"
    assert book.connection.deadline == 7.0
    book >> wait(6.0)
    assert tunnel.calls == []
    book >> wait(2.0)
    assert tunnel.calls == [("expire", 7.0)]
    assert book.connection.deadline == NEVER


def test_tunnel_may_answer_in_place_of_the_application_when_its_clock_runs_out(connect: Connect) -> None:
    tunnel = Record(deadline=7.0)
    book = play(connect()) >> ASK >> offer(tunnel)

    def refuse() -> None:
        book.exchange.start_response(503, [])
        book.exchange.write(b"", True)

    tunnel.on_expire = refuse
    book >> wait(7.0)
    book << b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" << Closing.LINGER


def test_deadline_is_asked_for_after_everything_that_happens(connect: Connect) -> None:
    tunnel = Record(deadline=50.0)
    book = tunnelled(connect(), tunnel)
    assert book.connection.deadline == 50.0
    tunnel.deadline = 60.0
    book >> b"x"
    assert book.connection.deadline == 60.0
    tunnel.deadline = 70.0
    book >> send(b"y")
    assert book.connection.deadline == 70.0
    book >> wait(80.0)
    assert tunnel.calls[1:] == [("expire", 70.0)]


def test_no_clock_of_http_runs_in_a_tunnel(connect: Connect) -> None:
    book = tunnelled(connect(), Record()) >> wait(100_000.0) << Closing.OPEN
    assert not book.connection.is_idle()


def test_full_tunnel_stops_reading(connect: Connect) -> None:
    tunnel = Record()
    book = tunnelled(connect(), tunnel)
    assert book.connection.wants_data()
    tunnel.has_room = False
    assert not book.connection.wants_data()


def test_offered_tunnel_keeps_its_connection_from_being_idle(connect: Connect) -> None:
    book = play(connect()) >> ASK >> offer(Record())
    assert not book.connection.is_idle()


# --- ends ---------------------------------------------------------------------------------------------------


def test_finished_tunnel_lets_the_peer_see_the_end(connect: Connect) -> None:
    tunnel = Record()
    book = tunnelled(connect(linger_timeout=3.0), tunnel) >> send(b"\x88\x00") >> finish
    book << b"\x88\x00" << Closing.LINGER >> b"late" >> lose
    assert tunnel.calls == []


@pytest.mark.parametrize("options", [b"Upgrade", b"Upgrade, close"])
def test_finished_tunnel_waits_for_the_peer_no_longer_than_its_clock(connect: Connect, options: bytes) -> None:
    ask = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: %b\r\n\r\n" % options
    limits = {"linger_timeout": 3.0, "discard_timeout": 3.0}
    book = play(connect(**limits)) >> ask >> offer(Record()) >> accept >> finish << ACCEPTED << Closing.LINGER
    book >> wait(4.0) << Closing.FLUSH


def test_peer_that_sends_on_after_the_end_is_not_listened_to_for_ever(connect: Connect) -> None:
    book = tunnelled(connect(max_discard_bytes=100), Record()) >> finish << Closing.LINGER
    book >> 6400 * b"x" << Closing.LINGER >> b"x" << Closing.FLUSH


def test_end_of_the_peers_side_is_told_to_the_tunnel(connect: Connect) -> None:
    tunnel = Record()
    book = tunnelled(connect(), tunnel) >> b"x" >> end_of_stream << Closing.OPEN
    assert tunnel.calls == [("data", b"x"), ("eof",)]
    assert book.exchange.is_leaving
    book >> send(b"bye") >> finish << b"bye" << Closing.FLUSH


def test_end_of_the_peers_side_before_acceptance_is_its_leaving(connect: Connect) -> None:
    tunnel = Record()
    book = play(connect()) >> ASK >> offer(tunnel) >> end_of_stream
    assert tunnel.calls == [("eof",)]
    assert book.exchange.is_leaving
    book >> answer(403, b"no") << DENIED << Closing.FLUSH


def test_end_of_the_peers_side_before_the_offer_is_told_behind_what_came(connect: Connect) -> None:
    tunnel = Record()
    play(connect()) >> ASK + b"early" >> end_of_stream >> offer(tunnel) >> accept
    assert tunnel.calls == [("data", b"early"), ("eof",)]


@pytest.mark.parametrize("is_accepted", [False, True])
def test_loss_of_the_transport_is_told_to_the_tunnel(connect: Connect, is_accepted: bool) -> None:
    tunnel = Record(deadline=9.0)
    book = play(connect()) >> ASK >> offer(tunnel)
    if is_accepted:
        book >> accept
    book >> lose << Closing.ABORT
    assert tunnel.calls == [("lost",)]
    assert book.exchange.is_disconnected
    assert book.connection.deadline == NEVER
    with pytest.raises(ClientDisconnected):
        book.exchange.send_raw(b"x")


def test_aborted_tunnel_closes_behind_what_was_sent(connect: Connect) -> None:
    book = tunnelled(connect(), Record()) >> send(b"last") >> abort << b"last" << Closing.FLUSH
    assert not book.connection.ends_with_connection()


@pytest.mark.parametrize("is_accepted", [False, True])
def test_server_that_drains_tells_the_tunnel(connect: Connect, is_accepted: bool) -> None:
    tunnel = Record()
    book = play(connect()) >> ASK >> offer(tunnel)
    if is_accepted:
        book >> accept
    book >> shutdown << Closing.OPEN
    assert tunnel.calls == [("shutdown",)]


def test_tunnel_that_leaves_its_exchange_when_it_ends_is_asked_nothing_more(connect: Connect) -> None:
    tunnel = Record()
    book = tunnelled(connect(), tunnel)

    def leave(book: Playbook) -> None:
        book.exchange.tunnel = None
        book.exchange.finish_tunnel()

    book >> leave >> b"late" >> end_of_stream >> lose
    assert tunnel.calls == []


class Farewell(Record):
    """End with the first thing that comes."""

    def __init__(self) -> None:
        super().__init__()
        self.end: Callable[[], None] = lambda: None

    def receive_data(self, data: bytes, now: float) -> None:
        super().receive_data(data, now)
        self.end()


def test_tunnel_that_is_ended_by_what_came_before_it_closes_at_once(connect: Connect) -> None:
    tunnel = Farewell()
    connection = connect(linger_timeout=3.0, discard_timeout=3.0)
    book = play(connection) >> ASK + b"\x88\x80abcd" >> offer(tunnel)
    tunnel.end = book.exchange.finish_tunnel
    accept(book)
    assert connection.next_exchange(book.now) is None
    book << Closing.LINGER
    assert connection.deadline == 3.0
    assert connection.data_to_send() == [ACCEPTED]


def test_tunnel_that_is_aborted_for_what_came_before_it_closes_at_once(connect: Connect) -> None:
    tunnel = Farewell()
    connection = connect()
    book = play(connection) >> ASK + b"junk" >> offer(tunnel)
    tunnel.end = book.exchange.abort
    accept(book)
    assert connection.next_exchange(book.now) is None
    book << Closing.FLUSH


def test_tunnel_that_begins_while_the_server_drains_is_told(connect: Connect) -> None:
    tunnel = Record()
    play(connect()) >> ASK[:20] >> shutdown >> ASK[20:] >> offer(tunnel) >> accept
    assert tunnel.calls == [("shutdown",)]


@pytest.mark.parametrize("end", [answer(403, b"no"), abort])
def test_tunnel_that_was_not_accepted_is_forgotten_with_the_response(connect: Connect, end: Step) -> None:
    book = play(connect()) >> ASK >> offer(Record()) >> end
    assert book.exchange.tunnel is None


def test_aborted_tunnel_is_told(connect: Connect) -> None:
    tunnel = Record()
    tunnelled(connect(), tunnel) >> abort
    assert tunnel.calls == [("lost",)]


# --- 426 ----------------------------------------------------------------------------------------------------

UPGRADE = [(b"upgrade", b"websocket"), (b"content-length", b"0")]
REQUIRED = b"HTTP/1.1 426 Upgrade Required\r\ncontent-length: 0\r\n"


def test_refused_handshake_names_what_to_upgrade_to(connect: Connect) -> None:
    book = play(connect()) >> ASK >> answer(426, b"", UPGRADE)
    book << REQUIRED + b"upgrade: websocket\r\nconnection: Upgrade, close\r\n\r\n" << Closing.LINGER


def test_application_names_nothing_to_upgrade_to(connect: Connect) -> None:
    book = play(connect()) >> ASK >> offer(Record()) >> answer(426, b"", UPGRADE)
    book << REQUIRED + b"connection: close\r\n\r\n"
    book = play(connect()) >> GET >> answer(426, b"", UPGRADE) << REQUIRED + b"\r\n"
    book >> GET >> answer(426, b"", UPGRADE[1:]) << REQUIRED + b"\r\n"
