"""Run the server inside a program that has its own event loop: `python examples/embed.py`."""

import asyncio
import contextlib

from hello import app

from licorne import Config, Server


async def main() -> None:
    """Serve for a minute beside the program's own work, then end gracefully."""
    server = Server(Config(app, host="127.0.0.1", port=8000))
    serving = asyncio.create_task(server.serve())
    await own_work(seconds=60)
    server.should_exit = True
    await serving


async def own_work(seconds: float) -> None:
    """Stand for what the program does while it is being served."""
    await asyncio.sleep(seconds)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl+C stops the server gracefully, then the program
        asyncio.run(main())
