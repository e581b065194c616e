"""What must hold for any bytes behind a WebSocket handshake. An AssertionError is a find.

1. Nothing raises: a peer's fault is a close code, never an exception.
2. The same bytes have the same outcome however they are cut, as far as a codec can know it.
3. What is held for a peer is bounded by the limits and one read.
4. What is sent is a sequence of whole frames, and nothing stands behind a close frame.
5. The oracle, which shares no code with the engine, has the same opinion.
"""

from dataclasses import replace

from licorne.engine.websocket.session import SessionOptions
from tests.support.cuts import byte_by_byte
from tests.support.websocket_corpus import SocketCase
from tests.support.websocket_oracle import Judged, judge_frames
from tests.support.websocket_play import Dialogue, Outcome, play_socket

__all__ = ["TIGHT_SESSION", "check_session", "check_unread_session"]

#: Limits that a few hundred bytes can cross.
TIGHT_SESSION = SessionOptions(max_size=200, max_queue=2, high_water_bytes=64, max_fragments=4)
#: Beside the limits an adversary may make the server hold one incomplete frame header and one control frame.
SLACK = 1024
#: A session that fails may leave a ping unanswered that came in the same read.
FAULTS = (1002, 1007, 1008, 1009)
#: Of a compressed message that is both not what it should be and too large, either may be found first.
EITHER = (1007, 1009)
#: More pings than this in a second are not all answered.
MAX_PONGS = 32
LOST = 1006


def check_session(codec: str, options: SessionOptions, offer: bytes, pieces: list[bytes], ends: bool) -> None:
    """Play the pieces, the whole and the single bytes; compare the three with each other and with the oracle."""
    data, head = b"".join(pieces), _head(offer)
    whole = play_socket(codec, options, [data], ends, head).outcome()
    outcome = _fixed(whole, offer)
    assert _fixed(play_socket(codec, options, pieces, ends, head).outcome(), offer) == outcome, "cut as given"
    assert _fixed(play_socket(codec, options, byte_by_byte(data), ends, head).outcome(), offer) == outcome, "bytes"
    takeover = b"client_no_context_takeover" not in offer if offer else None
    limits = (options.max_size, options.max_fragments)
    judged = judge_frames(data, max_size=limits[0], max_fragments=limits[1], takeover=takeover, ends=ends)
    _compare(codec, whole, judged, offer)


def check_unread_session(codec: str, options: SessionOptions, offer: bytes, pieces: list[bytes]) -> None:
    """Play the pieces to an application that takes nothing; see that little is held for it."""
    dialogue = Dialogue(codec, options)
    dialogue.is_listening = False
    dialogue.receive(_head(offer))
    session = dialogue.session
    assert session is not None
    for piece in pieces:
        if session.is_full() or session.has_ended():
            break
        dialogue.receive(piece)
        assert session.messages_in <= options.max_queue
        if session.is_open():
            frame = options.max_size + SLACK if codec == "websockets" else SLACK
            assert dialogue.pending_bytes() <= len(piece) + frame


def _head(offer: bytes) -> bytes:
    return SocketCase("", "", 0, offer=offer).request


def _fixed(outcome: Outcome, offer: bytes) -> Outcome:
    """Return what must not depend on cutting."""
    outcome = replace(outcome, reason="", closes=[payload[:2] for payload in outcome.closes])
    if outcome.code in FAULTS or len(outcome.pongs) >= MAX_PONGS:
        outcome = replace(outcome, pongs=[])
    if outcome.code in EITHER and offer:
        outcome = replace(outcome, code=EITHER[0], closes=[])
    return outcome


def _compare(codec: str, outcome: Outcome, judged: Judged, offer: bytes) -> None:
    assert outcome.messages == judged.messages
    assert [type(message) for message in outcome.messages] == [type(message) for message in judged.messages]
    if not {judged.code, outcome.code} & set(FAULTS) and len(judged.pongs) < MAX_PONGS:
        assert outcome.pongs == judged.pongs
    codes = {outcome.code, judged.code}
    if codec == "native":
        assert len(codes) == 1 or (offer and codes <= set(EITHER))
    elif not judged.is_waiting and outcome.code not in (0, LOST):
        # A library may find another fault first; of a frame that has not come whole it knows more, or less, than we do.
        assert len(codes) == 1 or codes <= set(FAULTS)
