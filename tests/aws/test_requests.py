"""What an application is told of the request in each kind of event."""

from typing import Any

import pytest

from licorne.adapters.aws import EventError
from tests.aws.apps import Recorder
from tests.aws.events import Context, alb, edge, http_api, http_api_v1, rest_api

APIS = [rest_api, http_api_v1, http_api]
ALL = [*APIS, alb, edge]


def scope_of(handle: Any, event: Any, **options: Any) -> dict[str, Any]:
    app = Recorder()
    handle(app, **options)(event, None)
    return app.scope


@pytest.mark.parametrize("make", ALL)
def test_scope_is_one_of_http(handle: Any, make: Any) -> None:
    event = make("/path", "POST")
    context = Context(10_000)
    app = Recorder()
    handle(app)(event, context)
    scope = app.scope
    assert scope["type"] == "http"
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}
    assert (scope["http_version"], scope["method"], scope["scheme"]) == ("1.1", "POST", "https")
    assert (scope["path"], scope["raw_path"], scope["root_path"], scope["query_string"]) == ("/path", b"/path", "", b"")
    assert scope["state"] == {}
    assert set(scope["extensions"]) == {"http.response.pathsend", "http.response.zerocopysend"}
    assert scope["aws.event"] is event
    assert scope["aws.context"] is context


@pytest.mark.parametrize("make", APIS)
def test_client_and_server_of_an_api(handle: Any, make: Any) -> None:
    scope = scope_of(handle, make())
    assert scope["client"] == ("192.0.2.1", 0)
    assert scope["server"] == ("id.execute-api.eu-central-1.amazonaws.com", 443)
    assert (b"user-agent", b"curl/8.5.0") in scope["headers"]


def test_client_behind_a_load_balancer_is_the_last_address_it_added(handle: Any) -> None:
    assert scope_of(handle, alb())["client"] == ("198.51.100.7", 0)


@pytest.mark.parametrize(
    ("told", "client"),
    [
        ("192.0.2.1:4711", ("192.0.2.1", 4711)),
        ("[2001:db8::1]:4711", ("2001:db8::1", 4711)),
        ("spoofed, 2001:db8::1", ("2001:db8::1", 0)),
        ("", None),
    ],
)
def test_client_may_have_a_port_or_an_ipv6_address(handle: Any, told: str, client: Any) -> None:
    assert scope_of(handle, alb(headers={"x-forwarded-for": told}))["client"] == client


@pytest.mark.parametrize(
    ("headers", "server"),
    [
        ({"host": "example.org:8443", "x-forwarded-port": "1"}, ("example.org", 8443)),
        ({"host": "[2001:db8::1]:8443"}, ("2001:db8::1", 8443)),
        ({"host": "[2001:db8::1]"}, ("2001:db8::1", 443)),
        ({"host": "example.org", "x-forwarded-proto": "http"}, ("example.org", 80)),
        ({}, ("localhost", 443)),
    ],
)
def test_server_is_what_host_and_forwarded_port_say(handle: Any, headers: Any, server: Any) -> None:
    assert scope_of(handle, http_api(headers=headers))["server"] == server


def test_scheme_is_what_the_gateway_forwards(handle: Any) -> None:
    assert scope_of(handle, alb(headers={"x-forwarded-proto": "http"}))["scheme"] == "http"
    secure = {"cloudfront-forwarded-proto": [{"key": "CloudFront-Forwarded-Proto", "value": "http"}]}
    assert scope_of(handle, edge(headers=secure))["scheme"] == "http"


# --- fields ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [rest_api, http_api_v1, alb])
def test_fields_with_several_values_are_several_fields(handle: Any, make: Any) -> None:
    scope = scope_of(handle, make(multiValueHeaders={"X-A": ["1", "2"], "Host": ["h"]}))
    assert scope["headers"] == [(b"x-a", b"1"), (b"x-a", b"2"), (b"host", b"h")]


@pytest.mark.parametrize("make", [rest_api, http_api_v1])
def test_single_fields_are_taken_where_there_are_no_lists(handle: Any, make: Any) -> None:
    assert scope_of(handle, make(multiValueHeaders=None, headers={"X-A": "1"}))["headers"] == [(b"x-a", b"1")]
    assert scope_of(handle, make(multiValueHeaders=None, headers=None))["headers"] == []


def test_cookies_of_payload_2_are_one_field(handle: Any) -> None:
    scope = scope_of(handle, http_api(headers={"host": "h"}, cookies=["a=1", "b=2"]))
    assert scope["headers"] == [(b"host", b"h"), (b"cookie", b"a=1; b=2")]


def test_every_value_of_an_edge_field_is_kept(handle: Any) -> None:
    fields = scope_of(handle, edge())["headers"]
    assert [value for name, value in fields if name == b"accept"] == [b"text/html", b"*/*"]


# --- path and query -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize(
    ("told", "path", "raw"),
    [
        ("/a b/ü", "/a b/ü", b"/a%20b/%C3%BC"),
        ("/a%20b/%C3%BC", "/a b/ü", b"/a%20b/%C3%BC"),
        ("/100%", "/100%", b"/100%25"),
        ("/a%2Fb", "/a/b", b"/a%2Fb"),
        ("/", "/", b"/"),
    ],
)
def test_path_is_decoded_once_whoever_has_encoded_it(handle: Any, make: Any, told: str, path: str, raw: bytes) -> None:
    scope = scope_of(handle, make(told))
    assert (scope["path"], scope["raw_path"]) == (path, raw)


@pytest.mark.parametrize("make", APIS)
@pytest.mark.parametrize("base", ["/api", "api", "api/", "/api/"])
def test_base_path_is_taken_off_by_whole_segments(handle: Any, make: Any, base: str) -> None:
    for told, path in [("/api/x", "/x"), ("/api", "/"), ("/api/", "/"), ("/apix/y", "/apix/y"), ("/x/api", "/x/api")]:
        assert scope_of(handle, make(told), api_gateway_base_path=base)["path"] == path


def test_base_path_is_not_of_load_balancers(handle: Any) -> None:
    assert scope_of(handle, alb("/api/x"), api_gateway_base_path="/api")["path"] == "/api/x"


@pytest.mark.parametrize("told", ["/x", "/app/x"])
def test_root_path_stands_before_the_path(handle: Any, told: str) -> None:
    scope = scope_of(handle, http_api(told), root_path="/app")
    assert (scope["root_path"], scope["path"], scope["raw_path"]) == ("/app", "/app/x", b"/app/x")


@pytest.mark.parametrize("make", [rest_api, http_api_v1])
def test_decoded_queries_are_encoded_with_all_values(handle: Any, make: Any) -> None:
    multiple = {"a": ["1", "2"], "b c": ["d&e=ü"]}
    single = {"a": "2", "b c": "d&e=ü"}
    event = make(queryStringParameters=single, multiValueQueryStringParameters=multiple)
    assert scope_of(handle, event)["query_string"] == b"a=1&a=2&b+c=d%26e%3D%C3%BC"
    event = make(queryStringParameters=single)
    assert scope_of(handle, event)["query_string"] == b"a=2&b+c=d%26e%3D%C3%BC"


def test_query_behind_a_load_balancer_is_not_encoded_twice(handle: Any) -> None:
    event = alb(queryStringParameters={"a": "b%20c", "d": "e+f"})
    assert scope_of(handle, event)["query_string"] == b"a=b%20c&d=e+f"
    event = alb(is_multiple=True, multiValueQueryStringParameters={"a": ["1", "%26"], "b": [""]})
    assert scope_of(handle, event)["query_string"] == b"a=1&a=%26&b="
    assert scope_of(handle, alb(queryStringParameters={"a": "b ü"}))["query_string"] == b"a=b%20%C3%BC"


def test_raw_queries_are_as_they_came(handle: Any) -> None:
    assert scope_of(handle, http_api(rawQueryString="a=1&a=2&b=%20"))["query_string"] == b"a=1&a=2&b=%20"
    assert scope_of(handle, edge(querystring="a=1&a=2&c"))["query_string"] == b"a=1&a=2&c"


# --- bodies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [*APIS, alb])
@pytest.mark.parametrize(
    ("told", "is_base64", "body"),
    [("text ü", False, "text ü".encode()), ("/wAB", True, b"\xff\0\1"), (None, False, b""), ("", True, b"")],
)
def test_body_is_bytes(handle: Any, make: Any, told: Any, is_base64: bool, body: bytes) -> None:
    app = Recorder()
    handle(app)(make(method="POST", body=told, isBase64Encoded=is_base64))
    assert app.bodies == [body]


def test_body_of_edge_is_bytes(handle: Any) -> None:
    app = Recorder()
    handler = handle(app)
    handler(edge(method="POST", body=b"\xff\0"))
    handler(edge(method="POST"))
    assert app.bodies == [b"\xff\0", b""]


def test_body_that_cloudfront_has_cut_is_answered_413(handle: Any, caplog: Any) -> None:
    event = edge(method="POST", body=b"half")
    event["Records"][0]["cf"]["request"]["body"]["inputTruncated"] = True
    app = Recorder()
    reply = handle(app)(event)
    assert (reply["status"], app.scopes) == ("413", [])
    assert "CloudFront has cut the body" in caplog.text


# --- what is wrong --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({}, "none that licorne knows: it must come from a REST API"),
        ({"source": "aws.events", "detail": {}}, "its keys are detail, source"),
        ({"Records": [{"s3": {}}]}, "its keys are Records"),
        ([], "must be a JSON object, got list"),
        (None, "must be a JSON object, got NoneType"),
        (http_api(version="3.0"), "the payload version of the event must be 1.0 or 2.0, got '3.0'"),
        (http_api(requestContext={}), "must have a text at requestContext.http.method, got None"),
        (http_api(requestContext={"http": {"method": 1}}), "must have a text at requestContext.http.method, got 1"),
        (rest_api() | {"path": 7}, "a REST API event must have a text at path, got 7"),
        (rest_api(httpMethod=None), "must have a text at httpMethod, got None"),
        (alb(httpMethod=None), "an ALB event must have a text at httpMethod, got None"),
        (http_api(body="%%%", isBase64Encoded=True), "body is not base64"),
        (http_api(body={"a": 1}), "body must be a str, got dict"),
        (http_api(headers=["a"]), "an HTTP API or Function URL (payload 2.0) event cannot be read"),
        (edge(headers={"a": "b"}), "a Lambda@Edge event cannot be read"),
        ({"Records": [{"cf": {}}]}, "'request' is missing"),
        (http_api("/\ud800"), "cannot be read"),
    ],
)
def test_malformed_event_is_one_clear_error(handle: Any, event: Any, words: str) -> None:
    app = Recorder()
    with pytest.raises(EventError) as raised:
        handle(app)(event)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
    assert app.scopes == []
