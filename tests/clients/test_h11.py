"""h11 as a client, for what other clients hide: interim answers, trailers, and who closes when."""

from collections.abc import Iterator

import h11
import pytest

from tests.clients.callers import H11Caller


@pytest.fixture
def caller(port: int) -> Iterator[H11Caller]:
    """Be connected."""
    with H11Caller(port) as made:
        yield made


def test_100_comes_when_the_application_wants_the_body(caller: H11Caller) -> None:
    for _ in range(2):
        caller.ask("POST", "/echo", [("Content-Length", "5"), ("Expect", "100-continue")])
        interim = caller.next_event()
        assert isinstance(interim, h11.InformationalResponse)
        assert interim.status_code == 100
        caller.send(h11.Data(data=b"hello"))
        caller.send(h11.EndOfMessage())
        assert caller.take_answer().body == b"hello"


def test_100_does_not_come_when_it_does_not(caller: H11Caller) -> None:
    caller.ask("POST", "/refuse", [("Content-Length", "5"), ("Expect", "100-continue")])
    answer = caller.take_answer()
    assert answer.status == 403
    assert not any(isinstance(event, h11.InformationalResponse) for event in caller.events)
    # Whether a body follows is the client's choice (RFC 9110 §10.1.1), so the connection cannot go on.
    assert answer.headers["connection"] == "close"


def test_another_expectation_is_refused(caller: H11Caller) -> None:
    caller.ask("POST", "/echo", [("Content-Length", "5"), ("Expect", "miracles")])
    assert caller.take_answer().status == 417


def test_103_comes_before_the_answer(caller: H11Caller) -> None:
    caller.call("GET", "/hint")
    interim = caller.events[0]
    assert isinstance(interim, h11.InformationalResponse)
    assert interim.status_code == 103
    assert (b"link", b"</style.css>; rel=preload") in list(interim.headers)


def test_trailers_come_to_who_asks_for_them(caller: H11Caller) -> None:
    caller.ask("GET", "/trailers", [("TE", "trailers"), ("Connection", "TE")])
    caller.send(h11.EndOfMessage())
    assert caller.take_answer().body == b"one, two"
    end = caller.events[-1]
    assert isinstance(end, h11.EndOfMessage)
    assert list(end.headers) == [(b"x-digest", b"abc")]


def test_pieces_come_back_while_others_still_go_up(caller: H11Caller) -> None:
    caller.ask("POST", "/back", [("Transfer-Encoding", "chunked")])
    assert isinstance(head := next_of(caller, b"first"), h11.Response)
    assert head.status_code == 200
    for piece in (b"first", b"second"):
        event = caller.next_event()
        assert isinstance(event, h11.Data)
        assert bytes(event.data) == piece
        caller.send(h11.Data(data=b"second") if piece == b"first" else h11.EndOfMessage())
    assert isinstance(caller.next_event(), h11.EndOfMessage)


def next_of(caller: H11Caller, piece: bytes) -> h11.Event:
    """Send a piece and return the event that it leads to."""
    caller.send(h11.Data(data=piece))
    return caller.next_event()


def test_close_is_said_and_done(caller: H11Caller) -> None:
    caller.ask("GET", "/hello", [("Connection", "close")])
    caller.send(h11.EndOfMessage())
    answer = caller.take_answer()
    assert (answer.body, answer.headers["connection"]) == (b"Hello, world!", "close")
    assert isinstance(caller.next_event(), h11.ConnectionClosed)
