"""environ: every variable of PEP 3333, from scopes of licorne and of other servers, also behind a proxy."""

import io
import sys
from typing import Any

import pytest

from licorne.adapters.wsgi.environ import constants_of, environ_of
from licorne.adapters.wsgi.files import FileWrapper
from licorne.asgi.run import AsgiOptions
from tests.adapters.wsgi_stage import TEXT, Environ, StartResponse, asking
from tests.support.stage import Stage

SCOPE = {
    "type": "http",
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/",
    "raw_path": b"/",
    "query_string": b"",
    "root_path": "",
    "headers": [],
    "client": ("192.0.2.1", 50000),
    "server": ("192.0.2.2", 8000),
}


def made(**scope: Any) -> Environ:
    """Return the environ for a scope that differs from the usual one."""
    return environ_of(constants_of(True, False), {**SCOPE, **scope}, io.BytesIO())


def with_fields(*fields: tuple[bytes, bytes]) -> Environ:
    """Return the environ for some header fields."""
    return made(headers=list(fields))


def test_what_every_request_has() -> None:
    environ = made(query_string=b"a=1&b=%20")
    assert environ["REQUEST_METHOD"] == "GET"
    assert environ["QUERY_STRING"] == "a=1&b=%20"
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("192.0.2.2", "8000")
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("192.0.2.1", "50000")
    assert environ["wsgi.version"] == (1, 0)
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["wsgi.errors"] is sys.stderr
    assert environ["wsgi.file_wrapper"] is FileWrapper
    assert environ["wsgi.input_terminated"] is True
    assert (environ["wsgi.multithread"], environ["wsgi.multiprocess"], environ["wsgi.run_once"]) == (True, False, False)
    assert "HTTPS" not in environ
    assert "CONTENT_LENGTH" not in environ


def test_every_text_is_a_plain_str() -> None:
    environ = made(headers=[(b"x-any", b"\xe9")], path="/é", raw_path=b"/%C3%A9", root_path="/")
    own = {key: value for key, value in environ.items() if "." not in key}
    assert all(type(value) is str for value in own.values())
    assert environ["HTTP_X_ANY"] == "\xe9"


def test_one_request_changes_nothing_for_the_next() -> None:
    constants = constants_of(False, True)
    environ_of(constants, SCOPE, io.BytesIO())["wsgi.version"] = "other"
    again = environ_of(constants, SCOPE, io.BytesIO())
    assert again["wsgi.version"] == (1, 0)
    assert (again["wsgi.multithread"], again["wsgi.multiprocess"]) == (False, True)


# --- the path -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("root", "raw", "script", "info"),
    [
        ("", b"/", "", "/"),
        ("", b"/a/b", "", "/a/b"),
        ("", b"/a%20b%2Fc", "", "/a b/c"),
        ("", b"/%C3%A9", "", "/\xc3\xa9"),
        ("", b"/%ff", "", "/\xff"),
        ("", b"/%zz", "", "/%zz"),
        ("", b"*", "", "*"),
        ("/api", b"/api/users", "/api", "/users"),
        ("/api", b"/api", "/api", ""),
        ("/api", b"/api/", "/api", "/"),
        ("/api", b"/apix", "/api", "/apix"),
        ("/api/", b"/api/x", "/api", "/x"),
        ("/é", b"/%C3%A9/x", "/\xc3\xa9", "/x"),
        ("/api", b"/elsewhere", "/api", "/elsewhere"),
    ],
)
def test_prefix_and_path_are_split_and_decoded(root: str, raw: bytes, script: str, info: str) -> None:
    environ = made(root_path=root, raw_path=raw)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (script, info)


def test_a_server_without_raw_path_gives_the_decoded_one() -> None:
    environ = made(path="/é", raw_path=None)
    assert environ["PATH_INFO"] == "/\xc3\xa9"


def test_the_target_is_there_as_it_came() -> None:
    assert made(raw_path=b"/a%20b", query_string=b"c=%20")["REQUEST_URI"] == "/a%20b?c=%20"
    assert made(raw_path=b"/a%20b")["RAW_URI"] == "/a%20b"


# --- fields -------------------------------------------------------------------------------------------------


def test_fields_become_variables() -> None:
    environ = with_fields((b"host", b"a.example"), (b"x-thing", b"1"), (b"user-agent", b"x"))
    assert (environ["HTTP_HOST"], environ["HTTP_X_THING"], environ["HTTP_USER_AGENT"]) == ("a.example", "1", "x")


def test_type_and_length_have_names_of_their_own() -> None:
    environ = with_fields((b"content-type", b"text/plain"), (b"content-length", b"5"))
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("text/plain", "5")
    assert "HTTP_CONTENT_TYPE" not in environ
    assert "HTTP_CONTENT_LENGTH" not in environ


def test_duplicates_are_joined_in_order() -> None:
    environ = with_fields((b"x-thing", b"1"), (b"accept", b"a"), (b"x-thing", b"2"), (b"accept", b"b"))
    assert (environ["HTTP_X_THING"], environ["HTTP_ACCEPT"]) == ("1,2", "a,b")


def test_several_cookie_fields_are_one() -> None:
    assert with_fields((b"cookie", b"a=1"), (b"cookie", b"b=2"))["HTTP_COOKIE"] == "a=1;b=2"


def test_a_field_that_could_pass_for_another_is_left_out() -> None:
    environ = with_fields((b"x_forwarded_for", b"1.1.1.1"), (b"x-forwarded-for", b"2.2.2.2"), (b"content_length", b"9"))
    assert environ["HTTP_X_FORWARDED_FOR"] == "2.2.2.2"
    assert "HTTP_CONTENT_LENGTH" not in environ


def test_a_field_never_passes_for_the_variable_of_a_proxy() -> None:
    assert "HTTP_PROXY" not in with_fields((b"proxy", b"http://evil.example"))


def test_a_field_cannot_stand_for_what_is_the_servers() -> None:
    environ = with_fields((b"remote-addr", b"1.1.1.1"), (b"wsgi.input", b"x"))
    assert environ["REMOTE_ADDR"] == "192.0.2.1"
    assert isinstance(environ["wsgi.input"], io.BytesIO)


# --- addresses ----------------------------------------------------------------------------------------------


def test_tls_shows() -> None:
    environ = made(scheme="https")
    assert (environ["wsgi.url_scheme"], environ["HTTPS"]) == ("https", "on")


def test_a_client_whose_port_nobody_says_has_none() -> None:
    environ = made(client=("203.0.113.9", 0))
    assert environ["REMOTE_ADDR"] == "203.0.113.9"
    assert "REMOTE_PORT" not in environ


@pytest.mark.parametrize(
    ("host", "scheme", "name", "port"),
    [
        (b"a.example:8080", "http", "a.example", "8080"),
        (b"a.example", "http", "a.example", "80"),
        (b"a.example", "https", "a.example", "443"),
        (b"[::1]:8080", "http", "[::1]", "8080"),
        (b"[::1]", "http", "[::1]", "80"),
        (b"", "http", "localhost", "80"),
    ],
)
def test_on_a_unix_socket_the_server_is_what_was_asked_for(host: bytes, scheme: str, name: str, port: str) -> None:
    environ = made(client=None, server=("/run/app.sock", None), headers=[(b"host", host)], scheme=scheme)
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"], environ["REMOTE_ADDR"]) == (name, port, "")


def test_http2_names_itself() -> None:
    assert made(http_version="2")["SERVER_PROTOCOL"] == "HTTP/2"


# --- on a server --------------------------------------------------------------------------------------------


async def test_a_request_with_everything(stage: Stage) -> None:
    seen: Environ = {}

    def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
        seen.update(environ)
        start_response("200 OK", TEXT)
        return [b""]

    request = b"GET /x/%C3%A9?q HTTP/1.1\r\nHost: a.example\r\nX-A: 1\r\nX-A: 2\r\n\r\n"
    async with asking(stage, app, request, options=AsgiOptions(root_path="/api")) as peer:
        await peer.answer()
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"], seen["QUERY_STRING"]) == ("/api", "/x/\xc3\xa9", "q")
    assert (seen["HTTP_HOST"], seen["HTTP_X_A"]) == ("a.example", "1,2")
    assert seen["asgi.scope"]["path"] == "/api/x/é"
