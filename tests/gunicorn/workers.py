"""A worker with options of its own."""

from typing import Any, ClassVar

from licorne.workers import LicorneWorker

__all__ = ["OwnWorker"]


class OwnWorker(LicorneWorker):
    """Send another header, on asyncio's loop."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {"headers": [("x-own", "yes")], "loop": "asyncio", "server_header": False}
