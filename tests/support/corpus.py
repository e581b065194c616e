r"""The Markdown corpus as Python objects; `tests/corpus/README.md` explains the notation to people.

A file is prose with cases in it. A case is a level-two heading (its title, unique in the file), optional
`- name: value` lines, one fence marked `bytes` and one marked `facts`. Everything else is for the reader.

Rules: whatever the loader does not understand is an error that names file and line; a corpus that is
half read would be a corpus that half passes. Holes of `- with NAME: …` make one case for each value.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Protocol, TypeVar

__all__ = [
    "CORPUS",
    "AnswerFacts",
    "Case",
    "CorpusError",
    "Pairs",
    "RequestFacts",
    "fence",
    "fill",
    "load",
    "read_cases",
    "read_options",
    "unescape",
    "visible",
]

CORPUS = Path(__file__).resolve().parent.parent / "corpus"
OUTCOMES = ("open", "waits", "close", "error")
APPLICATIONS = ("reads", "early", "streams", "empty", "204", "304", "trailers")

_ESCAPE = re.compile(r"\\(?:([rnt\\])|x([0-9a-fA-F]{2})|\*([0-9]+)\{([^{}]*)\})")
_SIMPLE = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}
_OPTION = re.compile(r"- ([a-z]+)(?: ([A-Z]+))?: (.+)")
Pairs = tuple[tuple[bytes, bytes], ...]


class Titled(Protocol):
    """Be a case of any kind of corpus."""

    @property
    def title(self) -> str:
        """Return the heading."""


Kind = TypeVar("Kind", bound=Titled)


class CorpusError(ValueError):
    """Say which line of which corpus file cannot be understood."""


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """Hold what the application must see of one request."""

    method: str
    target: bytes
    version: str
    fields: Pairs = ()
    absent: tuple[bytes, ...] = ()
    count: int | None = None
    path: bytes | None = None
    query: bytes | None = None
    body: bytes = b""
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """Hold what the client must see of one answer."""

    status: int
    fields: Pairs = ()
    absent: tuple[bytes, ...] = ()
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Hold one case: what the client sends and what then is true."""

    file: str
    title: str
    line: int
    data: bytes = b""
    limits: dict[str, float] = field(default_factory=dict)
    application: str = "reads"
    is_eof_sent: bool = False
    requests: tuple[RequestFacts, ...] = ()
    answers: tuple[AnswerFacts, ...] = ()
    outcome: str = ""
    status: int = 0

    @property
    def name(self) -> str:
        """Return the name that pytest shows."""
        return f"{self.file}: {self.title}"


def unescape(text: str) -> bytes:
    """Return the bytes that one line of a fence stands for, without the CRLF after it."""
    out, position = [], 0
    for match in _ESCAPE.finditer(text):
        out.append(_plain(text[position : match.start()]))
        simple, code, times, inner = match.groups()
        if simple:
            out.append(_SIMPLE[simple])
        elif code:
            out.append(bytes([int(code, 16)]))
        else:
            out.append(unescape(inner) * int(times))
        position = match.end()
    out.append(_plain(text[position:]))
    return b"".join(out)


def load(group: str) -> list[Case]:
    """Return every case of one directory of the corpus, files in order of name."""
    return [case for path in sorted((CORPUS / group).glob("*.md")) for case in _read_file(path)]


def _plain(text: str) -> bytes:
    if "\\" in text or not text.isascii() or not text.isprintable():
        raise CorpusError(f"cannot be read as bytes: {text!r}")
    return text.encode("ascii")


def read_cases(path: Path, read: Callable[[str, list[str], int], Iterable[Kind]]) -> list[Kind]:
    """Return the cases of one file, each read by `read` from the file's name, its lines and the number of the first."""
    cases: list[Kind] = []
    lines = path.read_text("utf-8").splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("## ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        try:
            cases += read(path.stem, lines[start:end], start + 1)
        except (CorpusError, KeyError, ValueError) as error:
            raise CorpusError(f"{path.name}:{start + 1}: {error}") from error
    titles = [case.title for case in cases]
    if doubled := {title for title in titles if titles.count(title) > 1}:
        raise CorpusError(f"{path.name}: titles must be unique: {doubled}")
    return cases


def read_options(
    case: Kind, lines: list[str], with_option: Callable[[Kind, str, str], Kind]
) -> tuple[Kind, str, list[str]]:
    """Return the case with what its options say, and the hole that is to be filled, "" for none, with what."""
    hole, values = "", [""]
    for line in lines[1:]:
        if line.startswith("```"):
            break
        if match := _OPTION.fullmatch(line):
            name, argument, value = match.groups()
            if name == "with":
                hole, values = f"\\({argument})", value.split(" ")
            else:
                case = with_option(case, name, value)
        elif line.startswith("- "):
            raise CorpusError(f"is neither an option nor prose: {line!r}")
    return case, hole, values


def fill(line: str, hole: str, value: str) -> str:
    """Return a line with its holes filled."""
    return line.replace(hole, value) if hole else line


def fence(lines: list[str], mark: str) -> list[str]:
    """Return the lines of the fence so marked; none if there is no such fence."""
    if lines.count(f"```{mark}") > 1:
        raise CorpusError(f"has more than one fence marked {mark}")
    if f"```{mark}" not in lines:
        return []
    start = lines.index(f"```{mark}") + 1
    return lines[start : lines.index("```", start)]


def visible(line: str) -> str:
    """Return a line of bytes, if all of it can be seen."""
    if line != line.rstrip():
        raise CorpusError(f"invisible space at the end of a line, write \\x20: {line!r}")
    return line


@cache
def _read_file(path: Path) -> tuple[Case, ...]:
    return tuple(read_cases(path, _read_case))


def _read_case(file: str, lines: list[str], number: int) -> Iterator[Case]:
    case = Case(file=file, title=lines[0][3:].strip(), line=number)
    case, hole, values = read_options(case, lines, _with_option)
    sent, facts = _one_fence(lines, "bytes"), _one_fence(lines, "facts")
    if hole and not any(hole in line for line in sent):
        raise CorpusError(f"no hole {hole} in the bytes")
    for value in values:
        filled = replace(case, title=f"{case.title} [{value}]") if hole else case
        filled = replace(filled, data=_read_bytes([fill(line, hole, value) for line in sent]))
        yield _with_facts(filled, [fill(line, hole, value) for line in facts])


def _one_fence(lines: list[str], mark: str) -> list[str]:
    if lines.count(f"```{mark}") != 1:
        raise CorpusError(f"needs exactly one fence marked {mark}")
    return fence(lines, mark)


def _with_option(case: Case, name: str, value: str) -> Case:
    if name == "limits":
        pairs = (item.split("=") for item in value.split())
        return replace(case, limits={limit: float(number) if "." in number else int(number) for limit, number in pairs})
    if name == "application" and value in APPLICATIONS:
        return replace(case, application=value)
    if name == "then" and value == "end of stream":
        return replace(case, is_eof_sent=True)
    raise CorpusError(f"unknown option: {name}: {value}")


def _read_bytes(lines: list[str]) -> bytes:
    out = []
    for line in lines:
        is_joined = len(visible(line)) - len(line.rstrip("\\")) & 1
        out.append(unescape(line[:-1]) if is_joined else unescape(line) + b"\r\n")
    return b"".join(out)


def _with_facts(case: Case, lines: list[str]) -> Case:
    """Read a fence of facts: `request` and `answer` blocks, then one outcome."""
    requests: list[RequestFacts] = []
    answers: list[AnswerFacts] = []
    is_request = True
    for line in lines[:-1]:
        words = line.split()
        if words[0] == "request":
            is_request = True
            requests.append(RequestFacts(words[1], unescape(words[2]), words[3].removeprefix("HTTP/")))
        elif words[0] == "answer":
            is_request = False
            answers.append(AnswerFacts(int(words[1])))
        elif not line.startswith("  "):
            raise CorpusError(f"unknown fact: {line!r}")
        elif is_request:
            requests[-1] = _with_request_fact(requests[-1], line.strip())
        else:
            answers[-1] = _with_answer_fact(answers[-1], line.strip())
    outcome, _, status = lines[-1].partition(" ")
    if outcome not in OUTCOMES or (outcome == "error") != status.isdigit():
        raise CorpusError(f"the last fact must be an outcome: {lines[-1]!r}")
    return replace(
        case, requests=tuple(requests), answers=tuple(answers), outcome=outcome, status=int(status) if status else 0
    )


def _with_request_fact(facts: RequestFacts, line: str) -> RequestFacts:
    word, _, rest = line.partition(" ")
    if line == "cut":
        return replace(facts, is_complete=False)
    if word == "field":
        return replace(facts, fields=(*facts.fields, _read_field(rest)))
    if word == "lacks":
        return replace(facts, absent=(*facts.absent, unescape(rest)))
    if word == "fields":
        return replace(facts, count=int(rest))
    if word == "body":
        return replace(facts, body=unescape(rest))
    if word == "path":
        return replace(facts, path=unescape(rest))
    if word == "query":
        return replace(facts, query=unescape(rest))
    raise CorpusError(f"unknown fact of a request: {line!r}")


def _with_answer_fact(facts: AnswerFacts, line: str) -> AnswerFacts:
    word, _, rest = line.partition(" ")
    if word == "field":
        return replace(facts, fields=(*facts.fields, _read_field(rest)))
    if word == "lacks":
        return replace(facts, absent=(*facts.absent, unescape(rest)))
    if word == "body":
        return replace(facts, body=unescape(rest))
    raise CorpusError(f"unknown fact of an answer: {line!r}")


def _read_field(text: str) -> tuple[bytes, bytes]:
    name, _, value = text.partition(":")
    return unescape(name), unescape(value.removeprefix(" "))
