"""RuntimeApi: the HTTP API by which a runtime takes events from Lambda and gives answers (version 2018-06-01).

Rules: one connection, kept. It is opened anew, once, when it was lost before an answer came. What Lambda refuses is
told in the log; a 500 means that the environment cannot go on, and raises.
"""

import base64
import http.client
import json
import logging
from typing import Any

from licorne.errors import LicorneError

__all__ = ["ERROR_BODY", "ERROR_TYPE", "NextEvent", "RuntimeApi", "RuntimeApiError", "error_document"]

logger = logging.getLogger("licorne.error")

ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
_PREFIX = "/2018-06-01/runtime"
_INVOCATION_ID = "Lambda-Runtime-Invocation-Id"


class RuntimeApiError(LicorneError):
    """Say that Lambda gave no event, or cannot go on."""


class NextEvent:
    """Hold an event as it came."""

    __slots__ = ("body", "headers")

    def __init__(self, headers: http.client.HTTPMessage, body: bytes) -> None:
        self.headers = headers
        self.body = body

    @property
    def request_id(self) -> str:
        """Return the name of the invocation."""
        return self.headers.get("Lambda-Runtime-Aws-Request-Id", "")

    def echo(self) -> dict[str, str]:
        """Return the fields that an answer repeats."""
        told = self.headers.get(_INVOCATION_ID)
        return {_INVOCATION_ID: told} if told else {}


class RuntimeApi:
    """Speak to Lambda."""

    __slots__ = ("_connection",)

    def __init__(self, address: str) -> None:
        """Take `host:port`, as AWS_LAMBDA_RUNTIME_API has it."""
        self._connection = http.client.HTTPConnection(address)

    def next(self) -> NextEvent:
        """Wait for an event. Raises RuntimeApiError."""
        status, headers, body = self._ask("GET", f"{_PREFIX}/invocation/next")
        if status != 200:
            raise RuntimeApiError(f"the runtime API of Lambda answered {status} in place of the next event")
        return NextEvent(headers, body)

    def respond(self, event: NextEvent, payload: bytes) -> None:
        """Give the answer to an event."""
        headers = {"Content-Type": "application/json", **event.echo()}
        self._post(f"{_PREFIX}/invocation/{event.request_id}/response", payload, headers)

    def fail(self, event: NextEvent, error: BaseException) -> None:
        """Tell that an event has no answer."""
        headers = {"Content-Type": "application/json", ERROR_TYPE: type(error).__name__, **event.echo()}
        self._post(f"{_PREFIX}/invocation/{event.request_id}/error", _encoded(error_document(error)), headers)

    def fail_start(self, error: BaseException) -> None:
        """Tell that the function cannot be loaded."""
        headers = {"Content-Type": "application/json", ERROR_TYPE: type(error).__name__}
        self._post(f"{_PREFIX}/init/error", _encoded(error_document(error)), headers)

    def open_stream(self, event: NextEvent) -> http.client.HTTPConnection:
        """Begin an answer whose body follows in chunks; return the connection to write them to."""
        connection = self._connection
        connection.putrequest("POST", f"{_PREFIX}/invocation/{event.request_id}/response")
        connection.putheader("Content-Type", "application/vnd.awslambda.http-integration-response")
        connection.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.putheader("Trailer", f"{ERROR_TYPE}, {ERROR_BODY}")
        for name, value in event.echo().items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection

    def end_stream(self) -> None:
        """Take Lambda's word on a streamed answer."""
        response = self._connection.getresponse()
        _judge(response.status, response.read())

    def close(self) -> None:
        """Close the connection; the next call opens it anew."""
        self._connection.close()

    def _post(self, path: str, payload: bytes, headers: dict[str, str]) -> None:
        status, _, body = self._ask("POST", path, payload, headers)
        _judge(status, body)

    def _ask(
        self, method: str, path: str, payload: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        is_kept = self._connection.sock is not None
        try:
            return self._ask_once(method, path, payload, headers or {})
        except (http.client.RemoteDisconnected, ConnectionError):
            self._connection.close()
            if not is_kept:
                raise
        return self._ask_once(method, path, payload, headers or {})

    def _ask_once(
        self, method: str, path: str, payload: bytes | None, headers: dict[str, str]
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        self._connection.request(method, path, payload, headers)
        response = self._connection.getresponse()
        return response.status, response.headers, response.read()


def error_document(error: BaseException) -> dict[str, Any]:
    """Return what Lambda is told of an error."""
    return {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []}


def error_trailers(error: BaseException) -> bytes:
    """Return the trailer section of a streamed answer that broke off."""
    body = base64.b64encode(_encoded(error_document(error))).decode("ascii")
    return f"{ERROR_TYPE}: {type(error).__name__}\r\n{ERROR_BODY}: {body}\r\n".encode("ascii")


def _encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def _judge(status: int, body: bytes) -> None:
    if status == 500:
        raise RuntimeApiError("the runtime API of Lambda answered 500: the environment cannot go on")
    if status >= 300:
        logger.error("Lambda refused an answer: %d %s", status, body[:500].decode("utf-8", "replace"))
