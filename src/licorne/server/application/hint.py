"""UpgradeHint: says once in the log that a client asked for a WebSocket although none is spoken, and why not."""

import logging

from licorne.engine.exchange import Exchange

__all__ = ["UpgradeHint"]

_HINT = "A client asked for a WebSocket, which %s; the request is served as plain HTTP."


class UpgradeHint:
    """Stand where sessions are opened, and open none. It is asked only by requests for a WebSocket."""

    __slots__ = ("has_spoken", "logger", "reason")

    def __init__(self, logger: logging.Logger, interface: str) -> None:
        """Take where to say it, and the interface of the application."""
        self.logger = logger
        self.reason = "a WSGI application cannot serve" if interface == "wsgi" else "--ws none switches off"
        self.has_spoken = False

    def __call__(self, exchange: Exchange) -> None:
        """Take note of a request that asks for a WebSocket."""
        if not self.has_spoken:
            self.has_spoken = True
            self.logger.warning(_HINT, self.reason)
