"""What a page of Markdown holds: its blocks of code, the commands in them, its links and its code in the text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from tests.support.source import ROOT

__all__ = ["Block", "Command", "blocks_of", "code_spans_of", "headings_of", "links_of", "pages"]

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"# (\S+\.(?:py|toml))\n")
_NAMED_BEFORE = re.compile(r"`(\S+\.json)`:\n\n$")


@dataclass(frozen=True)
class Command:
    """Be a command of a console, and the lines that it is said to print."""

    line: str
    output: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """Be a block of code; `file` is the name that it gives itself, or that the text before it gives it."""

    language: str
    text: str
    file: str

    @property
    def commands(self) -> list[Command]:
        """Return the commands of a console; lines without "$ " are what the command before them prints."""
        found: list[Command] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append(Command(line.removeprefix("$ "), ()))
            elif line and found:
                found[-1] = Command(found[-1].line, (*found[-1].output, line))
        return found


def pages() -> list[Path]:
    """Return the pages that users read."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_of(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    for match in _FENCE.finditer(text):
        code = dedent(match["text"])
        named = _NAMED.match(code) or _NAMED_BEFORE.search(text[: match.start()])
        yield Block(match["language"], code, named[1] if named else "")


def links_of(text: str) -> list[str]:
    """Return the targets of links."""
    return re.findall(r"\]\(([^)\s]+)\)", _FENCE.sub("", text))


def headings_of(text: str) -> set[str]:
    """Return the names by which a link may point to a heading."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def code_spans_of(text: str) -> list[str]:
    """Return what stands between backquotes in the text."""
    return re.findall(r"`([^`\n]+)`", _FENCE.sub("", text))
