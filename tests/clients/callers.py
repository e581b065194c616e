"""The HTTP clients of Python, each behind the same call, so that each plays the same scenes.

A caller keeps its connections as its users do. `body` is sent with its length when it is bytes, in chunks when
it is an iterator.
"""

import asyncio
import http.client
import io
import socket
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar, Self

import aiohttp
import h11
import httpx
import requests

__all__ = ["CALLERS", "Answer", "Caller", "H11Caller"]

DEADLINE_SECONDS = 60.0
READ_BYTES = 64 * 1024
Body = bytes | Iterator[bytes]


@dataclass(frozen=True)
class Answer:
    """Hold a whole response; names of fields are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Caller:
    """Call one server."""

    #: What the client raises when a response ends early.
    cut: ClassVar[tuple[type[Exception], ...]]
    #: A client of one request for a connection.
    keeps_connection = True
    sends_chunks = True
    #: http.client, and what stands on it, takes every interim answer but 100 for the final one.
    knows_interim_answers = True
    http_version = "1.1"

    def __init__(self, port: int) -> None:
        self.port = port

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def call(self, method: str, path: str, body: Body = b"") -> Answer:
        """Send a request and return its response."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the connections."""

    def url(self, path: str) -> str:
        """Return the whole address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"


class HttpClientCaller(Caller):
    """http.client of the standard library."""

    cut = (http.client.IncompleteRead,)
    knows_interim_answers = False

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)

    def call(self, method: str, path: str, body: Body = b"") -> Answer:
        is_chunked = not isinstance(body, bytes)
        headers = {"Transfer-Encoding": "chunked"} if is_chunked else {}
        self.connection.request(method, path, body or None, headers, encode_chunked=is_chunked)
        response = self.connection.getresponse()
        return Answer(response.status, lowered(response.getheaders()), response.read())

    def close(self) -> None:
        self.connection.close()


class UrllibCaller(Caller):
    """urllib.request of the standard library, which asks for each connection to be closed."""

    cut = (http.client.IncompleteRead,)
    keeps_connection = False
    sends_chunks = False
    knows_interim_answers = False

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, method: str, path: str, body: Body = b"") -> Answer:
        assert isinstance(body, bytes)
        request = urllib.request.Request(self.url(path), body or None, method=method)
        try:
            with self.opener.open(request, timeout=DEADLINE_SECONDS) as response:
                return Answer(response.status, lowered(response.headers.items()), response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, lowered(error.headers.items()), error.read())


class RequestsCaller(Caller):
    """requests."""

    cut = (requests.RequestException,)
    knows_interim_answers = False

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.session = requests.Session()
        self.session.trust_env = False

    def call(self, method: str, path: str, body: Body = b"") -> Answer:
        response = self.session.request(method, self.url(path), data=body or None, timeout=DEADLINE_SECONDS)
        return Answer(response.status_code, lowered(response.headers.items()), response.content)

    def close(self) -> None:
        self.session.close()


class HttpxCaller(Caller):
    """httpx without an event loop."""

    cut = (httpx.RemoteProtocolError,)

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.client = httpx.Client(trust_env=False, timeout=DEADLINE_SECONDS)

    def call(self, method: str, path: str, body: Body = b"") -> Answer:
        response = self.client.request(method, self.url(path), content=body or None)
        return Answer(response.status_code, lowered(response.headers.items()), response.content)

    def close(self) -> None:
        self.client.close()


class Http2Caller(HttpxCaller):
    """httpx that speaks HTTP/2 alone, by prior knowledge."""

    http_version = "2"

    def __init__(self, port: int) -> None:
        Caller.__init__(self, port)
        self.client = httpx.Client(trust_env=False, timeout=DEADLINE_SECONDS, http1=False, http2=True)


class AsyncCaller(Caller):
    """Have an event loop of its own."""

    def __init__(self, port: int, connect: Callable[[], Any]) -> None:
        super().__init__(port)
        self.runner = asyncio.Runner()
        self.client = self.runner.run(entered(connect))

    def call(self, method: str, path: str, body: Body = b"") -> Answer:
        return self.runner.run(self.ask(method, path, body))

    def call_together(self, count: int, path: str) -> list[Answer]:
        """Send so many requests at once."""

        async def ask_all() -> list[Answer]:
            return await asyncio.gather(*(self.ask("GET", path, b"") for _ in range(count)))

        return self.runner.run(ask_all())

    async def ask(self, method: str, path: str, body: Body) -> Answer:
        """Send a request and return its response."""
        raise NotImplementedError

    def close(self) -> None:
        self.runner.run(self.client.__aexit__(None, None, None))
        self.runner.close()


class AsyncHttpxCaller(AsyncCaller):
    """httpx on asyncio."""

    cut = (httpx.RemoteProtocolError,)

    def __init__(self, port: int) -> None:
        limits = httpx.Limits(max_connections=20)
        super().__init__(port, lambda: httpx.AsyncClient(trust_env=False, timeout=DEADLINE_SECONDS, limits=limits))

    async def ask(self, method: str, path: str, body: Body) -> Answer:
        content = body if isinstance(body, bytes) else turned(body)
        response = await self.client.request(method, self.url(path), content=content or None)
        return Answer(response.status_code, lowered(response.headers.items()), response.content)


class AsyncHttp2Caller(AsyncHttpxCaller):
    """httpx on asyncio that speaks HTTP/2 alone: all that it sends at once shares a connection."""

    http_version = "2"

    def __init__(self, port: int) -> None:
        AsyncCaller.__init__(self, port, self.connect)

    def connect(self) -> httpx.AsyncClient:
        """Make the client."""
        return httpx.AsyncClient(trust_env=False, timeout=DEADLINE_SECONDS, http1=False, http2=True)


class AiohttpCaller(AsyncCaller):
    """aiohttp."""

    cut = (aiohttp.ClientPayloadError,)

    def __init__(self, port: int) -> None:
        timeout = aiohttp.ClientTimeout(total=DEADLINE_SECONDS)
        super().__init__(port, lambda: aiohttp.ClientSession(trust_env=False, timeout=timeout))

    async def ask(self, method: str, path: str, body: Body) -> Answer:
        # It warns of large bytes, and sends a file with its length too.
        data = io.BytesIO(body) if isinstance(body, bytes) else turned(body)
        async with self.client.request(method, self.url(path), data=data if body else None) as response:
            return Answer(response.status, lowered(response.headers.items()), await response.read())


class H11Caller(Caller):
    """h11, which is strict about what a server may send."""

    cut = (h11.RemoteProtocolError,)

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.sock = socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS)
        self.peer = h11.Connection(h11.CLIENT)
        #: The events of the last response.
        self.events: list[h11.Event] = []

    def call(self, method: str, path: str, body: Body = b"") -> Answer:
        pieces: Iterable[bytes] = [body] if isinstance(body, bytes) else body
        length = ("Content-Length", str(len(body))) if isinstance(body, bytes) else ("Transfer-Encoding", "chunked")
        self.ask(method, path, [length])
        for piece in pieces:
            self.send(h11.Data(data=piece))
        self.send(h11.EndOfMessage())
        return self.take_answer()

    def ask(self, method: str, path: str, headers: list[tuple[str, str]]) -> None:
        """Send the head of a request, on a new connection if the last one was closed."""
        if self.peer.our_state is h11.DONE and self.peer.their_state is h11.DONE:
            self.peer.start_next_cycle()
        elif self.peer.our_state is not h11.IDLE:
            self.sock.close()
            self.__init__(self.port)  # type: ignore[misc]
        self.send(h11.Request(method=method, target=path, headers=[("Host", "localhost"), *headers]))

    def send(self, event: h11.Event) -> None:
        """Send an event."""
        self.sock.sendall(self.peer.send(event) or b"")

    def take_answer(self) -> Answer:
        """Return the final response."""
        self.events = []
        while not isinstance(event := self.next_event(), h11.EndOfMessage):
            self.events.append(event)
        self.events.append(event)
        head = next(event for event in self.events if isinstance(event, h11.Response))
        body = b"".join(bytes(event.data) for event in self.events if isinstance(event, h11.Data))
        return Answer(head.status_code, lowered((n.decode(), v.decode()) for n, v in head.headers), body)

    def next_event(self) -> h11.Event:
        """Return the next event, reading what it needs."""
        while (event := self.peer.next_event()) is h11.NEED_DATA:
            self.peer.receive_data(self.sock.recv(READ_BYTES))
        assert isinstance(event, h11.Event)
        return event

    def close(self) -> None:
        self.sock.close()


CALLERS: list[type[Caller]] = [
    HttpClientCaller,
    UrllibCaller,
    RequestsCaller,
    HttpxCaller,
    Http2Caller,
    AsyncHttpxCaller,
    AsyncHttp2Caller,
    AiohttpCaller,
    H11Caller,
]


def lowered(headers: Any) -> dict[str, str]:
    """Return fields by name."""
    return {name.lower(): value for name, value in headers}


async def entered(connect: Callable[[], Any]) -> Any:
    """Make a client inside of its event loop, and enter it."""
    return await connect().__aenter__()


async def turned(body: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Return an iterator that asynchronous clients take."""
    for piece in body:
        yield piece
