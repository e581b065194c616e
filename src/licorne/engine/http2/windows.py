"""Flow control (RFC 9113 §5.2, §6.9): how much may still be sent, each way.

Rules: what the peer may send is given back only when somebody has taken it, and then in large steps, so that a slow
application holds one window and a fast one does not cost a frame for each read. A window may be below zero after
the peer has made its initial size smaller; it is then a debt.
"""

from licorne.engine.http2.errors import H2Error
from licorne.engine.http2.frames import FLOW_CONTROL_ERROR, MAX_WINDOW

__all__ = ["ReceiveWindow", "widened"]

_MAX_WINDOW = MAX_WINDOW


class ReceiveWindow:
    """Count what the peer may send, and what is to be given back."""

    __slots__ = ("left", "size")

    def __init__(self, size: int) -> None:
        """Take the size in bytes that the peer was told, or will be."""
        self.size = size
        self.left = size

    def spend(self, count: int) -> bool:
        """Take note of `count` bytes that came; False when the peer had no right to send them."""
        self.left -= count
        return self.left >= 0

    def resize(self, size: int) -> None:
        """Take another size, as the peer does for the streams that it has open (RFC 9113 §6.9.2)."""
        self.left += size - self.size
        self.size = size

    def take_credit(self, held: int) -> int:
        """Return what to give back now, if `held` bytes of all that came were not taken yet; 0 for not yet.

        It is worth a frame when half a window was taken, or a quarter and nothing is left to take.
        """
        taken = self.size - self.left - held
        if taken * 2 < self.size and (held or taken * 4 < self.size):
            return 0
        self.left += taken
        return taken


def widened(window: int, credit: int, stream_id: int) -> int:
    """Return a send window with `credit` bytes more.

    Raises:
        H2Error: FLOW_CONTROL_ERROR when it is larger than a window can be (RFC 9113 §6.9.1).
    """
    window += credit
    if window > _MAX_WINDOW:
        raise H2Error(FLOW_CONTROL_ERROR, "a flow-control window is over 2**31 - 1", stream_id)
    return window
