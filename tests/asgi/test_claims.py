"""What proxies say in fields: every form that is right, and none that is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licorne.asgi.claims import (
    parse_forwarded,
    parse_hop,
    parse_host,
    parse_node,
    parse_port,
    parse_prefix,
    parse_real_ip,
    without_claims,
)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("192.0.2.1", ("192.0.2.1", 0)),
        ("192.0.2.1:80", ("192.0.2.1", 80)),
        ("192.0.2.1:0", ("192.0.2.1", 0)),
        ("192.0.2.1:", ("192.0.2.1:", 0)),
        ("192.0.2.1:x", ("192.0.2.1:x", 0)),
        ("192.0.2.1:65536", ("192.0.2.1:65536", 0)),
        ("192.0.2.1:999999", ("192.0.2.1:999999", 0)),
        ("192.0.2.1:\u0663", ("192.0.2.1:\u0663", 0)),
        ("2001:db8::1", ("2001:db8::1", 0)),
        ("[2001:db8::1]", ("2001:db8::1", 0)),
        ("[2001:db8::1]:80", ("2001:db8::1", 80)),
        ("[2001:db8::1]:x", ("2001:db8::1", 0)),
        ("[2001:db8::1]80", ("[2001:db8::1]80", 0)),
        ("[2001:db8::1", ("[2001:db8::1", 0)),
        ("[]:80", ("", 80)),
        ("unknown", ("unknown", 0)),
        ("_hidden", ("_hidden", 0)),
        ("", ("", 0)),
    ],
)
def test_an_entry_of_x_forwarded_for(text: str, node: tuple[str, int]) -> None:
    assert parse_hop(text) == node


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        (b"for=192.0.2.1", [{"for": "192.0.2.1"}]),
        (b"For=192.0.2.1;PROTO=http;by=203.0.113.43", [{"for": "192.0.2.1", "proto": "http", "by": "203.0.113.43"}]),
        (b"for=192.0.2.1, for=198.51.100.1", [{"for": "192.0.2.1"}, {"for": "198.51.100.1"}]),
        (b'for="[2001:db8::1]:80"', [{"for": "[2001:db8::1]:80"}]),
        (b'for="a\\"b\\\\c,;d"', [{"for": 'a"b\\c,;d'}]),
        (b'for=""', [{"for": ""}]),
        (b"for=_gazonk ; proto=https", [{"for": "_gazonk", "proto": "https"}]),
        (b";for=a;;proto=b;", [{"for": "a", "proto": "b"}]),
        (b", ,for=a,,", [{"for": "a"}]),
        (b"for=a;secret=b", [{"for": "a", "secret": "b"}]),
        (b"", []),
        (b" ,;, ", []),
    ],
)
def test_a_line_of_forwarded(value: bytes, elements: list[dict[str, str]]) -> None:
    assert parse_forwarded(value) == elements


@pytest.mark.parametrize(
    "value",
    [
        b"for",
        b"for=",
        b"=a",
        b"for =a",
        b"for= a",
        b'for="a',
        b'for="a"b',
        b'for="a\\"',
        b"for=[2001:db8::1]",
        b"for=192.0.2.1:80",
        b"for=a b",
        b"for=a for=b",
        b"for=a;for=b",
        b"for=a;FOR=a",
        b"for=a;proto=b;proto=b",
        b'for="a", for="b',
        b"for=a:b",
        b"for='a'b c",
        b"for=\xe9",
        b"192.0.2.1",
        b",".join([b"for=a"] * 40),
    ],
)
def test_a_malformed_line_of_forwarded(value: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_forwarded(value)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("192.0.2.1", ("192.0.2.1", 0)),
        ("192.0.2.1:8080", ("192.0.2.1", 8080)),
        ("192.0.2.1:_x", ("192.0.2.1", 0)),
        ("[2001:DB8:0::1]", ("2001:db8::1", 0)),
        ("[::FFFF:C000:0201]", ("::ffff:192.0.2.1", 0)),
        ("[2001:db8::1]:8080", ("2001:db8::1", 8080)),
        ("[2001:db8::1]:_x", ("2001:db8::1", 0)),
        ("unknown", ("unknown", 0)),
        ("Unknown:80", ("Unknown", 80)),
        ("_hidden", ("_hidden", 0)),
        ("_SEVKISEK:_p", ("_SEVKISEK", 0)),
    ],
)
def test_a_node(text: str, node: tuple[str, int]) -> None:
    assert parse_node(text) == node


@pytest.mark.parametrize(
    "text",
    [
        *("", "_", "name", "2001:db8::1", "192.0.2.256", "192.0.2", "192.0.2.01", "[192.0.2.1]", "[]", "[::1"),
        *(
            "192.0.2.1:",
            "192.0.2.1:65536",
            "192.0.2.1:999999",
            "192.0.2.1:80:80",
            "192.0.2.1:-1",
            "[::1]80",
            "[fe80::1%lo]",
        ),
        *("192.0.2.1 ", "_a b", "unknown1", "\u0661.0.0.1", "_\u00e9"),
    ],
)
def test_a_malformed_node(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_node(text)


@pytest.mark.parametrize(
    ("value", "host"),
    [
        (b"example.org", True),
        (b"example.org:8443", True),
        (b"[2001:db8::1]:80", True),
        (b"192.0.2.1", True),
        (b"", False),
        (b"a, b", False),
        (b"a b", False),
        (b"a/b", False),
        (b"user@a", False),
        (b"https://a", False),
        (b"a:b", False),
        (b"a:99999", False),
        (b"a?b", False),
        (b"a\\b", False),
        (b"\xe9", False),
        (b"a" * 300, False),
    ],
)
def test_a_host(value: bytes, host: bool) -> None:
    assert parse_host(value) == (value if host else None)


@pytest.mark.parametrize(
    ("value", "port"),
    [
        (b"443", 443),
        (b"65535", 65535),
        *((bad, None) for bad in (b"", b"0", b"65536", b"-1", b"+1", b" 1", b"1,2", b"x", b"1.", b"\xb2")),
    ],
)
def test_a_port(value: bytes, port: int | None) -> None:
    assert parse_port(value) == port


@pytest.mark.parametrize(
    ("value", "prefix"),
    [
        (b"/shop", b"/shop"),
        (b"/shop/", b"/shop"),
        (b"/a/b-c_d~e/f.g", b"/a/b-c_d~e/f.g"),
        (b"/caf%C3%A9", b"/caf%C3%A9"),
        (b"/%7Euser", b"/%7Euser"),
        (b"/...", b"/..."),
        (b"/", b""),
    ],
)
def test_a_prefix(value: bytes, prefix: bytes) -> None:
    assert parse_prefix(value) == prefix


@pytest.mark.parametrize(
    "value",
    [
        *(
            b"",
            b"shop",
            b"//",
            b"//evil.example",
            b"/a//b",
            b"/a//",
            b"/.",
            b"/..",
            b"/../a",
            b"/a/..",
            b"/a/../b",
            b"/./a",
        ),
        *(
            b"/%2e%2e",
            b"/a%2Fb",
            b"/a%5cb",
            b"/a%00",
            b"/a%0d%0a",
            b"/a%7f",
            b"/a%",
            b"/a%4",
            b"/a%zz",
            b"/a\\b",
            b"/a?b",
            b"/a#b",
        ),
        *(b"/a b", b"/a,/b", b"/a, /b", b"/\xc3\xa9", b"https://evil.example", b"/a;\t", b"/" + b"a" * 600),
    ],
)
def test_a_malformed_prefix(value: bytes) -> None:
    assert parse_prefix(value) is None


@pytest.mark.parametrize(
    ("value", "node"),
    [
        (b"192.0.2.1", ("192.0.2.1", 0)),
        (b"2001:DB8::1", ("2001:db8::1", 0)),
        (b"::FFFF:C000:0201", ("::ffff:192.0.2.1", 0)),
        *(
            (bad, None)
            for bad in (b"", b"a", b"192.0.2.1:80", b"[::1]", b"192.0.2.1, 192.0.2.2", b"1", b"\xff", b"fe80::1%lo")
        ),
    ],
)
def test_a_real_ip(value: bytes, node: tuple[str, int] | None) -> None:
    assert parse_real_ip(value) == node


def test_what_frameworks_take_for_a_claim_is_one() -> None:
    fields = [
        (b"host", b"a"),
        (b"x_forwarded_for", b"b"),
        (b"X-Y", b"c"),
        (b"x-forwarded_prefix", b"d"),
        (b"x-forwarded-client-cert", b"d"),
        (b"forwarded", b"e"),
    ]
    assert without_claims(fields) == [(b"host", b"a"), (b"X-Y", b"c")]


@given(st.text(alphabet='for=";,\\ \tab[]:_.1%', max_size=60))
def test_any_line_of_forwarded_is_read_or_refused(text: str) -> None:
    try:
        elements = parse_forwarded(text.encode())
        for element in elements:
            parse_node(element.get("for", "unknown"))
    except ValueError:
        return
    assert all(element for element in elements)
