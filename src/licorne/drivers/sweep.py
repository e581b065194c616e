"""The sweep: one coarse timer for a worker, in place of one for each connection.

Each tick it sets the runtime's time, lets every connection act on a deadline that has passed, drops peers that
take nothing and cancels applications whose peer left.

A tick that itself comes late (a blocked loop, a suspended machine) puts every deadline off by as much, and judges
progress by the time of the last one: what the peers sent meanwhile has not been read yet.
"""

from licorne.drivers.base import Runtime, SharedLink

__all__ = ["sweep"]

#: A tick this many times its length after the last one is late.
_LATE_TICKS = 2.0


def sweep(runtime: Runtime, now: float) -> None:
    """Walk the deadlines at `now`, in the event loop's seconds."""
    last = runtime.now - runtime.tick
    late = now - last - runtime.tick
    if late <= _LATE_TICKS * runtime.tick:
        late = 0.0
    judged = last if late else now
    runtime.now = now + runtime.tick
    for link in list(runtime.links):
        # What the loop was blocked for is not the peer's fault, and deadlines made meanwhile came from an old time.
        link.connection.deadline += late
        _judge(link, now, judged)
    runtime.cancel_abandoned(judged)
    for call in runtime.on_tick:
        call(now)


def _judge(link: SharedLink, now: float, judged: float) -> None:
    if link.connection.deadline <= now:
        link.connection.expire(now)
        link.pump()
    link.check_progress(judged)
