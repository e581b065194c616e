"""A case of the suite: its section, its name, and steps, each of them bytes to send or something to see.

Steps that see are functions of the client. `stream_error` also takes a connection error of the same code for what it
asked for, since RFC 9113 §5.4.2 leaves that to the server; whatever the error was, the rest of the connection must be
in the state that goes with it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.support.http2_frames import DATA, GOAWAY, PING, RST_STREAM, Code, Frame, headers, request
from tests.support.http2_peer import Http2Peer

__all__ = [
    "FAULT",
    "GET",
    "POST",
    "Case",
    "Step",
    "acknowledged",
    "answered",
    "closed",
    "compression_error",
    "connection_error",
    "data_of",
    "headers_came",
    "malformed",
    "ponged",
    "refused",
    "stream_ended",
    "stream_error",
]

#: What most cases begin with: a request that is whole, and one whose content is to come.
GET = headers(1, request())
POST = headers(1, request(b"POST"), end=False)

Step = bytes | Callable[[Http2Peer], object]


@dataclass(frozen=True, slots=True)
class Case:
    """Hold one case; `settings` are the client's, and without them being greeted the steps begin with the preface."""

    section: str
    title: str
    steps: tuple[Step, ...]
    settings: tuple[tuple[int, int], ...] = ()
    is_greeted: bool = True

    @property
    def name(self) -> str:
        """Return the name that a test shows."""
        return f"{self.section} {self.title}"

    def play(self, peer: Http2Peer) -> None:
        """Do all of it."""
        if self.is_greeted:
            peer.greet(*self.settings)
        for step in self.steps:
            if isinstance(step, bytes):
                peer.send(step)
            else:
                step(peer)


# --- what is seen -------------------------------------------------------------------------------------------


def connection_error(*codes: int) -> Step:
    """See GOAWAY with one of some codes, and the end of the connection behind it."""

    def see(peer: Http2Peer) -> None:
        found = peer.wait_for_goaway()
        assert found.code in codes, f"GOAWAY says {found.code}, not one of {codes}"
        peer.read_to_the_end()

    return see


compression_error = connection_error(Code.COMPRESSION_ERROR)
#: The error of most cases.
FAULT = connection_error(Code.PROTOCOL_ERROR)


def closed(peer: Http2Peer) -> None:
    """See the end of the connection, whatever comes before it."""
    peer.read_to_the_end()


def stream_error(stream: int, *codes: int, is_other_served: bool = True) -> Step:
    """See RST_STREAM with one of some codes, and the connection live on; or a connection error with such a code."""

    def is_error(found: Frame) -> bool:
        is_own = found.kind == RST_STREAM and found.stream == stream
        return is_own or found.kind == GOAWAY

    def see(peer: Http2Peer) -> None:
        found = peer.wait_for(is_error)
        assert found.code in codes, f"{found} says {found.code}, not one of {codes}"
        if found.kind == GOAWAY:
            peer.read_to_the_end()
        elif is_other_served:
            peer.round_trip()

    return see


def malformed(stream: int = 1) -> Step:
    """See a malformed request refused: no answer but 400, a stream error, and the connection live on."""
    see_error = stream_error(stream, Code.PROTOCOL_ERROR)

    def see(peer: Http2Peer) -> None:
        assert callable(see_error)
        see_error(peer)
        assert peer.answer(stream).status in (0, 400), "a malformed request was served"
        assert not peer.count(GOAWAY), "a malformed request is an error of its stream alone"

    return see


def refused(status: int, stream: int = 1) -> Step:
    """See a request answered with a status by the server itself, and the connection live on."""

    def see(peer: Http2Peer) -> None:
        assert peer.read_answer(stream).status == status
        peer.round_trip()

    return see


def answered(stream: int = 1, *, body: bytes | None = b"Hello, world!") -> Step:
    """See the whole answer."""

    def see(peer: Http2Peer) -> None:
        answer = peer.read_answer(stream)
        assert answer.status == 200, answer.blocks
        assert answer.is_ended
        assert answer.code in (None, Code.NO_ERROR), f"reset with {answer.code}"
        assert body in (None, answer.body)

    return see


def headers_came(stream: int = 1) -> Step:
    """See the head of the answer."""
    return lambda peer: peer.read_until(lambda: bool(peer.answer(stream).status))


def stream_ended(stream: int = 1) -> Step:
    """See END_STREAM of the server."""
    return lambda peer: peer.read_until(lambda: peer.answer(stream).is_ended)


def data_of(size: int, stream: int = 1) -> Step:
    """See DATA of so many bytes."""

    def see(peer: Http2Peer) -> None:
        found = peer.wait_for(lambda found: found.kind == DATA and found.stream == stream)
        assert len(found.payload) == size, found

    return see


def ponged(payload: bytes = b"conforms") -> Step:
    """See the answer to a PING, and not one to any other."""

    def see(peer: Http2Peer) -> None:
        found = peer.wait_for(lambda found: found.kind == PING)
        assert (found.flags, found.payload) == (1, payload)

    return see


def acknowledged(peer: Http2Peer) -> None:
    """See all SETTINGS acknowledged."""
    peer.read_until(lambda: peer.rules.unacknowledged == 0)
