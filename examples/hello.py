"""Answer every request with one line of text: `licorne --app-dir examples hello:app`."""

from typing import Any


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Greet the client, whatever it asked for."""
    if scope["type"] != "http":
        raise RuntimeError(f"this application does not speak {scope['type']}")
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"Hello from licorne\n"})
