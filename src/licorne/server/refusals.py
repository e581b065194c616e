"""Refusals: says in the log which peers were refused and why, without letting them flood it.

At most so many warnings are written for each second; what went beyond is counted and told in one line.
"""

import logging
from collections.abc import Callable

from licorne.errors import RemoteProtocolError
from licorne.link import Link
from licorne.logs.escape import escape_text

__all__ = ["Refusals"]

_MAX_WARNINGS = 10
_WINDOW_SECONDS = 1.0
_REQUEST_TIMEOUT = 408
_SERVICE_UNAVAILABLE = 503
#: Only a request for a WebSocket is refused with these: its origin is not allowed, its version is not spoken.
_NOT_UPGRADED = (403, 426)


class Refusals:
    """Log refusals at a bounded rate."""

    def __init__(self, logger: logging.Logger, count: Callable[[], None]) -> None:
        """Take where to log, and what to call for every refusal: it is a response, too."""
        self.logger = logger
        self.count = count
        self._written = 0
        self._left_out = 0
        self._window_ends = 0.0

    def take(self, refusal: RemoteProtocolError, link: Link) -> None:
        """Log one refusal, unless there are too many."""
        self.count()
        if self._written >= _MAX_WARNINGS:
            self._left_out += 1
            return
        self._written += 1
        # A trusted proxy may pass on any text in place of an address.
        peer = f"{escape_text(link.client[0])}:{link.client[1]}" if link.client else "a UNIX socket"
        self.logger.warning("%s (%d, %s, from %s)", _kind(refusal.status), refusal.status, refusal.reason, peer)

    def tick(self, now: float) -> None:
        """Take the time in seconds: open the next window, and tell what the last one left out."""
        if now < self._window_ends:
            return
        self._window_ends = now + _WINDOW_SECONDS
        self.flush()

    def flush(self) -> None:
        """Tell what was left out; called at the end, too."""
        if self._left_out:
            self.logger.warning("%d more peers were refused in the last second", self._left_out)
        self._written = self._left_out = 0


def _kind(status: int) -> str:
    if status == _REQUEST_TIMEOUT:
        return "Request timed out."
    if status == _SERVICE_UNAVAILABLE:
        return "Connection refused."
    if status in _NOT_UPGRADED:
        return "WebSocket refused."
    return "Invalid HTTP request received."
