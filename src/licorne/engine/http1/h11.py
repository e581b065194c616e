"""H11Parser: a second opinion on every head by h11.

Our own parser finds the lines and frames the body; the complete head is then read once more by a fresh
`h11.Connection`. A request is served only if both read the same.
"""

import h11

from licorne.engine.http1.native import NativeParser
from licorne.engine.limits import Limits
from licorne.errors import RemoteProtocolError

__all__ = ["H11Parser"]


class H11Parser(NativeParser):
    """Parse with our own parser, and let h11 confirm each head."""

    __slots__ = ("max_event_bytes",)

    def __init__(self, limits: Limits, max_event_bytes: int = 0) -> None:
        """Take the limits and h11's own bound on a head in bytes; 0 for the limit on heads."""
        super().__init__(limits)
        self.lines = []
        self.max_event_bytes = max_event_bytes or limits.max_head_bytes or 2**31

    def confirm(self, method: bytes, target: bytes, fields: list[tuple[bytes, bytes]]) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=self.max_event_bytes)
        try:
            connection.receive_data(b"".join(self.lines or []))
            event = connection.next_event()
        except h11.RemoteProtocolError as error:
            raise RemoteProtocolError(error.error_status_hint, "h11 does not accept the request head") from error
        if not isinstance(event, h11.Request):
            raise RemoteProtocolError(400, "h11 does not accept the request head")
        if (event.method, event.target) != (method, target) or list(event.headers) != fields:
            raise RemoteProtocolError(400, "h11 reads the request head differently")
