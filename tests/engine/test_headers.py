"""headers.py: the tables and the small grammars of fields."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licorne.engine.headers import FIELD_NAME, FIELD_TEXT, LOWER_NAME, TOKEN, is_host, is_token, list_tokens, port_of

TCHAR = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def test_token_table_is_tchar() -> None:
    assert bytes(byte for byte in range(256) if TOKEN[byte]) == bytes(sorted(TCHAR))


def test_field_name_table_lowers_what_a_token_may_hold() -> None:
    assert {byte: FIELD_NAME[byte] for byte in range(256) if FIELD_NAME[byte]} == {
        byte: bytes([byte]).lower()[0] for byte in TCHAR
    }


def test_lower_name_table_lacks_upper_case() -> None:
    assert bytes(byte for byte in range(256) if LOWER_NAME[byte]) == bytes(sorted(set(TCHAR) - set(range(65, 91))))


def test_field_text_table_lacks_controls_but_htab() -> None:
    assert [byte for byte in range(256) if not FIELD_TEXT[byte]] == [*range(9), *range(10, 32), 127]


@given(st.binary(max_size=5))
def test_token_is_one_or_more_tchar(data: bytes) -> None:
    assert is_token(data) == (data != b"" and all(byte in TCHAR for byte in data))


@pytest.mark.parametrize(
    ("value", "members"),
    [
        (b"", []),
        (b",", []),
        (b" , ,\t", []),
        (b"close", [b"close"]),
        (b"Close , Keep-Alive", [b"close", b"keep-alive"]),
        (b",a,,b,", [b"a", b"b"]),
        (b"a b", [b"a b"]),
        (b"\xa0a", [b"\xa0a"]),
        (b"\x0ba", [b"\x0ba"]),
    ],
)
def test_list_is_split_at_commas_and_lowered(value: bytes, members: list[bytes]) -> None:
    assert list_tokens(value) == members


@given(st.binary(max_size=12))
def test_no_bytes_whatever_break_host(value: bytes) -> None:
    assert is_host(value) in (True, False)


@given(st.ip_addresses(v=6))
def test_every_ipv6_address_is_a_host(address: ipaddress.IPv6Address) -> None:
    assert is_host(b"[%b]" % str(address).encode())
    assert is_host(b"[%b]:80" % address.exploded.encode())
    assert not is_host(str(address).encode())


@given(st.text("0123456789abcdefF:.", max_size=20))
def test_only_ipv6_addresses_are_hosts_in_brackets(text: str) -> None:
    try:
        ipaddress.IPv6Address(text)
        is_address = True
    except ValueError:
        is_address = False
    assert is_host(b"[%b]" % text.encode()) == is_address


@given(st.integers(0, 200000))
def test_port_is_at_most_65535(port: int) -> None:
    assert is_host(b"a:%d" % port) == (port <= 65535)


@pytest.mark.parametrize(
    ("value", "port"),
    [(b"a", None), (b"a:", None), (b"a:80", 80), (b"[::1]", None), (b"[::1]:", None), (b"[::1]:8080", 8080)],
)
def test_port_of_a_host(value: bytes, port: int | None) -> None:
    assert port_of(value) == port
