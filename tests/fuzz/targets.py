"""The targets: how the bytes of a fuzzer become a test of `invariants`, and the seeds that they start from.

The first three bytes of an input choose parser, limits, ending and cuts, so that the fuzzer can learn them too; the
rest is what the client sends.
"""

from collections.abc import Callable, Iterator

from licorne.engine.http1.parser import PARSERS
from licorne.engine.limits import Limits
from tests.fuzz.invariants import TIGHT, check_chunk_line, check_outcome, check_reading_ahead
from tests.support.corpus import load
from tests.support.http1 import new_factory

__all__ = ["TARGETS", "seeds"]

_LIMITS = (Limits(), TIGHT)
_FACTORIES = {(parser, limits): new_factory(parser, limits) for parser in PARSERS for limits in _LIMITS}
_CHUNKED_HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
_CHOICES = 3


def http1(data: bytes) -> None:
    """Take the input for what a client sends on a new connection."""
    if len(data) > _CHOICES:
        _play(data[:_CHOICES], data[_CHOICES:])


def chunked(data: bytes) -> None:
    """Take the input for a chunked body, and its first line for a chunk line."""
    if len(data) > _CHOICES:
        _play(data[:_CHOICES], _CHUNKED_HEAD + data[_CHOICES:])
        check_chunk_line(data[_CHOICES:].partition(b"\r\n")[0])


TARGETS: dict[str, Callable[[bytes], None]] = {"http1": http1, "chunked": chunked}


def seeds(target: str) -> Iterator[bytes]:
    """Yield inputs that a target should start from: the corpus, behind choices that vary."""
    for number, case in enumerate(load("http1")):
        choices = bytes((number % 12, number * 7 % 256, number * 31 % 256))
        if target == "http1":
            yield choices + case.data
        elif b"chunked\r\n\r\n" in case.data:
            yield choices + case.data.partition(b"chunked\r\n\r\n")[2]


def _play(choices: bytes, data: bytes) -> None:
    which, first, second = choices
    parser, limits, ends = PARSERS[which % 3], _LIMITS[which // 3 % 2], which // 6 % 2 == 1
    start, end = sorted((first * len(data) // 256, second * len(data) // 256))
    pieces = [piece for piece in (data[:start], data[start:end], data[end:]) if piece]
    new_connection = _FACTORIES[parser, limits]
    check_outcome(new_connection, limits, pieces, ends)
    check_reading_ahead(new_connection(), pieces, limits)
