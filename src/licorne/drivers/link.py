"""DriverLink: one connection and its engine, as every driver runs it. `pump` is the one place that acts.

A pump starts the exchanges that the engine has ready, then writes what they left in one piece, then follows
the engine's wish to read, pause or close. An application that sends while it is being started pumps again from
inside; that only queues, so that all it sends without waiting leaves together.
"""

from licorne.drivers.base import Runtime, SharedLink
from licorne.engine.exchange import Exchange
from licorne.link import Cycle

__all__ = ["DriverLink"]

# Bytes that are cheaper to join than to hand to the transport piece by piece.
_MAX_JOINED_BYTES = 64 * 1024
# Requests that one connection may have answered before the others have their turn: pipelined ones, and those of a
# connection that carries many at a time, which come in one read and are best answered in one write.
_MAX_BATCH = 16
_MAX_WIDE_BATCH = 32


class DriverLink(SharedLink):
    """Decide what happens to one connection; a subclass does it."""

    __slots__ = (
        "held",
        "is_going_on",
        "is_greedy",
        "is_holding",
        "is_pumping",
        "is_reading",
        "is_write_paused",
        "progress_at",
        "runtime",
        "shown_closing",
        "taken",
        "written",
    )

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime.new_connection())
        self.runtime = runtime
        #: An exchange that is started once the peer reads, or others had their turn; nothing more is read meanwhile.
        self.held: Exchange | None = None
        #: `go_on` will be called.
        self.is_going_on = False
        #: So much has come at once that nothing more is read before others had their turn.
        self.is_greedy = False
        #: The engine keeps what the transport does not take.
        self.is_holding = False
        self.is_pumping = False
        self.is_reading = True
        self.is_write_paused = False
        #: The member of `Closing` that the transport was last told.
        self.shown_closing = 0
        #: How many bytes were handed to the peer, whichever way; how many of them it had taken when last looked at,
        #: and when it last took some. What we add is no progress of its.
        self.written = 0
        self.taken = 0
        self.progress_at = 0.0

    # what a driver for an event loop adds

    def write(self, data: bytes) -> None:
        """Hand bytes to the transport."""
        raise NotImplementedError

    def write_all(self, pieces: list[bytes]) -> None:
        """Hand several pieces to the transport, without joining them."""
        raise NotImplementedError

    def set_reading(self, is_reading: bool) -> None:
        """Read from the transport, or stop reading."""
        raise NotImplementedError

    def go_on_soon(self) -> None:
        """Call `go_on` in a turn of the loop that is to come."""
        raise NotImplementedError

    def unsent_bytes(self) -> int:
        """Return how many bytes the transport holds."""
        raise NotImplementedError

    def abort(self) -> None:
        """Drop the transport at once; what the peer has already is its own."""
        raise NotImplementedError

    def reset(self) -> None:
        """Drop the transport at once, in a way that the peer cannot take for an end."""
        raise NotImplementedError

    # the link

    def open(self) -> None:
        """Begin to serve; the transport is up, `client` and `server` are set."""
        runtime = self.runtime
        self._look_up()  # TLS may have agreed on a protocol
        refusal = runtime.admit(self)
        self.is_refused = refusal is not None
        runtime.add(self)
        self.connection.start(runtime.now)
        if refusal is not None:
            if runtime.is_crowded():
                self.abort()
                return
            self.connection.refuse(refusal, runtime.now)
            self.pump()
        elif runtime.stage:
            self.connection.shutdown(runtime.now)

    def closed(self) -> None:
        """Take note that the transport is gone."""
        self.connection.lost()
        self.held = None
        self.shown_closing = self.connection.closing
        self.runtime.remove(self)
        self.runtime.abandon(self)

    def pump(self) -> None:
        if self.is_pumping:
            if self.connection.pending_bytes() > self.runtime.write_high_water:
                self._write()
            return
        if self.connection.has_departed or self.connection.successor is not None:
            self._look_up()
        self.is_pumping = True
        try:
            self._write()  # what is ready does not wait for the next request
            if not self.is_going_on:  # others have their turn, whatever the applications of this one do meanwhile
                self._start_exchanges()
        finally:
            self.is_pumping = False
        self._write()
        self._follow()

    def push(self) -> None:
        if not self.is_pumping or self.connection.pending_bytes() > self.runtime.write_high_water:
            self._write()

    def flush(self) -> None:
        self._write()

    def go_on(self) -> None:
        """Take up what was put off for the sake of others."""
        self.is_going_on = self.is_greedy = False
        if self.connection.is_resting():
            self.connection.go_on(self.runtime.now)
        self.pump()

    def let_others_read(self) -> None:
        """Read nothing more in this turn of the loop."""
        self.is_greedy = True

    def check_progress(self, now: float) -> None:
        if not self.is_write_paused and not self.shown_closing:
            return
        unsent = self.unsent_bytes()
        taken = self.written - unsent
        if taken > self.taken or not unsent:
            self.progress_at = now
        elif now - self.progress_at > (self.runtime.options.write_stall_timeout or now):
            self.reset()
        self.taken = taken

    def drop(self) -> None:
        if self.connection.ends_with_connection():
            self.reset()
        else:
            self.abort()

    # internals

    def _look_up(self) -> None:
        """Follow what has become of the engine and of its peer."""
        while self.connection.successor is not None:
            self.connection = self.connection.successor
        self.is_holding = self.connection.can_hold()
        if self.connection.has_departed:
            self.connection.has_departed = False
            self.runtime.abandon(self)

    def _start_exchanges(self) -> None:
        runtime = self.runtime
        connection = self.connection
        begun = 0
        while True:
            if connection.closing:
                self.held = None  # refused since
            exchange: Exchange | None = self.held
            if exchange is None:
                exchange = connection.next_exchange(runtime.now)
                if exchange is None:
                    return
            elif exchange.is_disconnected:
                exchange.release()  # its peer has not waited
                self.held = None
                continue
            if self.is_write_paused:
                self.held = exchange  # the peer does not read its answers: it gets no further ones yet
                return
            if begun >= _MAX_BATCH and (begun >= _MAX_WIDE_BATCH or not self.is_holding):
                self.held = exchange  # others have their turn
                self._go_on_later()
                return
            begun += 1
            self.held = None
            cycle: Cycle | None = runtime.service.begin(exchange, self)
            if cycle is not None:
                self.start(cycle)
            if exchange.is_leaving:
                runtime.abandon(self)
            if connection.pending_bytes() > runtime.write_high_water:
                self._write()

    def _write(self) -> None:
        if not self.connection.pending_bytes():
            return
        if self.is_holding:
            self._write_on()
            return
        pieces = self.connection.data_to_send()
        if len(pieces) == 1:
            data = pieces[0]
            self.written += len(data)
            self.write(data)
        else:
            self._hand_over(pieces)

    def _write_on(self) -> None:
        """Pull as long as the transport takes more: what it does not take stays with the engine, which orders it."""
        connection = self.connection
        while connection.pending_bytes() and (not self.is_write_paused or connection.closing):
            pieces = connection.data_to_send()
            if not pieces:
                return
            self._hand_over(pieces)

    def _hand_over(self, pieces: list[bytes]) -> None:
        count = 0
        for data in pieces:
            count += len(data)
        self.written += count
        if count <= _MAX_JOINED_BYTES or len(pieces) == 1:
            self.write(b"".join(pieces))
        else:
            self.write_all(pieces)

    def _follow(self) -> None:
        closing = self.connection.closing
        if closing != self.shown_closing:
            self.shown_closing = closing
            self.progress_at = self.runtime.now
            self._report_refusal()
            self.close_transport(closing)
        wants_data = self.connection.wants_data() and self.held is None and not self.is_greedy
        if wants_data != self.is_reading:
            self.is_reading = wants_data
            self.set_reading(wants_data)
        if self.is_greedy or (not wants_data and not closing and self.connection.is_resting()):
            self._go_on_later()

    def _go_on_later(self) -> None:
        if not self.is_going_on:
            self.is_going_on = True
            self.go_on_soon()

    def _report_refusal(self) -> None:
        refusal = self.connection.refusal
        if refusal is not None and self.runtime.on_refusal is not None:
            self.connection.refusal = None
            self.runtime.on_refusal(refusal, self)
