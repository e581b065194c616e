"""HTTP/2 clients at their worst: nothing of what they do piles up, outlasts them, or keeps others waiting.

`http2_abuses` says what they send; `benchmarks/fault` plays the same in full size.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.faults.http2_abuses import ABUSES, Abuse, get, post
from tests.faults.http2_attack import Attack
from tests.faults.sockets import Bystander
from tests.faults.watching import MIB, Memory, await_truth, census_of, serving
from tests.server.process import ServerProcess
from tests.support.http2_frames import (
    GOAWAY,
    HEADERS,
    PREFACE,
    RST_STREAM,
    Code,
    Setting,
    continuation,
    data,
    headers,
    literal,
    request,
    reset,
    window_update,
)
from tests.support.http2_peer import Http2Peer

SECONDS = 0.5
#: What Python may allocate for other reasons. What has no bound grows by far more in half a second.
MEMORY_SLACK = 24 * MIB
#: Far more than anyone waits for, also on a machine that is busy with other tests.
PATIENCE_SECONDS = 20.0
#: So long a flood may go on, on a machine that is busy with other tests, before the server has enough of it.
GREAT_PATIENCE_SECONDS = 60.0
#: A server that has nothing to do any more may use so much of a second.
REST_SECONDS = 0.25
#: More bytes than the list of a request may have; what the limit says is below.
TOO_LARGE = b"y" * 16000


#: Those that brought servers down, and one that leaves much behind: they are played everywhere.
_NOTORIOUS = (
    "rapid-reset",
    "made-you-reset-credit",
    "continuation-full",
    "hpack-bomb",
    "flood-settings",
    "zero-window",
)


def _played() -> list[object]:
    return [a if a.name in _NOTORIOUS else pytest.param(a, marks=pytest.mark.exhaustive) for a in ABUSES.values()]


@contextmanager
def tormented(*options: str) -> Iterator[ServerProcess]:
    """Serve, with a bystander; in the end all is as before, and nothing was logged that should not be."""
    with serving("--timeout-disconnect=500ms", *options) as server:
        before = census_of(server.port)
        with Bystander(server.port) as bystander:
            yield server
        bystander.assert_was_served(PATIENCE_SECONDS)
        await_truth(lambda: census_of(server.port) == before, f"the server is as before: {before}")
        assert_rests(server)
    assert "Traceback" not in server.log, server.log


def assert_rests(server: ServerProcess) -> None:
    """Fail unless a server that nobody asks uses next to no CPU; a second of one that is busy elsewhere is no proof."""
    await_truth(lambda: seconds_used(server, 1.0) < REST_SECONDS, "the server comes to rest")


def seconds_used(server: ServerProcess, during: float) -> float:
    """Return how much CPU time a server uses in so many seconds."""
    before = cpu_seconds(server)
    time.sleep(during)
    return cpu_seconds(server) - before


def cpu_seconds(server: ServerProcess) -> float:
    """Return how much CPU time a server has used."""
    with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("abuse", _played(), ids=lambda abuse: abuse.name)
def test_abuse_is_bounded(abuse: Abuse, loop: str) -> None:
    with tormented(f"--loop={loop}") as server:
        memory = Memory(server)
        attack = Attack(server.port, abuse)
        attack.run(SECONDS, memory.look)
        assert memory.growth < MEMORY_SLACK + abuse.connections * abuse.bytes_each
        assert set(attack.farewells) <= set(abuse.codes), attack.farewells
        assert len(warnings_in(server)) <= attack.made
        if abuse.codes and abuse.is_reading and abuse.is_calmed:
            assert attack.farewells or is_enough(abuse, server.port), "the server never had enough"


def warnings_in(server: ServerProcess) -> list[str]:
    """Return the lines that tell of one peer each; another one may tell how many were left out."""
    return [line for line in server.lines if "WARNING" in line and "more peers" not in line]


def is_enough(abuse: Abuse, port: int) -> bool:
    """Go on, on a machine where the time was too short; tell whether the server had enough."""
    attack = Attack(port, abuse)
    attack.run(GREAT_PATIENCE_SECONDS, until=lambda: bool(attack.farewells))
    return bool(attack.farewells)


# --- one connection, seen closely ---------------------------------------------------------------------------


def test_resets_of_the_peer_and_those_it_provokes_are_counted_together() -> None:
    with tormented("--h2-reset-burst=100", "--h2-reset-rate=1") as server, Http2Peer(server.port) as peer:
        peer.greet()
        for stream in range(1, 401, 4):
            peer.send(headers(stream, get()) + reset(stream))
            peer.send(headers(stream + 2, get() + literal(b"upgrade", b"x")))
        assert peer.wait_for_goaway().code == Code.ENHANCE_YOUR_CALM
        peer.read_to_the_end()


def test_a_connection_that_is_thrown_out_is_logged_once() -> None:
    with tormented("--h2-reset-burst=10", "--h2-reset-rate=1") as server:
        with Http2Peer(server.port) as peer:
            peer.greet()
            peer.send(b"".join(headers(stream, get()) + reset(stream) for stream in range(1, 200, 2)))
            peer.read_to_the_end()
        server.wait_for(r"WARNING.*127\.0\.0\.1:\d+")
    assert server.log.count("WARNING") == 1, server.log


def test_resets_within_the_rate_are_forgiven() -> None:
    with tormented() as server, Http2Peer(server.port) as peer:
        peer.greet()
        for stream in range(1, 801, 2):
            peer.send(headers(stream, get()) + reset(stream))
        peer.round_trip()
        assert not peer.count(GOAWAY)


def test_a_header_list_above_the_limit_is_answered_431_on_its_stream_alone() -> None:
    with tormented() as server, Http2Peer(server.port) as peer:
        peer.greet()
        for stream in (1, 3, 5):
            peer.send(headers(stream, request() + literal(b"x", TOO_LARGE, 0x10), is_whole=False))
            peer.send(
                b"".join(continuation(stream, literal(b"x", TOO_LARGE), is_last=number == 3) for number in range(4))
            )
            assert peer.read_answer(stream).status == 431
        peer.send(headers(7, request()))
        assert peer.read_answer(7).status == 200
        assert not peer.count(GOAWAY)


def test_more_fields_than_the_limit_are_answered_431_on_their_stream_alone() -> None:
    with tormented() as server, Http2Peer(server.port) as peer:
        peer.greet()
        peer.send(headers(1, request() + literal(b"a", b"b", 0x40) + b"\xbe" * 500))
        assert peer.read_answer(1).status == 431
        peer.send(headers(3, request()))
        assert peer.read_answer(3).status == 200


def test_a_reset_stream_keeps_its_place_until_its_application_has_ended() -> None:
    with tormented("--h2-max-streams=5") as server, Http2Peer(server.port) as peer:
        calls = census_of(server.port)["calls"]
        peer.greet()
        peer.send(window_update(0, MIB))
        for stream in range(1, 11, 2):
            peer.send(headers(stream, get(b"/stuck")))
            peer.wait_for(lambda found: found.kind == HEADERS)
            peer.send(reset(stream))
        peer.send(headers(11, get()))
        found = peer.wait_for(lambda found: found.stream == 11)
        assert (found.kind, found.code) == (RST_STREAM, Code.REFUSED_STREAM)
        await_truth(lambda: census_of(server.port)["calls"] == calls, "the applications have ended")
        peer.send(headers(13, get()))
        assert peer.read_answer(13).status == 200


# --- those who wait -----------------------------------------------------------------------------------------

Plays = Callable[[Http2Peer], None]


def send_half_a_preface(peer: Http2Peer) -> None:
    """Begin as HTTP/2 does, and stop."""
    peer.send(PREFACE[:20])


def send_no_settings(peer: Http2Peer) -> None:
    """Send the preface without SETTINGS."""
    peer.send(PREFACE)


def send_half_a_head(peer: Http2Peer) -> None:
    """Never end a header block."""
    peer.greet()
    peer.send(headers(1, get(), is_whole=False))


def send_half_a_frame(peer: Http2Peer) -> None:
    """Never end a frame."""
    peer.greet()
    peer.send(headers(1, get())[:-3])


def say_nothing_more(peer: Http2Peer) -> None:
    """Stay when all is answered."""
    peer.greet()
    peer.send(headers(1, get()))
    assert peer.read_answer(1).status == 200


def take_nothing(peer: Http2Peer) -> None:
    """Ask for much and open no window."""
    peer.greet((Setting.INITIAL_WINDOW_SIZE, 0))
    peer.send(headers(1, get(b"/endless")))


@pytest.mark.parametrize(
    ("play", "option"),
    [
        (send_half_a_preface, "--timeout-request-header=1s"),
        (send_no_settings, "--timeout-request-header=1s"),
        (send_half_a_head, "--timeout-request-header=1s"),
        (send_half_a_frame, "--timeout-request-header=1s"),
        (say_nothing_more, "--timeout-keep-alive=1s"),
    ],
)
def test_a_connection_that_only_waits_is_ended(play: Plays, option: str) -> None:
    with tormented(option) as server, Http2Peer(server.port) as peer:
        play(peer)
        peer.read_to_the_end()


def test_a_body_that_never_comes_ends_its_stream_alone() -> None:
    with tormented("--timeout-request-body=1s") as server, Http2Peer(server.port) as peer:
        peer.greet()
        peer.send(headers(1, post(), end=False) + data(1, b"begun"))
        peer.read_until(lambda: peer.answer(1).code is not None or peer.answer(1).is_ended)
        peer.send(headers(3, get()))
        assert peer.read_answer(3).status == 200


def test_an_answer_that_nobody_lets_out_ends_its_stream_alone() -> None:
    with tormented("--timeout-write-stall=1s") as server, Http2Peer(server.port) as peer:
        take_nothing(peer)
        peer.read_until(lambda: peer.answer(1).code is not None)
        peer.send(headers(3, request(b"HEAD")))
        assert peer.read_answer(3).status == 200


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("path", [b"/endless", b"/fresh", b"/block", b"/stuck"])
def test_who_closes_one_side_and_opens_no_window_is_let_go(path: bytes, loop: str) -> None:
    with tormented(f"--loop={loop}") as server, Http2Peer(server.port) as peer:
        peer.greet((Setting.INITIAL_WINDOW_SIZE, 10))
        peer.send(headers(1, get(path)) + headers(3, post(), end=False) + headers(5, get(path)))
        peer.round_trip()
        begun = time.monotonic()
        peer.sock.shutdown(socket.SHUT_WR)
        peer.read_to_the_end()
        assert time.monotonic() - begun < PATIENCE_SECONDS


def test_an_answer_that_is_never_read_ends_the_connection() -> None:
    abuse = ABUSES["unread-answers"]
    with tormented("--timeout-write-stall=1s") as server:
        calls = census_of(server.port)["calls"]
        attack = Attack(server.port, abuse)
        attack.run(SECONDS, stays=True)
        await_truth(lambda: census_of(server.port)["calls"] == calls, "the clients are dropped")
        attack.leave()


def test_a_slow_upload_is_not_read_ahead_of_its_application() -> None:
    with tormented() as server, Http2Peer(server.port) as peer:
        peer.greet()
        memory = Memory(server)
        peer.send(headers(1, post(b"/stuck"), end=False) + data(1, bytes(16384)) * 16)
        peer.round_trip()
        assert memory.growth < MEMORY_SLACK
        # The window of the stream is used up, and no more of it is opened.
        peer.send(data(1, b"x"))
        found = peer.wait_for(lambda found: found.kind in (RST_STREAM, GOAWAY))
        assert found.code == Code.FLOW_CONTROL_ERROR
