"""UpgradeHint: says once in the log that a client asked for a WebSocket although `--ws none` switched them off.

It stands between the driver and the application until it has spoken, so that other requests pay nothing.
"""

import logging

from licorne.drivers.base import Runtime
from licorne.engine.exchange import Exchange
from licorne.link import Cycle, Link, Service

__all__ = ["UpgradeHint"]

_HINT = "A client asked for a WebSocket, which --ws none switches off; the request is served as plain HTTP."


class UpgradeHint(Service):
    """Be the service of a runtime until somebody asks for a WebSocket."""

    __slots__ = ("logger", "runtime", "service")

    def __init__(self, runtime: Runtime, logger: logging.Logger) -> None:
        self.runtime = runtime
        self.logger = logger
        self.service = runtime.service

    def begin(self, exchange: Exchange, link: Link) -> Cycle | None:
        if any(name == b"upgrade" and value.lower() == b"websocket" for name, value in exchange.headers):
            self.logger.warning(_HINT)
            self.runtime.service = self.service
        return self.service.begin(exchange, link)
