"""What Lambda is given for the response of an application, for each kind of event."""

import base64
from typing import Any

import pytest

from tests.aws.apps import Recorder
from tests.aws.events import alb, edge, http_api, http_api_v1, rest_api

_FIELDS = [(b"Content-Type", b"text/html; charset=utf-8"), (b"X-A", b"1"), (b"x-a", b"2"), (b"Set-Cookie", b"a=1")]
_COOKIES = [*_FIELDS, (b"set-cookie", b"b=2"), (b"set-cookie", b"c=3")]


def reply_to(handle: Any, event: Any, app: Recorder, **options: Any) -> Any:
    return handle(app, **options)(event)


def test_rest_api_gets_single_and_multiple_values(handle: Any) -> None:
    assert reply_to(handle, rest_api(), Recorder(b"hello", _COOKIES, 201)) == {
        "statusCode": 201,
        "headers": {"content-type": "text/html; charset=utf-8"},
        "multiValueHeaders": {"x-a": ["1", "2"], "set-cookie": ["a=1", "b=2", "c=3"]},
        "body": "hello",
        "isBase64Encoded": False,
    }


def test_payload_1_is_answered_as_a_rest_api_is(handle: Any) -> None:
    app = Recorder(b"hello", _COOKIES)
    assert reply_to(handle, http_api_v1(), app) == reply_to(handle, rest_api(), app)


def test_payload_2_gets_joined_fields_and_a_list_of_cookies(handle: Any) -> None:
    assert reply_to(handle, http_api(), Recorder(b"hello", _COOKIES)) == {
        "statusCode": 200,
        "headers": {"content-type": "text/html; charset=utf-8", "x-a": "1, 2"},
        "cookies": ["a=1", "b=2", "c=3"],
        "body": "hello",
        "isBase64Encoded": False,
    }


def test_payload_2_without_cookies_has_none_and_a_type_for_its_body(handle: Any) -> None:
    reply = reply_to(handle, http_api(), Recorder(b"{}", []))
    assert "cookies" not in reply
    assert (reply["headers"], reply["body"]) == ({"content-type": "application/json"}, "{}")
    assert reply_to(handle, http_api(), Recorder(b"", [], 204))["headers"] == {}


def test_load_balancer_gets_one_value_of_a_name_and_cookies_by_case(handle: Any) -> None:
    reply = reply_to(handle, alb(), Recorder(b"hello", _COOKIES))
    cookies = {name: reply["headers"].pop(name) for name in list(reply["headers"]) if name.lower() == "set-cookie"}
    assert list(cookies.values()) == ["a=1", "b=2", "c=3"]
    assert reply == {
        "statusCode": 200,
        "statusDescription": "200 OK",
        "headers": {"content-type": "text/html; charset=utf-8", "x-a": "1, 2"},
        "body": "hello",
        "isBase64Encoded": False,
    }


def test_load_balancer_with_multiple_values_gets_lists(handle: Any) -> None:
    reply = reply_to(handle, alb(is_multiple=True), Recorder(b"", _COOKIES, 599))
    assert "headers" not in reply
    assert reply["statusDescription"] == "599"
    assert reply["multiValueHeaders"] == {
        "content-type": ["text/html; charset=utf-8"],
        "x-a": ["1", "2"],
        "set-cookie": ["a=1", "b=2", "c=3"],
    }


def test_edge_gets_every_value_and_none_that_cloudfront_refuses(handle: Any) -> None:
    fields = [*_COOKIES, (b"content-length", b"5"), (b"via", b"1.1 a"), (b"x-amz-cf-id", b"1")]
    assert reply_to(handle, edge(), Recorder(b"hello", fields)) == {
        "status": "200",
        "statusDescription": "OK",
        "headers": {
            "content-type": [{"key": "content-type", "value": "text/html; charset=utf-8"}],
            "x-a": [{"key": "x-a", "value": "1"}, {"key": "x-a", "value": "2"}],
            "set-cookie": [{"key": "set-cookie", "value": value} for value in ("a=1", "b=2", "c=3")],
        },
        "body": "hello",
        "bodyEncoding": "text",
    }


def test_binary_body_of_edge_says_so(handle: Any) -> None:
    reply = reply_to(handle, edge(), Recorder(b"\xff", []))
    assert (reply["body"], reply["bodyEncoding"]) == ("/w==", "base64")


# --- bodies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [rest_api, http_api_v1, http_api, alb])
@pytest.mark.parametrize(
    ("fields", "body", "is_text"),
    [
        ([(b"content-type", b"application/json")], "ü".encode(), True),
        ([(b"content-type", b"Application/JSON; charset=utf-8")], b"{}", True),
        ([(b"content-type", b"application/json")], b"\xff", False),
        ([(b"content-type", b"image/png")], b"png", False),
        ([(b"content-type", b"image/png; name=text/")], b"png", False),
        ([(b"content-type", b"text/plain"), (b"content-encoding", b"br")], b"abc", False),
        ([(b"content-type", b"text/plain"), (b"content-encoding", b"identity")], b"abc", True),
        ([(b"content-type", b"image/png")], b"", True),
    ],
)
def test_body_is_text_or_base64_of_the_same_bytes(
    handle: Any, make: Any, fields: Any, body: bytes, is_text: bool
) -> None:
    reply = reply_to(handle, make(), Recorder(body, fields))
    assert reply["isBase64Encoded"] is not is_text
    assert (reply["body"].encode() if is_text else base64.b64decode(reply["body"])) == body


def test_text_types_can_be_chosen(handle: Any) -> None:
    fields = [(b"content-type", b"application/vnd.a+json")]
    assert reply_to(handle, rest_api(), Recorder(b"{}", fields))["isBase64Encoded"] is True
    options = {"text_mime_types": ["+json"]}
    assert reply_to(handle, rest_api(), Recorder(b"{}", fields), **options)["isBase64Encoded"] is False


@pytest.mark.parametrize("make", [rest_api, http_api_v1, http_api, alb, edge])
def test_excluded_headers_are_in_no_response(handle: Any, make: Any) -> None:
    reply = reply_to(handle, make(), Recorder(b"", _COOKIES), exclude_headers=["X-A", "Set-Cookie"])
    assert list(reply["headers"]) == ["content-type"]
    assert not reply.get("multiValueHeaders")
    assert "cookies" not in reply


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_response_without_content_has_no_body(handle: Any, method: str, status: int) -> None:
    assert reply_to(handle, http_api(method=method), Recorder(b"hello", status=status))["body"] == ""


def test_field_values_are_utf8_or_else_latin_1(handle: Any) -> None:
    fields = [(b"x-a", "ü".encode()), (b"x-b", b"\xfc")]
    assert reply_to(handle, rest_api(), Recorder(b"", fields))["headers"] == {"x-a": "ü", "x-b": "ü"}


@pytest.mark.parametrize("make", [alb, edge])
def test_body_over_the_limit_of_aws_is_500_and_logged(handle: Any, make: Any, caplog: Any) -> None:
    reply = reply_to(handle, make(), Recorder(b"x" * (1024 * 1024 + 1)))
    assert reply.get("statusCode", reply.get("status")) in (500, "500")
    assert "The response is too large" in caplog.text


@pytest.mark.parametrize("make", [rest_api, http_api])
def test_body_over_the_limit_of_lambda_is_500_and_advised(handle: Any, make: Any, caplog: Any) -> None:
    assert reply_to(handle, make(), Recorder(b"x" * 6_291_557))["statusCode"] == 500
    assert "unless the function streams its responses" in caplog.text


def test_smaller_limit_holds_before_the_cache(handle: Any) -> None:
    event = edge()
    event["Records"][0]["cf"]["config"]["eventType"] = "viewer-request"
    assert reply_to(handle, event, Recorder(b"x" * (40 * 1024 + 1)))["status"] == "500"
    assert reply_to(handle, event, Recorder(b"x" * (40 * 1024)))["status"] == "200"


# --- custom handlers ------------------------------------------------------------------------------------------


class Queue:
    """Read events of a queue, by the interface that Mangum has."""

    def __init__(self, event: Any, context: Any, config: Any) -> None:
        self.event = event
        self.config = config

    @classmethod
    def infer(cls, event: Any, context: Any, config: Any) -> bool:
        return "queue" in event

    @property
    def body(self) -> bytes:
        return self.event["queue"].encode()

    @property
    def scope(self) -> dict[str, Any]:
        return {"type": "http", "method": "PUT", "path": "/queue", "headers": [[b"a", b"b"]], "query_string": b""}

    def __call__(self, response: dict[str, Any]) -> Any:
        return [response, self.config]


def test_custom_handler_reads_and_answers(handle: Any) -> None:
    app = Recorder(b"taken", [(b"x-a", b"1")])
    options = {"custom_handlers": [Queue], "api_gateway_base_path": "/a/", "exclude_headers": ["X-B"]}
    response, config = handle(app, "on", **options)({"queue": "message"}, None)
    assert response == {"status": 200, "headers": [[b"x-a", b"1"]], "body": b"taken"}
    assert (config["api_gateway_base_path"], config["exclude_headers"]) == ("/a", ["x-b"])
    assert (app.bodies, app.scope["method"], app.scope["path"]) == ([b"message"], "PUT", "/queue")
    assert app.scope["state"] == {"started": True}
    assert app.scope["aws.event"] == {"queue": "message"}


def test_custom_handler_is_asked_first(handle: Any) -> None:
    app = Recorder()
    handle(app, custom_handlers=[Queue])({**http_api(), "queue": "first"})
    assert app.scope["path"] == "/queue"
