"""Read as much of a `.pxd` as is needed to compare it with its `.py`: classes, attributes, functions.

The house's `.pxd` files are plain: one declaration a line, no `cdef:` blocks. Whatever does not fit is an error.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["ClassDeclaration", "Declarations", "PxdError", "read_pxd"]

_CLASS = re.compile(r"(?:cdef|cpdef)\s+class\s+(\w+)\s*(?:\(\s*([\w.]*)\s*\))?\s*:")
_FUNCTION = re.compile(r"(?:cdef|cpdef)\s+(?:[\w\s.*]|\([\w\s,*]+\))*?\b(\w+)\s*\(([^()]*)\)\s*[\w\s*?+-]*:?$")
_VARIABLE = re.compile(
    r"cdef\s+(?:public\s+|readonly\s+)?(?:[\w.\s*\[\]]|\([\w\s,*]+\))+?[\s*](\w+(?:\s*,\s*\**\w+)*)$"
)
_IGNORED = re.compile(r"(?:cimport|from|import|ctypedef|@|pass$|\"\"\"|DEF\b)")


class PxdError(ValueError):
    """Name the line of a `.pxd` that cannot be understood."""


@dataclass
class ClassDeclaration:
    """Hold what a `cdef class` declares."""

    name: str
    base: str
    attributes: list[str] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)


@dataclass
class Declarations:
    """Hold what a `.pxd` declares."""

    classes: dict[str, ClassDeclaration] = field(default_factory=dict)
    functions: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)


def read_pxd(path: Path) -> Declarations:
    """Return the declarations of a `.pxd`."""
    found = Declarations()
    current: ClassDeclaration | None = None
    skipped_below: int | None = None
    for indent, line, number in logical_lines(path.read_text(encoding="utf-8")):
        if skipped_below is not None and indent > skipped_below:
            continue  # the body of an inline function, an enum or an extern block
        skipped_below = None
        if indent == 0:
            current = None
        if match := _CLASS.match(line):
            current = found.classes[match[1]] = ClassDeclaration(match[1], match[2] or "")
        elif line.startswith(("cdef extern", "cdef enum", "cpdef enum", "cdef struct", "ctypedef struct")):
            skipped_below = indent
        elif not _IGNORED.match(line):
            read_member(line, found, current, f"{path.name}:{number}")
            skipped_below = indent if line.endswith(":") else None
    return found


def read_member(line: str, found: Declarations, current: ClassDeclaration | None, where: str) -> None:
    """Add one function or variable to the class that it is in, or to the module."""
    if match := _FUNCTION.match(line):
        (current.methods if current else found.functions).append(match[1])
    elif match := _VARIABLE.match(line):
        names = [name.strip(" *") for name in match[1].split(",")]
        (current.attributes if current else found.variables).extend(names)
    else:
        raise PxdError(f"{where}: not understood, write one plain declaration a line: {line}")


def logical_lines(text: str) -> Iterator[tuple[int, str, int]]:
    """Yield indentation, text and number of each line, with brackets closed and comments gone."""
    gathered = ""
    start = 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#", 1)[0].rstrip()
        if not line.strip():
            continue
        start = start if gathered else number
        gathered = f"{gathered} {line.strip()}" if gathered else line
        if gathered.count("(") + gathered.count("[") > gathered.count(")") + gathered.count("]"):
            continue
        yield len(gathered) - len(gathered.lstrip()), gathered.strip(), start
        gathered = ""
