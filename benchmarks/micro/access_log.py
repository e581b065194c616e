"""Measure what one access line costs, in nanoseconds, for whichever build is on the path.

    python benchmarks/micro/access_log.py                       the installed build
    PYTHONPATH=src python benchmarks/micro/access_log.py        the pure build
    PYTHONPATH=build/3.13 python benchmarks/micro/access_log.py the compiled build

Lines go to the null device by the short way, in batches as the server writes them; `ordinary` is the way through
`logging`, which a filter forces. Each figure is the best of several rounds.
"""

import logging
import os
import sys
import time

from licorne.logs import access, setup

LINES = 50_000
ROUNDS = 7


class Head:
    """Be the head of a request."""

    __slots__ = ("headers", "http_version", "method", "target")

    def __init__(self, number: int) -> None:
        self.method = "GET"
        self.target = b"/items/%d?page=%d" % (number, number % 7)
        self.http_version = "1.1"
        self.headers = [(b"host", b"example.org"), (b"user-agent", b"Mozilla/5.0"), (b"accept", b"*/*")]


class Exchange:
    """Be the facts of one exchange."""

    __slots__ = (
        "bytes_sent",
        "head",
        "headers",
        "http_version",
        "is_aborted",
        "method",
        "response_headers",
        "status",
        "target",
    )

    def __init__(self, number: int) -> None:
        self.head = Head(number)
        for name in Head.__slots__:
            setattr(self, name, getattr(self.head, name))
        self.response_headers = [(b"content-type", b"application/json"), (b"content-length", b"13")]
        self.status = 200
        self.bytes_sent = 13
        self.is_aborted = False


class Link:
    """Be the connection of an exchange."""

    __slots__ = ("account", "client", "is_secure")

    def __init__(self, number: int) -> None:
        self.account = None
        self.client = ("127.0.0.1", 40_000 + number)
        self.is_secure = False


def nanoseconds_per_line(log: access.AccessLog, lines: int) -> float:
    """Return the best time for one line."""
    work = [(Exchange(number), Link(number % 64)) for number in range(lines)]
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for exchange, link in work:
            log.log(exchange, link, 0.0, 0.001)
        log.flush()
        best = min(best, time.perf_counter() - begun)
    return best / lines * 1e9


def never(delay: float, callback: object) -> None:
    """Be a timer that does not fire within a round."""


def main() -> None:
    """Print one figure for each format and way."""
    report = sys.stderr
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    setup.configure(use_colors=False)
    build = "pure" if access.__file__.endswith(".py") else "compiled"
    print(f"access log, {build}, Python {sys.version.split()[0]}", file=report)
    for template in (None, "common", "json"):
        log = access.AccessLog(template, never)
        print(f"{template or 'default':10} {nanoseconds_per_line(log, LINES):8.0f} ns/line", file=report)
        log.close()
    logging.getLogger("licorne.access").addFilter(lambda record: True)
    log = access.AccessLog(None, never)
    print(f"{'ordinary':10} {nanoseconds_per_line(log, LINES // 20):8.0f} ns/line", file=report)
    log.close()


if __name__ == "__main__":
    main()
