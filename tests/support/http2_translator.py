"""A peer that speaks HTTP/2, for tests that are written in HTTP/1: it translates what they send and what comes back.

    peer.send(GET)                        a stream for each request, by the strict library `h2`
    (await peer.answer()).body            a response, once its stream has ended

A handshake for a WebSocket becomes an extended CONNECT (RFC 8441), and its acceptance a 101; what follows passes as it
is. Answers come in the order of their requests. A stream that is reset is the end of the connection to the test, as the
end of the connection is the end of a response that HTTP/1 cuts; what had come of its answer stands there, cut.
"""

from http import HTTPStatus
from typing import Any

import h2.config
import h2.connection
import h2.events

from tests.support.peer import Peer

__all__ = ["Http2Translator"]

#: Fields of HTTP/1 that have no place in HTTP/2 (RFC 9113 §8.2.2).
GOAWAY = 7
PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}
LEFT_OUT = {b"host", b"connection", b"upgrade", b"transfer-encoding", b"keep-alive", b"sec-websocket-key"}


class Stream:
    """Hold what came on one stream."""

    def __init__(self, method: bytes, is_websocket: bool) -> None:
        self.method = method
        self.is_websocket = is_websocket
        self.interim = b""
        self.head: list[tuple[bytes, bytes]] | None = None
        self.body = b""
        self.trailers: list[tuple[bytes, bytes]] = []
        self.has_ended = False
        self.is_cut = False

    def is_open_websocket(self) -> bool:
        """Tell whether what comes is the WebSocket's."""
        return self.is_websocket and self.head is not None and self.head[0][1] == b"200"

    def written(self) -> bytes:
        """Return the answer as HTTP/1 would have it, as far as it came."""
        if self.head is None:
            return self.interim
        (_, status), *fields = self.head
        names = {name for name, _ in fields}
        is_empty = self.method == b"HEAD" or status in (b"204", b"304")
        if self.is_cut or self.trailers:
            if self.trailers:
                fields = [field for field in fields if field[0] != b"content-length"]
            body = b"%x\r\n%b\r\n" % (len(self.body), self.body) if self.body else b""
            end = b"" if self.is_cut else b"0\r\n%b\r\n" % lines(self.trailers)
            framing = b"" if b"content-length" in {name for name, _ in fields} else b"transfer-encoding: chunked\r\n"
            head = self.interim + status_line(status) + lines(fields) + framing + b"\r\n"
            return head + (body + end if framing else self.body)
        length = b"" if is_empty or b"content-length" in names else b"content-length: %d\r\n" % len(self.body)
        return self.interim + status_line(status) + lines(fields) + length + b"\r\n" + self.body


def status_line(status: bytes) -> bytes:
    """Write the first line of an answer."""
    return b"HTTP/1.1 %b %b\r\n" % (status, PHRASES.get(int(status), b""))


def lines(fields: list[tuple[bytes, bytes]]) -> bytes:
    """Write fields."""
    return b"".join(b"%b: %b\r\n" % field for field in fields)


class Http2Translator(Peer):
    """Be a client of HTTP/2 to the server and one of HTTP/1 to a test."""

    def __init__(self) -> None:
        super().__init__()
        config = h2.config.H2Configuration(client_side=True, header_encoding=None)
        self.h2 = h2.connection.H2Connection(config)
        self.streams: dict[int, Stream] = {}
        #: Bytes of HTTP/1 that are no whole head yet.
        self.unread = b""
        #: The stream that a body goes to: its number, and bytes that are due, -1 for chunks, -2 for a WebSocket.
        self.current: tuple[int, int] | None = None
        self.shown = 0
        #: What came of a frame that is not whole.
        self.partial = b""
        #: Body that the server's windows do not let out yet.
        self.waiting: list[tuple[int, bytes, bool]] = []

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(2**24)
        self._flush()

    # what a test sends

    def send(self, data: bytes) -> None:
        self.unread += data
        while self.unread and self._take_some():
            pass
        self._flush()

    def _take_some(self) -> bool:
        if self.current is None:
            head, mark, rest = self.unread.partition(b"\r\n\r\n")
            if not mark:
                return False
            self.unread = rest
            self._ask(head)
            return True
        number, due = self.current
        if due == -1:
            return self._take_chunk(number)
        taken = self.unread if due == -2 else self.unread[:due]
        self.unread = self.unread[len(taken) :]
        left = due - len(taken) if due >= 0 else due
        self.current = (number, left) if left else None
        self._give(number, taken, left == 0)
        return bool(self.unread)

    def _take_chunk(self, number: int) -> bool:
        line, mark, rest = self.unread.partition(b"\r\n")
        size = int(line.partition(b";")[0], 16) if mark else 0
        if not mark or len(rest) < size + 2 or (not size and b"\r\n" not in rest):
            return False
        if size:
            self.unread = rest[size + 2 :]
            self._give(number, rest[:size], False)
            return True
        _, _, self.unread = (b"\r\n" + rest).partition(b"\r\n\r\n")
        self.current = None
        self._give(number, b"", True)
        return True

    def _ask(self, head: bytes) -> None:
        first, *rest = head.split(b"\r\n")
        method, target, _ = first.split(b" ")
        pairs = [line.split(b":", 1) for line in rest]
        fields = [(name.lower(), value.strip()) for name, value in pairs]
        known = dict(fields)
        is_websocket = known.get(b"upgrade") == b"websocket"
        pseudo = [
            (b":method", b"CONNECT" if is_websocket else method),
            (b":scheme", b"http"),
            (b":path", target),
            (b":authority", known[b"host"]),
            *([(b":protocol", b"websocket")] if is_websocket else []),
        ]
        number = self.h2.get_next_available_stream_id()
        self.streams[number] = Stream(method, is_websocket)
        due = -1 if b"transfer-encoding" in known else int(known.get(b"content-length", b"0"))
        due = -2 if is_websocket else due
        kept = [field for field in fields if field[0] not in LEFT_OUT]
        self.h2.send_headers(number, [*pseudo, *kept], end_stream=due == 0)
        self.current = (number, due) if due else None

    def _give(self, number: int, data: bytes, ends: bool) -> None:
        self.waiting.append((number, data, ends))

    def _flush(self) -> None:
        held = []
        for number, data, ends in self.waiting:
            if number not in self.h2.streams or self.h2.streams[number].closed:
                continue
            if any(other == number for other, _, _ in held):
                held.append((number, data, ends))
                continue
            room = self.h2.local_flow_control_window(number)
            size = self.h2.max_outbound_frame_size
            while data and room:
                piece = data[: min(room, size)]
                data = data[len(piece) :]
                room -= len(piece)
                self.h2.send_data(number, piece, end_stream=ends and not data)
            if data:
                held.append((number, data, ends))
            elif ends and not self.h2.streams[number].state_machine.stream_closed_by:
                self._end(number)
        self.waiting = held
        said = self.h2.data_to_send()
        if said and not self.transport.is_closing():
            self.transport.write(said)

    def _end(self, number: int) -> None:
        state = self.h2.streams[number].state_machine.state.name
        if state in ("OPEN", "HALF_CLOSED_REMOTE"):
            self.h2.end_stream(number)

    # what comes back

    def data_received(self, data: bytes) -> None:
        self.reads += 1
        for event in self.h2.receive_data(self._without_farewell(data)):
            self._take(event)
        self._flush()
        self._show()
        self.changed.set()

    def _without_farewell(self, data: bytes) -> bytes:
        """Return whole frames, but no GOAWAY, behind which `h2` takes nothing any more; none may tell of an error."""
        self.partial += data
        kept = b""
        while len(self.partial) >= 9:
            size = 9 + int.from_bytes(self.partial[:3], "big")
            frame = self.partial[:size]
            if len(frame) < size:
                break
            self.partial = self.partial[size:]
            if frame[3] == GOAWAY:
                assert frame[13:17] == bytes(4), frame
            else:
                kept += frame
        return kept

    def _take(self, event: Any) -> None:
        stream = self.streams.get(getattr(event, "stream_id", 0) or 0)
        if stream is None:
            return
        if isinstance(event, h2.events.InformationalResponseReceived):
            (_, status), *fields = event.headers
            stream.interim += status_line(status) + lines(fields) + b"\r\n"
        elif isinstance(event, h2.events.ResponseReceived):
            stream.head = [(bytes(name), bytes(value)) for name, value in event.headers]
            if stream.is_open_websocket():
                self.received += status_line(b"101") + lines(stream.head[1:]) + b"\r\n"
            elif stream.is_websocket:
                self.current = None
        elif isinstance(event, h2.events.DataReceived):
            stream.body += event.data
            if stream.is_open_websocket():
                self.received += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = [(bytes(name), bytes(value)) for name, value in event.headers]
        elif isinstance(event, h2.events.StreamEnded):
            stream.has_ended = True
            self.has_ended = self.has_ended or stream.is_open_websocket()
        elif isinstance(event, h2.events.StreamReset) and not stream.has_ended:
            stream.is_cut = True
            self.has_ended = True

    def _show(self) -> None:
        """Show whole answers in the order of their requests, and what has come of one that is cut."""
        for number in sorted(self.streams):
            stream = self.streams[number]
            if number <= self.shown:
                continue
            if stream.is_open_websocket():
                self.shown = number
            elif stream.has_ended or stream.is_cut:
                self.received += stream.written()
                self.shown = max(self.streams) if stream.is_cut else number
            else:
                self.received += stream.interim
                stream.interim = b""
                return
