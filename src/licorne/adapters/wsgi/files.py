"""wsgi.file_wrapper: an iterable around a file, which the server sends without the application where it can.

Rules: a real file is sent by its descriptor, from its position to the announced length or its end; a copy of the
descriptor is, so that the application may close the file at once and its thread is free. Anything else is read.
"""

import os
import stat
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

__all__ = ["FileWrapper", "sendable_part"]

_BLOCK_BYTES: Final = 8192


class FileWrapper:
    """Yield the blocks of something that has `read`, and close it."""

    __slots__ = ("block_size", "filelike")

    def __init__(self, filelike: Any, block_size: int = _BLOCK_BYTES) -> None:
        self.filelike = filelike
        self.block_size = block_size

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        data: bytes = self.filelike.read(self.block_size)
        if not data:
            raise StopIteration
        return data

    def close(self) -> None:
        """Close the file, if it can be closed."""
        close = getattr(self.filelike, "close", None)
        if close is not None:
            close()


def sendable_part(wrapper: FileWrapper, length: int | None) -> tuple[BinaryIO, int, int] | None:
    """Return a copy of the file, where to begin and how much to send; None for what must be read, or is empty."""
    filelike = wrapper.filelike
    try:
        descriptor = filelike.fileno()
        status = os.fstat(descriptor)
        offset = filelike.tell()
    except (AttributeError, OSError, ValueError):
        return None
    count = status.st_size - offset
    if length is not None:
        count = min(count, length)
    if not stat.S_ISREG(status.st_mode) or count <= 0:
        return None
    return os.fdopen(os.dup(descriptor), "rb", buffering=0), offset, count
