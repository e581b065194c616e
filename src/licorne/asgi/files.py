"""What an application asks to be sent from a file: `http.response.pathsend` and `http.response.zerocopysend`."""

import os
import stat
from typing import Any, BinaryIO

from licorne.errors import LocalProtocolError

__all__ = ["FileRange"]


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a FIFO would block the loop until somebody writes


class FileRange:
    """Hold an open file and which part of it is to be sent."""

    __slots__ = ("count", "file", "is_ours", "offset")

    def __init__(self, file: BinaryIO, offset: int, count: int, is_ours: bool) -> None:
        """Take the file, where to begin, how many bytes, and whether it is ours to close."""
        self.file = file
        self.offset = offset
        self.count = count
        self.is_ours = is_ours

    @classmethod
    def of_path(cls, path: Any) -> "FileRange":
        """Open the whole of a regular file.

        Raises:
            LocalProtocolError: The path is not absolute, or is no regular file.
            OSError: It cannot be opened.
        """
        path = os.fspath(path)
        if not os.path.isabs(path):
            raise LocalProtocolError(f"The path of http.response.pathsend must be absolute, got {path!r}.")
        file = open(path, "rb", buffering=0, opener=_open)  # noqa: SIM115 - closed by close(), in every case
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            file.close()
            raise LocalProtocolError(f"The path of http.response.pathsend is not a regular file: {path!r}.")
        return cls(file, 0, status.st_size, True)

    @classmethod
    def of_message(cls, message: dict[str, Any]) -> "FileRange":
        """Take the file of a zerocopysend message, which stays the application's.

        Raises:
            LocalProtocolError: It is no file, or the range is not within it.
        """
        file = message["file"]
        try:
            size = os.fstat(file.fileno()).st_size
        except (AttributeError, ValueError, OSError):
            raise LocalProtocolError("The file of http.response.zerocopysend has no open file descriptor.") from None
        offset = message.get("offset")
        offset = file.tell() if offset is None else offset
        count = message.get("count")
        count = max(size - offset, 0) if count is None else count
        if offset < 0 or count < 0 or offset + count > size:
            raise LocalProtocolError(f"The file of http.response.zerocopysend has {size} bytes, not {offset}+{count}.")
        if message.get("offset") is None:
            file.seek(offset + count)
        return cls(file, offset, count, False)

    def read(self, start: int, count: int) -> bytes:
        """Return up to `count` bytes from `start` bytes into the part; its file keeps its position.

        Raises:
            OSError: The file cannot be read, or has become shorter than the part.
        """
        data = os.pread(self.file.fileno(), count, self.offset + start)
        if not data:
            raise OSError(f"the file ends {self.count - start} bytes early")
        return data

    def close(self) -> None:
        """Close the file if it is ours."""
        if self.is_ours:
            self.file.close()
