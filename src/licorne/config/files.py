"""Files that options come from: licorne.toml, pyproject.toml, env files.

A TOML file may set options in sections named after their groups, or flat; dashes and underscores are the same.

Rules: a file that cannot be read or understood is a ConfigError of one line that names it. tomllib and dotenv
are imported where there is a file for them: a start without one does not pay the milliseconds.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from licorne.config.table import Option, nearest
from licorne.errors import ConfigError

__all__ = ["find_file", "read_env_file", "read_file"]

OWN_FILE: Final = "licorne.toml"
PROJECT_FILE: Final = "pyproject.toml"


def find_file(directory: str = "") -> str:
    """Return the name of the file that a directory offers: licorne.toml, else pyproject.toml, else nothing."""
    if os.path.isfile(os.path.join(directory, OWN_FILE)):
        return os.path.join(directory, OWN_FILE)
    project = os.path.join(directory, PROJECT_FILE)
    # Most projects have a pyproject.toml that says nothing of licorne, and it need not be parsed to know that.
    return project if os.path.isfile(project) and b"licorne" in _read_bytes(project, "") else ""


def read_file(path: str, options: Iterable[Option], source: str = "") -> dict[str, tuple[object, str]]:
    """Return the value and the source of every option that a TOML file sets. `source` says who named the file."""
    content = _parse_toml(path, source)
    if os.path.basename(path) != PROJECT_FILE:
        _refuse_project_table(path, content)
        return _Reader(path, "", options).read(content)
    table = content.get("tool", {})
    table = table.get("licorne", {}) if isinstance(table, dict) else {}
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: tool.licorne must be a table")
    return _Reader(path, "tool.licorne", options).read(table)


def read_env_file(path: str, source: str, warn: Callable[[str], None]) -> dict[str, str]:
    """Return the variables that an env file sets. Raises ConfigError, also when python-dotenv is not installed.

    `source` says who named the file; `warn` is told which of its lines cannot be understood.
    """
    try:
        from dotenv import dotenv_values
    except ImportError:
        raise ConfigError(
            f"env_file: reading {path} needs python-dotenv; install it with: pip install python-dotenv"
        ) from None
    try:
        with _dotenv_warnings(path, warn):
            values = dotenv_values(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"env_file: cannot read {path}: {_reason(error)} (from {source})") from None
    return {name: value for name, value in values.items() if value is not None}


@contextmanager
def _dotenv_warnings(path: str, warn: Callable[[str], None]) -> Iterator[None]:
    """Say in licorne's words what python-dotenv says of a line through logging, which is not configured yet."""
    import logging

    def take(record: logging.LogRecord) -> bool:
        line = f"line {record.args[0]}" if isinstance(record.args, tuple) and record.args else "a line"
        warn(f"{path}: {line} is not NAME=value and is ignored")
        return False

    logger = logging.getLogger("dotenv.main")
    logger.addFilter(take)
    try:
        yield
    finally:
        logger.removeFilter(take)


def _refuse_project_table(path: str, content: Mapping[str, object]) -> None:
    tool = content.get("tool")
    if isinstance(tool, dict) and "licorne" in tool:
        raise ConfigError(
            f"{path}: [tool.licorne] is the table for {PROJECT_FILE}; write [server] and the like at the top here"
        )


def _parse_toml(path: str, source: str) -> dict[str, Any]:
    import tomllib

    content = _read_bytes(path, source)
    try:
        return tomllib.loads(content.decode())
    except ValueError as error:  # not TOML, or not UTF-8
        raise ConfigError(f"{path}: not a valid TOML file: {_reason(error)}") from None


def _read_bytes(path: str, source: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        asked = f" (from {source})" if source else ""
        raise ConfigError(f"cannot read the configuration file {path!r}: {_reason(error)}{asked}") from None


def _reason(error: Exception) -> str:
    reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    return " ".join(reason.split())


class _Reader:
    """Read the options out of one parsed file."""

    __slots__ = ("_by_name", "_prefix", "_sections", "_where")

    def __init__(self, where: str, prefix: str, options: Iterable[Option]) -> None:
        self._where = where
        self._prefix = prefix
        self._by_name = {option.name: option for option in options}
        self._sections = {option.section: option.group for option in self._by_name.values()}

    def read(self, table: Mapping[str, object]) -> dict[str, tuple[object, str]]:
        found: dict[str, tuple[object, str]] = {}
        for key, section, value in self._entries(table):
            option = self._option(key, section)
            source = self._source(section, key)
            if option.name in found:
                raise ConfigError(f"{option.name}: set twice, {found[option.name][1]} and {source}")
            found[option.name] = (value, source)
        return found

    def _entries(self, table: Mapping[str, object]) -> Iterator[tuple[str, str, object]]:
        for key, value in table.items():
            if key.lower() in self._sections and isinstance(value, dict):
                yield from ((inner, key, item) for inner, item in value.items())
            else:
                yield key, "", value

    def _option(self, key: str, section: str) -> Option:
        option = self._by_name.get(key.replace("-", "_"))
        if option is None:
            known = [self._by_name[name].key for name in self._by_name]
            hint = nearest(key.replace("_", "-"), known if section else [*known, *self._sections])
            raise ConfigError(f"{self._where}: unknown key {key!r}{self._place(section)}{hint}")
        if section and section.lower() != option.section:
            raise ConfigError(
                f"{self._where}: {key!r} is not an option of [{self._table(section)}]; "
                f"put it under [{self._table(option.section)}]"
            )
        return option

    def _table(self, section: str) -> str:
        return ".".join(filter(None, (self._prefix, section)))

    def _place(self, section: str) -> str:
        return f" in [{self._table(section)}]" if self._table(section) else ""

    def _source(self, section: str, key: str) -> str:
        table = f" [{self._table(section)}]" if self._table(section) else ""
        return f"{self._where}{table} {key}"
