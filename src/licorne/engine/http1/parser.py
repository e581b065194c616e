"""The contract of an HTTP/1 parser, and its counterpart, the sink of what it finds.

A parser turns bytes into calls: `on_head` once a request, then `on_body` as often as bytes arrive, then
`on_end`. It never calls its owner: the sink is handed in with each feed. Between two requests it looks at
`sink.is_full`; while that is true it keeps what is left, and `feed(b"", sink)` goes on.

A parser raises RemoteProtocolError for a peer's fault and is of no use afterwards.
"""

from licorne.engine.limits import Limits

__all__ = ["PARSERS", "Parser", "RequestSink", "new_parser"]

#: The names that `new_parser` knows.
PARSERS = ("native", "httptools", "h11")


class RequestSink:
    """Receive the facts of requests."""

    __slots__ = ("is_full",)

    #: The parser must not begin another request yet.
    is_full: bool

    def on_head(self, method: bytes, target: bytes, minor: int, fields: list[tuple[bytes, bytes]]) -> int:
        """Take a head; return the length of its body in bytes, or CHUNKED.

        Raises:
            RemoteProtocolError: The head breaks a rule.
        """
        raise NotImplementedError

    def on_body(self, data: bytes) -> None:
        """Take body bytes.

        Raises:
            RemoteProtocolError: There are too many.
        """
        raise NotImplementedError

    def on_end(self) -> None:
        """Take the end of a request."""
        raise NotImplementedError


class Parser:
    """Turn the bytes of one connection into facts about its requests."""

    __slots__ = ()

    def feed(self, data: bytes, sink: RequestSink) -> None:
        """Take bytes and tell `sink` what they are.

        Raises:
            RemoteProtocolError: The peer broke a rule; `status` and `reason` are the answer.
        """
        raise NotImplementedError

    def pending_bytes(self) -> int:
        """Return how many bytes were taken and not yet told."""
        raise NotImplementedError

    def take_rest(self) -> bytes:
        """Hand over what was taken and not yet told, between two requests: it is no further request."""
        raise NotImplementedError

    def is_between_requests(self) -> bool:
        """Tell whether no byte of a further request has been seen."""
        raise NotImplementedError


def new_parser(name: str, limits: Limits, max_event_bytes: int = 0) -> Parser:
    """Make the parser of that name. `max_event_bytes` is h11's own bound on a head, 0 for its default.

    Raises:
        ImportError: The library behind it is not installed.
        ValueError: There is no such parser.
    """
    if name == "httptools":
        from licorne.engine.http1.httptools import HttptoolsParser

        return HttptoolsParser(limits)
    if name == "h11":
        from licorne.engine.http1.h11 import H11Parser

        return H11Parser(limits, max_event_bytes)
    if name != "native":
        raise ValueError(f"there is no parser {name!r}")
    from licorne.engine.http1.native import NativeParser

    return NativeParser(limits)
