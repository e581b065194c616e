"""Loggers: what licorne logs comes from loggers with Uvicorn's names, and in Uvicorn's words.

`join()` makes each logger of licorne one with that of Uvicorn: both objects have the same state, so that a level, a
filter or a handler that anybody gives to `uvicorn.access` is there for what licorne logs, whenever it comes.

Rules: `disabled` is Uvicorn's logger's own affair: a logging configuration that disables what it does not name would
otherwise silence licorne for not naming licorne's loggers. `separate()` undoes it.
"""

import logging
import re
from typing import Any

from uvicorn.logging import TRACE_LOG_LEVEL

__all__ = ["NAMES", "join", "separate"]

NAMES = {
    "licorne": "uvicorn",
    "licorne.error": "uvicorn.error",
    "licorne.access": "uvicorn.access",
    "licorne.asgi": "uvicorn.asgi",
}

#: Lines that Uvicorn has in other words: what licorne passes to the logger → the same of Uvicorn, and how many of the
#: arguments stay.
WORDS: dict[str, tuple[str, int]] = {
    "Licorne running on %s (Press CTRL+C to quit)": ("Uvicorn running on %s (Press CTRL+C to quit)", 1),
    "Waiting for application shutdown. (CTRL+C to force quit)": ("Waiting for application shutdown.", 0),
    "%s Raised %s": ("%s Raised exception", 1),
    "Exception in ASGI application (%s)\n": ("Exception in ASGI application\n", 0),
    "ASGI callable returned without starting response (%s).": ("ASGI callable returned without starting response.", 0),
    "ASGI callable returned without completing response (%s).": (
        "ASGI callable returned without completing response.",
        0,
    ),
    "ASGI callable returned without completing handshake (%s).": (
        "ASGI callable returned without completing handshake.",
        0,
    ),
    "%s (%d, %s, from %s)": ("%s", 1),
    "Cancel %d running task(s), timeout graceful shutdown exceeded%s": (
        "Cancel %s running task(s), timeout graceful shutdown exceeded",
        1,
    ),
}
#: The same for lines that are made before they are logged, as the one argument of "%s".
SENTENCES = (
    (re.compile(r"(Child process \[\d+\]) failed to start \(.*\)"), r"\1 failed to start."),
    (re.compile(r"(Child process \[\d+\]) died \(.*", re.DOTALL), r"\1 died"),
    (re.compile(r"(Waiting for child process \[\d+\]) \(CTRL\+C to force quit\)"), r"\1"),
)

_NONE_STARTED = "No worker has started: stopping the parent process."


class _Joined(logging.Logger):
    """Be a logger of licorne that is one with a logger of Uvicorn."""

    @property
    def disabled(self) -> bool:
        """Tell what Uvicorn's logger says."""
        return bool(self.__dict__["disabled"])  # which is where Uvicorn's logger keeps it

    @disabled.setter
    def disabled(self, value: bool) -> None:
        pass


class _Worded(_Joined):
    """Be one that says things in Uvicorn's words."""

    def _log(self, level: int, msg: Any, args: Any, **options: Any) -> None:  # type: ignore[override]
        extra = options.get("extra")
        if msg in WORDS:
            msg, count = WORDS[msg]
            args = args[:count]
            if extra and "color_message" in extra:
                options["extra"] = {"color_message": msg.replace("%s", "\x1b[1m%s\x1b[0m")}
        elif msg == "%s" and len(args) == 1 and isinstance(args[0], str):
            args = (self._in_their_words(args[0]),)
        options["stacklevel"] = options.get("stacklevel", 1) + 1
        super()._log(level, msg, args, **options)

    def _in_their_words(self, sentence: str) -> str:
        if sentence == _NONE_STARTED:
            child = self.__dict__.get("last_child", "Every child process")
            return f"{child} failed to start, stopping the parent process."
        for pattern, words in SENTENCES:
            if found := pattern.fullmatch(sentence):
                self.__dict__["last_child"] = found[1]
                return found.expand(words)
        return sentence


def join() -> None:
    """Make the loggers of licorne one with Uvicorn's; do nothing if they are."""
    logging.addLevelName(TRACE_LOG_LEVEL, "TRACE")
    for own, theirs in NAMES.items():
        logger = logging.getLogger(own)
        if not isinstance(logger, _Joined) and type(logger) is logging.Logger:
            # The access log is written by a shorter way when nothing overrides what a line passes through.
            logger.__class__ = _Joined if own == "licorne.access" else _Worded
            logger.__dict__ = logging.getLogger(theirs).__dict__
    _adopt_children()


def separate() -> None:
    """Give licorne loggers of its own again."""
    known = logging.Logger.manager.loggerDict
    for own in NAMES:
        logger = known.get(own)
        if isinstance(logger, _Joined):
            object.__setattr__(logger, "__class__", logging.Logger)
            logger.__dict__ = {**logging.Logger(own).__dict__}
            logger.parent = known["licorne"] if own != "licorne" else logging.root  # type: ignore[assignment]
    _adopt_children()


def _adopt_children() -> None:
    """Forget what loggers remember of their levels, which come from their parents."""
    logging.Logger.manager._clear_cache()  # type: ignore[attr-defined]
