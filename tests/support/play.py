r"""The playbook: an engine test written as the conversation that it is.

    play(connection)
        >> b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        >> answer(200, b"hello")
        << b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
        << Closing.OPEN

`>>` makes something happen: bytes arrive from the client, or a step such as `answer`, `wait` or `end_of_stream`
runs. `<<` says what is then to be seen: the bytes sent since the last `<<`, whole (`NOTHING` for none), or how the
connection stands. The engine is pumped after each step, as a driver does; time moves by `wait` alone.

Rules: no mocks, no clock, no sleep; a step is a function of the playbook, so a test may write its own.
"""

from collections.abc import Callable, Iterable

from licorne.engine.connection import Closing, Connection
from licorne.engine.exchange import Exchange

__all__ = [
    "NOTHING",
    "Playbook",
    "abort",
    "answer",
    "end_of_stream",
    "inform",
    "lose",
    "play",
    "read",
    "retire",
    "shutdown",
    "start",
    "trail",
    "wait",
    "write",
]

NOTHING = b""
Fields = Iterable[tuple[bytes, bytes]]


class Playbook:
    """Hold a connection, the time, the exchange that runs and what the client was sent."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.now = 0.0
        #: Every exchange that the engine has handed over, in order.
        self.exchanges: list[Exchange] = []
        self.out = b""
        connection.start(self.now)

    @property
    def exchange(self) -> Exchange:
        """Return the exchange that was handed over last."""
        assert self.exchanges, "the application has seen no request"
        return self.exchanges[-1]

    def __rshift__(self, step: "bytes | Step") -> "Playbook":
        if isinstance(step, bytes):
            self.connection.receive_data(step, self.now)
        else:
            step(self)
        self.pump()
        return self

    def __lshift__(self, expected: bytes | Closing) -> "Playbook":
        if isinstance(expected, Closing):
            assert Closing(self.connection.closing) == expected
        else:
            sent, self.out = self.out, b""
            assert sent == expected
        return self

    def pump(self) -> None:
        """Take what the engine has to give, as a driver does after every event."""
        if self.connection.successor is not None:
            self.connection = self.connection.successor
        while (exchange := self.connection.next_exchange(self.now)) is not None:
            self.exchanges.append(exchange)
        self.out += b"".join(self.connection.data_to_send())


Step = Callable[[Playbook], object]


def play(connection: Connection) -> Playbook:
    """Begin a conversation on a new connection, at time 0."""
    return Playbook(connection)


def wait(seconds: float) -> Step:
    """Let time pass, stopping at each deadline on the way, as the sweep does."""

    def step(book: Playbook) -> None:
        until = book.now + seconds
        while book.connection.deadline <= until:
            book.now = max(book.now, book.connection.deadline)
            before = book.connection.deadline
            book.connection.expire(book.now)
            book.pump()
            assert book.connection.deadline != before, "a deadline that has passed must move"
        book.now = until

    return step


def read(expected: bytes) -> Step:
    """Let the application read, as `receive()` does: ask for 100 if it is due, then take what is there."""

    def step(book: Playbook) -> None:
        book.exchange.send_continue()
        assert book.exchange.take_body() == expected

    return step


def start(status: int, fields: Fields = (), trailers: bool = False) -> Step:
    """Let the application begin its response."""
    return lambda book: book.exchange.start_response(status, fields, trailers)


def write(data: bytes, end: bool = False) -> Step:
    """Let the application send body bytes."""
    return lambda book: book.exchange.write(data, end)


def answer(status: int, data: bytes = b"", fields: Fields = ()) -> Step:
    """Let the application send a whole response."""

    def step(book: Playbook) -> None:
        exchange = book.exchange
        exchange.start_response(status, fields)
        exchange.write(data, True)

    return step


def inform(status: int, fields: Fields = ()) -> Step:
    """Let the application send an interim response."""
    return lambda book: book.exchange.send_informational(status, fields)


def trail(fields: Fields) -> Step:
    """Let the application send trailers."""
    return lambda book: book.exchange.write_trailers(fields)


def abort(book: Playbook) -> None:
    """Let the application fail in the middle."""
    book.exchange.abort()


def end_of_stream(book: Playbook) -> None:
    """Close the client's side."""
    book.connection.receive_eof(book.now)


def lose(book: Playbook) -> None:
    """Lose the transport."""
    book.connection.lost()


def retire(book: Playbook) -> None:
    """Ask the connection to make its next answer the last."""
    book.connection.retire()


def shutdown(book: Playbook) -> None:
    """Ask the connection to end gracefully."""
    book.connection.shutdown(book.now)
