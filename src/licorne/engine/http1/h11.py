"""H11Parser: our parser with a second opinion from h11."""

import h11

from licorne.engine.http1.confirming import ConfirmingParser
from licorne.engine.limits import Limits
from licorne.errors import RemoteProtocolError

__all__ = ["H11Parser"]

_NO_BOUND = 2**31


class H11Parser(ConfirmingParser):
    """Let a fresh `h11.Connection` confirm each head."""

    __slots__ = ("max_event_bytes",)

    def __init__(self, limits: Limits, max_event_bytes: int = 0) -> None:
        """Take the limits and h11's own bound on a head in bytes; 0 for the limit on heads."""
        super().__init__(limits)
        self.max_event_bytes = max_event_bytes or limits.max_head_bytes or _NO_BOUND

    def read(self, head: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=self.max_event_bytes)
        try:
            connection.receive_data(head)
            event = connection.next_event()
        except h11.RemoteProtocolError as error:
            raise RemoteProtocolError(error.error_status_hint, "h11 does not accept the request head") from error
        if not isinstance(event, h11.Request):
            raise RemoteProtocolError(400, "h11 does not accept the request head")
        return event.target, list(event.headers)
