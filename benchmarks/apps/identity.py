"""Who answers: the number of the process."""

import os
from typing import Any


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the process's number."""
    assert scope["type"] == "http"
    body = b"%d" % os.getpid()
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
