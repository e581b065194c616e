"""The WebSocket handshake: what is read of a request, what is refused, and what accepts it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licorne.engine.received import RequestHead
from licorne.engine.websocket.handshake import (
    Extension,
    Upgrade,
    accept_fields,
    is_allowed,
    read_upgrade,
    refusal_fields,
)
from licorne.errors import LocalProtocolError, RemoteProtocolError

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
Fields = list[tuple[bytes, bytes]]
REQUIRED: Fields = [(b"sec-websocket-version", b"13"), (b"sec-websocket-key", KEY)]


def head(fields: Fields, version: str = "1.1") -> RequestHead:
    made = RequestHead()
    made.http_version = version
    made.headers = fields
    return made


def read(*fields: tuple[bytes, bytes]) -> Upgrade:
    """Read a handshake that is right, with these fields added."""
    return read_upgrade(head([*REQUIRED, *fields]))


def refuse(fields: Fields, status: int = 400) -> str:
    """Read a handshake that must be refused, and return the reason."""
    with pytest.raises(RemoteProtocolError) as raised:
        read_upgrade(head(fields))
    assert raised.value.status == status
    assert raised.value.reason.isprintable()
    return raised.value.reason


def test_the_least_that_a_handshake_says() -> None:
    assert read() == Upgrade(key=KEY, subprotocols=[], extensions=[], origin=None)


# --- version and key ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "version", [b"8", b"7", b"0", b"14", b"777", b"013", b"13, 8", b"8, 13", b"13,", b"", b"x", b"\xff"]
)
def test_another_version_is_426(version: bytes) -> None:
    refuse([(b"sec-websocket-version", version), (b"sec-websocket-key", KEY)], 426)


def test_no_version_is_400() -> None:
    refuse([(b"sec-websocket-key", KEY)])


def test_two_versions_are_400() -> None:
    refuse([*REQUIRED, (b"sec-websocket-version", b"13")])


def test_the_answer_to_another_version_names_ours() -> None:
    assert refusal_fields(426) == [(b"sec-websocket-version", b"13"), (b"upgrade", b"websocket")]
    assert refusal_fields(400) == []


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"AAAAAAAAAAAAAAAAAAAAAA=",
        b"AAAAAAAAAAAAAAAAAAAAAA",
        b"AAAAAAAAAAAAAAAAAAAA====",
        b"AAAAAAAAAAAAAAAAAAAAAAA=",
        b"AAAAAAAAAAAAAAAAAAAAAAAA",
        b"AAAAAAAAAAAAAAAAAAAAAAAA==",
        b"AAAAAAAAAAA AAAAAAAAAA==",
        b"AAAAAAAAAAA=AAAAAAAAAA==",
        b"-_AAAAAAAAAAAAAAAAAAAA==",
        b"\xffAAAAAAAAAAAAAAAAAAAAA==",
        b"dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
    ],
)
def test_a_key_that_is_not_base64_of_16_bytes_is_400(key: bytes) -> None:
    refuse([(b"sec-websocket-version", b"13"), (b"sec-websocket-key", key)])


def test_no_key_and_two_keys_are_400() -> None:
    refuse([(b"sec-websocket-version", b"13")])
    refuse([*REQUIRED, (b"sec-websocket-key", KEY)])


def test_another_http_version_needs_no_key() -> None:
    # RFC 8441 §5
    upgrade = read_upgrade(head([(b"sec-websocket-version", b"13")], "2"))
    assert upgrade.key == b""
    assert accept_fields(upgrade, "chat", b"") == [(b"sec-websocket-protocol", b"chat")]


# --- subprotocols -------------------------------------------------------------------------------------------


def test_subprotocols_keep_order_and_case_over_several_fields() -> None:
    upgrade = read((b"sec-websocket-protocol", b"chat, SuperChat"), (b"sec-websocket-protocol", b",v2.x , \t"))
    assert upgrade.subprotocols == ["chat", "SuperChat", "v2.x"]


@pytest.mark.parametrize(
    "value", [b"", b",", b" , ,", b"a b", b"a, a", b"a;b", b'"a"', b"a/b", b"caf\xc3\xa9", b"a, b\x80", b"a,b,c,a"]
)
def test_subprotocols_that_are_no_different_tokens_are_400(value: bytes) -> None:
    refuse([*REQUIRED, (b"sec-websocket-protocol", value)])


def test_a_subprotocol_named_twice_in_two_fields_is_400() -> None:
    refuse([*REQUIRED, (b"sec-websocket-protocol", b"a"), (b"sec-websocket-protocol", b"a")])


# --- extensions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "extensions"),
    [
        (b"foo", [("foo", [])]),
        (b"foo, bar", [("foo", []), ("bar", [])]),
        (b" ,, foo ,\t,bar,", [("foo", []), ("bar", [])]),
        (b"foo;a;b=1;c", [("foo", [("a", None), ("b", "1"), ("c", None)])]),
        (b"foo \t; a = 1 ; b", [("foo", [("a", "1"), ("b", None)])]),
        (b'foo; a="10"', [("foo", [("a", "10")])]),
        (b'foo; a="1\\0"', [("foo", [("a", "10")])]),
        (b"foo; a; a=1", [("foo", [("a", None), ("a", "1")])]),
        (b"foo, foo; x", [("foo", []), ("foo", [("x", None)])]),
    ],
)
def test_extensions_are_read_by_their_grammar(value: bytes, extensions: list[Extension]) -> None:
    assert read((b"sec-websocket-extensions", value)).extensions == extensions


def test_extensions_of_several_fields_are_one_list() -> None:
    upgrade = read((b"sec-websocket-extensions", b"a; x"), (b"sec-websocket-extensions", b"b"))
    assert upgrade.extensions == [("a", [("x", None)]), ("b", [])]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b",",
        b";",
        b"=",
        b"foo;",
        b"foo;;a",
        b"foo; a=",
        b"foo; =1",
        b"foo bar",
        b"foo; a=1 2",
        b"foo=1",
        b'foo; a="',
        b'foo; a="1',
        b'foo; a="1\\',
        b'foo; a=""',
        b'foo; a="1 0"',
        b'foo; a="1,0"',
        b'foo; a="\\""',
        b'"foo"',
        b"foo; a='1', b=\"",
        b"foo\x00",
        b"caf\xc3\xa9",
        b'foo; a="\xc3\xa9"',
        b"foo/bar",
    ],
)
def test_extensions_that_break_their_grammar_are_400(value: bytes) -> None:
    refuse([*REQUIRED, (b"sec-websocket-extensions", value)])


def test_quotes_do_not_reach_over_fields() -> None:
    refuse([*REQUIRED, (b"sec-websocket-extensions", b'a; x="1'), (b"sec-websocket-extensions", b'2"')])


# --- origin -------------------------------------------------------------------------------------------------


def test_origin_is_kept_as_it_is() -> None:
    assert read((b"origin", b"https://A.example")).origin == b"https://A.example"


def test_two_origins_are_400() -> None:
    refuse([*REQUIRED, (b"origin", b"https://a.example"), (b"origin", b"https://a.example")])


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (b"https://a.example", ("https://a.example",)),
        (b"HTTPS://A.Example", ("https://a.example",)),
        (b"https://a.example:443", ("https://a.example",)),
        (b"https://a.example", ("https://a.example:443",)),
        (b"http://a.example:80", ("http://b.example", "http://a.example")),
        (b"http://a.example:8080", ("http://a.example:8080",)),
        (b"http://[::1]:80", ("http://[::1]",)),
        (b"null", ("null",)),
        (b"https://a.example", ("*",)),
        (b"\xff", ("*",)),
        (b"https://a.example", ()),
        (None, ("https://a.example",)),
    ],
)
def test_origins_that_are_allowed(origin: bytes | None, allowed: tuple[str, ...]) -> None:
    assert is_allowed(origin, allowed)


@pytest.mark.parametrize(
    "origin",
    [
        b"http://a.example",
        b"https://a.example:80",
        b"https://a.example:4430",
        b"https://a.example:0443",
        b"https://a.example.evil.example",
        b"https://b.example",
        b"https://a.example/",
        b"https://a.example@evil.example",
        b"https://evil.example#https://a.example",
        b"a.example",
        b"null",
        b"",
        b"*",
        b"\xff",
    ],
)
def test_origins_that_are_not_allowed(origin: bytes) -> None:
    assert not is_allowed(origin, ("https://a.example",))


# --- acceptance ---------------------------------------------------------------------------------------------


def test_the_key_is_answered_as_in_the_rfc() -> None:
    # RFC 6455 §1.3
    assert accept_fields(read(), None, b"") == [(b"sec-websocket-accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")]


def test_subprotocol_and_extension_are_named_when_they_are_used() -> None:
    assert accept_fields(read(), "chat", b"permessage-deflate")[1:] == [
        (b"sec-websocket-protocol", b"chat"),
        (b"sec-websocket-extensions", b"permessage-deflate"),
    ]


@pytest.mark.parametrize("subprotocol", ["", "a b", "a\r\nx: 1", "caf\xe9", "\ud800"])
def test_the_application_cannot_name_what_is_no_token(subprotocol: str) -> None:
    with pytest.raises(LocalProtocolError):
        accept_fields(read(), subprotocol, b"")


# --- junk ---------------------------------------------------------------------------------------------------

names = st.sampled_from(
    [
        b"sec-websocket-version",
        b"sec-websocket-key",
        b"sec-websocket-protocol",
        b"sec-websocket-extensions",
        b"origin",
        b"host",
    ]
)
pieces = st.sampled_from(
    [b"13", KEY, b"foo", b"permessage-deflate", b";", b",", b"=", b'"', b"\\", b" ", b"a", b"\xe9"]
)
values = st.lists(pieces, max_size=12).map(b"".join) | st.binary(max_size=40)


@given(st.lists(st.tuples(names, values), max_size=6), st.booleans())
def test_junk_is_read_or_refused(fields: Fields, is_right_else: bool) -> None:
    try:
        upgrade = read_upgrade(head(REQUIRED + fields if is_right_else else fields))
    except RemoteProtocolError as error:
        refusal = error
    else:
        check_read(upgrade)
        return
    assert refusal.status in (400, 426)


def check_read(upgrade: Upgrade) -> None:
    assert len(upgrade.key) == 24
    assert all(name.isascii() for name in upgrade.subprotocols)
    assert len(set(upgrade.subprotocols)) == len(upgrade.subprotocols)
    for name, parameters in upgrade.extensions:
        assert name
        assert all(parameter and value != "" for parameter, value in parameters)


def test_a_long_list_is_read_in_one_pass() -> None:
    value = b";".join([b'x="1"'] * 10_000)
    assert len(read((b"sec-websocket-extensions", b"foo;" + value)).extensions[0][1]) == 10_000
    refuse([*REQUIRED, (b"sec-websocket-extensions", b'foo; a="' + b"\\" * 60_001)])
