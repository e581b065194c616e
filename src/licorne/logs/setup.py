"""Apply the logging options: `log_config`, `log_level`, `access_log` and `use_colors`.

    log_config=None         ours: LOGGING_CONFIG, with what the application changed in it
    a dict                  given to `logging.config.dictConfig`; an empty one leaves logging as it is
    a path, by its suffix   .json, .yaml, .yml: as a dict; anything else: an .ini file for `fileConfig`
    RawConfigParser, file   for `fileConfig`

Then `log_level`, if any, is set on `licorne.error`, `licorne.access` and `licorne.asgi`; without `access_log` the
access logger loses its handlers.

`logging.config` takes longer to import than the server takes to start, so our own configuration, as long as
nobody changed it, is applied by hand. A test compares both ways. The imports in functions are for that reason.
"""

import copy
import logging
import os
import sys
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any, TextIO, TypeAlias, cast

from ..errors import ConfigError
from .formatters import (
    ACCESS_FORMAT,
    DEFAULT_FORMAT,
    TRACE_LOG_LEVEL,
    AccessFormatter,
    ColourizedFormatter,
    DefaultFormatter,
)
from .handlers import LineHandler

if TYPE_CHECKING:  # importing it takes a millisecond, and few configurations need it
    from configparser import RawConfigParser

__all__ = [
    "LOGGING_CONFIG",
    "LOG_LEVELS",
    "TRACE_LOG_LEVEL",
    "AccessFormatter",
    "ColourizedFormatter",
    "DefaultFormatter",
    "configure",
]

LOG_LEVELS: dict[str, int] = {
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": TRACE_LOG_LEVEL,
}

#: What `log_config=None` means. Applications may change it before the server starts.
LOGGING_CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "default": {
            "()": "licorne.logs.formatters.DefaultFormatter",
            "fmt": DEFAULT_FORMAT,
            "use_colors": None,
        },
        "access": {
            "()": "licorne.logs.formatters.AccessFormatter",
            "fmt": ACCESS_FORMAT,
        },
    },
    "handlers": {
        "default": {
            "class": "licorne.logs.handlers.LineHandler",
            "formatter": "default",
            "stream": "ext://sys.stderr",
        },
        "access": {
            "class": "licorne.logs.handlers.LineHandler",
            "formatter": "access",
            "stream": "ext://sys.stdout",
        },
    },
    "loggers": {
        "licorne": {"handlers": ["default"], "level": "INFO", "propagate": False},
        "licorne.error": {"level": "INFO"},
        "licorne.access": {"handlers": ["access"], "level": "INFO", "propagate": False},
    },
}
_UNCHANGED = copy.deepcopy(LOGGING_CONFIG)

#: What `logging.config` raises for what it cannot use.
_BAD_CONFIG = (ValueError, TypeError, AttributeError, ImportError, KeyError)

_LEVELED = ("licorne.error", "licorne.access", "licorne.asgi")

LogConfig: TypeAlias = "Mapping[str, Any] | str | os.PathLike[str] | RawConfigParser | IO[Any]"


def configure(
    log_config: "LogConfig | None" = None,
    log_level: str | int | None = None,
    access_log: bool = True,
    use_colors: bool | None = None,
) -> None:
    """Configure logging as the options say. Raises ConfigError when one of them cannot be used."""
    logging.addLevelName(TRACE_LOG_LEVEL, "TRACE")
    level = None if log_level is None else level_number(log_level)
    if log_config is None and LOGGING_CONFIG == _UNCHANGED:
        _apply_ours(use_colors)
    else:
        _apply(LOGGING_CONFIG if log_config is None else log_config, use_colors)
    if level is not None:
        for name in _LEVELED:
            logging.getLogger(name).setLevel(level)
    if not access_log:
        logger = logging.getLogger("licorne.access")
        logger.handlers = []
        logger.propagate = False


def level_number(level: str | int) -> int:
    """Return the number of a level."""
    if isinstance(level, int):
        return level
    try:
        return LOG_LEVELS[level.lower()]
    except KeyError:
        raise ConfigError(f"must be one of {', '.join(LOG_LEVELS)}", option="log_level", value=level) from None


def _apply_ours(use_colors: bool | None) -> None:
    """Do what `dictConfig(LOGGING_CONFIG)` would do."""
    default = _handler(sys.stderr, DefaultFormatter(DEFAULT_FORMAT, use_colors=use_colors))
    access = _handler(sys.stdout, AccessFormatter(ACCESS_FORMAT, use_colors=use_colors))
    for name, handlers, propagate in (
        ("licorne", [default], False),
        ("licorne.error", [], True),
        ("licorne.access", [access], False),
    ):
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        logger.handlers = handlers
        logger.propagate = propagate
        logger.disabled = False


def _handler(stream: TextIO, formatter: logging.Formatter) -> logging.Handler:
    handler = LineHandler(stream)
    handler.setFormatter(formatter)
    return handler


def _apply(log_config: LogConfig, use_colors: bool | None) -> None:
    if isinstance(log_config, Mapping) and not hasattr(log_config, "sections"):  # a RawConfigParser is a mapping too
        _apply_dict(log_config, use_colors, shown="a dict")
    elif isinstance(log_config, str | os.PathLike):
        _apply_path(os.fspath(log_config), use_colors)
    else:
        _apply_ini(cast("RawConfigParser | IO[Any]", log_config), shown=f"a {type(log_config).__name__}")


def _apply_path(path: str, use_colors: bool | None) -> None:
    suffix = os.path.splitext(path)[1].lower()
    if suffix in (".json", ".yaml", ".yml"):
        _apply_dict(_read(path, suffix), use_colors, shown=path)
    elif not os.path.isfile(path):
        raise _refuse("is not a file", path)
    else:
        _apply_ini(path, shown=path)


def _read(path: str, suffix: str) -> Mapping[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            found = _parse(file, suffix)
    except (OSError, ValueError) as error:
        raise _refuse(f"cannot be read: {_one_line(error)}", path) from error
    if not isinstance(found, Mapping):
        raise _refuse("must hold a mapping", path)
    return found


def _parse(file: TextIO, suffix: str) -> Any:
    if suffix == ".json":
        import json

        return json.load(file)
    try:
        import yaml
    except ImportError:
        raise _refuse("needs PyYAML (pip install 'licorne[standard]')", file.name) from None
    try:
        return yaml.safe_load(file)
    except yaml.YAMLError as error:
        raise ValueError(_one_line(error)) from error


def _apply_dict(log_config: Mapping[str, Any], use_colors: bool | None, shown: str) -> None:
    if not log_config:
        return
    import logging.config

    try:
        logging.config.dictConfig(_with_colors(log_config, use_colors))
    except _BAD_CONFIG as error:
        raise _refuse(f"is not a logging configuration: {_one_line(error)}", shown) from error


def _with_colors(log_config: Mapping[str, Any], use_colors: bool | None) -> dict[str, Any]:
    """Return the configuration with `use_colors` in our two formatters; the caller's own stays as it is."""
    changed = dict(log_config)
    formatters = changed.get("formatters")
    if use_colors is None or not isinstance(formatters, Mapping):
        return changed
    changed["formatters"] = dict(formatters)
    for name in ("default", "access"):
        if isinstance(formatters.get(name), Mapping):
            changed["formatters"][name] = {**formatters[name], "use_colors": use_colors}
    return changed


def _apply_ini(source: "str | RawConfigParser | IO[Any]", shown: str) -> None:
    import configparser
    import logging.config

    try:
        logging.config.fileConfig(source, disable_existing_loggers=False)
    except (*_BAD_CONFIG, OSError, RuntimeError, configparser.Error) as error:
        raise _refuse(f"is not a logging configuration: {_one_line(error)}", shown) from error


def _refuse(problem: str, value: str) -> ConfigError:
    return ConfigError(problem, option="log_config", value=value)


def _one_line(error: BaseException) -> str:
    """Return what an error and its causes say, in one line."""
    words = []
    found: BaseException | None = error
    while found is not None:
        words.append(" ".join(str(found).split()) or type(found).__name__)
        found = found.__cause__
    return ": ".join(words)
