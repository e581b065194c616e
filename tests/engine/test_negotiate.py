"""negotiate.py: which engine a connection gets, by ALPN and by its first bytes, and what that engine is told."""

from collections.abc import Callable

import pytest

from licorne.engine.connection import NEVER, Closing, Connection
from licorne.engine.defaults import DefaultHeaders
from licorne.engine.http1 import new_connection_factory as new_http1_factory
from licorne.engine.limits import Limits
from licorne.engine.negotiate import new_connection_factory
from licorne.errors import RemoteProtocolError

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MARK = 16
HEAD_TIMEOUT = 10.0


class Engine(Connection):
    """Remember what it is told."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.calls: list[object] = []

    def start(self, now: float) -> None:
        self.calls.append(("start", now))

    def receive_data(self, data: bytes, now: float) -> None:
        self.calls.append(("data", data, now))

    def expire(self, now: float) -> None:
        self.calls.append(("expire", now))

    def shutdown(self, now: float) -> None:
        self.calls.append(("shutdown", now))

    def retire(self) -> None:
        self.calls.append("retire")

    def refuse(self, error: RemoteProtocolError, now: float) -> None:
        self.calls.append(("refuse", error.status, now))


def new_connection(head_timeout: float = HEAD_TIMEOUT) -> Connection:
    """Make a connection that has not begun."""
    return new_connection_factory(lambda: Engine("http1"), lambda: Engine("http2"), head_timeout)()


def chosen(connection: Connection) -> tuple[str, list[object]]:
    """Return which engine was chosen, and what it was told."""
    engine = connection.successor
    assert isinstance(engine, Engine)
    return engine.name, engine.calls


# --- ALPN ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "name"), [("h2", "http2"), ("http/1.1", "http1"), ("http/1.0", "http1"), (None, "http1")]
)
def test_alpn_decides_before_anything_has_come(protocol: str | None, name: str) -> None:
    connection = new_connection()
    connection.agree(protocol)
    assert chosen(connection) == (name, [])


def test_the_engine_that_alpn_chooses_is_told_that_answers_are_the_last() -> None:
    connection = new_connection()
    connection.retire()
    connection.agree("h2")
    assert chosen(connection) == ("http2", ["retire"])


def test_http1_alone_takes_what_tls_has_agreed_on_as_it_is() -> None:
    connection = new_http1_factory(Limits(), "native", DefaultHeaders([]))()
    connection.agree("http/1.1")
    assert connection.successor is None


# --- the first bytes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [MARK, MARK + 1, len(PREFACE)])
def test_the_preface_chooses_http2_which_is_given_all_of_it(size: int) -> None:
    connection = new_connection()
    connection.start(1.0)
    connection.receive_data(PREFACE[:size], 2.0)
    assert chosen(connection) == ("http2", [("start", 1.0), ("data", PREFACE[:size], 2.0)])


def test_the_preface_may_come_in_pieces() -> None:
    connection = new_connection()
    connection.start(0.0)
    for at in range(MARK - 1):
        connection.receive_data(PREFACE[at : at + 1], 1.0)
        assert connection.successor is None
        assert connection.wants_data()
    connection.receive_data(PREFACE[MARK - 1 :] + b"more", 2.0)
    assert chosen(connection) == ("http2", [("start", 0.0), ("data", PREFACE + b"more", 2.0)])


@pytest.mark.parametrize(
    "first", [b"G", b"POST / HTTP/1.1\r\n", b"PUT", b"PRI * HTTP/1.1\r\n", b"\r\n", b"\x16\x03\x01"]
)
def test_anything_else_chooses_http1(first: bytes) -> None:
    connection = new_connection()
    connection.start(0.0)
    connection.receive_data(first, 3.0)
    assert chosen(connection) == ("http1", [("start", 0.0), ("data", first, 3.0)])


@pytest.mark.parametrize("size", range(1, MARK))
def test_a_preface_that_turns_out_to_be_none_is_given_to_http1_from_its_first_byte(size: int) -> None:
    connection = new_connection()
    connection.start(0.0)
    connection.receive_data(PREFACE[:size], 1.0)
    connection.receive_data(b"?", 2.0)
    assert chosen(connection) == ("http1", [("start", 0.0), ("data", PREFACE[:size] + b"?", 2.0)])


# --- until then ---------------------------------------------------------------------------------------------


def test_nothing_is_sent_and_nobody_called_while_it_is_undecided() -> None:
    connection = new_connection()
    connection.start(0.0)
    assert connection.next_exchange(0.0) is None
    assert (connection.data_to_send(), connection.pending_bytes()) == ([], 0)
    assert not connection.ends_with_connection()
    assert not connection.is_resting()


def test_a_peer_that_says_nothing_is_closed_without_a_word_when_its_time_is_over() -> None:
    connection = new_connection()
    connection.start(5.0)
    assert connection.deadline == 5.0 + HEAD_TIMEOUT
    connection.expire(14.9)
    assert connection.closing == Closing.OPEN
    connection.expire(15.0)
    assert (connection.closing, connection.successor) == (Closing.FLUSH, None)


def test_half_a_preface_is_half_a_head_when_its_time_is_over() -> None:
    connection = new_connection()
    connection.start(0.0)
    connection.receive_data(b"PRI", 1.0)
    connection.expire(HEAD_TIMEOUT)
    told = [("start", 0.0), ("data", b"PRI", HEAD_TIMEOUT), ("expire", HEAD_TIMEOUT)]
    assert chosen(connection) == ("http1", told)


def test_without_a_limit_nothing_expires() -> None:
    connection = new_connection(0.0)
    connection.start(0.0)
    assert connection.deadline == NEVER


@pytest.mark.parametrize("first", [b"", b"PRI * "])
def test_the_end_of_the_peer_closes(first: bytes) -> None:
    connection = new_connection()
    connection.start(0.0)
    connection.receive_data(first, 0.0)
    connection.receive_eof(1.0)
    assert connection.closing == Closing.FLUSH
    assert not connection.wants_data()
    connection.receive_data(b"late", 1.0)
    assert connection.successor is None


def test_it_is_idle_while_nothing_has_come_and_no_newcomer_is_the_first_to_go() -> None:
    connection = new_connection()
    connection.start(1.0)
    assert connection.is_idle()
    assert connection.idle_since > 1.0
    connection.receive_data(b"P", 1.0)
    assert not connection.is_idle()


def test_a_drain_leaves_a_newcomer_a_moment_and_is_passed_on() -> None:
    connection = new_connection()
    connection.start(0.0)
    connection.shutdown(2.0)
    assert connection.deadline == 3.0
    connection.shutdown(2.5)
    assert connection.deadline == 3.0
    connection.receive_data(PREFACE, 2.9)
    assert chosen(connection)[1] == [("start", 0.0), ("shutdown", 2.0), ("data", PREFACE, 2.9)]


def test_a_refusal_is_an_answer_of_http1() -> None:
    connection = new_connection()
    connection.refuse(RemoteProtocolError(503, "too many connections"), 4.0)
    assert chosen(connection) == ("http1", [("start", 0.0), ("refuse", 503, 4.0)])


@pytest.mark.parametrize("end", [lambda connection: connection.lost(), lambda connection: connection.close()])
def test_an_end_ends_it(end: Callable[[Connection], object]) -> None:
    connection = new_connection()
    connection.start(0.0)
    end(connection)
    assert connection.closing >= Closing.FLUSH
    assert connection.deadline == NEVER
    assert not connection.is_idle()
