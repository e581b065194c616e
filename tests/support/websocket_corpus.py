r"""The WebSocket corpus as Python objects; `tests/corpus/README.md` explains the notation to people.

The form is that of `tests/support/corpus.py`, with another kind of fence beside the bytes: `frames`, in which each
line is a frame of the client by its first byte and its payload. The same rule: what is not understood is an error.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from tests.support.corpus import CORPUS, CorpusError, Pairs, fence, fill, read_cases, read_options, unescape, visible
from tests.support.frames import MASK, masked

__all__ = ["HEAD", "SocketCase", "load_sockets"]

#: The handshake of cases that are not about handshakes.
HEAD = (
    b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)

OUTCOMES = ("open", "waits", "ends", "refused", "plain")
NUMBERS = ("max_size", "max_fragments", "max_queue", "high_water_bytes")

_FRAME = re.compile(r"((?:[a-z]+(?:=[0-9a-f]+)? )*)([0-9a-f]{2})(?: (.+))?")


@dataclass(frozen=True, slots=True)
class SocketCase:
    """Hold one case: what the client sends and what then is true."""

    file: str
    title: str
    line: int
    #: The bytes of the handshake, if the case is about them.
    head: bytes = b""
    #: What stands behind the handshake.
    frames: bytes = b""
    options: dict[str, int] = field(default_factory=dict)
    offer: bytes = b""
    codecs: tuple[str, ...] = ("native", "websockets", "wsproto")
    is_eof_sent: bool = False
    subprotocols: tuple[str, ...] | None = None
    origin: bytes | None = None
    fields: Pairs = ()
    absent: tuple[bytes, ...] = ()
    messages: tuple[str | bytes, ...] = ()
    pongs: tuple[bytes, ...] = ()
    outcome: str = ""
    #: The close code, or the status of a refusal.
    code: int = 0
    reason: str | None = None

    @property
    def name(self) -> str:
        """Return the name that pytest shows."""
        return f"{self.file}: {self.title}"

    @property
    def request(self) -> bytes:
        """Return the handshake as it is sent."""
        if self.head:
            return self.head
        offer = b"Sec-WebSocket-Extensions: " + self.offer + b"\r\n" if self.offer else b""
        return HEAD + offer + b"\r\n"


@cache
def load_sockets() -> tuple[SocketCase, ...]:
    """Return every case of the WebSocket corpus, files in order of name."""
    return tuple(case for path in sorted((CORPUS / "websocket").glob("*.md")) for case in read_cases(path, _read_case))


def _read_case(file: str, lines: list[str], number: int) -> Iterator[SocketCase]:
    case = SocketCase(file=file, title=lines[0][3:].strip(), line=number)
    case, hole, values = read_options(case, lines, _with_option)
    head, frames, facts = (fence(lines, mark) for mark in ("bytes", "frames", "facts"))
    if not facts or not (head or frames):
        raise CorpusError("needs a fence marked facts and one marked bytes or frames")
    if hole and not any(hole in line for line in [*head, *frames]):
        raise CorpusError(f"no hole {hole} in what is sent")
    for value in values:
        filled = replace(case, title=f"{case.title} [{value}]") if hole else case
        filled = replace(filled, head=b"".join(_line_bytes(fill(line, hole, value)) for line in head))
        filled = replace(filled, frames=b"".join(_frame_bytes(fill(line, hole, value)) for line in frames))
        yield _with_facts(filled, [fill(line, hole, value) for line in facts])


def _line_bytes(line: str) -> bytes:
    return unescape(visible(line)) + b"\r\n"


def _frame_bytes(line: str) -> bytes:
    if line.startswith("raw "):
        return unescape(line[4:])
    match = _FRAME.fullmatch(line)
    if match is None:
        raise CorpusError(f"is no frame: {line!r}")
    mask: bytes | None = MASK
    form, size = 0, None
    for word in match[1].split():
        name, _, value = word.partition("=")
        if word == "bare":
            mask = None
        elif name == "mask":
            mask = bytes.fromhex(value)
        elif name == "form":
            form = int(value)
        elif name == "size":
            size = int(value)
        else:
            raise CorpusError(f"unknown word before a frame: {word!r}")
    return masked(int(match[2], 16), unescape(match[3] or ""), mask, form, size)


def _with_option(case: SocketCase, name: str, value: str) -> SocketCase:
    if name == "options":
        pairs = dict(item.split("=") for item in value.split())
        if set(pairs) - set(NUMBERS):
            raise CorpusError(f"unknown options: {value}")
        return replace(case, options={option: int(number) for option, number in pairs.items()})
    if name == "offer":
        return replace(case, offer=unescape(value))
    if name == "codecs":
        return replace(case, codecs=tuple(value.split()))
    if name == "then" and value == "end of stream":
        return replace(case, is_eof_sent=True)
    raise CorpusError(f"unknown option: {name}: {value}")


def _with_facts(case: SocketCase, lines: list[str]) -> SocketCase:
    for line in lines[:-1]:
        case = _with_fact(case, line)
    word, _, rest = lines[-1].partition(" ")
    if word not in OUTCOMES or (word in ("ends", "refused")) != rest[:1].isdigit():
        raise CorpusError(f"the last fact must be an outcome: {lines[-1]!r}")
    code, mark, reason = rest.partition(" ")
    text = unescape(reason).decode() if mark else None
    return replace(case, outcome=word, code=int(code) if code else 0, reason=text)


def _with_fact(case: SocketCase, line: str) -> SocketCase:
    word, _, rest = line.partition(" ")
    if word == "text":
        return replace(case, messages=(*case.messages, unescape(rest).decode()))
    if word == "binary":
        return replace(case, messages=(*case.messages, unescape(rest)))
    if word == "pong":
        return replace(case, pongs=(*case.pongs, unescape(rest)))
    if word == "subprotocols":
        return replace(case, subprotocols=tuple(rest.split()))
    if word == "origin":
        return replace(case, origin=unescape(rest))
    if word == "field":
        name, mark, value = rest.partition(": ")
        if not mark:
            raise CorpusError(f"a field fact is `field name: value`: {line!r}")
        return replace(case, fields=(*case.fields, (unescape(name), unescape(value))))
    if word == "lacks":
        return replace(case, absent=(*case.absent, unescape(rest)))
    raise CorpusError(f"unknown fact: {line!r}")
