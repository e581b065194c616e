"""UpgradeHint: says once in the log that a client asked for a WebSocket although `--ws none` switched them off."""

import logging

from licorne.engine.exchange import Exchange

__all__ = ["UpgradeHint"]

_HINT = "A client asked for a WebSocket, which --ws none switches off; the request is served as plain HTTP."


class UpgradeHint:
    """Stand where sessions are opened, and open none. It is asked only by requests for a WebSocket."""

    __slots__ = ("has_spoken", "logger")

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger
        self.has_spoken = False

    def __call__(self, exchange: Exchange) -> None:
        """Take note of a request that asks for a WebSocket."""
        if not self.has_spoken:
            self.has_spoken = True
            self.logger.warning(_HINT)
