"""Messages: what is told is what is understood, whatever the pieces and whichever the release at the other end."""

import json
import struct
from typing import Any

import pytest

from licorne.errors import ChannelError
from licorne.server.attached.messages import (
    MAX_FRAME_BYTES,
    Broadcast,
    Decoder,
    Drain,
    Draining,
    Ending,
    Failed,
    Leave,
    Listen,
    Listening,
    Log,
    Message,
    Pace,
    Ready,
    ReopenLogs,
    Retiring,
    Start,
    Stop,
    Tick,
    encode,
)

MESSAGES: list[Message] = [
    Ready(),
    Tick(1, 2, 3, 4),
    Draining("stop"),
    Ending(),
    Retiring("too old"),
    Failed("Traceback\nlicorne: no"),
    Log("WARNING", "a line of ä\udcff"),
    Listen("room"),
    Leave("ä"),
    Listening("room"),
    Broadcast("topic", b"\0\xff{}"),
    Broadcast("ä" * 1000, b""),
    Start(["", "src"], "gASV"),
    Drain("stop", Pace.HASTY),
    Stop(),
    ReopenLogs(),
]


def frame(content: Any) -> bytes:
    """Return a frame of any JSON."""
    body = json.dumps(content).encode()
    return struct.pack(">I", len(body)) + body


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.kind)
def test_a_message_comes_back_as_it_was(message: Message) -> None:
    assert Decoder().feed(encode(message)) == [message]


def test_messages_come_back_however_they_are_cut() -> None:
    data = b"".join(map(encode, MESSAGES))
    decoder = Decoder()
    assert [message for byte in data for message in decoder.feed(bytes([byte]))] == MESSAGES
    assert Decoder().feed(data) == MESSAGES


def test_half_a_frame_is_waited_for() -> None:
    decoder = Decoder()
    data = encode(Stop())
    assert decoder.feed(data + data[:5]) == [Stop()]
    assert decoder.failure == ""
    assert decoder.feed(data[5:]) == [Stop()]


def test_another_release_is_understood_as_far_as_possible() -> None:
    decoder = Decoder()
    data = (
        frame({"kind": "future", "x": 1})
        + frame({"kind": "drain", "reason": "stop", "new": 1})
        + frame({"kind": "tick"})
    )
    assert decoder.feed(data + frame({"kind": "ready"})) == [
        Drain("stop", Pace.DELAYED),
        Tick(0, 0, 0, 0),
        Ready(),
    ]


@pytest.mark.parametrize(
    "broken",
    [
        b"\xff\xff\xff\xff",
        struct.pack(">I", MAX_FRAME_BYTES + 1),
        struct.pack(">I", 3) + b"\xff\xfe{",
        struct.pack(">I", 1) + b"{",
        struct.pack(">I", 0),
        struct.pack(">I", 1) + b"\0",
        struct.pack(">I", 4) + b"\0\0\2a",
        struct.pack(">I", 4) + b"\0\0\1\xff",
        frame([1]),
        frame({"kind": 1}),
        frame({}),
        frame({"kind": "failed", "line": ["a"]}),
        frame({"kind": "log", "level": 5, "line": "a"}),
        frame({"kind": "tick", "rss": "large"}),
        struct.pack(">I", 400_000) + b"[" * 400_000,
    ],
)
def test_what_is_no_message_breaks_the_decoder_for_good(broken: bytes) -> None:
    decoder = Decoder()
    assert decoder.feed(encode(Stop()) + broken + encode(Stop())) == [Stop()]
    assert decoder.failure
    assert decoder.feed(encode(Stop())) == []


@pytest.mark.parametrize("line", [{1, 2}, object(), "x" * MAX_FRAME_BYTES], ids=["set", "object", "too large"])
def test_what_cannot_be_told_is_refused(line: Any) -> None:
    with pytest.raises(ChannelError, match="failed"):
        encode(Failed(line))


def test_a_line_that_holds_itself_is_refused() -> None:
    line: list[Any] = []
    line.append(line)
    with pytest.raises(ChannelError, match="failed"):
        encode(Failed(line))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [("topic", b"x" * MAX_FRAME_BYTES), ("x" * 70_000, b""), ("\ud800", b""), ("topic", "text")],
    ids=["too large", "long topic", "half a surrogate pair", "text"],
)
def test_what_cannot_be_broadcast_is_refused(topic: str, payload: Any) -> None:
    with pytest.raises(ChannelError, match="broadcast"):
        encode(Broadcast(topic, payload))
