"""WebSocketSession: one WebSocket conversation on the tunnel of an exchange, for every codec (RFC 6455).

    state     what it means                                              its clock
    OFFERED   the application has not accepted                           handshake_timeout
    OPEN      messages both ways                                         pings and their pongs, idle_timeout
    CLOSING   we sent a close frame; only the peer's is still read       close_timeout
    ENDED     nothing is sent or read any more                           none

Strategy: a codec tells frames to `Incoming`, which queues messages and puts control frames by; after each feed
the session answers those. The application takes messages and sends its own; what it sends leaves through the
exchange. Whatever ends the session is told once, as a close code and a reason, behind the messages before it. What
the peer does wrong behind messages ends the session when they are taken, so that their answers do not depend on how
the network has cut the stream; `close_timeout` bounds that too.

Rules: nothing that a peer does raises here. One close frame is sent, and nothing after it. What comes behind the
peer's close frame is ignored. Time is passed in.
"""

from collections.abc import Iterable
from typing import Any

from licorne.engine.connection import NEVER
from licorne.engine.exchange import Exchange
from licorne.engine.tunnel import Tunnel
from licorne.engine.websocket.clock import Clock
from licorne.engine.websocket.closing import ABNORMAL, is_sendable, parse_close, serialize_close
from licorne.engine.websocket.codec import Codec
from licorne.engine.websocket.deflate import Deflate, negotiate
from licorne.engine.websocket.handshake import Upgrade, accept_fields, refusal_fields
from licorne.engine.websocket.incoming import CLOSE, NO_LIMIT, PONG, Incoming
from licorne.engine.websocket.options import SessionOptions
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

# First bytes of frames: whole, without and with RSV1, which says that a message is compressed.
_TEXT_HEAD = 0x81
_BINARY_HEAD = 0x82
_COMPRESSED = 0x40
_CLOSE_HEAD = 0x88
_PING_HEAD = 0x89
_PONG_HEAD = 0x8A

# A payload that is larger follows its header as it is.
_MAX_COPIED_BYTES = 16 * 1024

# In place of a handshake that is over.
_READ = Upgrade()

_GOING_AWAY = 1001
_SERVER_FAULT = 1011
_SERVICE_RESTART = 1012
_UNAVAILABLE = 503

# How long the answer to a close frame is waited for at most when the server stops.
_DRAIN_SECONDS = 1.0


class WebSocketSession(Tunnel):
    """Carry messages both ways until one side closes."""

    __slots__ = (
        "bytes_out",
        "clock",
        "close_code",
        "close_reason",
        "codec",
        "exchange",
        "gate",
        "has_eof",
        "incoming",
        "messages_out",
        "options",
        "state",
        "threshold",
        "upgrade",
    )

    # construction

    def begin(self, exchange: Exchange, upgrade: Upgrade, codec: Codec, options: SessionOptions) -> None:
        """Set every attribute of a new session, and offer it to its exchange."""
        self.exchange = exchange
        #: The handshake, until it is accepted.
        self.upgrade = upgrade
        self.codec = codec
        self.options = options
        self.threshold = 0 if options.deflate is None else min(options.deflate.threshold, NO_LIMIT)
        self.incoming = Incoming(options)
        self.clock = Clock(options, upgrade.key)
        self.state = _OFFERED
        #: How the session ended: 0 while it has not.
        self.close_code = 0
        self.close_reason = ""
        #: Opened once and forgotten when a message or the end arrives.
        self.gate: Any = None
        self.has_eof = False
        #: What was sent: messages, and their bytes before compression.
        self.messages_out = 0
        self.bytes_out = 0
        exchange.offer_tunnel(self)

    # input: what the connection says

    def receive_data(self, data: bytes, now: float) -> None:
        self.clock.now = now
        if (self.state == _OPEN or self.state == _CLOSING) and self.incoming.fault is None:
            self._feed(data)
            self._open_gate()

    def receive_eof(self, now: float) -> None:
        self.clock.now = now
        if self.state == _OFFERED:
            self.lost()
        elif self.incoming.is_full and (self.incoming.fault is not None or self.codec.pending_bytes()):
            self.has_eof = True  # what came before it is told first
        else:
            self._finish(ABNORMAL, "")
            self._open_gate()

    def lost(self) -> None:
        self._end(ABNORMAL, "")
        self._detach()
        self._open_gate()

    def settle(self, now: float) -> float:
        clock = self.clock
        clock.now = now
        if self.state == _OPEN:
            incoming = self.incoming
            if incoming.fault is not None:
                return clock.start_limit(self.options.close_timeout)
            activity = incoming.queue.total + self.messages_out
            return clock.follow(activity, incoming.is_full, incoming.pings is not None)
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
                self._refuse(ABNORMAL)
            elif self.state == _CLOSING:
                self._finish(ABNORMAL, "")
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
            if incoming.fault is not None:
                if message is None:
                    self._fail_put_off()
            elif not incoming.is_full:
                self._go_on()
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
            self.incoming.deflate = Deflate(agreed[1], options)
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
            if type(text) is not str or len(text) >= _MAX_COPIED_BYTES or self.incoming.deflate is not None:
                self._send_payload(_TEXT_HEAD, str.encode(text))
                return
            frame = self.codec.serialize_text(_TEXT_HEAD, text)
        except UnicodeEncodeError:
            raise LocalProtocolError("The text of a message cannot be encoded: it holds a lone surrogate.") from None
        self.exchange.send_raw(frame)
        self.messages_out += 1
        self.bytes_out += len(frame) - (2 if len(frame) < 128 else 4)

    def send_bytes(self, data: bytes) -> None:
        """Send a binary message.

        Raises:
            LocalProtocolError: The session was not accepted.
            ClientDisconnected: The session is over.
        """
        if self.state != _OPEN:
            raise self._refusal()
        self._send_payload(_BINARY_HEAD, data if type(data) is bytes else bytes(memoryview(data)))

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
            self.incoming.queue.clear()
            self._open_gate()

    # predicates

    def is_full(self) -> bool:
        return self.incoming.is_full

    def is_open(self) -> bool:
        """Tell whether messages may be sent."""
        return self.state == _OPEN

    def has_ended(self) -> bool:
        """Tell whether no message will come any more; `close_code` and `close_reason` say why."""
        return self.close_code != 0 and not self.incoming.queue.count

    @property
    def messages_in(self) -> int:
        """Return the number of messages received."""
        return self.incoming.queue.total

    @property
    def bytes_in(self) -> int:
        """Return the number of bytes in them, inflated."""
        return self.incoming.queue.total_bytes

    @property
    def rtt(self) -> float:
        """Return how long the last pong took to come, in seconds; -1.0 before there was one."""
        return self.clock.rtt

    # internals: reading

    def _feed(self, data: bytes) -> None:
        incoming = self.incoming
        try:
            self.codec.feed(data, incoming)
        except WebSocketError as error:
            self._answer_controls()  # what came before the fault counts, as it does in a read of its own
            if self.state == _OPEN and incoming.queue.count:
                incoming.put_off(error)
            else:
                self._fail(error.code, error.reason)
            return
        if incoming.controls:
            self._answer_controls()

    def _go_on(self) -> None:
        """Read what was kept back while there was no room."""
        if self.codec.pending_bytes():
            self._feed(b"")
        if self.has_eof and not self.incoming.is_full:
            self._finish(ABNORMAL, "")

    def _answer_controls(self) -> None:
        """Act on the control frames that came."""
        controls = self.incoming.controls
        self.incoming.controls = 0
        if controls & _PONG:
            self.clock.take_pong()
        if self.state == _OPEN:
            self._send_pongs()
        if controls & _CLOSE:
            self._answer_close()

    def _send_pongs(self) -> None:
        """Answer pings in order, and of too many the last one, later."""
        pings = self.incoming.pings or []
        self.incoming.pings = None
        for payload in pings:
            if not self.clock.count_pong():
                self.incoming.pings = pings[-1:]
                return
            self._send_control(_PONG_HEAD, payload)

    def _answer_close(self) -> None:
        """Return the peer's close frame, unless it answers ours.

        The reason goes back with the code: what a browser tells of the end is what stands in the server's frame.
        """
        if self.state == _CLOSING:
            self._finish(ABNORMAL, "")
            return
        try:
            code, reason = parse_close(self.incoming.close_payload)
        except WebSocketError as error:
            self._fail(error.code, error.reason)
            return
        self._send_close(code, reason)
        self._finish(code, reason)

    # internals: sending

    def _send_payload(self, head: int, data: bytes) -> None:
        count = len(data)
        deflate = self.incoming.deflate
        if deflate is not None and count >= self.threshold:
            data = deflate.compress(data)
            head |= _COMPRESSED
        if len(data) > _MAX_COPIED_BYTES:
            self.exchange.send_raw(self.codec.serialize_start(head, len(data)))
            self.exchange.send_raw(data)
        else:
            self.exchange.send_raw(self.codec.serialize(head, data))
        self.messages_out += 1
        self.bytes_out += count

    def _send_close(self, code: int, reason: str) -> None:
        self._send_control(_CLOSE_HEAD, serialize_close(code, reason))

    def _send_control(self, head: int, payload: bytes) -> None:
        if self.exchange.is_tunnel():  # it may have been aborted since
            self.exchange.send_raw(self.codec.serialize(head, payload))

    def _refusal(self) -> Exception:
        """Return why nothing can be sent."""
        if self.state == _OFFERED:
            return LocalProtocolError("The WebSocket was not accepted.")
        return ClientDisconnected("The WebSocket is closed.")

    # internals: the end

    def _expire_open(self) -> None:
        clock = self.clock
        if self.incoming.is_full:
            if self.incoming.fault is not None and clock.is_over():
                self._fail_put_off()
            return
        if clock.is_pong_overdue():
            self._fail(_SERVER_FAULT, "keepalive ping timeout")
        elif clock.is_idle():
            self._start_closing(_GOING_AWAY, "idle timeout")
        else:
            if clock.is_ping_due():
                self.incoming.awaited = clock.next_ping()
                self._send_control(_PING_HEAD, self.incoming.awaited)
            if self.incoming.pings is not None:
                self._send_pongs()

    def _start_closing(self, code: int, reason: str) -> None:
        """Begin the close handshake: the end is told now, and the peer has a while to answer."""
        self._send_close(code, reason)
        if self.incoming.fault is not None:
            self._finish(code, reason)
            return
        self.state = _CLOSING
        self._end(code, reason)
        self.incoming.discard()
        self._go_on()

    def _fail(self, code: int, reason: str) -> None:
        """End a session whose peer broke a rule or is not there (RFC 6455 §7.1.7)."""
        if self.state == _OPEN:
            self._send_close(code, reason)
        self._finish(code, reason)

    def _fail_put_off(self) -> None:
        """End a session whose peer broke a rule behind messages that are taken by now, or never will be."""
        fault = self.incoming.fault
        if fault is not None and self.state == _OPEN:
            self._fail(fault.code, fault.reason)

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
        self.incoming.discard()

    def _open_gate(self) -> None:
        gate = self.gate
        if gate is not None and (self.close_code or self.incoming.queue.count):
            self.gate = None
            gate.open()
