"""pseudo.py: RFC 9113 §8.2, §8.3 and §8.5, RFC 8441 §4: what a field section must be to be a request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licorne.engine.headers import FIELD_TEXT, LOWER_NAME
from licorne.engine.pseudo import check_trailers, request_head
from licorne.engine.received import RequestHead
from licorne.errors import RemoteProtocolError

Fields = list[tuple[bytes, bytes]]

METHOD = (b":method", b"GET")
SCHEME = (b":scheme", b"https")
PATH = (b":path", b"/a%20b?c=d")
AUTHORITY = (b":authority", b"a.example")
PSEUDO = [METHOD, SCHEME, PATH, AUTHORITY]
WEBSOCKET = [(b":method", b"CONNECT"), (b":protocol", b"websocket"), SCHEME, (b":path", b"/chat?x"), AUTHORITY]


def get(*more: tuple[bytes, bytes]) -> Fields:
    return [*PSEUDO, *more]


def changed(name: bytes, value: bytes) -> Fields:
    """Return a request with another value for one pseudo-header field."""
    return [(name, value) if field[0] == name else field for field in PSEUDO]


def refusal(fields: Fields, ends: bool = True, takes_websocket: bool = True) -> int:
    with pytest.raises(RemoteProtocolError) as caught:
        request_head(fields, ends, takes_websocket)
    assert "\n" not in caught.value.reason
    return caught.value.status


# --- what a head says ---------------------------------------------------------------------------------------


def test_every_attribute_is_set() -> None:
    head = request_head(get((b"accept", b"*/*")), True)
    assert [getattr(head, name) for name in dir(RequestHead) if not name.startswith("_")] == [
        False,  # asks_websocket
        0,  # content_length
        False,  # expects_continue
        [(b"host", b"a.example"), (b"accept", b"*/*")],
        "2",  # http_version
        True,  # is_plain
        False,  # is_websocket
        "GET",
        b"/a%20b",  # path
        b"c=d",  # query
        False,  # takes_trailers
        b"/a%20b?c=d",  # target
    ]


def test_version_is_the_one_of_the_engine() -> None:
    assert request_head(get(), True, version="3").http_version == "3"


@pytest.mark.parametrize("order", [PSEUDO, PSEUDO[::-1]])
def test_pseudo_header_fields_come_in_any_order(order: Fields) -> None:
    assert request_head([*order, (b"a", b"b")], True).headers == [(b"host", b"a.example"), (b"a", b"b")]


def test_given_list_is_not_changed() -> None:
    fields = get((b"cookie", b"a"), (b"cookie", b"b"), (b"host", b"a.example"))
    before = list(fields)
    request_head(fields, True)
    assert fields == before


@pytest.mark.parametrize(
    ("ends", "length", "expected"), [(True, None, 0), (False, None, -1), (False, b"5", 5), (True, b"0", 0)]
)
def test_length_is_announced_or_open(ends: bool, length: bytes | None, expected: int) -> None:
    more = [] if length is None else [(b"content-length", length)]
    assert request_head(get(*more), ends).content_length == expected


@pytest.mark.parametrize(
    ("field", "is_plain"),
    [
        ((b"accept", b"*/*"), True),
        ((b"x-forwarded-for", b"::1"), False),
        ((b"x-forwarded-proto", b"https"), False),
        ((b"forwarded", b"for=_x"), False),
    ],
)
def test_fields_of_proxies_are_told_from_others(field: tuple[bytes, bytes], is_plain: bool) -> None:
    assert request_head(get(field), True).is_plain == is_plain


# --- pseudo-header fields (RFC 9113 §8.3) -------------------------------------------------------------------


@pytest.mark.parametrize("name", [b":method", b":scheme", b":path"])
def test_missing_pseudo_header_field_is_malformed(name: bytes) -> None:
    # RFC 9113 §8.3.1
    assert refusal([field for field in PSEUDO if field[0] != name]) == 400


@pytest.mark.parametrize("field", [*PSEUDO, WEBSOCKET[1]])
def test_repeated_pseudo_header_field_is_malformed(field: tuple[bytes, bytes]) -> None:
    # RFC 9113 §8.3
    fields = PSEUDO if field in PSEUDO else WEBSOCKET
    assert refusal([field, *fields]) == 400


@pytest.mark.parametrize("name", [b":status", b":", b":Method", b":method ", b":path\0", b":x", b"::path"])
def test_pseudo_header_field_that_requests_do_not_have_is_malformed(name: bytes) -> None:
    # RFC 9113 §8.3
    assert refusal([(name, b"200"), *PSEUDO]) == 400


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_pseudo_header_field_behind_a_regular_one_is_malformed(at: int) -> None:
    # RFC 9113 §8.3
    fields = [*PSEUDO[:at], *PSEUDO[at + 1 :], (b"accept", b"*/*"), PSEUDO[at]]
    assert refusal(fields) == 400


@pytest.mark.parametrize(
    ("method", "status"), [(b"", 400), (b"G T", 400), (b"GET\xff", 400), (b"(", 400), (b"get", 501), (b"Get", 501)]
)
def test_method_is_a_token_in_upper_case(method: bytes, status: int) -> None:
    assert refusal(changed(b":method", method)) == status


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"PURGE", b"M-SEARCH", b"X!"])
def test_any_token_is_a_method(method: bytes) -> None:
    assert request_head(changed(b":method", method), True).method == method.decode()


@pytest.mark.parametrize("scheme", [b"", b"ftp", b"https:", b"ws", b"http\xff", b"javascript"])
def test_scheme_is_http_or_https(scheme: bytes) -> None:
    assert refusal(changed(b":scheme", scheme)) == 400


@pytest.mark.parametrize("scheme", [b"http", b"https", b"HTTPS"])
def test_scheme_says_nothing_about_the_transport(scheme: bytes) -> None:
    assert request_head(changed(b":scheme", scheme), True).path == b"/a%20b"


@pytest.mark.parametrize(
    "path",
    [b"", b"a", b"?a", b"*", b"http://a.example/", b"a.example:80", b"/a b", b"/#a", b"/a\x7f", b"/\xc3\xa9", b"/%zz"],
)
def test_path_begins_with_a_slash_and_is_one(path: bytes) -> None:
    # RFC 9113 §8.3.1
    assert refusal(changed(b":path", path)) == 400


def test_options_may_ask_for_everything() -> None:
    # RFC 9113 §8.3.1
    fields = [(b":method", b"OPTIONS"), SCHEME, (b":path", b"*"), AUTHORITY]
    head = request_head(fields, True)
    assert (head.path, head.query, head.target) == (b"*", b"", b"*")


# --- :authority and Host ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authority",
    [b"", b"user@a.example", b"a.example:x", b"a.example:65536", b"[::1", b"a,b/", b"a b", b"a\xff", b":80", b"a/b"],
)
def test_authority_is_a_host_without_userinfo(authority: bytes) -> None:
    # RFC 9113 §8.3.1
    assert refusal(changed(b":authority", authority)) == 400
    assert refusal([*PSEUDO[:3], (b"host", authority)]) == 400


def test_host_stands_in_for_a_missing_authority_where_it_is() -> None:
    head = request_head([*PSEUDO[:3], (b"accept", b"*/*"), (b"host", b"b.example")], True)
    assert head.headers == [(b"accept", b"*/*"), (b"host", b"b.example")]


def test_request_without_authority_and_host_is_refused() -> None:
    # RFC 9110 §7.2
    assert refusal(PSEUDO[:3]) == 400


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        (b"a.example", b"a.example"),
        (b"a.example", b"A.Example"),
        (b"a.example", b"a.example:443"),
        (b"a.example:443", b"a.example"),
        (b"a.example:", b"a.example"),
        (b"[::1]:443", b"[::1]"),
    ],
)
def test_authority_takes_the_place_of_a_host_that_says_the_same(authority: bytes, host: bytes) -> None:
    # RFC 9113 §8.3.1, RFC 3986 §6.2
    fields = [*changed(b":authority", authority), (b"accept", b"*/*"), (b"host", host)]
    assert request_head(fields, True).headers == [(b"host", authority), (b"accept", b"*/*")]


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        (b"a.example", b"b.example"),
        (b"a.example", b""),
        (b"a.example", b"a.example:80"),
        (b"a.example", b"a.example."),
        (b"[::1]", b"[::2]"),
        (b"[::1]", b"["),
        (b"[::443]", b"[:"),
    ],
)
def test_host_that_differs_is_malformed(authority: bytes, host: bytes) -> None:
    # RFC 9113 §8.3.1
    assert refusal([*changed(b":authority", authority), (b"host", host)]) == 400


def test_second_host_is_malformed() -> None:
    assert refusal(get((b"host", b"a.example"), (b"host", b"a.example"))) == 400


# --- regular fields (RFC 9113 §8.2) -------------------------------------------------------------------------


@pytest.mark.parametrize("byte", range(256))
def test_name_is_a_token_in_lower_case(byte: int) -> None:
    # RFC 9113 §8.2.1
    for name in (bytes([byte]), b"a" + bytes([byte]), b"a" + bytes([byte]) + b"b"):
        if LOWER_NAME[byte]:
            assert request_head(get((name, b"v")), True).headers[-1] == (name, b"v")
        else:
            assert refusal(get((name, b"v"))) == 400
            with pytest.raises(RemoteProtocolError):
                check_trailers([(name, b"v")])


def test_field_without_a_name_is_malformed() -> None:
    assert refusal(get((b"", b"v"))) == 400


@pytest.mark.parametrize("byte", range(256))
def test_value_holds_no_control_character_and_no_blank_at_an_end(byte: int) -> None:
    # RFC 9113 §8.2.1
    inner = b"a" + bytes([byte]) + b"b"
    outer = [bytes([byte]), b"a" + bytes([byte]), bytes([byte]) + b"a"]
    for value in [inner, *outer]:
        is_blank_end = byte in b" \t" and value is not inner
        if FIELD_TEXT[byte] and not is_blank_end:
            assert request_head(get((b"x", value)), True).headers[-1] == (b"x", value)
        else:
            assert refusal(get((b"x", value))) == 400
            with pytest.raises(RemoteProtocolError):
                check_trailers([(b"x", value)])


@pytest.mark.parametrize("name", [b":method", b":path", b":scheme", b":authority"])
def test_values_of_pseudo_header_fields_are_held_to_the_same(name: bytes) -> None:
    for value in (b" /", b"/ ", b"/\0", b"/\r\nx: y", b"\t"):
        assert refusal(changed(name, value)) == 400


@pytest.mark.parametrize("name", [b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"])
def test_field_of_an_http1_connection_is_malformed(name: bytes) -> None:
    # RFC 9113 §8.2.2
    assert refusal(get((name, b"chunked"))) == 400
    with pytest.raises(RemoteProtocolError):
        check_trailers([(name, b"x")])


@pytest.mark.parametrize("value", [b"trailers", b"Trailers"])
def test_te_may_say_trailers(value: bytes) -> None:
    assert request_head(get((b"te", value)), True).takes_trailers


@pytest.mark.parametrize("value", [b"", b"gzip", b"trailers, gzip", b"trailers;q=1", b"deflate"])
def test_te_may_say_nothing_else(value: bytes) -> None:
    # RFC 9113 §8.2.2
    assert refusal(get((b"te", value))) == 400
    assert refusal(get((b"te", b"trailers"), (b"te", value))) == 400


def test_cookie_crumbs_are_joined_where_the_first_is() -> None:
    # RFC 9113 §8.2.3
    fields = get((b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2"), (b"cookie", b"c=3"))
    assert request_head(fields, True).headers == [
        (b"host", b"a.example"),
        (b"cookie", b"a=1; b=2; c=3"),
        (b"x", b"y"),
    ]


def test_one_cookie_is_left_as_it_is() -> None:
    field = (b"cookie", b"a=1; b=2")
    assert request_head(get(field), True).headers[1] is field


def test_other_fields_are_never_joined() -> None:
    fields = [(b"accept", b"a"), (b"accept", b"b"), (b"x-cookie", b"c")]
    assert request_head(get(*fields), True).headers[1:] == fields


# --- content-length and expect ------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [b"", b"+1", b"-1", b"1,1", b"0x1", b"1 1", b"a", b"1.0", b"\xb2"])
def test_length_is_digits(value: bytes) -> None:
    assert refusal(get((b"content-length", value)), ends=False) == 400


def test_length_is_said_once() -> None:
    assert refusal(get((b"content-length", b"1"), (b"content-length", b"1")), ends=False) == 400


def test_length_without_content_is_malformed() -> None:
    # RFC 9113 §8.1.1
    assert refusal(get((b"content-length", b"1")), ends=True) == 400


def test_length_that_cannot_be_counted_is_too_large() -> None:
    assert refusal(get((b"content-length", b"9" * 19)), ends=False) == 413


@pytest.mark.parametrize("value", [b"100-continue", b"100-Continue"])
def test_continue_may_be_expected(value: bytes) -> None:
    assert request_head(get((b"expect", value)), False).expects_continue


@pytest.mark.parametrize("value", [b"200-ok", b"", b"100-continue, x"])
def test_other_expectations_are_not_met(value: bytes) -> None:
    assert refusal(get((b"expect", value))) == 417
    assert refusal(get((b"expect", b"100-continue"), (b"expect", b"x"))) == 417


# --- CONNECT ------------------------------------------------------------------------------------------------


def test_connect_is_understood_and_not_supported() -> None:
    # RFC 9113 §8.5
    assert refusal([(b":method", b"CONNECT"), (b":authority", b"a.example:443")], ends=False) == 501


@pytest.mark.parametrize(
    "more",
    [
        [],
        [(b":authority", b"a.example")],
        [(b":authority", b"a.example:443"), SCHEME],
        [(b":authority", b"a.example:443"), PATH],
        [(b":authority", b"a.example:443"), SCHEME, PATH],
        [(b"host", b"a.example:443")],
    ],
)
def test_connect_has_an_authority_with_port_and_nothing_else(more: Fields) -> None:
    # RFC 9113 §8.5
    assert refusal([(b":method", b"CONNECT"), *more], ends=False) == 400


def test_extended_connect_asks_for_a_websocket() -> None:
    # RFC 8441 §4, §5
    head = request_head([*WEBSOCKET, (b"sec-websocket-version", b"13")], False)
    assert head.asks_websocket
    assert head.is_websocket
    assert (head.method, head.path, head.query) == ("CONNECT", b"/chat", b"x")
    assert head.headers[0] == (b"host", b"a.example")
    assert head.content_length == -1


def test_protocol_that_was_not_offered_is_malformed() -> None:
    # RFC 8441 §3
    assert refusal(WEBSOCKET, ends=False, takes_websocket=False) == 400


def test_other_protocols_are_not_supported() -> None:
    assert refusal([WEBSOCKET[0], (b":protocol", b"connect-udp"), *WEBSOCKET[2:]], ends=False) == 501


@pytest.mark.parametrize("name", [b":scheme", b":path", b":authority"])
def test_extended_connect_lacks_nothing(name: bytes) -> None:
    # RFC 8441 §4
    fields = [field for field in WEBSOCKET if field[0] != name]
    assert refusal(fields, ends=False) == 400
    assert refusal([*fields, (b"host", b"a.example")], ends=False) == 400


def test_protocol_belongs_to_connect() -> None:
    # RFC 8441 §4
    assert refusal([*PSEUDO, (b":protocol", b"websocket")]) == 400


def test_websocket_has_no_length() -> None:
    assert refusal([*WEBSOCKET, (b"content-length", b"5")], ends=False) == 400


# --- trailers -----------------------------------------------------------------------------------------------


def test_trailers_are_regular_fields() -> None:
    check_trailers([])
    check_trailers([(b"grpc-status", b"0"), (b"grpc-message", b"")])


@pytest.mark.parametrize("field", [*PSEUDO, (b":status", b"200"), (b":", b"")])
def test_pseudo_header_field_in_trailers_is_malformed(field: tuple[bytes, bytes]) -> None:
    # RFC 9113 §8.1
    with pytest.raises(RemoteProtocolError) as caught:
        check_trailers([(b"a", b"b"), field])
    assert caught.value.status == 400


# --- anything -----------------------------------------------------------------------------------------------

ANY = st.tuples(
    st.sampled_from([name for name, _ in WEBSOCKET] + [b"host", b"te", b"cookie", b"expect", b"content-length", b"x"])
    | st.binary(max_size=4),
    st.sampled_from([value for _, value in [*WEBSOCKET, *PSEUDO]] + [b"trailers", b"5"]) | st.binary(max_size=4),
)


@given(st.lists(st.sampled_from([*WEBSOCKET, *PSEUDO]), max_size=6), st.lists(ANY, max_size=4), st.booleans())
def test_any_fields_are_a_request_or_refused(first: Fields, more: Fields, ends: bool) -> None:
    head = outcome([*first, *more], ends)
    if isinstance(head, int):
        assert head in (400, 413, 417, 501)
        return
    names = [name for name, _ in head.headers]
    assert names.count(b"host") == 1
    assert names.count(b"cookie") <= 1
    assert head.path[:1] == b"/" or (head.method, head.path) == ("OPTIONS", b"*")
    assert not any(name.startswith(b":") for name in names)
    assert (head.method == "CONNECT") == head.is_websocket


def outcome(fields: Fields, ends: bool) -> RequestHead | int:
    """Return the head, or the status that refuses it."""
    try:
        return request_head(fields, ends)
    except RemoteProtocolError as error:
        return error.status
