"""target.py: the forms of a request target."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licorne.engine.target import check_connect, split_absolute, split_origin
from licorne.errors import RemoteProtocolError


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/", b"/", b""),
        (b"/?", b"/", b""),
        (b"/a?b", b"/a", b"b"),
        (b"/a?b?c", b"/a", b"b?c"),
        (b"//a//b", b"//a//b", b""),
        (b"/%41%7f", b"/%41%7f", b""),
        (b"/?%zz", b"/", b"%zz"),
    ],
)
def test_origin_form_is_split_and_not_decoded(target: bytes, path: bytes, query: bytes) -> None:
    assert split_origin(target) == (path, query)


@pytest.mark.parametrize(
    "target", [b"/%", b"/%4", b"/%zz", b"/%?aa", b"/a b", b"/\x00", b"/\xff", b'/"', b"/#", b"/?<"]
)
def test_origin_form_with_a_fault_is_refused(target: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        split_origin(target)
    assert caught.value.status == 400


@given(st.binary(max_size=20))
def test_origin_form_loses_no_byte(rest: bytes) -> None:
    try:
        path, query = split_origin(b"/" + rest)
    except RemoteProtocolError:
        return
    assert b"/" + rest in (path, path + b"?" + query)
    assert b"?" not in path


@pytest.mark.parametrize(
    ("target", "authority", "origin"),
    [
        (b"http://a", b"a", b"/"),
        (b"http://a/", b"a", b"/"),
        (b"HTTPS://a:1/b?c", b"a:1", b"/b?c"),
        (b"http://a?b", b"a", b"/?b"),
        (b"http://a?/b", b"a", b"/?/b"),
        (b"http://[::1]:2/@", b"[::1]:2", b"/@"),
    ],
)
def test_absolute_form_is_split(target: bytes, authority: bytes, origin: bytes) -> None:
    assert split_absolute(target) == (authority, origin)


@pytest.mark.parametrize(
    "target", [b"", b"a", b"http:", b"http:/a", b"http:///a", b"http://?a", b"ftp://a/", b"http://u@a/", b"http://a:x/"]
)
def test_absolute_form_with_a_fault_is_refused(target: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        split_absolute(target)
    assert caught.value.status == 400


@pytest.mark.parametrize("target", [b"a:1", b"[::1]:443", b"127.0.0.1:65535"])
def test_authority_form_has_host_and_port(target: bytes) -> None:
    check_connect(target)


@pytest.mark.parametrize("target", [b"", b"a", b"a:", b":1", b"/", b"*", b"http://a:1", b"a:65536", b"u@a:1", b"a:1/"])
def test_authority_form_with_a_fault_is_refused(target: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        check_connect(target)
    assert caught.value.status == 400
