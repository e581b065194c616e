"""Kinds of option values: read what a person wrote, and show it again.

A kind reads text (from a flag, a variable, a file) and native values (from a keyword, a file) into the one
type that the rest of licorne sees. What it shows, it can read again.

Rules: a kind raises ValueError with a phrase that fits behind the option's name ("must be …"). It does not
know which option it serves. `absent` is the word that stands for None, where None is a value.
"""

import re
from typing import Annotated, Any, ClassVar, Final

__all__ = ["Choice", "Duration", "Kind", "Size", "Switch", "Text", "Whole", "is_number", "literal"]

#: From here on a count or a size is refused: what C computes from several of them must still be a number that it holds.
_TOO_LARGE = 2**53


class Kind:
    """Be the kind of an option's value. Subclasses say how to read text, how native values, and how to show."""

    __slots__ = ("absent",)

    #: What stands for a value in usage texts.
    metavar: str = "TEXT"
    #: Whether a flag of this kind may be given several times.
    is_repeatable: bool = False

    def __init__(self, absent: str | None = None) -> None:
        self.absent = absent

    def read(self, value: object) -> Any:
        """Return the value that `value` stands for. Raises ValueError saying what it must be."""
        if self.absent is not None and _is_word(value, self.absent):
            return None
        return self.parse(value.strip()) if isinstance(value, str) else self.accept(value)

    def show(self, value: Any) -> str:
        """Return text that reads as `value` again."""
        return str(self.absent) if value is None else self.write(value)

    def parse(self, text: str) -> Any:
        """Read text."""
        raise NotImplementedError

    def accept(self, value: object) -> Any:
        """Read a native value."""
        raise ValueError(f"must be {self.describe()}")

    def write(self, value: Any) -> str:
        """Show a value that is not None."""
        return str(value)

    def describe(self) -> str:
        """Say what a value must be, as in "must be a whole number"."""
        raise NotImplementedError

    def choices(self) -> tuple[str, ...]:
        """Return the words that a shell may complete to."""
        return ()


def _is_word(value: object, word: str) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() == word)


class Text(Kind):
    """Take any text."""

    __slots__ = ()

    def parse(self, text: str) -> str:
        return text

    def describe(self) -> str:
        return "text"


class Switch(Kind):
    """Take yes or no. As a flag it is `--x` or `--no-x`, or `--x true` when it `is_spelled`."""

    __slots__ = ("is_spelled",)

    metavar = "BOOLEAN"
    WORDS: Final = {"true": True, "yes": True, "on": True, "1": True}
    WORDS_OFF: Final = {"false": False, "no": False, "off": False, "0": False}

    def __init__(self, absent: str | None = None, is_spelled: bool = False) -> None:
        super().__init__(absent)
        self.is_spelled = is_spelled

    def parse(self, text: str) -> bool:
        words = self.WORDS | self.WORDS_OFF
        if text.lower() not in words:
            raise ValueError(f"must be {self.describe()}")
        return words[text.lower()]

    def accept(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        raise ValueError(f"must be {self.describe()}")

    def write(self, value: bool) -> str:
        return "true" if value else "false"

    def describe(self) -> str:
        return f"true, false or {self.absent}" if self.absent else "true or false"

    def choices(self) -> tuple[str, ...]:
        return ("true", "false", *((self.absent,) if self.absent else ()))


class Whole(Kind):
    """Take a whole number within bounds."""

    __slots__ = ("maximum", "minimum")

    metavar = "INTEGER"

    def __init__(self, minimum: int = 0, maximum: int | None = None, absent: str | None = None) -> None:
        super().__init__(absent)
        self.minimum = minimum
        self.maximum = maximum

    def parse(self, text: str) -> int:
        if not re.fullmatch(r"-?[0-9]+", text):
            raise ValueError(f"must be {self.describe()}")
        return self._within_bounds(int(text))

    def accept(self, value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return self._within_bounds(value)
        raise ValueError(f"must be {self.describe()}")

    def _within_bounds(self, number: int) -> int:
        if number < self.minimum or (self.maximum is not None and number > self.maximum):
            raise ValueError(f"must be {self.describe()}")
        return below_limit(number)

    def describe(self) -> str:
        bounds = f"of {self.minimum} or more" if self.maximum is None else f"from {self.minimum} to {self.maximum}"
        return f"a whole number {bounds}" + (f', or "{self.absent}"' if self.absent else "")


class Measure(Kind):
    """Take a number with a unit; 0, "off" and "none" are no limit. Base of durations and sizes."""

    __slots__ = ()

    #: Factor of each unit, in lower case. The empty unit is that of a bare number.
    units: ClassVar[dict[str, float]]
    #: The units in which values are shown, largest first.
    shown: ClassVar[tuple[str, ...]]

    def read(self, value: object) -> Any:
        if value is None or (isinstance(value, str) and value.strip().lower() in {"off", "none"}):
            return self.finish(0)
        return super().read(value)

    def parse(self, text: str) -> Any:
        match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]*)", text)
        if match is None or match[2].lower() not in self.units:
            raise ValueError(f"must be {self.describe()}")
        return self.finish(float(match[1]) * self.units[match[2].lower()])

    def accept(self, value: object) -> Any:
        if not is_number(value):
            raise ValueError(f"must be {self.describe()}")
        return self.finish(value)

    def write(self, value: Any) -> str:
        for unit in self.shown:
            if value and value % self.units[unit.lower()] == 0:
                return f"{int(value / self.units[unit.lower()])}{unit}"
        return f"{value:g}{self.shown[-1]}" if value else "0"

    def finish(self, number: Any) -> Any:
        """Return the number, in the type that this measure has."""
        raise NotImplementedError


def is_number(value: object) -> bool:
    """Tell whether a value is a number of at least 0 that is neither infinite nor "not a number"."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


def below_limit(number: int) -> int:
    """Return a number. Raises ValueError when it is so large that nobody can mean it."""
    if number >= _TOO_LARGE:
        raise ValueError(f"must be less than {_TOO_LARGE}")
    return number


class DurationKind(Measure):
    """Take a time, as seconds."""

    __slots__ = ()

    metavar = "DURATION"
    units: ClassVar = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
    shown = ("h", "m", "s")

    def write(self, value: float) -> str:
        milliseconds = round(value * 1000)
        if value < 1 and milliseconds and abs(milliseconds - value * 1000) < 1e-6:
            return f"{milliseconds}ms"
        if value % 1:
            return f"{value!r}s"
        return super().write(value)

    def finish(self, number: Any) -> float:
        return float(number)

    def describe(self) -> str:
        return 'a duration such as "5s", "500ms", "2m" or "1h", where a bare number is seconds and 0 is no limit'


class SizeKind(Measure):
    """Take a size, as bytes."""

    __slots__ = ()

    metavar = "SIZE"
    units: ClassVar = {
        **dict.fromkeys(("", "b"), 1.0),
        **dict.fromkeys(("k", "kib"), 2.0**10),
        **dict.fromkeys(("m", "mib"), 2.0**20),
        **dict.fromkeys(("g", "gib"), 2.0**30),
        "kb": 1e3,
        "mb": 1e6,
        "gb": 1e9,
    }
    shown = ("GiB", "MiB", "KiB", "")

    def finish(self, number: Any) -> int:
        if number % 1:
            raise ValueError("must be a whole number of bytes")
        return below_limit(int(number))

    def describe(self) -> str:
        return 'a size such as "64KiB", "1MB" or "16k", where a bare number is bytes and 0 is no limit'


class Choice(Kind):
    """Take one of some words, or, when `has_import` says so, a "module:attribute"."""

    __slots__ = ("has_import", "metavar", "words")

    def __init__(self, *words: str, has_import: bool = False) -> None:
        super().__init__()
        self.words = words
        self.has_import = has_import
        self.metavar = "|".join([*words, "MODULE:ATTRIBUTE"] if has_import else words)

    def parse(self, text: str) -> str:
        if text.lower() in self.words:
            return text.lower()
        if self.has_import and re.fullmatch(r"\w+(\.\w+)*:\w+(\.\w+)*", text):
            return text
        raise ValueError(f"must be {self.describe()}")

    def describe(self) -> str:
        words = [*self.words, "module:attribute"] if self.has_import else self.words
        return f"{', '.join(words[:-1])} or {words[-1]}"

    def choices(self) -> tuple[str, ...]:
        return self.words


Duration = Annotated[float, DurationKind()]
Size = Annotated[int, SizeKind()]


def literal(value: object) -> str:
    """Return a TOML literal of a value made of text, numbers, yes or no, lists and dicts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict):
        pairs = ", ".join(f"{literal(str(key))} = {literal(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(literal(item) for item in value)}]"
    return '"' + re.sub(r'["\\\x00-\x1f\x7f]', lambda match: _escape(match[0]), str(value)) + '"'


def _escape(character: str) -> str:
    return f"\\{character}" if character in '"\\' else f"\\u{ord(character):04X}"
