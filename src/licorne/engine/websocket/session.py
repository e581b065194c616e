"""WebSocketSession: one WebSocket conversation on the tunnel of an exchange, for every codec (RFC 6455).

    state     what it means                                              its clock
    OFFERED   the application has not accepted                           handshake_timeout
    OPEN      messages both ways                                         pings and their pongs, idle_timeout
    CLOSING   we sent a close frame; only the peer's is still read       close_timeout
    ENDED     nothing is sent or read any more                           none

Strategy: a codec tells frames to `Incoming`, which queues messages and puts control frames by; after each feed
the session answers those. The application takes messages and sends its own; what it sends leaves through the
exchange. Whatever ends the session is told once, as a close code and a reason, behind the messages before it. What
the peer ends it by, a close frame, the end of its stream or a fault, does so when the messages before it are taken,
so that their answers do not depend on how the network has cut the stream; `close_timeout` bounds that too.

Rules: nothing that a peer does raises here. One close frame is sent, and nothing after it. What comes behind the
peer's close frame is ignored. Time is passed in.
"""

from collections.abc import Iterable
from typing import Any

from licorne.engine.connection import NEVER
from licorne.engine.exchange import Exchange
from licorne.engine.websocket.clock import Clock
from licorne.engine.websocket.closing import ABNORMAL, is_sendable, parse_close, serialize_close
from licorne.engine.websocket.codec import Codec
from licorne.engine.websocket.controls import CLOSE, PONG
from licorne.engine.websocket.deflate import Deflate, negotiate
from licorne.engine.websocket.facts import SessionFacts
from licorne.engine.websocket.handshake import Upgrade, accept_fields, refusal_fields
from licorne.engine.websocket.incoming import Incoming
from licorne.engine.websocket.options import SessionOptions
from licorne.engine.websocket.outgoing import LastFrame, Outgoing
from licorne.errors import ClientDisconnected, LocalProtocolError, WebSocketError

# Two of them are for the ASGI layer, which knows this module alone.
__all__ = ["SessionOptions", "WebSocketSession", "is_sendable", "refusal_fields"]

_NEVER = NEVER
_PONG = PONG
_CLOSE = CLOSE

_OFFERED = 0
_OPEN = 1
_CLOSING = 2
_ENDED = 3

# First bytes of frames.
_CLOSE_HEAD = 0x88
_PING_HEAD = 0x89
_PONG_HEAD = 0x8A

# In place of a handshake that is over.
_READ = Upgrade()

_ABNORMAL = ABNORMAL
_GOING_AWAY = 1001
_SERVER_FAULT = 1011
_SERVICE_RESTART = 1012
_UNAVAILABLE = 503

# How long the answer to a close frame is waited for at most when the server stops.
_DRAIN_SECONDS = 1.0


class WebSocketSession(SessionFacts):
    """Carry messages both ways until one side closes."""

    __slots__ = (
        "close_code",
        "close_reason",
        "codec",
        "exchange",
        "gate",
        "has_eof",
        "is_taking",
        "options",
        "state",
        "upgrade",
    )

    # construction

    def begin(
        self, exchange: Exchange, upgrade: Upgrade, codec: Codec, options: SessionOptions, last: LastFrame
    ) -> None:
        """Set every attribute of a new session, and offer it to its exchange; `last` is what it shares with others."""
        self.exchange = exchange
        #: The handshake, until it is accepted.
        self.upgrade = upgrade
        self.codec = codec
        self.options = options
        self.incoming = Incoming(options)
        self.outgoing = Outgoing(exchange, codec, options, last)
        self.clock = Clock(options, upgrade.key)
        self.state = _OFFERED
        #: How the session ended: 0 while it has not.
        self.close_code = 0
        self.close_reason = ""
        #: Opened once and forgotten when a message or the end arrives.
        self.gate: Any = None
        #: A message is being taken: its answer leaves before what the peer ends the session by.
        self.is_taking = False
        #: The peer sends no more, but what came before is not told yet.
        self.has_eof = False
        exchange.offer_tunnel(self)

    # input: what the connection says

    def receive_data(self, data: bytes, now: float) -> None:
        self.clock.now = now
        if (self.state == _OPEN or self.state == _CLOSING) and self.incoming.final is None:
            self._feed(data)
            self._open_gate()

    def receive_eof(self, now: float) -> None:
        self.clock.now = now
        if self.state == _OFFERED:
            self.lost()
        elif self.incoming.is_full and self.codec.pending_bytes():
            self.has_eof = True
        elif self.incoming.final is None:
            self._end_by_peer(_ABNORMAL, "")
            self._open_gate()

    def lost(self) -> None:
        self._end(_ABNORMAL, "")
        self._detach()
        self._open_gate()

    def settle(self, now: float) -> float:
        clock = self.clock
        clock.now = now
        if self.state == _OPEN:
            incoming = self.incoming
            passed = 2 * incoming.total - incoming.count + self.outgoing.messages_out  # in, taken, and out
            is_full = incoming.is_full and not incoming.is_resting()
            due = clock.follow(passed, is_full, incoming.controls.pings is not None)
            return due if incoming.final is None else min(due, clock.start_limit(self.options.close_timeout))
        if self.state == _CLOSING:
            return clock.start_limit(self.options.close_timeout)
        if self.state == _OFFERED and not self.exchange.has_started():
            return clock.start_limit(self.options.handshake_timeout)
        return _NEVER

    def expire(self, now: float) -> None:
        self.clock.now = now
        if self.state == _OPEN:
            self._expire_open()
        elif self.clock.is_over():
            if self.state == _OFFERED:
                self._refuse(_ABNORMAL)
            elif self.state == _CLOSING:
                self._finish(_ABNORMAL, "")
        self._open_gate()

    def go_on(self, now: float) -> None:
        self.clock.now = now
        if self.incoming.is_resting():
            self.incoming.end_rest()
            self._go_on()
            self._open_gate()

    def shutdown(self, now: float) -> None:
        self.clock.now = now
        if self.state == _OPEN:
            self._start_closing(_SERVICE_RESTART, "service restart")
        elif self.state == _OFFERED:
            self._refuse(_SERVICE_RESTART)
        if self.state == _CLOSING:
            self.clock.start_limit(self.options.close_timeout)
            self.clock.shorten_limit(_DRAIN_SECONDS)
        self._open_gate()

    # input: what the application takes

    def take_message(self) -> str | bytes | None:
        """Hand over the oldest message; None if there is none now.

        Room for more is made by taking, and may lead to pongs and other frames being sent.
        """
        incoming = self.incoming
        was_full = incoming.is_full
        message = incoming.take_message()
        if was_full:
            self.exchange.note_room()
            if incoming.final is not None:
                if message is None:
                    self._end_put_off()
            elif not incoming.is_full:
                self.is_taking = message is not None
                self._go_on()
                self.is_taking = False
        return message

    # output

    def accept(self, subprotocol: str | None, fields: Iterable[tuple[bytes, bytes]]) -> None:
        """Accept the WebSocket.

        Raises:
            LocalProtocolError: It was accepted already, or a field or the subprotocol is not allowed.
            ClientDisconnected: The peer is gone.
        """
        if self.state == _ENDED:
            raise ClientDisconnected("The client disconnected.")
        if self.state != _OFFERED:
            raise LocalProtocolError("The WebSocket was accepted already.")
        options = self.options.deflate
        agreed = None if options is None else negotiate(self.upgrade.extensions, options)
        extension = b"" if agreed is None else agreed[0]
        self.exchange.start_tunnel([*accept_fields(self.upgrade, subprotocol, extension), *fields])
        if options is not None and agreed is not None:
            self.incoming.deflate = self.outgoing.deflate = Deflate(agreed[1], options)
        self.upgrade = _READ
        self.clock.limit_at = _NEVER
        self.state = _OPEN

    def send_text(self, text: str) -> None:
        """Send a text message.

        Raises:
            LocalProtocolError: The session was not accepted, or the text holds half of a surrogate pair.
            ClientDisconnected: The session is over.
        """
        if self.state != _OPEN:
            raise self._refusal()
        try:
            self.outgoing.send_text(text)
        except UnicodeEncodeError:
            raise LocalProtocolError("The text of a message cannot be encoded: it holds a lone surrogate.") from None

    def send_bytes(self, data: bytes) -> None:
        """Send a binary message.

        Raises:
            LocalProtocolError: The session was not accepted.
            ClientDisconnected: The session is over.
        """
        if self.state != _OPEN:
            raise self._refusal()
        self.outgoing.send_bytes(data)

    def close(self, code: int, reason: str) -> None:
        """Send a close frame, if none was; what the peer has sent and is still on its way is dropped.

        Raises:
            LocalProtocolError: The session was not accepted, or the code may not be sent.
        """
        if self.state == _OFFERED:
            raise self._refusal()
        if not is_sendable(code):
            raise LocalProtocolError(f"The close code {code!r} may not be sent.")
        if self.state == _OPEN:
            self._start_closing(code, reason)
            self.incoming.clear()
            self._open_gate()

    # predicates

    def is_open(self) -> bool:
        """Tell whether messages may be sent."""
        return self.state == _OPEN

    def has_ended(self) -> bool:
        """Tell whether no message will come any more; `close_code` and `close_reason` say why."""
        return self.close_code != 0 and not self.incoming.count

    # internals: reading

    def _feed(self, data: bytes) -> None:
        incoming = self.incoming
        try:
            self.codec.feed(data, incoming)
        except WebSocketError as error:
            self._answer_controls()  # what came before the fault counts, as it does in a read of its own
            self._end_by_peer(error.code, error.reason)
            return
        if incoming.controls.seen:
            self._answer_controls()

    def _go_on(self) -> None:
        """Read what was kept back while there was no room."""
        if self.codec.pending_bytes():
            self._feed(b"")
        if self.has_eof and not self.incoming.is_full:
            self._end_by_peer(_ABNORMAL, "")

    def _answer_controls(self) -> None:
        """Act on the control frames that came."""
        seen = self.incoming.controls.seen
        self.incoming.controls.seen = 0
        if seen & _PONG:
            self.clock.take_pong()
        if self.state == _OPEN:
            self._send_pongs()
        if seen & _CLOSE:
            self._answer_close()

    def _send_pongs(self) -> None:
        """Answer pings in order, and of too many the last one, later."""
        controls = self.incoming.controls
        pings = controls.pings or []
        controls.pings = None
        for payload in pings:
            if not self.clock.count_pong():
                controls.pings = pings[-1:]
                return
            self.outgoing.send_control(_PONG_HEAD, payload)

    def _answer_close(self) -> None:
        """Return the peer's close frame, unless it answers ours.

        The reason goes back with the code: what a browser tells of the end is what stands in the server's frame.
        """
        if self.state == _CLOSING:
            self._finish(_ABNORMAL, "")
            return
        try:
            code, reason = parse_close(self.incoming.controls.close_payload)
        except WebSocketError as error:
            code, reason = error.code, error.reason
        self._end_by_peer(code, reason)

    def _refusal(self) -> Exception:
        """Return why nothing can be sent."""
        if self.state == _OFFERED:
            return LocalProtocolError("The WebSocket was not accepted.")
        return ClientDisconnected("The WebSocket is closed.")

    # internals: the end

    def _expire_open(self) -> None:
        clock = self.clock
        controls = self.incoming.controls
        if clock.is_over():
            self._end_put_off()
        elif clock.is_pong_overdue():
            self._end_now(_SERVER_FAULT, "keepalive ping timeout")
        elif clock.is_idle():
            self._start_closing(_GOING_AWAY, "idle timeout")
        else:
            if clock.is_ping_due():
                controls.awaited = clock.next_ping()
                self.outgoing.send_control(_PING_HEAD, controls.awaited)
            if controls.pings is not None:
                self._send_pongs()

    def _start_closing(self, code: int, reason: str) -> None:
        """Begin the close handshake: the end is told now, and the peer has a while to answer."""
        if self.incoming.final is not None:
            self._end_now(code, reason)
            return
        self._send_close(code, reason)
        self.state = _CLOSING
        self._end(code, reason)
        self._discard()
        self._go_on()

    def _end_by_peer(self, code: int, reason: str) -> None:
        """End a session that the peer ends, once the messages before that are taken."""
        if self.state == _OPEN and (self.is_taking or self.incoming.count):
            self.incoming.put_off(code, reason)
        else:
            self._end_now(code, reason)

    def _end_put_off(self) -> None:
        """End a session that the peer has ended behind messages that are taken by now, or never will be."""
        final = self.incoming.final
        if final is not None and self.state == _OPEN:
            self._end_now(final[0], final[1])

    def _end_now(self, code: int, reason: str) -> None:
        """End an open session with a close frame (RFC 6455 §7.1.7), one whose peer is gone without."""
        if self.state == _OPEN and code != _ABNORMAL:
            self._send_close(code, reason)
        self._finish(code, reason)

    def _send_close(self, code: int, reason: str) -> None:
        self.outgoing.send_control(_CLOSE_HEAD, serialize_close(code, reason))

    def _finish(self, code: int, reason: str) -> None:
        """End the tunnel. RFC 6455 §7.1.1: the server closes first."""
        self._end(code, reason)
        self.exchange.finish_tunnel()
        self._detach()

    def _refuse(self, code: int) -> None:
        """Answer in place of the application, which took too long, or which the server's stop overtook."""
        self._end(code, "")
        if not self.exchange.has_started():
            self.exchange.start_response(_UNAVAILABLE, [(b"connection", b"close"), (b"content-length", b"0")])
            self.exchange.write(b"", True)
        self._detach()

    def _end(self, code: int, reason: str) -> None:
        """Note how the session ended; the first cause counts."""
        if not self.close_code:
            self.close_code = code
            self.close_reason = reason

    def _detach(self) -> None:
        """Leave the exchange, so that neither keeps the other."""
        self.state = _ENDED
        self.exchange.tunnel = None
        self._discard()

    def _discard(self) -> None:
        """Let go of what only an open session needs."""
        self.incoming.discard()
        self.outgoing.deflate = None

    def _open_gate(self) -> None:
        gate = self.gate
        if gate is not None and (self.close_code or self.incoming.count):
            self.gate = None
            gate.open()
