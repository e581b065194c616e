"""Event documents of each kind, in the form that AWS documents, with the parts that a test is about to be given.

Each function returns a new document; `changes` replaces keys of its top level.
"""

import base64
from typing import Any

__all__ = ["Context", "alb", "edge", "http_api", "http_api_v1", "rest_api", "websocket"]

_HEADERS = {
    "Accept": "text/html",
    "Host": "id.execute-api.eu-central-1.amazonaws.com",
    "User-Agent": "curl/8.5.0",
    "X-Forwarded-For": "192.0.2.1, 198.51.100.7",
    "X-Forwarded-Port": "443",
    "X-Forwarded-Proto": "https",
}


class Context:
    """Be the context of an invocation with so many milliseconds left."""

    aws_request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"

    def __init__(self, left: int) -> None:
        self.left = left

    def get_remaining_time_in_millis(self) -> int:
        """Return the time that is left."""
        return self.left


def rest_api(path: str = "/path", method: str = "GET", **changes: Any) -> dict[str, Any]:
    """Return an event of a REST API."""
    event = {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": dict(_HEADERS),
        "multiValueHeaders": {name: [value] for name, value in _HEADERS.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": path[1:]},
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "id",
            "httpMethod": method,
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "curl/8.5.0", "cognitoIdentityId": None},
            "path": f"/prod{path}",
            "protocol": "HTTP/1.1",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "resourcePath": "/{proxy+}",
            "stage": "prod",
        },
        "body": None,
        "isBase64Encoded": False,
    }
    return event | changes


def http_api_v1(path: str = "/path", method: str = "GET", **changes: Any) -> dict[str, Any]:
    """Return an event of an HTTP API with payload 1.0."""
    return {"version": "1.0", **rest_api(path, method)} | changes


def http_api(path: str = "/path", method: str = "GET", **changes: Any) -> dict[str, Any]:
    """Return an event of an HTTP API with payload 2.0, which is also that of a Function URL."""
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {name.lower(): value for name, value in _HEADERS.items()},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "id",
            "domainName": "id.execute-api.eu-central-1.amazonaws.com",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "curl/8.5.0",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000",
            "timeEpoch": 1773342238000,
        },
        "isBase64Encoded": False,
    }
    return event | changes


def alb(path: str = "/path", method: str = "GET", *, is_multiple: bool = False, **changes: Any) -> dict[str, Any]:
    """Return an event of an Application Load Balancer."""
    headers = {name.lower(): value for name, value in _HEADERS.items()}
    event: dict[str, Any] = {
        "requestContext": {
            "elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/lambda/4"}
        },
        "httpMethod": method,
        "path": path,
        "body": "",
        "isBase64Encoded": False,
    }
    if is_multiple:
        event["multiValueHeaders"] = {name: [value] for name, value in headers.items()}
        event["multiValueQueryStringParameters"] = {}
    else:
        event["headers"] = headers
        event["queryStringParameters"] = {}
    return event | changes


def edge(uri: str = "/path", method: str = "GET", body: bytes | None = None, **changes: Any) -> dict[str, Any]:
    """Return an event of CloudFront before its origin; `changes` are the request's."""
    request: dict[str, Any] = {
        "clientIp": "203.0.113.178",
        "headers": {
            "x-forwarded-for": [{"key": "X-Forwarded-For", "value": "203.0.113.178"}],
            "host": [{"key": "Host", "value": "example.org"}],
            "accept": [{"key": "Accept", "value": "text/html"}, {"key": "Accept", "value": "*/*"}],
        },
        "method": method,
        "querystring": "",
        "uri": uri,
    }
    if body is not None:
        data = base64.b64encode(body).decode()
        request["body"] = {"action": "read-only", "data": data, "encoding": "base64", "inputTruncated": False}
    config = {
        "distributionId": "EDFDVBD6EXAMPLE",
        "eventType": "origin-request",
        "requestId": "4TyzHTaYWb1GX1qTfsHhEqV6HUD",
    }
    return {"Records": [{"cf": {"config": config, "request": request | changes}}]}


def websocket(kind: str, connection: str = "L0SM9cOFvHcCIhw=", **changes: Any) -> dict[str, Any]:
    """Return an event of a WebSocket API: CONNECT, MESSAGE or DISCONNECT."""
    routes = {"CONNECT": "$connect", "MESSAGE": "$default", "DISCONNECT": "$disconnect"}
    told: dict[str, Any] = {
        "routeKey": routes.get(kind, "$default"),
        "eventType": kind,
        "extendedRequestId": "L0SM9cOFvHcCIhw",
        "messageDirection": "IN",
        "stage": "prod",
        "connectedAt": 1773342238000,
        "requestTimeEpoch": 1773342239000,
        "identity": {"sourceIp": "192.0.2.1"},
        "requestId": "L0SM9ExdFiAFtTA=",
        "domainName": "id.execute-api.eu-central-1.amazonaws.com",
        "connectionId": connection,
        "apiId": "id",
    }
    event: dict[str, Any] = {"requestContext": told, "isBase64Encoded": False}
    if kind == "CONNECT":
        event["headers"] = {"Host": told["domainName"], "Sec-WebSocket-Protocol": "chat, superchat"}
        event["multiValueHeaders"] = {name: [value] for name, value in event["headers"].items()}
        event["queryStringParameters"] = {"room": "1"}
    if kind == "DISCONNECT":
        told |= {"disconnectStatusCode": 1001, "disconnectReason": "Going away"}
    return event | changes
