r"""The WebSocket corpus as Python objects; `tests/corpus/README.md` explains the notation to people.

The form is that of `tests/support/corpus.py`, with another kind of fence beside the bytes: `frames`, in which each
line is a frame of the client by its first byte and its payload. The same rule: what is not understood is an error.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from tests.support.corpus import CORPUS, CorpusError, unescape

__all__ = ["HEAD", "SocketCase", "load_sockets", "masked"]

#: The handshake of cases that are not about handshakes.
HEAD = (
    b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
#: The mask of RFC 6455 §5.7.
MASK = bytes.fromhex("37fa213d")

OUTCOMES = ("open", "waits", "ends", "refused", "plain")
NUMBERS = ("max_size", "max_fragments", "max_queue", "high_water_bytes")

_OPTION = re.compile(r"- ([a-z]+)(?: ([A-Z]+))?: (.+)")
_FRAME = re.compile(r"((?:[a-z]+(?:=[0-9a-f]+)? )*)([0-9a-f]{2})(?: (.+))?")
Pairs = tuple[tuple[bytes, bytes], ...]


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


def masked(head: int, payload: bytes, mask: bytes | None = MASK, form: int = 0, size: int | None = None) -> bytes:
    """Write a client's frame; `form` is 2 or 8 for a length of so many bytes, `size` a length that is announced."""
    count = len(payload) if size is None else size
    form = form or (0 if count < 126 else 2 if count < 65536 else 8)
    code = {0: count, 2: 126, 8: 127}[form]
    start = bytes([head, code | (0 if mask is None else 128)]) + (count.to_bytes(form, "big") if form else b"")
    if mask is None:
        return start + payload
    return start + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


@cache
def load_sockets() -> tuple[SocketCase, ...]:
    """Return every case of the WebSocket corpus, files in order of name."""
    return tuple(case for path in sorted((CORPUS / "websocket").glob("*.md")) for case in _read_file(path))


def _read_file(path: Path) -> list[SocketCase]:
    cases: list[SocketCase] = []
    lines = path.read_text("utf-8").splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("## ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        try:
            cases += _read_case(path.stem, lines[start:end], start + 1)
        except (CorpusError, KeyError, ValueError) as error:
            raise CorpusError(f"{path.name}:{start + 1}: {error}") from error
    titles = [case.title for case in cases]
    if doubled := {title for title in titles if titles.count(title) > 1}:
        raise CorpusError(f"{path.name}: titles must be unique: {doubled}")
    return cases


def _read_case(file: str, lines: list[str], number: int) -> Iterator[SocketCase]:
    case = SocketCase(file=file, title=lines[0][3:].strip(), line=number)
    hole, values = "", [""]
    for line in lines[1:]:
        if line.startswith("```"):
            break
        if match := _OPTION.fullmatch(line):
            name, argument, value = match.groups()
            if name == "with":
                hole, values = f"\\({argument})", value.split(" ")
            else:
                case = _with_option(case, name, value)
        elif line.startswith("- "):
            raise CorpusError(f"is neither an option nor prose: {line!r}")
    head, frames, facts = (_fence(lines, mark) for mark in ("bytes", "frames", "facts"))
    if not facts or not (head or frames):
        raise CorpusError("needs a fence marked facts and one marked bytes or frames")
    if hole and not any(hole in line for line in [*head, *frames]):
        raise CorpusError(f"no hole {hole} in what is sent")
    for value in values:
        filled = replace(case, title=f"{case.title} [{value}]") if hole else case
        filled = replace(filled, head=b"".join(_line_bytes(_fill(line, hole, value)) for line in head))
        filled = replace(filled, frames=b"".join(_frame_bytes(_fill(line, hole, value)) for line in frames))
        yield _with_facts(filled, [_fill(line, hole, value) for line in facts])


def _fill(line: str, hole: str, value: str) -> str:
    return line.replace(hole, value) if hole else line


def _fence(lines: list[str], mark: str) -> list[str]:
    if lines.count(f"```{mark}") > 1:
        raise CorpusError(f"has more than one fence marked {mark}")
    if f"```{mark}" not in lines:
        return []
    start = lines.index(f"```{mark}") + 1
    return lines[start : lines.index("```", start)]


def _line_bytes(line: str) -> bytes:
    if line != line.rstrip():
        raise CorpusError(f"invisible space at the end of a line, write \\x20: {line!r}")
    return unescape(line) + b"\r\n"


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
