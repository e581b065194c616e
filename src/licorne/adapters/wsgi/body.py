"""wsgi.input: the request body as a file to read, of which only a part is ever held.

Rules: it ends where the body ends, also of a body without Content-Length (`wsgi.input_terminated`). A body that breaks
off is an OSError, never an end. What has arrived already is read without asking anybody.
"""

import io
from typing import Any, BinaryIO, Final

from licorne.adapters.wsgi.bridge import Bridge

__all__ = ["input_of"]

_BUFFER_BYTES: Final = 64 * 1024


def input_of(bridge: Bridge, first: bytes, has_more: bool) -> BinaryIO:
    """Return `wsgi.input`; `first` is what has arrived of the body."""
    if not has_more:
        return io.BytesIO(first)
    return io.BufferedReader(RequestBody(bridge, first), _BUFFER_BYTES)


class RequestBody(io.RawIOBase):
    """Ask for the body part by part."""

    def __init__(self, bridge: Bridge, first: bytes) -> None:
        super().__init__()
        self._bridge = bridge
        self._part = memoryview(first)
        self._has_more = True

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what is there; wait if nothing is. Raises ClientDisconnected."""
        while not self._part and self._has_more:
            part, self._has_more = self._bridge.ask_body()
            self._part = memoryview(part)
        size = min(len(buffer), len(self._part))
        buffer[:size] = self._part[:size]
        self._part = self._part[size:]
        return size
