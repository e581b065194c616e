"""Apply the logging parameters, in the order in which Uvicorn does."""

import json
import logging
import logging.config
import os
from typing import Any

from uvicorn._loggers import NAMES

__all__ = ["apply_logging"]

_LEVELED = ("uvicorn.error", "uvicorn.access", "uvicorn.asgi")


def apply_logging(log_config: Any, log_level: str | int | None, access_log: bool, use_colors: bool | None) -> None:
    """Set up the loggers; None as `log_config` leaves them as they are."""
    if log_config is not None:
        _configure(log_config, use_colors)
    if log_level is not None:
        level = level_number(log_level)
        for name in _LEVELED:
            logging.getLogger(name).setLevel(level)
    if not access_log:
        logger = logging.getLogger("uvicorn.access")
        logger.handlers = []
        logger.propagate = False


def level_number(level: str | int) -> int:
    """Return the number of a level. Raises KeyError for a name that is none."""
    from uvicorn.config import LOG_LEVELS

    return LOG_LEVELS[level.lower()] if isinstance(level, str) else level


def _configure(log_config: Any, use_colors: bool | None) -> None:
    if isinstance(log_config, dict):
        if use_colors in (True, False):
            for name in ("default", "access"):
                if name in log_config.get("formatters", {}):
                    log_config["formatters"][name]["use_colors"] = use_colors
        _configure_by_dict(log_config)
        return
    path = os.fspath(log_config) if isinstance(log_config, str | os.PathLike) else ""
    if path.endswith(".json"):
        with open(path, encoding="utf-8") as file:
            _configure_by_dict(json.load(file))
    elif path.endswith((".yaml", ".yml")):
        import yaml

        with open(path, encoding="utf-8") as file:
            _configure_by_dict(yaml.safe_load(file))
    else:
        _without_our_names(lambda: logging.config.fileConfig(log_config, disable_existing_loggers=False))


def _configure_by_dict(config: dict[str, Any]) -> None:
    _without_our_names(lambda: logging.config.dictConfig(config))


def _without_our_names(configure: Any) -> None:
    """Configure while nobody knows licorne's loggers, which are Uvicorn's and would be reset as unknown ones."""
    known = logging.Logger.manager.loggerDict
    hidden = {name: known.pop(name) for name in NAMES if name in known}
    try:
        configure()
    finally:
        known.update(hidden)
