"""Tunnel: the contract of what an exchange carries once it is accepted as a tunnel: raw bytes both ways.

A tunnel is offered to its exchange before it is accepted, so that its clocks run from then on. The connection
feeds it; what it has to say goes out through `Exchange.send_raw`. Like every engine it does no I/O, reads no
clock and awaits nothing: `now` and deadlines are those of `Connection`.
"""

__all__ = ["Tunnel"]


class Tunnel:
    """Take the raw bytes of one accepted exchange, and the time."""

    __slots__ = ()

    def receive_data(self, data: bytes, now: float) -> None:
        """Take bytes from the peer. Never raises for what a peer does."""
        raise NotImplementedError

    def receive_eof(self, now: float) -> None:
        """Take note that the peer sends no more; before acceptance, that it leaves."""
        raise NotImplementedError

    def lost(self) -> None:
        """Take note that the transport is gone."""
        raise NotImplementedError

    def settle(self, now: float) -> float:
        """Start the clocks that became due; return the deadline, infinite for none.

        Called after anything has happened, also what the application did.
        """
        raise NotImplementedError

    def expire(self, now: float) -> None:
        """Act on a deadline that may have passed: look at `now`."""
        raise NotImplementedError

    def shutdown(self, now: float) -> None:
        """End gracefully: the server drains."""
        raise NotImplementedError

    def is_full(self) -> bool:
        """Tell whether nothing more should be read from the peer now.

        When the application has made room, the exchange is told (`Exchange.note_room`).
        """
        raise NotImplementedError

    def is_resting(self) -> bool:
        """Tell whether it is full for the sake of others alone, and waits for `go_on` in another turn."""
        return False

    def go_on(self, now: float) -> None:
        """Take up what was put off by a rest."""
