"""Sessions of one server share the last frame that was sent, and none sees anything of it."""

import pytest

from licorne.engine.websocket import new_session_factory
from licorne.engine.websocket.codec import CODECS
from licorne.engine.websocket.options import SessionOptions
from tests.support.talk import KEY, new_asking, parse_frames

MESSAGES: tuple[str | bytes, ...] = (
    b"",
    "",
    b"a",
    "a",
    b"a",
    "é",
    bytes(200),
    "é" * 100,
    b"x" * 20_000,
    "x" * 20_000,
    "",
)


@pytest.mark.parametrize("codec", CODECS)
def test_each_session_sends_each_message_as_it_is(codec: str) -> None:
    factory = new_session_factory(codec, SessionOptions(deflate=None))
    exchanges = [new_asking(b"", KEY) for _ in range(3)]
    sessions = [factory(exchange) for exchange, _ in exchanges]
    for session in sessions:
        session.accept(None, [])
    for message in MESSAGES:
        for session in sessions:
            if isinstance(message, str):
                session.send_text(message)
            else:
                session.send_bytes(message)
        sessions[2].send_text("of one's own")
    frames = [(0x81, each.encode()) if isinstance(each, str) else (0x82, each) for each in MESSAGES]
    last = [frame for each in frames for frame in (each, (0x81, b"of one's own"))]
    sent = [parse_frames(b"".join(sink.pieces)) for _, sink in exchanges]
    assert sent == [frames, frames, last]
    assert sessions[0].bytes_out == sum(len(payload) for _, payload in frames)
    assert sessions[0].messages_out == len(MESSAGES)


def test_a_message_that_is_compressed_for_some_is_plain_for_others() -> None:
    factory = new_session_factory("native", SessionOptions())
    exchanges = [new_asking(b"", KEY), new_asking(b"permessage-deflate", KEY), new_asking(b"", KEY)]
    text, data = "many words " * 100, b"many words " * 100
    for exchange, _ in exchanges:
        session = factory(exchange)
        session.accept(None, [])
        session.send_text(text)
        session.send_bytes(data)
    plain, compressed, again = [parse_frames(b"".join(sink.pieces)) for _, sink in exchanges]
    assert plain == again == [(0x81, text.encode()), (0x82, data)]
    assert [head for head, _ in compressed] == [0xC1, 0xC2]
