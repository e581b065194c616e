"""Kinds of values that say how processes run: their number, their hooks, permissions, owners, watched files.

Rules: those of values.py.
"""

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from licorne.config.values import Kind, Whole

__all__ = ["Hook", "Mode", "Octal", "Owner", "Paths", "Patterns", "Workers"]


class Workers(Whole):
    """Take how many there shall be, 1 or more, or "auto"."""

    __slots__ = ()

    metavar = "INTEGER|auto"
    AUTO: Final = "auto"

    def __init__(self, absent: str | None = None) -> None:
        super().__init__(1, None, absent)

    def read(self, value: object) -> Any:
        is_auto = isinstance(value, str) and value.strip().lower() == self.AUTO
        return self.AUTO if is_auto else super().read(value)

    def describe(self) -> str:
        return f'a whole number of {self.minimum} or more, "{self.AUTO}" or "{self.absent}"'

    def choices(self) -> tuple[str, ...]:
        return (self.AUTO,)


class Hook(Kind):
    """Take "module:attribute" or, as a native value, what is to be called."""

    __slots__ = ()

    metavar = "MODULE:ATTRIBUTE"

    def parse(self, text: str) -> str:
        if not re.fullmatch(r"\w+(\.\w+)*:\w+(\.\w+)*", text):
            raise ValueError(f"must be {self.describe()}")
        return text

    def accept(self, value: object) -> Any:
        if callable(value):
            return value
        raise ValueError(f"must be {self.describe()}, or a function")

    def describe(self) -> str:
        return '"module:attribute"'


class Mode(int):
    """Be permission bits; shown as octal digits."""

    __slots__ = ()

    def __str__(self) -> str:
        """Return the digits that `chmod` takes."""
        return f"{int(self):03o}"

    __repr__ = __str__


class Octal(Kind):
    """Take permission bits as octal digits.

    Only as text: a file that says `umask = 22` would mean 026, since a bare number is decimal in TOML.
    """

    __slots__ = ()

    metavar = "OCTAL"

    def parse(self, text: str) -> Mode:
        if not re.fullmatch(r"(0o)?[0-7]{1,4}", text) or int(text, 8) > 0o777:
            raise ValueError(f"must be {self.describe()}")
        return Mode(int(text, 8))

    def accept(self, value: object) -> Mode:
        if isinstance(value, Mode):
            return value
        raise ValueError(f"must be {self.describe()}")

    def describe(self) -> str:
        return "octal digits from 000 to 777, in quotes in a file" + (f', or "{self.absent}"' if self.absent else "")


class Owner(Kind):
    """Take "user", "user:group" or ":group", each by name or number."""

    __slots__ = ()

    metavar = "USER:GROUP"

    def parse(self, text: str) -> str:
        if not re.fullmatch(r"[^\s:]+(:[^\s:]+)?|:[^\s:]+", text):
            raise ValueError(f"must be {self.describe()}")
        return text

    def describe(self) -> str:
        return '"user", "user:group" or ":group", each a name or a number'


class Words(Kind):
    """Take a list of words. Base of those that are parted in different ways in one text."""

    __slots__ = ()

    is_repeatable = True

    def split(self, text: str) -> list[str]:
        """Part one text."""
        raise NotImplementedError

    def join(self, words: Iterable[str]) -> str:
        """Make one text again."""
        raise NotImplementedError

    def parse(self, text: str) -> tuple[str, ...]:
        return self.accept(self.split(text))

    def accept(self, value: object) -> tuple[str, ...]:
        if value is None:
            return ()
        if isinstance(value, os.PathLike):
            value = [value]
        if not isinstance(value, Iterable) or isinstance(value, Mapping | bytes):
            raise ValueError(f"must be a list, each of it {self.describe()}")
        return tuple(map(self._word, value))

    def _word(self, item: object) -> str:
        if not isinstance(item, str | os.PathLike) or not os.fspath(item):
            raise ValueError(f"must be {self.describe()}")
        return os.fsdecode(item)

    def write(self, value: tuple[str, ...]) -> str:
        return self.join(value)


class Paths(Words):
    """Take a list of directories, which need not be there; in one text they are parted as in PATH."""

    __slots__ = ()

    metavar = "DIRECTORY"

    def split(self, text: str) -> list[str]:
        return [part for part in text.split(os.pathsep) if part]

    def join(self, words: Iterable[str]) -> str:
        return os.pathsep.join(words)

    def describe(self) -> str:
        return "the path of a directory"


class Patterns(Words):
    """Take a list of patterns for names of files; in one text they are parted by blanks."""

    __slots__ = ()

    metavar = "PATTERN"

    def split(self, text: str) -> list[str]:
        return text.split()

    def join(self, words: Iterable[str]) -> str:
        return " ".join(words)

    def describe(self) -> str:
        return 'a pattern such as "*.html"'
