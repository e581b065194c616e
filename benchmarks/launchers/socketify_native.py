"""Echo WebSocket messages through socketify's own interface, without ASGI. `python socketify_native.py HOST PORT`."""

import sys
from typing import Any

from socketify import App, AppListenOptions, CompressOptions

OPTIONS = {"compression": CompressOptions.DISABLED, "max_payload_length": 16 * 1024 * 1024, "idle_timeout": 120}


def echo(websocket: Any, message: Any, opcode: Any) -> None:
    """Send back what comes."""
    websocket.send(message, opcode)


def main() -> None:
    """Run until the process is ended."""
    app = App()
    app.get("/", lambda response, request: response.end("Hello, world!"))
    app.ws("/*", {**OPTIONS, "message": echo})
    app.listen(AppListenOptions(host=sys.argv[1], port=int(sys.argv[2])), lambda config: None)
    app.run()


if __name__ == "__main__":
    main()
