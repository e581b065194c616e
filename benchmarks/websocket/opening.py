"""Open a WebSocket, and send and read on it at leisure.

Rules: blocking sockets whose waits the kernel bounds, since a timeout of Python's would cost a system call each.
"""

import base64
import hashlib
import socket
import struct

from .frames import FIN, PING, PONG, Frame, client_frame, read_frame

__all__ = ["Opened", "Refused", "open_websocket", "upgrade_request"]

ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = base64.b64encode(b"licorne-and-load")
OFFER = b"permessage-deflate; client_max_window_bits"

WAIT_SECONDS = 10
# Room for one message of 64 KiB, so that sending it never waits for the server.
BUFFER_BYTES = 256 * 1024


class Refused(ConnectionError):
    """Say why there is no WebSocket, or no more."""


class Opened:
    """Hold one open WebSocket: the socket, and what came behind the last frame that was read."""

    __slots__ = ("_rest", "extension", "socket")

    def __init__(self, connection: socket.socket, extension: bytes, rest: bytes) -> None:
        self.socket = connection
        self.extension = extension
        self._rest = rest

    def read(self) -> Frame:
        """Return the next frame; pings are answered and passed over."""
        while True:
            while not (frame := read_frame(self._rest)):
                self._rest += _receive(self.socket)
            self._rest = self._rest[frame.end :]
            if frame.head != FIN | PING:
                return frame
            self.socket.sendall(client_frame(FIN | PONG, frame.payload))

    def close(self) -> None:
        """Leave without a word."""
        self.socket.close()


def open_websocket(port: int, path: str, *, is_deflated: bool = False, receive_buffer: int = BUFFER_BYTES) -> Opened:
    """Return a WebSocket after its handshake; raise Refused when the server does not want it as asked."""
    connection = _connect(port, receive_buffer)
    try:
        connection.sendall(upgrade_request(path, is_deflated=is_deflated))
        data = b""
        while b"\r\n\r\n" not in data:
            data += _receive(connection)
        head, _, rest = data.partition(b"\r\n\r\n")
        return Opened(connection, _read_answer(head, is_deflated), rest)
    except BaseException:
        connection.close()
        raise


def upgrade_request(path: str, *, is_deflated: bool = False) -> bytes:
    """Return the head of a handshake."""
    lines = [
        b"GET %b HTTP/1.1" % path.encode(),
        b"Host: localhost",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: " + KEY,
    ]
    if is_deflated:
        lines.append(b"Sec-WebSocket-Extensions: " + OFFER)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _connect(port: int, receive_buffer: int) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        connection.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", WAIT_SECONDS, 0))
    connection.connect(("127.0.0.1", port))
    return connection


def _read_answer(head: bytes, is_deflated: bool) -> bytes:
    """Return the extension that was agreed upon."""
    status, *lines = head.split(b"\r\n")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    if not status.startswith(b"HTTP/1.1 101 "):
        raise Refused(f"the handshake was answered {status.decode(errors='replace')}")
    if fields.get(b"sec-websocket-accept") != base64.b64encode(hashlib.sha1(KEY + ACCEPT_SUFFIX).digest()):
        raise Refused("the handshake was answered with a wrong Sec-WebSocket-Accept")
    extension = fields.get(b"sec-websocket-extensions", b"")
    if is_deflated != extension.startswith(b"permessage-deflate"):
        raise Refused(f"asked {'for' if is_deflated else 'without'} permessage-deflate, it agreed to {extension!r}")
    return extension


def _receive(connection: socket.socket) -> bytes:
    try:
        data = connection.recv(BUFFER_BYTES)
    except BlockingIOError:
        raise Refused(f"nothing came for {WAIT_SECONDS} s") from None
    if not data:
        raise Refused("the server closed the connection")
    return data
