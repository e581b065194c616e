"""Every case of the WebSocket corpus, every codec, every way of cutting the bytes, on the sans-IO engine.

A case about a handshake is cut everywhere. Of the others the handshake comes first and whole, and what stands behind
it is cut. Sent whole, a case must give the facts that it states; cut, it must give the very same outcome.
"""

from dataclasses import replace

import pytest

from licorne.engine.websocket.session import SessionOptions
from tests.support.cuts import byte_by_byte, split_points
from tests.support.frames import masked
from tests.support.websocket_corpus import SocketCase, load_sockets
from tests.support.websocket_oracle import judge_frames
from tests.support.websocket_play import Dialogue, Outcome, play_socket

CASES = load_sockets()
PLAYS = [(case, codec) for case in CASES for codec in case.codecs]
NOTHING_SENT = 1006
NO_CODE = 1005
#: A session that fails may leave a ping unanswered that came in the same read.
FAULTS = (1002, 1007, 1008, 1009)


def _parts(case: SocketCase) -> tuple[bytes, bytes]:
    """Return what is sent first and whole, and what is cut."""
    return (b"", case.head + case.frames) if case.head else (case.request, case.frames)


def _options(case: SocketCase) -> SessionOptions:
    return SessionOptions(**case.options)


@pytest.mark.parametrize(("case", "codec"), PLAYS, ids=lambda value: getattr(value, "name", value))
def test_facts_are_the_same_however_the_bytes_arrive(case: SocketCase, codec: str) -> None:
    first, data = _parts(case)
    options = _options(case)
    whole = play_socket(codec, options, [data], case.is_eof_sent, first)
    expected = _fixed(whole.outcome())
    _check(case, whole, whole.outcome())
    cut = play_socket(codec, options, byte_by_byte(data), case.is_eof_sent, first).outcome()
    assert _fixed(cut) == expected, "byte by byte"
    for point in split_points(data):
        pieces = (data[:point], data[point:])
        cut = play_socket(codec, options, pieces, case.is_eof_sent, first).outcome()
        assert _fixed(cut) == expected, f"cut after {point} bytes: {data[:point]!r}"
    _check_end(case, whole)


@pytest.mark.parametrize("case", [case for case in CASES if case.outcome != "refused"], ids=lambda case: case.name)
def test_the_oracle_has_the_same_opinion(case: SocketCase) -> None:
    if case.outcome == "plain":
        assert not case.frames
        return
    judged = judge_frames(
        case.frames,
        max_size=_options(case).max_size,
        max_fragments=_options(case).max_fragments,
        takeover=b"client_no_context_takeover" not in case.offer if case.offer else None,
        ends=case.is_eof_sent,
    )
    assert (tuple(judged.messages), tuple(judged.pongs)) == (case.messages, case.pongs)
    assert judged.code == case.code
    assert judged.is_waiting == (case.outcome == "waits") or judged.code


def _fixed(outcome: Outcome) -> Outcome:
    """Return what must not depend on cutting."""
    return replace(outcome, pongs=[]) if outcome.code in FAULTS else outcome


def _check(case: SocketCase, dialogue: Dialogue, outcome: Outcome) -> None:
    status, fields = dialogue.head()
    names = [name for name, _ in fields]
    assert status == {"refused": case.code, "plain": 200}.get(case.outcome, 101)
    assert set(case.fields) <= set(fields), f"{case.fields} are not all in {fields}"
    assert not set(case.absent) & set(names)
    # RFC 9110 §5.3: Connection is a list, whose members may stand in several lines.
    assert len(names) - names.count(b"connection") == len({*names} - {b"connection"}), "a field is doubled"
    if dialogue.upgrade is not None:
        assert case.subprotocols in (None, tuple(dialogue.upgrade.subprotocols))
        assert case.origin in (None, dialogue.upgrade.origin)
    assert tuple(outcome.messages) == case.messages
    assert [type(message) for message in outcome.messages] == [type(message) for message in case.messages]
    assert tuple(outcome.pongs) == case.pongs[: len(outcome.pongs) if case.code in FAULTS else None]
    assert outcome.code == (case.code if case.outcome == "ends" else 0)
    assert outcome.is_closing == (case.outcome in ("refused", "ends")) or case.outcome == "plain"
    assert case.reason in (None, outcome.reason)
    assert outcome.reason.isprintable()
    _check_close_frame(case, outcome)


def _check_close_frame(case: SocketCase, outcome: Outcome) -> None:
    if case.outcome != "ends" or case.code == NOTHING_SENT:
        assert outcome.closes == []
    elif case.code == NO_CODE:
        assert outcome.closes == [b""]
    else:
        assert [payload[:2] for payload in outcome.closes] == [case.code.to_bytes(2, "big")]
        outcome.closes[0][2:].decode()


def _check_end(case: SocketCase, dialogue: Dialogue) -> None:
    """Send one message more: an open session delivers it, one that ended does not."""
    before = list(dialogue.messages)
    if case.outcome in ("open", "ends", "refused"):
        dialogue.receive(masked(0x81, b"probe"))
        assert dialogue.messages == before + ["probe"] * (case.outcome == "open")
