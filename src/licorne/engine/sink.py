"""ResponseSink: the contract between an exchange and the writing half of a protocol."""

__all__ = [
    "HAS_DATE",
    "HAS_NO_CONTENT",
    "HAS_SERVER",
    "HAS_TRAILERS",
    "NAMES_UPGRADE",
    "UNKNOWN_LENGTH",
    "WANTS_CLOSE",
    "ResponseSink",
]

#: The length of a response whose application gave none.
UNKNOWN_LENGTH = -1

#: What the fields of a response say to its sink, as flags.
HAS_DATE = 1
HAS_SERVER = 2
WANTS_CLOSE = 4
#: RFC 9110 §6.4.1: whatever its fields say.
HAS_NO_CONTENT = 8
HAS_TRAILERS = 16
#: It must name WebSocket as what to upgrade to (RFC 9110 §15.5.22), where the HTTP version has a field for that.
NAMES_UPGRADE = 32


class ResponseSink:
    """Be the writing half of one protocol: it only changes its own state and queue, and calls nobody."""

    __slots__ = ()

    def send_informational(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        """Queue an interim response (RFC 9110 §15.2), such as 100 or 103."""
        raise NotImplementedError

    def can_inform(self) -> bool:
        """Tell whether an interim response may still go out: the final head has not left."""
        raise NotImplementedError

    def send_head(self, status: int, fields: list[tuple[bytes, bytes]], length: int, flags: int) -> None:
        """Queue the final head; `length`: bytes or UNKNOWN_LENGTH, `flags`: those above."""
        raise NotImplementedError

    def send_data(self, data: bytes, end: bool) -> None:
        """Queue body bytes; `end` says that no more will come, not even trailers.

        Those of a response without content (RFC 9110 §6.4.1) are dropped here: their number may still be told.
        """
        raise NotImplementedError

    def send_trailers(self, fields: list[tuple[bytes, bytes]]) -> None:
        """Queue the trailer section and end the response."""
        raise NotImplementedError

    def start_file(self, count: int, end: bool) -> None:
        """Queue what must stand before `count` bytes of a file; `end`: the last ones.

        They are the driver's to send, or come as data where it cannot (`can_send_files`).
        """

    def finish_file(self, end: bool) -> None:
        """Queue what must stand after those bytes."""
        self.send_data(b"", end)

    def start_tunnel(self, fields: list[tuple[bytes, bytes]], flags: int) -> None:
        """Queue the acceptance of a tunnel: `send_data` takes raw bytes from now on; its `end` ends our side."""
        raise NotImplementedError

    def can_send_files(self) -> bool:
        """Tell whether the driver may send the bytes of a file by itself: they go to the wire as they are."""
        return True

    def is_full(self) -> bool:
        """Tell whether as much is queued as should be that the peer does not let out; see `Exchange.write_gate`."""
        return False

    def on_change(self) -> None:
        """Take note of what no other call tells: body was taken, a tunnel was offered, or has room again."""

    def withdraw(self) -> bool:
        """Forget a head that was sent, if it has not left; tell whether that went."""
        raise NotImplementedError

    def abort(self) -> None:
        """Give the response up in a way that the peer cannot take for its end."""
        raise NotImplementedError
