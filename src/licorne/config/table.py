"""What one option is, and the names that follow from its field: flag, variable, TOML key.

`option()` writes a row of the table as a dataclass field; `rows()` reads the table back. Nothing else in
licorne spells the flag or the variable of an option.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any

from licorne.config.values import Kind, Switch
from licorne.errors import ConfigError

__all__ = ["PREFIX", "Option", "nearest", "option", "rows"]

PREFIX = "LICORNE_"


@dataclass(frozen=True, slots=True)
class Option:
    """Be one row of the table."""

    name: str
    kind: Kind
    default: Any
    group: str
    help: str
    flags: tuple[str, ...]
    #: A variable that other programs know too, and that counts when nothing else sets the option.
    fallback: str

    @property
    def key(self) -> str:
        """Return the key in a TOML file."""
        return self.name.replace("_", "-")

    @property
    def section(self) -> str:
        """Return the section of a TOML file."""
        return self.group.lower()

    @property
    def variable(self) -> str:
        """Return the environment variable."""
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        """Return the flag, or the name of the argument."""
        return self.flags[0] if self.flags else f"--{self.key}"

    @property
    def opposite(self) -> str:
        """Return the flag that says no, or nothing where there is none."""
        has_two = isinstance(self.kind, Switch) and not self.kind.is_spelled
        return f"--no-{self.flag.removeprefix('--')}" if has_two else ""

    @property
    def is_argument(self) -> bool:
        """Tell whether the command takes it by position."""
        return not self.flag.startswith("-")

    @property
    def shown_default(self) -> str:
        """Return the default as it may be written."""
        return self.kind.show(self.kind.read(self.default))

    def is_default(self, value: object) -> bool:
        """Tell whether a value, once read, is the default."""
        default = self.kind.read(self.default)
        return type(value) is type(default) and value == default

    def read(self, value: object, source: str) -> Any:
        """Return what a value stands for. Raises ConfigError."""
        try:
            return self.kind.read(value)
        except ValueError as error:
            culprit = self._culprit(value)
            hint = nearest(culprit.lower(), self.kind.choices()) if isinstance(culprit, str) else ""
            raise ConfigError(str(error), option=self.name, value=culprit, source=source, hint=hint) from None

    def _culprit(self, value: object) -> object:
        """Return what of a bad value is bad: of a list, its first bad item."""
        if not self.kind.is_repeatable or not isinstance(value, list | tuple):
            return value
        return next((item for item in value if not self._is_good([item])), value)

    def _is_good(self, value: object) -> bool:
        try:
            self.kind.read(value)
        except ValueError:
            return False
        return True


def option(default: object, group: str, help: str, *flags: str, fallback: str = "") -> Any:  # noqa: A002 - its name
    """Return the field of an option. `flags` replace the one made of its name; without dashes it is an argument."""
    return field(
        default=default, metadata={"option": {"group": group, "help": help, "flags": flags, "fallback": fallback}}
    )


def rows(table: type) -> tuple[Option, ...]:
    """Return the rows of a table in the order of its fields."""
    return tuple(
        Option(name=row.name, kind=row.type.__metadata__[0], default=row.default, **row.metadata["option"])  # type: ignore[union-attr]
        for row in fields(table)
        if "option" in row.metadata
    )


def nearest(name: str, known: Iterable[str], prefix: str = "") -> str:
    """Return "; did you mean …?" with the known name that is most like a name, or nothing when none is.

    A prefix that all of them have makes none of them alike.
    """
    import difflib  # only a mistake needs it

    names = [each.removeprefix(prefix) for each in known]
    found = difflib.get_close_matches(name.removeprefix(prefix), names, n=1, cutoff=0.6)
    return f"; did you mean {prefix}{found[0]}?" if found else ""
