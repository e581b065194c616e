"""Balance: spreads connections over workers that accept on one socket, which the system does unevenly.

Whoever comes first to a shared queue takes what is there, and that is often the same worker. So one connection is
accepted at a time, and a worker that holds more than others lets them go first: it waits for a moment, and takes what
nobody has taken meanwhile, a little more each time, because the others are busy then.

Connections that end as soon as they have begun need no spreading: their number says nothing about the load. The more of
them end, the more a worker takes without waiting.

Rules: a connection is never refused for this, and waits no longer than `WAIT_SECONDS` while a worker could take it. No
I/O and no clock here.
"""

from licorne.server.listening.loads import Load

__all__ = ["WAIT_SECONDS", "Balance"]

#: Event loops measure time in milliseconds: this is short and not nothing.
WAIT_SECONDS = 0.002
#: So many connections more than the least loaded worker are no reason to wait, and this part of them.
_SLACK = 1
_SLACK_SHARE = 32
#: And one for so many that end in a second.
_ENDS_PER_SLACK = 32
#: For so much slack one connection more is accepted at a time.
_SLACK_PER_ACCEPT = 4
_MAX_ACCEPTS = 64


class Balance:
    """Decide when one worker accepts, and how many connections at a time."""

    __slots__ = ("_accepted", "_count", "_load", "_looked_at", "_slack", "_waits")

    def __init__(self, load: Load) -> None:
        self._load = load
        self._slack = _SLACK
        #: How often in a row the others did not come.
        self._waits = 0
        #: Since the last tick: how many were accepted; and how many there were, and when.
        self._accepted = 0
        self._count = 0
        self._looked_at = 0.0

    def tick(self, count: int, now: float) -> None:
        """Say how many connections this worker holds, every second or so; see how many have ended."""
        self._load.write(count, now)
        seconds = now - self._looked_at
        ended = max(0, self._accepted - (count - self._count))
        self._slack = _SLACK + int(ended / seconds) // _ENDS_PER_SLACK if seconds > 0 else _SLACK
        self._accepted, self._count, self._looked_at = 0, count, now

    def clear(self) -> None:
        """Say that this worker accepts no more, for now or for good."""
        self._load.clear()

    def accepts(self, count: int, now: float) -> int:
        """Return how many connections to accept for a worker that holds so many; 0: let others go first."""
        self._load.write(count, now)
        least = self._load.least(now)
        if least is None:
            return _MAX_ACCEPTS
        if count > least + self._slack + least // _SLACK_SHARE:
            return 0
        self._waits = 0
        return min(1 + self._slack // _SLACK_PER_ACCEPT, _MAX_ACCEPTS)

    def accepts_after_wait(self, count: int, now: float) -> int:
        """Return how many connections to accept after a wait, as far as they are still there."""
        accepts = self.accepts(count, now)
        if not accepts:
            self._waits += 1
        return accepts or min(self._waits, _MAX_ACCEPTS)

    def accepted(self, accepted: int, count: int, now: float) -> None:
        """Take note of connections that were accepted; there are `count` with them."""
        self._accepted += accepted
        self._load.write(count, now)
