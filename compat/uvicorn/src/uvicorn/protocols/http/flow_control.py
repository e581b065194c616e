"""Numbers and an application that Uvicorn's protocol modules share."""

from typing import Any

__all__ = ["CLOSE_HEADER", "HIGH_WATER_LIMIT", "service_unavailable"]

CLOSE_HEADER = (b"connection", b"close")
HIGH_WATER_LIMIT = 65536


async def service_unavailable(scope: Any, receive: Any, send: Any) -> None:
    """Answer 503."""
    body = b"Service Unavailable"
    fields = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body)), CLOSE_HEADER]
    await send({"type": "http.response.start", "status": 503, "headers": fields})
    await send({"type": "http.response.body", "body": body, "more_body": False})
