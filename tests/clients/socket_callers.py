"""The WebSocket clients of Python, each behind the same calls, so that each plays the same scenes.

A caller is one side of one WebSocket and connects when it is made. What a client cannot do, it says.
"""

import asyncio
import socket
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar, Self

import aiohttp
import picows
import websockets.asyncio.client
import websockets.exceptions
import websockets.sync.client
import wsproto
from wsproto import events
from wsproto.extensions import PerMessageDeflate
from wsproto.utilities import LocalProtocolError

from tests.clients.callers import lowered

__all__ = ["SOCKET_CALLERS", "Closed", "Refused", "SocketCaller", "WsprotoCaller"]

DEADLINE_SECONDS = 60.0
READ_BYTES = 64 * 1024
Message = str | bytes


class Refused(Exception):
    """The handshake was answered with something else than 101."""

    def __init__(self, status: int, headers: Any, body: bytes | None) -> None:
        super().__init__(status)
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}
        #: None from a client that does not tell.
        self.body = body


class Closed(Exception):
    """The server has closed, with this code and reason; 1006 if there was no close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class SocketCaller:
    """Be connected to one URL."""

    can_compress: ClassVar[bool] = True
    can_fragment: ClassVar[bool] = True
    #: The fields of the server's answer, by their names in lower case.
    fields: dict[str, str]

    def __init__(self, url: str, subprotocols: Sequence[str] = (), *, compresses: bool = True) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def send(self, message: Message) -> None:
        """Send a whole message."""
        raise NotImplementedError

    def send_pieces(self, pieces: Sequence[Message]) -> None:
        """Send a message of several frames."""
        raise NotImplementedError

    def receive(self) -> Message:
        """Return the next message. Raises Closed."""
        raise NotImplementedError

    def ping(self, data: bytes) -> None:
        """Send a ping and wait for its pong."""
        raise NotImplementedError

    def close(self, code: int, reason: str) -> None:
        """Close with both close frames."""
        raise NotImplementedError

    def end(self) -> None:
        """Let go of the connection, if there still is one."""
        raise NotImplementedError


class WebsocketsCaller(SocketCaller):
    """websockets, with threads."""

    def __init__(self, url: str, subprotocols: Sequence[str] = (), *, compresses: bool = True) -> None:
        try:
            self.connection = websockets.sync.client.connect(
                url,
                subprotocols=list(subprotocols) or None,  # type: ignore[arg-type]
                compression="deflate" if compresses else None,
                max_size=None,
                proxy=None,
                open_timeout=DEADLINE_SECONDS,
            )
            self.peer = self.connection.__enter__()
        except websockets.exceptions.InvalidStatus as error:
            raise refused_of(error) from None
        assert self.peer.response is not None
        self.fields = lowered(self.peer.response.headers.raw_items())

    def send(self, message: Message) -> None:
        self.peer.send(message)

    def send_pieces(self, pieces: Sequence[Message]) -> None:
        self.peer.send(iter(pieces))

    def receive(self) -> Message:
        try:
            return self.peer.recv(DEADLINE_SECONDS)
        except websockets.exceptions.ConnectionClosed as error:
            raise closed_of(error) from None

    def ping(self, data: bytes) -> None:
        pong: threading.Event = self.peer.ping(data)
        assert pong.wait(DEADLINE_SECONDS)

    def close(self, code: int, reason: str) -> None:
        self.peer.close(code, reason)

    def end(self) -> None:
        self.connection.__exit__(None, None, None)


class AsyncSocketCaller(SocketCaller):
    """Have an event loop of its own."""

    def __init__(self, url: str, subprotocols: Sequence[str] = (), *, compresses: bool = True) -> None:
        self.runner = asyncio.Runner()
        try:
            self.run(self.connect(url, list(subprotocols), compresses))
        except BaseException:
            self.runner.close()
            raise

    def run(self, action: Coroutine[Any, Any, Any]) -> Any:
        """Run something to its end, within the deadline."""
        return self.runner.run(asyncio.wait_for(action, DEADLINE_SECONDS))

    async def connect(self, url: str, subprotocols: list[str], compresses: bool) -> None:
        """Open the connection."""
        raise NotImplementedError

    async def disconnect(self) -> None:
        """Let go of it."""
        raise NotImplementedError

    def end(self) -> None:
        self.run(self.disconnect())
        self.runner.close()


class AsyncWebsocketsCaller(AsyncSocketCaller):
    """websockets, on asyncio."""

    async def connect(self, url: str, subprotocols: list[str], compresses: bool) -> None:
        try:
            self.peer = await websockets.asyncio.client.connect(
                url,
                subprotocols=subprotocols or None,  # type: ignore[arg-type]
                compression="deflate" if compresses else None,
                max_size=None,
                proxy=None,
                open_timeout=DEADLINE_SECONDS,
            )
        except websockets.exceptions.InvalidStatus as error:
            raise refused_of(error) from None
        assert self.peer.response is not None
        self.fields = lowered(self.peer.response.headers.raw_items())

    def send(self, message: Message) -> None:
        self.run(self.peer.send(message))

    def send_pieces(self, pieces: Sequence[Message]) -> None:
        self.run(self.peer.send(iter(pieces)))

    def receive(self) -> Message:
        try:
            message: Message = self.run(self.peer.recv())
        except websockets.exceptions.ConnectionClosed as error:
            raise closed_of(error) from None
        return message

    def ping(self, data: bytes) -> None:
        async def ask() -> None:
            await (await self.peer.ping(data))

        self.run(ask())

    def close(self, code: int, reason: str) -> None:
        self.run(self.peer.close(code, reason))

    async def disconnect(self) -> None:
        await self.peer.close()


class AiohttpSocketCaller(AsyncSocketCaller):
    """aiohttp, which tells neither the body of a refusal nor sends fragments."""

    can_fragment = False

    async def connect(self, url: str, subprotocols: list[str], compresses: bool) -> None:
        self.session = aiohttp.ClientSession(trust_env=False)
        try:
            self.peer = await self.session.ws_connect(
                url, protocols=subprotocols, compress=15 if compresses else 0, max_msg_size=0, autoping=False
            )
        except aiohttp.WSServerHandshakeError as error:
            await self.session.close()
            raise Refused(error.status, (error.headers or {}).items(), None) from None
        self.fields = lowered(self.peer._response.headers.items())

    def send(self, message: Message) -> None:
        self.run(self.peer.send_str(message) if isinstance(message, str) else self.peer.send_bytes(message))

    def receive(self) -> Message:
        return self.run(self.next_message())

    async def next_message(self) -> Message:
        """Return the next message, answering pings."""
        while (message := await self.peer.receive()).type is aiohttp.WSMsgType.PING:
            await self.peer.pong(message.data)
        if message.type is aiohttp.WSMsgType.CLOSE:
            raise Closed(message.data, message.extra or "")
        if message.type is aiohttp.WSMsgType.CLOSED:
            raise Closed(1006, "")
        return message.data

    def ping(self, data: bytes) -> None:
        self.run(self.peer.ping(data))
        message = self.run(self.peer.receive())
        assert (message.type, message.data) == (aiohttp.WSMsgType.PONG, data)

    def close(self, code: int, reason: str) -> None:
        assert self.run(self.peer.close(code=code, message=reason.encode()))

    async def disconnect(self) -> None:
        await self.peer.close()
        await self.session.close()


class PicowsCaller(AsyncSocketCaller):
    """picows, which is about frames: it knows no compression, and does not wait for the body of a refusal."""

    can_compress = False

    async def connect(self, url: str, subprotocols: list[str], compresses: bool) -> None:
        self.frames: asyncio.Queue[tuple[picows.WSMsgType, bytes, bool]] = asyncio.Queue()
        fields = {"Sec-WebSocket-Protocol": ", ".join(subprotocols)} if subprotocols else {}
        try:
            self.peer, _ = await picows.ws_connect(
                lambda: FrameListener(self.frames), url, extra_headers=fields, max_frame_size=1 << 30
            )
        except picows.WSInvalidStatusError as error:
            raise Refused(error.response.status, error.response.headers.items(), None) from None
        assert self.peer.response
        self.fields = lowered(self.peer.response.headers.items())

    def send(self, message: Message) -> None:
        self.send_pieces([message])

    def send_pieces(self, pieces: Sequence[Message]) -> None:
        async def send_all() -> None:
            kind = picows.WSMsgType.TEXT if isinstance(pieces[0], str) else picows.WSMsgType.BINARY
            for number, piece in enumerate(pieces, 1):
                data = piece.encode() if isinstance(piece, str) else piece
                self.peer.send(kind, data, fin=number == len(pieces))
                kind = picows.WSMsgType.CONTINUATION

        self.run(send_all())

    def receive(self) -> Message:
        kind, data, is_last = self.run(self.frames.get())
        if kind == picows.WSMsgType.CLOSE:
            raise Closed(int.from_bytes(data[:2]) if data else 1006, data[2:].decode())
        is_text = kind == picows.WSMsgType.TEXT
        while not is_last:
            _, more, is_last = self.run(self.frames.get())
            data += more
        return data.decode() if is_text else data

    def ping(self, data: bytes) -> None:
        self.peer.send_ping(data)
        assert self.run(self.frames.get()) == (picows.WSMsgType.PONG, data, True)

    def close(self, code: int, reason: str) -> None:
        async def close_and_wait() -> None:
            self.peer.send_close(picows.WSCloseCode(code) if code < 3000 else code, reason.encode())
            await self.peer.wait_disconnected()

        self.run(close_and_wait())

    async def disconnect(self) -> None:
        self.peer.disconnect()
        await self.peer.wait_disconnected()


class FrameListener(picows.WSListener):
    """Queue the frames that picows tells of; a connection that ends without a close frame is one without data."""

    def __init__(self, frames: "asyncio.Queue[tuple[picows.WSMsgType, bytes, bool]]") -> None:
        super().__init__()
        self.frames = frames

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        self.frames.put_nowait((frame.msg_type, frame.get_payload_as_bytes(), frame.fin))
        if frame.msg_type == picows.WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self.frames.put_nowait((picows.WSMsgType.CLOSE, b"", True))


class WsprotoCaller(SocketCaller):
    """wsproto on a bare socket, which shows everything."""

    def __init__(self, url: str, subprotocols: Sequence[str] = (), *, compresses: bool = True) -> None:
        host, _, path = url.removeprefix("ws://").partition("/")
        name, _, port = host.partition(":")
        self.sock = socket.create_connection((name, int(port)), DEADLINE_SECONDS)
        self.peer = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        self.pending = self.peer.events()
        extensions = [PerMessageDeflate()] if compresses else []
        self.emit(
            events.Request(
                host=host,
                target=f"/{path}",
                subprotocols=list(subprotocols),
                extensions=extensions,  # type: ignore[arg-type]
            )
        )
        try:
            self.fields = self.take_acceptance()
        except Refused:
            self.sock.close()
            raise

    def take_acceptance(self) -> dict[str, str]:
        """Return the fields of the answer."""
        accepted = self.next_event()
        if isinstance(accepted, events.AcceptConnection):
            fields = lowered((name.decode(), value.decode()) for name, value in accepted.extra_headers)
            if accepted.subprotocol is not None:
                fields["sec-websocket-protocol"] = accepted.subprotocol
            if accepted.extensions:
                fields["sec-websocket-extensions"] = accepted.extensions[0].name
            return fields
        assert isinstance(accepted, events.RejectConnection)
        body = b""
        while accepted.has_body and not isinstance(piece := self.next_event(), events.CloseConnection):
            assert isinstance(piece, events.RejectData)
            body += piece.data
            if piece.body_finished:
                break
        raise Refused(accepted.status_code, [(n.decode(), v.decode()) for n, v in accepted.headers], body)

    def emit(self, event: events.Event) -> None:
        """Send an event."""
        self.sock.sendall(self.peer.send(event))

    def next_event(self) -> events.Event:
        """Return the next event, reading what it needs, and answering pings."""
        while True:
            for event in self.pending:
                if not isinstance(event, events.Ping):
                    return event
                self.emit(event.response())
            self.peer.receive_data(self.sock.recv(READ_BYTES) or None)
            self.pending = self.peer.events()

    def send(self, message: Message) -> None:
        self.send_pieces([message])

    def send_pieces(self, pieces: Sequence[Message]) -> None:
        for number, piece in enumerate(pieces, 1):
            kind = events.TextMessage if isinstance(piece, str) else events.BytesMessage
            self.emit(kind(data=piece, message_finished=number == len(pieces)))  # type: ignore[arg-type]

    def receive(self) -> Message:
        parts = []
        while isinstance(event := self.next_event(), events.Message):
            parts.append(event.data if isinstance(event.data, str) else bytes(event.data))
            if event.message_finished:
                return type(parts[0])().join(parts)
        assert isinstance(event, events.CloseConnection)
        if event.code != 1006:
            try:
                self.emit(event.response())
            except LocalProtocolError:
                pass  # we closed first
        raise Closed(event.code, event.reason or "")

    def ping(self, data: bytes) -> None:
        self.emit(events.Ping(payload=data))
        pong = self.next_event()
        assert isinstance(pong, events.Pong)
        assert pong.payload == data

    def close(self, code: int, reason: str) -> None:
        self.emit(events.CloseConnection(code=code, reason=reason))
        assert isinstance(event := self.next_event(), events.CloseConnection)
        assert event.code == code
        assert self.sock.recv(1) == b"", "RFC 6455 §7.1.1: the server closes the connection first"

    def end(self) -> None:
        self.sock.close()


SOCKET_CALLERS: list[type[SocketCaller]] = [
    WebsocketsCaller,
    AsyncWebsocketsCaller,
    WsprotoCaller,
    AiohttpSocketCaller,
    PicowsCaller,
]


def refused_of(error: websockets.exceptions.InvalidStatus) -> Refused:
    """Say it in our words."""
    return Refused(error.response.status_code, error.response.headers.raw_items(), error.response.body)


def closed_of(error: websockets.exceptions.ConnectionClosed) -> Closed:
    """Say it in our words."""
    return Closed(error.rcvd.code, error.rcvd.reason) if error.rcvd else Closed(1006, "")
