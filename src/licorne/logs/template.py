"""`access_log_format`: a preset, or a template in one of two notations.

    json, common, combined              presets
    {client} {method} {header:host}     licorne's atoms; `{{` and `}}` are braces
    %(h)s %(m)s %({host}i)s             the letters that gunicorn, Hypercorn and Apache use; `%%` is a per cent

A template is read once, when the server starts: an unknown atom is a ConfigError that names the nearest known
one. What is between the atoms is the administrator's own and goes out as it is.
"""

import difflib
import os
import re
from collections.abc import Callable, Iterator

from ..errors import ConfigError
from . import atoms
from .atoms import Atom, Entry
from .escape import escape, escape_json

__all__ = ["Template", "compile_template"]

OPTION = "access_log_format"

PRESETS = {
    "common": '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s',
    "combined": '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"',
}
JSON_FIELDS = (
    *("time", "client_host", "client_port", "method", "path", "query", "version"),
    *("status", "bytes", "duration_ms", "host", "user_agent", "referer", "request_id", "outcome"),
)

ABSENT = b"-"

Part = bytes | Callable[[Entry], bytes]

_BRACED = re.compile(r"(\{\{|\}\})|\{([^{}]*)\}|([{}])")
_PERCENT = re.compile(r"(%%)|%\((?:\{([^{}]+)\}([A-Za-z])|([A-Za-z]+))\)[sd]|(%)")


class Template:
    """Render one line for an entry, without its end."""

    __slots__ = ("needs_time", "parts")

    def __init__(self, parts: list[Part], needs_time: bool) -> None:
        self.parts = parts
        self.needs_time = needs_time

    def render(self, entry: Entry) -> bytes:
        """Return the line as bytes: ASCII but for what the administrator wrote between the atoms."""
        return b"".join([part if type(part) is bytes else part(entry) for part in self.parts])  # type: ignore[operator]


class _Draft:
    """Collect the parts of a template."""

    __slots__ = ("has_atoms", "needs_time", "parts", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.parts: list[Part] = []
        self.needs_time = False
        self.has_atoms = False

    def add_literal(self, text: str) -> None:
        if text:
            self.parts.append(text.encode("utf-8", "surrogateescape"))

    def add_atom(self, atom: Atom, convert: Callable[[Atom], Callable[[Entry], bytes]]) -> None:
        self.has_atoms = True
        self.needs_time = self.needs_time or atom in atoms.DURATIONS
        self.parts.append(convert(atom))

    def refuse(self, problem: str, hint: str = "") -> ConfigError:
        return ConfigError(problem, option=OPTION, value=self.source, hint=hint)

    def finish(self) -> Template:
        if not self.has_atoms:
            presets = ("json", *PRESETS)
            raise self.refuse(
                f"is neither a preset ({', '.join(presets)}) nor a template", _nearest(self.source, presets)
            )
        return Template(self.parts, self.needs_time)


def compile_template(source: str) -> Template:
    """Read a preset or a template. Raises ConfigError with what is wrong in it."""
    source = PRESETS.get(source, source)
    draft = _Draft(source)
    if source == "json":
        _add_json(draft)
    elif "%(" in source:
        _add_percent(draft)
    else:
        _add_braced(draft)
    return draft.finish()


def _add_json(draft: _Draft) -> None:
    opening = "{"
    for name in JSON_FIELDS:
        draft.add_literal(f'{opening}"{name}":')
        if name in atoms.TEXTS:
            draft.add_atom(atoms.TEXTS[name], _as_json_string)
        else:
            draft.add_atom(atoms.NUMBERS[name], _as_json_number)
        opening = ","
    draft.add_literal("}")


def _add_braced(draft: _Draft) -> None:
    for literal, match in _pieces(_BRACED, draft.source):
        draft.add_literal(literal)
        if match is None:
            continue
        doubled, name, single = match.groups()
        if single:
            raise draft.refuse(f"has a lone {single!r} (a brace that is no atom's is written twice)")
        if doubled:
            draft.add_literal(doubled[0])
        elif name in atoms.NUMBERS:
            draft.add_atom(atoms.NUMBERS[name], _as_number)
        else:
            draft.add_atom(_text_atom(draft, name), _as_text)


def _text_atom(draft: _Draft, name: str) -> Atom:
    kind, colon, field = name.partition(":")
    if colon and kind in ("header", "response_header") and field:
        return _request_field(field) if kind == "header" else _response_field(field)
    if name in atoms.TEXTS:
        return atoms.TEXTS[name]
    known = [*atoms.TEXTS, *atoms.NUMBERS, "header:name", "response_header:name"]
    raise draft.refuse(f"has an unknown atom {{{name}}}", _nearest(name, known))


def _add_percent(draft: _Draft) -> None:
    for literal, match in _pieces(_PERCENT, draft.source):
        draft.add_literal(literal)
        if match is None:
            continue
        doubled, field, kind, letters, single = match.groups()
        if single:
            raise draft.refuse("has a '%' that begins no atom such as %(h)s (a per cent sign is written twice)")
        if doubled:
            draft.add_literal("%")
        elif field:
            draft.add_atom(_field_atom(draft, field, kind), _as_text)
        else:
            draft.add_atom(_letter_atom(draft, letters), _as_text)


def _field_atom(draft: _Draft, field: str, kind: str) -> Atom:
    if kind == "i":
        return _request_field(field)
    if kind == "o":
        return _response_field(field)
    if kind == "e":
        value = os.environb.get(field.encode()) if os.supports_bytes_environ else os.environ.get(field, "").encode()
        return lambda entry: value or None
    raise draft.refuse(f"has an unknown atom %({{{field}}}{kind})s (i: request, o: response, e: environment)")


def _letter_atom(draft: _Draft, letters: str) -> Atom:
    if letters not in LETTERS:
        raise draft.refuse(f"has an unknown atom %({letters})s (known: {' '.join(LETTERS)} {{x}}i {{x}}o {{x}}e)")
    return LETTERS[letters]


def _pieces(pattern: re.Pattern[str], source: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    """Yield the text before each match with the match, then the rest with None."""
    end = 0
    for match in pattern.finditer(source):
        yield source[end : match.start()], match
        end = match.end()
    yield source[end:], None


def _nearest(name: str, known: "list[str] | tuple[str, ...]") -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _as_text(atom: Atom) -> Callable[[Entry], bytes]:
    def text(entry: Entry) -> bytes:
        value = atom(entry)
        return ABSENT if value is None else escape(value)

    return text


def _as_number(atom: Atom) -> Callable[[Entry], bytes]:
    def number(entry: Entry) -> bytes:
        return atom(entry) or ABSENT

    return number


def _as_json_string(atom: Atom) -> Callable[[Entry], bytes]:
    def string(entry: Entry) -> bytes:
        value = atom(entry)
        return b"null" if value is None else b'"%b"' % escape_json(value)

    return string


def _as_json_number(atom: Atom) -> Callable[[Entry], bytes]:
    def number(entry: Entry) -> bytes:
        return atom(entry) or b"null"

    return number


def _request_field(name: str) -> Atom:
    wanted = name.lower().encode()
    return lambda entry: atoms.request_field(entry, wanted)


def _response_field(name: str) -> Atom:
    wanted = name.lower().encode()
    return lambda entry: atoms.response_field(entry, wanted)


def _nothing(entry: Entry) -> None:
    return None


def _request_line(entry: Entry) -> bytes:
    return b"%b %b %b" % (atoms.method(entry), atoms.target(entry), _protocol(entry))


def _request_line_without_query(entry: Entry) -> bytes:
    return b"%b %b %b" % (atoms.method(entry), atoms.path(entry), _protocol(entry))


def _protocol(entry: Entry) -> bytes:
    return b"HTTP/" + atoms.version(entry)


def _bytes_or_absent(entry: Entry) -> bytes | None:
    return atoms.body_bytes(entry) if entry.exchange.bytes_sent else None


def _query_or_empty(entry: Entry) -> bytes:
    return atoms.query(entry) or b""


def _pid_in_angles(entry: Entry) -> bytes:
    return b"<%b>" % atoms.process(entry)


LETTERS: dict[str, Atom] = {
    "h": atoms.client_host,
    "l": _nothing,
    "u": atoms.user,
    "t": atoms.time_clf,
    "r": _request_line,
    "R": _request_line_without_query,
    "s": atoms.status,
    "st": atoms.phrase,
    "S": atoms.scheme,
    "m": atoms.method,
    "U": atoms.path,
    "Uq": atoms.target,
    "q": _query_or_empty,
    "H": _protocol,
    "b": _bytes_or_absent,
    "B": atoms.body_bytes,
    "f": atoms.referer,
    "a": atoms.user_agent,
    "T": atoms.whole_s,
    "D": atoms.duration_us,
    "M": atoms.whole_ms,
    "L": atoms.duration_s,
    "p": _pid_in_angles,
}
