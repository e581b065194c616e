"""permessage-deflate: what is agreed for each offer, and what comes of bytes, good and bad."""

import tracemalloc
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licorne.engine.websocket.deflate import Deflate, DeflateOptions, DeflateParameters, negotiate
from licorne.engine.websocket.handshake import Extension
from licorne.errors import WebSocketError

TAIL = b"\x00\x00\xff\xff"
NO_LIMIT = -1
DEFAULTS = DeflateOptions()
WIDE = DeflateOptions(window_bits=15, client_window_bits=15)
JSON = b'{"id": 4711, "items": ["alpha", "beta", "gamma", "alpha"], "ok": true}' * 15


def offer(*parameters: str) -> list[Extension]:
    """Make a list of one offer from parameters such as `name=value`."""
    pairs = [parameter.partition("=") for parameter in parameters]
    return [("permessage-deflate", [(name, value if mark else None) for name, mark, value in pairs])]


def agree(extensions: list[Extension], options: DeflateOptions = WIDE) -> tuple[str, DeflateParameters]:
    """Negotiate what must not be declined."""
    agreed = negotiate(extensions, options)
    assert agreed is not None
    return agreed[0].decode("ascii").removeprefix("permessage-deflate").removeprefix("; "), agreed[1]


def deflate(parameters: DeflateParameters | None = None, options: DeflateOptions = WIDE) -> Deflate:
    return Deflate(parameters or DeflateParameters(), options)


class Peer:
    """Be a client's side in plain zlib."""

    def __init__(self, bits: int = 15) -> None:
        self.compressor = zlib.compressobj(6, zlib.DEFLATED, -bits)
        self.inflator = zlib.decompressobj(-bits)

    def compress(self, data: bytes) -> bytes:
        compressed = self.compressor.compress(data) + self.compressor.flush(zlib.Z_SYNC_FLUSH)
        assert compressed.endswith(TAIL)
        return compressed[:-4]

    def inflate(self, data: bytes) -> bytes:
        out = self.inflator.decompress(data + TAIL)
        assert not self.inflator.unconsumed_tail
        assert not self.inflator.eof
        return out


def one_message(data: bytes) -> bytes:
    return Peer().compress(data)


# --- negotiation --------------------------------------------------------------------------------------------


def test_a_bare_offer_is_answered_bare_when_nothing_is_wanted() -> None:
    assert agree(offer()) == ("", DeflateParameters())


def test_no_offer_is_no_agreement() -> None:
    assert negotiate([], DEFAULTS) is None
    assert negotiate([("x-webkit-deflate-frame", []), ("Permessage-Deflate", [])], DEFAULTS) is None


def test_the_server_names_its_own_smaller_window_unasked() -> None:
    answer, agreed = agree(offer(), DeflateOptions(window_bits=11))
    assert answer == "server_max_window_bits=11"
    assert agreed.server_bits == 11


@pytest.mark.parametrize(("asked", "own", "agreed"), [(8, 15, 8), (10, 15, 10), (15, 15, 15), (15, 12, 12), (9, 12, 9)])
def test_the_smaller_server_window_is_agreed_and_named(asked: int, own: int, agreed: int) -> None:
    answer, parameters = agree(offer(f"server_max_window_bits={asked}"), DeflateOptions(window_bits=own))
    assert f"server_max_window_bits={agreed}" in answer
    assert parameters.server_bits == agreed


@pytest.mark.parametrize(
    ("parameter", "own", "agreed"),
    [
        ("client_max_window_bits", 15, 15),
        ("client_max_window_bits", 12, 12),
        ("client_max_window_bits=10", 12, 10),
        ("client_max_window_bits=15", 8, 8),
    ],
)
def test_a_client_that_can_be_told_is_told_its_window(parameter: str, own: int, agreed: int) -> None:
    answer, parameters = agree(offer(parameter), DeflateOptions(window_bits=15, client_window_bits=own))
    assert answer == f"client_max_window_bits={agreed}"
    assert parameters.client_bits == agreed


def test_a_client_that_cannot_be_told_its_window_may_use_all() -> None:
    answer, parameters = agree(offer(), DeflateOptions(window_bits=15, client_window_bits=9))
    assert answer == ""
    assert parameters.client_bits == 15


@pytest.mark.parametrize("side", ["server", "client"])
def test_no_context_takeover_is_agreed_when_it_is_asked(side: str) -> None:
    answer, parameters = agree(offer(f"{side}_no_context_takeover"))
    assert answer == f"{side}_no_context_takeover"
    assert (parameters.server_takeover, parameters.client_takeover) == (side == "client", side == "server")


def test_no_context_takeover_is_demanded_when_the_server_wants_none() -> None:
    answer, parameters = agree(offer(), DeflateOptions(window_bits=15, takeover=False))
    assert answer == "server_no_context_takeover; client_no_context_takeover"
    assert not parameters.server_takeover
    assert not parameters.client_takeover


def test_all_four_parameters_together() -> None:
    parameters = (
        "server_no_context_takeover",
        "client_no_context_takeover",
        "server_max_window_bits=10",
        "client_max_window_bits=11",
    )
    assert agree(offer(*parameters)) == (
        "; ".join(parameters),
        DeflateParameters(server_bits=10, client_bits=11, server_takeover=False, client_takeover=False),
    )


@pytest.mark.parametrize(
    "parameters",
    [
        ("unknown",),
        ("Server_No_Context_Takeover",),
        ("server_no_context_takeover=1",),
        ("client_no_context_takeover=true",),
        ("server_max_window_bits",),
        ("server_max_window_bits=7",),
        ("server_max_window_bits=16",),
        ("server_max_window_bits=010",),
        ("server_max_window_bits=+9",),
        ("server_max_window_bits=1e1",),
        ("server_max_window_bits=99999999999999999999",),
        ("client_max_window_bits=0",),
        ("client_max_window_bits=ten",),
        ("client_max_window_bits", "client_max_window_bits"),
        ("server_no_context_takeover", "server_no_context_takeover"),
        ("server_max_window_bits=10", "server_max_window_bits=10"),
    ],
)
def test_an_offer_that_is_not_understood_is_declined_for_the_next(parameters: tuple[str, ...]) -> None:
    assert negotiate(offer(*parameters), WIDE) is None
    answer, _ = agree(offer(*parameters) + offer("server_max_window_bits=9"))
    assert answer == "server_max_window_bits=9"


def test_the_first_offer_that_can_be_met_is_taken() -> None:
    answer, _ = agree([("x", []), *offer("client_no_context_takeover"), *offer()])
    assert answer == "client_no_context_takeover"


names = st.sampled_from(
    [
        "server_no_context_takeover",
        "client_no_context_takeover",
        "server_max_window_bits",
        "client_max_window_bits",
        "x",
    ]
)
values = st.none() | st.sampled_from(["7", "8", "9", "12", "15", "16", "", "08"]) | st.text(max_size=3)
offers = st.lists(st.tuples(st.sampled_from(["permessage-deflate", "x"]), st.lists(st.tuples(names, values))))
options = st.builds(
    DeflateOptions,
    level=st.integers(1, 9),
    window_bits=st.integers(9, 15),
    client_window_bits=st.integers(8, 15),
    mem_level=st.integers(1, 9),
    takeover=st.booleans(),
)


@given(offers, options)
def test_what_is_agreed_keeps_to_the_offer_and_to_the_options(extensions: list[Extension], own: DeflateOptions) -> None:
    agreed = negotiate(extensions, own)
    if agreed is None:
        return
    answer, parameters = agreed
    words = [word.strip() for word in answer.decode("ascii").split(";")]
    assert words[0] == "permessage-deflate"
    assert len({word.partition("=")[0] for word in words}) == len(words)
    assert 8 <= parameters.server_bits <= own.window_bits
    accepted = [dict(offered) for name, offered in extensions if name == "permessage-deflate"]
    assert any("client_max_window_bits" in offered for offered in accepted) or "client_max_window_bits" not in str(
        answer
    )
    messages = (b"hello " * 50, b"", JSON)
    client, server = Peer(parameters.client_bits if parameters.client_bits > 8 else 9), deflate(parameters, own)
    for message in messages:
        assert server.inflate(client.compress(message), True, NO_LIMIT) == message
        if not parameters.client_takeover:
            client.compressor = Peer(max(parameters.client_bits, 9)).compressor
    window = parameters.server_bits
    reader = zlib.decompressobj(-window)
    for message in messages:
        if not parameters.server_takeover:
            reader = zlib.decompressobj(-window)
        assert reader.decompress(server.compress(message) + TAIL) == message


# --- compressing --------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=300) | st.sampled_from([b"", JSON, b"a" * 5000]), max_size=6), st.booleans())
def test_what_is_compressed_inflates_to_itself(messages: list[bytes], takeover: bool) -> None:
    parameters = DeflateParameters(server_takeover=takeover)
    server, peer = deflate(parameters), Peer()
    for message in messages:
        compressed = server.compress(message)
        assert (peer if takeover else Peer()).inflate(compressed) == message


def test_an_empty_message_is_one_zero_byte() -> None:
    server, peer = deflate(), Peer()
    for message in (b"", b"", b"x", b"", b""):
        compressed = server.compress(message)
        assert message or compressed == b"\x00"
        assert peer.inflate(compressed) == message


def test_context_takeover_makes_a_repeated_message_small() -> None:
    server = deflate()
    message = b" ".join(b"%d" % (number**5) for number in range(100))
    first = server.compress(message)
    assert len(server.compress(message)) < len(first) / 4


def test_without_context_takeover_each_message_stands_alone() -> None:
    server = deflate(DeflateParameters(server_takeover=False))
    assert server.compress(JSON) == server.compress(JSON)


@pytest.mark.parametrize("bits", range(8, 16))
def test_no_reference_leaves_the_agreed_window(bits: int) -> None:
    # zlib has no window of 8 bits for compressing; what is sent in its place must fit all the same.
    server, reader = deflate(DeflateParameters(server_bits=bits)), zlib.decompressobj(-bits)
    for period in (1, 100, 240, 250, 251, 256, 257, 300, 511, 512, 513, 4000):
        message = (bytes(range(256)) * 20)[:period] * 9 + JSON
        assert reader.decompress(server.compress(message) + TAIL) == message


@pytest.mark.parametrize("level", range(1, 10))
def test_every_level_is_taken(level: int) -> None:
    server = deflate(options=DeflateOptions(level=level))
    assert Peer().inflate(server.compress(JSON)) == JSON


# --- inflating ----------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=2000), max_size=4), st.data())
def test_parts_inflate_like_the_whole(messages: list[bytes], data: st.DataObject) -> None:
    peer, server = Peer(), deflate()
    for message in messages:
        compressed = peer.compress(message)
        at = sorted(data.draw(st.lists(st.integers(0, len(compressed)), max_size=3)))
        cuts = [0, *at, len(compressed)]
        parts = [compressed[start:end] for start, end in pairwise(cuts)]
        out = b"".join(server.inflate(part, part_at == len(parts) - 1, NO_LIMIT) for part_at, part in enumerate(parts))
        assert out == message


@pytest.mark.parametrize(
    ("compressed", "message"),
    [
        (b"\xf2\x48\xcd\xc9\xc9\x07\x00", b"Hello"),  # RFC 7692 §7.2.3.1
        (b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", b"Hello"),  # §7.2.3.3: a stored block
        (b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", b"Hello"),  # §7.2.3.4: a final block
        (b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", b"Hello"),  # §7.2.3.5: two blocks
        (b"\x00", b""),  # §7.2.3.6
        (b"\x02\x00", b""),  # an empty block with fixed codes, flushed
    ],
)
def test_the_examples_of_the_rfc(compressed: bytes, message: bytes) -> None:
    server = deflate()
    assert server.inflate(compressed, True, len(message)) == message
    assert server.inflate(compressed, True, len(message)) == message


def test_the_window_goes_over_messages() -> None:
    # RFC 7692 §7.2.3.2
    server = deflate()
    assert server.inflate(b"\xf2\x48\xcd\xc9\xc9\x07\x00", True, NO_LIMIT) == b"Hello"
    assert server.inflate(b"\xf2\x00\x11\x00\x00", True, NO_LIMIT) == b"Hello"


def test_without_context_takeover_the_window_is_forgotten() -> None:
    server = deflate(DeflateParameters(client_takeover=False))
    assert server.inflate(b"\xf2\x48\xcd\xc9\xc9\x07\x00", True, NO_LIMIT) == b"Hello"
    with pytest.raises(WebSocketError) as raised:
        server.inflate(b"\xf2\x00\x11\x00\x00", True, NO_LIMIT)
    assert raised.value.code == 1007


def finished(data: bytes) -> bytes:
    """Compress as those do that end each piece with a final block."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush(zlib.Z_FINISH)


@pytest.mark.parametrize("rest", [b"", b"\x00"])
def test_final_blocks_end_no_message(rest: bytes) -> None:
    server = deflate()
    for _ in range(3):
        assert (
            server.inflate(finished(b"one ") + finished(b"two ") + finished(b"three") + rest, True, 13)
            == b"one two three"
        )
        assert server.inflate(finished(b"one "), False, NO_LIMIT) == b"one "
        assert server.inflate(finished(b"two") + rest, True, NO_LIMIT) == b"two"


def test_the_window_begins_anew_behind_a_final_block() -> None:
    # However the bytes arrive: with "Hello" in the window the second block would be "Hello" again.
    first, second = b"\xf3\x48\xcd\xc9\xc9\x07\x00", b"\xf2\x00\x11\x00\x00"
    for parts in ([first + second], [first, second]):
        server = deflate()
        with pytest.raises(WebSocketError) as raised:
            for part in parts:
                server.inflate(part, part is parts[-1], NO_LIMIT)
        assert raised.value.code == 1007


def test_nothing_need_follow_a_final_block() -> None:
    server = deflate()
    for _ in range(2):
        assert server.inflate(finished(b"Hello"), False, NO_LIMIT) == b"Hello"
        assert server.inflate(b"", False, NO_LIMIT) == b""
        assert server.inflate(b"", True, NO_LIMIT) == b""


def test_final_blocks_without_end_are_refused() -> None:
    with pytest.raises(WebSocketError) as raised:
        deflate().inflate(b"\x03\x00" * 100_000, True, NO_LIMIT)
    assert raised.value.code == 1007


def test_final_blocks_are_counted_by_message() -> None:
    server = deflate()
    for _ in range(100):
        assert server.inflate(finished(b"x") + b"\x00", True, 1) == b"x"


@pytest.mark.parametrize(
    "compressed", [b"\x07", b"\x06\x00", b"\xff" * 20, b"\x00\x05\x00\x00\x00Hello", b"\xf2\x00\x11\x00\x00"]
)
@pytest.mark.parametrize("is_last", [True, False])
def test_corrupt_data_is_1007(compressed: bytes, is_last: bool) -> None:
    with pytest.raises(WebSocketError) as raised:
        deflate().inflate(compressed, is_last, NO_LIMIT)
    assert raised.value.code == 1007
    assert "\n" not in raised.value.reason


def test_a_reference_out_of_the_agreed_window_is_1007() -> None:
    peer, server = Peer(15), deflate(DeflateParameters(client_bits=9))
    for message in (bytes(range(100)), bytes(range(100, 256)) * 10):
        assert server.inflate(peer.compress(message), True, NO_LIMIT) == message
    with pytest.raises(WebSocketError) as raised:
        server.inflate(peer.compress(bytes(range(100))), True, NO_LIMIT)
    assert raised.value.code == 1007


@pytest.mark.parametrize("limit", [0, 1, 4, 5, 6, 2**63 - 1])
def test_the_limit_is_what_may_come_out(limit: int) -> None:
    server = deflate()
    if limit >= 5:
        assert server.inflate(one_message(b"Hello"), True, limit) == b"Hello"
        return
    with pytest.raises(WebSocketError) as raised:
        server.inflate(one_message(b"Hello"), True, limit)
    assert raised.value.code == 1009


@pytest.mark.parametrize("is_last", [True, False])
def test_a_bomb_is_stopped_while_it_is_inflated(is_last: bool) -> None:
    bomb = one_message(bytes(64 * 1024 * 1024))
    server = deflate()
    tracemalloc.start()
    with pytest.raises(WebSocketError) as raised:
        server.inflate(bomb, is_last, 100_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert raised.value.code == 1009
    assert peak < 1_000_000


def test_a_bomb_behind_final_blocks_is_stopped_too() -> None:
    with pytest.raises(WebSocketError) as raised:
        deflate().inflate(finished(bytes(60_000)) + finished(bytes(60_000)), True, 100_000)
    assert raised.value.code == 1009


@given(st.lists(st.tuples(st.binary(max_size=60), st.booleans(), st.integers(0, 100)), max_size=5))
def test_junk_is_an_error_of_the_peer_or_within_the_limit(parts: list[tuple[bytes, bool, int]]) -> None:
    server, code = deflate(), 0
    for data, is_last, limit in parts:
        try:
            out = server.inflate(data, is_last, limit)
        except WebSocketError as error:
            code = error.code
            break
        assert len(out) <= limit
    assert code in (0, 1007, 1009)


def test_a_message_without_takeover_leaves_no_memory_behind() -> None:
    parameters = DeflateParameters(server_takeover=False, client_takeover=False)
    servers = [deflate(parameters) for _ in range(50)]
    compressed = one_message(JSON)
    tracemalloc.start()
    for server in servers:
        server.inflate(compressed, True, NO_LIMIT)
        server.compress(JSON)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 50 * 500


def test_an_empty_first_part_holds_nothing() -> None:
    servers = [deflate() for _ in range(50)]
    tracemalloc.start()
    for server in servers:
        assert server.inflate(b"", False, NO_LIMIT) == b""
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 50 * 500
    compressed = one_message(JSON)
    first = servers[0].inflate(compressed[:5], False, NO_LIMIT)
    assert first + servers[0].inflate(compressed[5:], True, NO_LIMIT) == JSON
