"""WebSocketSession receives: frames become messages, and every rule of RFC 6455 on them is held, for every codec."""

import zlib

import pytest

from licorne.engine.websocket.codec import CODECS
from licorne.engine.websocket.deflate import DeflateOptions
from tests.support.frames import masked
from tests.support.talk import CountingGate, Talk, closing

TEXT, BINARY, MORE = 0x81, 0x82, 0x00
DEFLATE = b"permessage-deflate"


@pytest.fixture(params=CODECS)
def codec(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def code_of(talk: Talk) -> int:
    """Return the code of the close frame that was sent last, which must be the end; 0 if there is none."""
    frames = talk.sent()
    if not frames or frames[-1][0] != 0x88:
        return 0
    code = int.from_bytes(frames[-1][1][:2], "big")
    assert talk.sink.has_ended
    assert talk.ending() == (code, frames[-1][1][2:].decode())
    return code


# --- messages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pieces", "messages"),
    [
        ([masked(TEXT, b"hello")], ["hello"]),
        ([masked(TEXT)], [""]),
        ([masked(BINARY)], [b""]),
        ([masked(BINARY, b"\x00\xff")], [b"\x00\xff"]),
        ([masked(TEXT, b"a") + masked(BINARY, b"b") + masked(TEXT, b"c")], ["a", b"b", "c"]),
        ([masked(0x01, b"he"), masked(MORE, b"l"), masked(0x80, b"lo")], ["hello"]),
        ([masked(0x02, b"he"), masked(MORE, b""), masked(0x80, b"llo")], [b"hello"]),
        ([masked(0x01), masked(MORE), masked(0x80)], [""]),
        ([masked(0x02), masked(0x80, b"x")], [b"x"]),
        ([masked(0x01, b"\xc3"), masked(0x80, b"\xa9")], ["\xe9"]),
        ([masked(0x01, b"\xf0\x9f"), masked(MORE, b"\xa6"), masked(0x80, b"\x84!")], ["\U0001f984!"]),
        (
            [masked(0x02, bytes(5000)), masked(MORE, b"abc"), masked(MORE, b"d"), masked(0x80, bytes(5000))],
            [bytes(5000) + b"abcd" + bytes(5000)],
        ),
        ([masked(TEXT, b"x" * 70_000)], ["x" * 70_000]),
    ],
)
def test_frames_become_messages(codec: str, pieces: list[bytes], messages: list[str | bytes]) -> None:
    talk = Talk(codec, high_water_bytes=0)
    talk.hear(*pieces)
    assert talk.taken() == messages
    talk = Talk(codec, high_water_bytes=0)
    data = b"".join(pieces)
    talk.hear(*(data[at : at + 1] for at in range(len(data[:2000]))), data[2000:])
    assert talk.taken() == messages
    assert talk.sent() == []


def test_control_frames_may_come_between_fragments(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(masked(0x01, b"a") + masked(0x89, b"ping") + masked(MORE, b"b") + masked(0x8A, b"pong") + masked(0x80))
    assert talk.taken() == ["ab"]
    assert talk.sent() == [(0x8A, b"ping")]


def test_messages_are_counted_with_their_bytes() -> None:
    talk = Talk()
    session = talk.session
    talk.hear(masked(TEXT, "\xe9".encode()), masked(BINARY, b"abc"), masked(0x02, b"d"), masked(0x80, b"e"))
    assert (session.messages_in, session.bytes_in) == (3, 7)
    session.send_text("\xe9")
    session.send_text("x" * 200)
    session.send_bytes(b"ab")
    session.send_bytes(bytes(100_000))
    session.send_text("\xe9" * 20_000)
    assert (session.messages_out, session.bytes_out) == (5, 2 + 200 + 2 + 100_000 + 40_000)


# --- what a peer must not do --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x81\x01a", id="no-mask"),
        pytest.param(masked(0x83), id="opcode-3"),
        pytest.param(masked(0x87), id="opcode-7"),
        pytest.param(masked(0x8B), id="opcode-11"),
        pytest.param(masked(0x8F), id="opcode-15"),
        pytest.param(masked(0xC1, b"a"), id="rsv1-without-deflate"),
        pytest.param(masked(0xA1, b"a"), id="rsv2"),
        pytest.param(masked(0x92, b"a"), id="rsv3"),
        pytest.param(masked(0xC9), id="rsv1-on-ping"),
        pytest.param(masked(0xC8), id="rsv1-on-close"),
        pytest.param(masked(0x09), id="fragmented-ping"),
        pytest.param(masked(0x89, bytes(126)), id="long-ping"),
        pytest.param(masked(0x80, b"a"), id="continuation-of-nothing"),
        pytest.param(masked(MORE, b"a"), id="continuation-of-nothing-more-to-come"),
        pytest.param(masked(0x01, b"a") + masked(TEXT, b"b"), id="text-inside-text"),
        pytest.param(masked(0x02, b"a") + masked(BINARY, b"b"), id="binary-inside-binary"),
        pytest.param(masked(0x01) + masked(0x02), id="begin-inside"),
        pytest.param(masked(0x01) + masked(TEXT), id="empty-text-inside-text"),
        pytest.param(masked(0x01) + masked(0xC0), id="rsv1-on-continuation"),
        pytest.param(masked(TEXT) + masked(0x80), id="continuation-of-a-whole-message"),
        pytest.param(masked(0x88, b"\x03"), id="close-of-one-byte"),
    ],
)
def test_a_broken_rule_is_1002(codec: str, data: bytes) -> None:
    talk = Talk(codec)
    talk.hear(data)
    talk.taken()
    assert code_of(talk) == 1002
    talk = Talk(codec)
    talk.hear(*(data[at : at + 1] for at in range(len(data))))
    talk.taken()
    assert code_of(talk) == 1002


def test_messages_before_the_fault_are_told_and_nothing_behind_it(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(masked(TEXT, b"before") + masked(0x83) + masked(TEXT, b"behind"), masked(TEXT, b"later"))
    assert talk.ending() is None
    assert talk.taken() == ["before"]
    assert code_of(talk) == 1002


# --- UTF-8 --------------------------------------------------------------------------------------------------

BAD_TEXTS = [
    b"\xff",
    b"a\x80",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf5",
    b"\xf8\x88\x80\x80\x80",
]


@pytest.mark.parametrize("text", BAD_TEXTS)
@pytest.mark.parametrize("extensions", [b"", DEFLATE])
def test_text_that_is_not_utf8_is_1007(codec: str, text: bytes, extensions: bytes) -> None:
    talk = Talk(codec, extensions=extensions)
    talk.hear(masked(TEXT, text))
    assert code_of(talk) == 1007


@pytest.mark.parametrize("text", [b"abc\xc3", b"\xe2\x82", b"\xf0\x9f\xa6"])
def test_text_that_ends_within_a_character_is_1007(codec: str, text: bytes) -> None:
    for pieces in ([masked(TEXT, text)], [masked(0x01, text), masked(0x80)]):
        talk = Talk(codec)
        talk.hear(*pieces)
        assert code_of(talk) == 1007


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"abc", b"\xff"),
        (b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4", b"\x90"),
        (b"\xed", b"\xa0"),
        (b"\xe0", b"\x80"),
        (b"\xf0", b"\x8f"),
        (b"\xc3", b"a"),
        (b"\xf0\x9f", b"("),
    ],
)
def test_text_fails_at_its_first_bad_byte(good: bytes, bad: bytes) -> None:
    fragments = Talk()
    fragments.hear(masked(0x01, good))
    assert fragments.session.is_open()
    fragments.hear(masked(MORE, bad))
    assert code_of(fragments) == 1007
    part = Talk()
    whole = masked(TEXT, good + bad + b"and much more")
    part.hear(whole[: 6 + len(good)])
    assert part.session.is_open()
    part.hear(whole[6 + len(good) : 7 + len(good)])
    assert code_of(part) == 1007


def test_compressed_text_fails_at_its_first_bad_fragment() -> None:
    talk = Talk(extensions=DEFLATE)
    data = deflated(b"good" * 1000 + b"\xff" + b"good" * 1000, zlib.Z_SYNC_FLUSH)
    talk.hear(masked(0x41, data))
    assert code_of(talk) == 1007


# --- sizes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", [TEXT, BINARY])
def test_a_message_may_be_as_large_as_the_limit_and_no_larger(codec: str, head: int) -> None:
    talk = Talk(codec, max_size=10)
    talk.hear(masked(head, b"0123456789"))
    assert len(talk.taken()[0]) == 10
    talk.hear(masked(head, b"0123456789a"))
    assert code_of(talk) == 1009


def test_a_size_is_judged_when_it_is_announced(codec: str) -> None:
    talk = Talk(codec, max_size=1000)
    talk.hear(masked(BINARY, bytes(100_000))[:14])
    assert code_of(talk) == 1009


def test_sizes_of_fragments_add_up_when_they_are_announced() -> None:
    talk = Talk(max_size=1000)
    talk.hear(masked(0x02, bytes(600)), masked(MORE, bytes(400)))
    assert talk.session.is_open()
    talk.hear(masked(0x80, b"x")[:6])
    assert code_of(talk) == 1009


def test_an_announced_length_beyond_all_memory_is_only_a_number(codec: str) -> None:
    talk = Talk(codec, max_size=0)
    talk.hear(b"\x82\xff" + (2**62).to_bytes(8, "big") + b"\x00\x00\x00\x00" + b"some")
    assert talk.session.is_open()
    assert talk.taken() == []


def test_fragments_are_counted_and_empty_ones_too(codec: str) -> None:
    talk = Talk(codec, max_fragments=5)
    talk.hear(masked(0x01) + masked(MORE) * 3 + masked(0x80))
    assert talk.taken() == [""]
    talk.hear(masked(0x01) + masked(MORE) * 4)
    assert talk.session.is_open()
    talk.hear(masked(MORE))
    assert code_of(talk) == 1008


def test_fragments_of_64_bytes_are_not_counted() -> None:
    talk = Talk(max_fragments=3)
    talk.hear(masked(0x02, bytes(64)) + masked(MORE, bytes(64)) * 100 + masked(0x80, b"end"))
    assert talk.taken() == [bytes(64 * 101) + b"end"]
    talk.hear(masked(0x02, bytes(63)) + masked(MORE, bytes(63)) * 2)
    assert talk.session.is_open()
    talk.hear(masked(0x80, bytes(63)))
    assert code_of(talk) == 1008


def test_a_message_may_come_in_1024_small_fragments() -> None:
    talk = Talk()
    talk.hear(masked(0x02, b"x") + masked(MORE, b"y") * 1022 + masked(0x80, b"z"))
    assert talk.taken() == [b"x" + b"y" * 1022 + b"z"]
    talk.hear(masked(0x02) + masked(MORE) * 1024)
    assert code_of(talk) == 1008


# --- compression --------------------------------------------------------------------------------------------


def deflated(data: bytes, mode: int = zlib.Z_SYNC_FLUSH) -> bytes:
    """Compress one message as a client does; without its tail."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -12)
    return (compressor.compress(data) + compressor.flush(mode))[:-4]


def test_compressed_messages_are_inflated(codec: str) -> None:
    talk = Talk(codec, extensions=DEFLATE)
    assert (b"sec-websocket-extensions", b"permessage-deflate; server_max_window_bits=12") in talk.sink.fields
    data = deflated(b"hello " * 100)
    talk.hear(masked(0xC1, data), masked(0x42, data[:3]), masked(MORE), masked(0x80, data[3:]), masked(TEXT, b"plain"))
    assert talk.taken() == ["hello " * 100, b"hello " * 100, "plain"]
    assert talk.session.bytes_in == 1205


def test_messages_from_the_threshold_on_are_compressed() -> None:
    from licorne.engine.websocket.deflate import DeflateOptions

    talk = Talk(extensions=DEFLATE, deflate=DeflateOptions(threshold=100, takeover=False))
    talk.session.send_text("x" * 99)
    talk.session.send_text("x" * 100)
    talk.session.send_bytes(b"x" * 100)
    plain, text, binary = talk.sent()
    assert plain == (TEXT, b"x" * 99)
    assert (text[0], binary[0]) == (0xC1, 0xC2)
    assert zlib.decompressobj(-12).decompress(text[1] + b"\x00\x00\xff\xff") == b"x" * 100
    assert talk.session.bytes_out == 299


def test_the_limit_holds_while_inflating(codec: str) -> None:
    bomb = deflated(bytes(1_000_000))
    assert len(bomb) < 2000
    talk = Talk(codec, extensions=DEFLATE, max_size=10_000)
    talk.hear(masked(0xC2, bomb))
    assert code_of(talk) == 1009


def test_the_limit_holds_over_fragments_while_inflating() -> None:
    bomb = deflated(bytes(1_000_000))
    talk = Talk(extensions=DEFLATE, max_size=500_000)
    talk.hear(masked(0x42, bomb[:300]))
    assert talk.session.is_open()
    talk.hear(masked(0x80, bomb[300:])[:600])
    assert code_of(talk) == 1009


def test_a_message_of_exactly_the_limit_may_be_compressed_even_if_it_grows() -> None:
    data = bytes(range(256)) * 40
    stored = zlib.compressobj(0, zlib.DEFLATED, -12)
    grown = (stored.compress(data) + stored.flush(zlib.Z_SYNC_FLUSH))[:-4]
    assert len(grown) > len(data)
    talk = Talk(extensions=DEFLATE, max_size=len(data))
    talk.hear(masked(0xC2, grown))
    assert talk.taken() == [data]


def test_compressed_bytes_are_limited_though_nothing_comes_out() -> None:
    empty = b"\x00\x00\x00\xff\xff" * 1000
    talk = Talk(extensions=DEFLATE, max_size=1000)
    talk.hear(masked(0x42, empty[:1000]))
    assert talk.session.is_open()
    talk.hear(masked(MORE, empty)[:8])
    assert code_of(talk) == 1009


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"\x06"])
def test_what_cannot_be_inflated_is_1007(codec: str, data: bytes) -> None:
    talk = Talk(codec, extensions=DEFLATE)
    talk.hear(masked(0xC1, data))
    assert code_of(talk) == 1007


def test_no_compression_is_agreed_on_unless_it_is_wanted() -> None:
    talk = Talk(extensions=DEFLATE, deflate=None)
    assert [name for name, _ in talk.sink.fields] == [b"sec-websocket-accept"]
    talk.hear(masked(0xC1, deflated(b"x")))
    assert code_of(talk) == 1002


# --- back-pressure ------------------------------------------------------------------------------------------


def test_the_session_is_full_after_so_many_messages_until_half_are_taken(codec: str) -> None:
    talk = Talk(codec, max_queue=4)
    talk.hear(*[masked(TEXT, b"%d" % number) for number in range(3)])
    assert not talk.session.is_full()
    talk.hear(masked(TEXT, b"3") + masked(TEXT, b"4") + masked(TEXT, b"5") + masked(0x89, b"ping"))
    assert talk.session.is_full()
    assert talk.sent() == []
    assert [talk.session.take_message(), talk.session.is_full()] == ["0", True]
    assert [talk.session.take_message(), talk.session.is_full()] == ["1", True]  # 4 and 5 came in its place
    assert [talk.session.take_message(), talk.session.take_message()] == ["2", "3"]
    assert not talk.session.is_full()
    assert talk.sent() == [(0x8A, b"ping")]
    assert talk.taken() == ["4", "5"]


def test_the_session_is_full_at_so_many_bytes() -> None:
    talk = Talk(high_water_bytes=100)
    talk.hear(masked(BINARY, bytes(99)))
    assert not talk.session.is_full()
    talk.hear(masked(BINARY, b"x"))
    assert talk.session.is_full()
    talk.session.take_message()
    assert not talk.session.is_full()
    talk.taken()
    talk.hear(masked(BINARY, bytes(5000)))
    assert talk.session.is_full()
    talk.session.take_message()
    assert not talk.session.is_full()


def test_what_is_kept_back_comes_in_order_when_there_is_room(codec: str) -> None:
    talk = Talk(codec, max_queue=2)
    talk.hear(b"".join(masked(TEXT, b"%d" % number) for number in range(100)), closing(1000))
    assert talk.taken() == [str(number) for number in range(100)]
    assert talk.ending() == (1000, "")


def test_a_long_queue_keeps_its_order() -> None:
    talk = Talk(max_queue=0, high_water_bytes=0)
    expected, taken = 0, []
    for _ in range(50):
        talk.hear(b"".join(masked(TEXT, b"%d" % number) for number in range(expected, expected + 7)))
        expected += 7
        taken += [talk.session.take_message() for _ in range(5)]
    taken += talk.taken()
    assert taken == [str(number) for number in range(expected)]


# --- the gate -----------------------------------------------------------------------------------------------


def test_the_gate_opens_once_for_a_message_and_for_the_end_and_for_nothing_else() -> None:
    talk = Talk()
    talk.session.gate = gate = CountingGate()
    talk.hear(masked(0x89, b"ping"), masked(0x01, b"part"))
    assert gate.count == 0
    talk.hear(masked(0x80, b"end"))
    assert (gate.count, talk.session.gate) == (1, None)
    talk.hear(masked(TEXT, b"more"))
    assert gate.count == 1
    talk.session.gate = gate
    talk.hear(closing())
    assert (gate.count, talk.session.gate) == (2, None)


def test_who_waits_is_woken_when_all_of_a_read_is_told() -> None:
    talk = Talk()

    class Taking(CountingGate):
        """Take what is there when it opens."""

        def open(self) -> None:
            super().open()
            taken.extend(talk.taken())

    taken: list[str | bytes] = []
    talk.session.gate = Taking()
    talk.hear(masked(TEXT, b"a") + masked(TEXT, b"b") + masked(TEXT, b"c"))
    assert taken == ["a", "b", "c"]


# --- pings of the peer --------------------------------------------------------------------------------------


def test_pings_are_answered_in_order(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(masked(0x89) + masked(0x89, b"two") + masked(TEXT, b"x") + masked(0x89, bytes(125)))
    assert talk.sent() == [(0x8A, b""), (0x8A, b"two"), (0x8A, bytes(125))]


def test_of_too_many_pings_the_last_one_is_answered_a_second_later() -> None:
    talk = Talk(ping_interval=0)
    talk.hear(b"".join(masked(0x89, b"%d" % number) for number in range(1000)))
    assert len(talk.sent()) == 32
    talk.hear(*[masked(0x89, b"%d" % number) for number in range(1000, 2000)])
    assert talk.sent() == []
    talk.wait(0.9)
    assert talk.sent() == []
    talk.wait(0.2)
    assert talk.sent() == [(0x8A, b"1999")]
    talk.wait(10)
    talk.hear(masked(0x89, b"again"))
    assert talk.sent() == [(0x8A, b"again")]
    assert talk.deadline == float("inf")


def test_pongs_that_nobody_asked_for_are_ignored(codec: str) -> None:
    talk = Talk(codec)
    talk.hear(masked(0x8A, b"x") + masked(0x8A))
    assert (talk.sent(), talk.session.is_open(), talk.session.rtt) == ([], True, -1.0)


@pytest.mark.parametrize("limit", [2**62, 2**63, 2**64, 10**30])
def test_limits_may_be_as_large_as_anybody_likes(codec: str, limit: int) -> None:
    limits = dict.fromkeys(("max_size", "max_queue", "high_water_bytes", "max_fragments"), limit)
    talk = Talk(codec, extensions=DEFLATE, deflate=DeflateOptions(threshold=limit), **limits)
    talk.hear(masked(0x01, b"a"), masked(0x80, b"b"), masked(0xC2, b"\x4a\x04\x00"))
    assert talk.taken() == ["ab", b"a"]
    talk.session.send_text("x")
    assert talk.sent() == [(0x81, b"x")]
