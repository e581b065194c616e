"""Formatters: what `class` or `()` of a logging configuration may name, and what applications subclass.

Lines look like Uvicorn's, so do the names that subclasses rely on: `use_colors`, `level_name_colors`,
`color_level_name`, `should_use_colors`, `status_code_colours`, `get_status_code`; and the formats may use
`%(levelprefix)s`, `%(client_addr)s`, `%(request_line)s` and `%(status_code)s`.

Rules: the record is never changed, since other handlers see it too. Colour codes come from here alone.
"""

import copy
import http
import logging
import os
import sys
from typing import Any, Literal, TextIO

__all__ = [
    "ACCESS_FORMAT",
    "DEFAULT_FORMAT",
    "TRACE_LOG_LEVEL",
    "AccessFormatter",
    "ColourizedFormatter",
    "DefaultFormatter",
    "RenderedLine",
    "wants_colors",
]

TRACE_LOG_LEVEL = 5

DEFAULT_FORMAT = "%(levelprefix)s %(message)s"
ACCESS_FORMAT = '%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s'

LEVEL_WIDTH = 9  # of the longest name and its colon
RESET = "\x1b[0m"
BOLD = "\x1b[1m"
RED, GREEN, YELLOW, BLUE, CYAN = (f"\x1b[{code}m" for code in (31, 32, 33, 34, 36))
BRIGHT_RED, BRIGHT_WHITE = (f"\x1b[{code}m" for code in (91, 97))

#: The log's own status: the client left before the application had begun to answer.
CLIENT_CLOSED_REQUEST = 499


class RenderedLine(str):
    """Be the `msg` of a record that is whole already and yet has arguments, for filters to look at."""

    __slots__ = ()

    def __str__(self) -> str:
        return self

    def __mod__(self, arguments: object) -> str:
        return "".join((self,))


def wants_colors(stream: TextIO | None) -> bool:
    """Tell whether a stream is to get colours: the user's word first, then whether it is a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    try:
        is_terminal = stream is not None and stream.isatty()
    except (AttributeError, ValueError):
        return False
    return is_terminal and os.environ.get("TERM") != "dumb"


class ColourizedFormatter(logging.Formatter):
    """Provide `%(levelprefix)s`, coloured where wanted, and prefer a record's `color_message` where it is."""

    level_name_colors = {  # noqa: RUF012 - subclasses replace it
        TRACE_LOG_LEVEL: BLUE,
        logging.DEBUG: CYAN,
        logging.INFO: GREEN,
        logging.WARNING: YELLOW,
        logging.ERROR: RED,
        logging.CRITICAL: BRIGHT_RED,
    }

    def __init__(
        self,
        fmt: str | None = None,
        datefmt: str | None = None,
        style: Literal["%", "{", "$"] = "%",
        use_colors: bool | None = None,
    ) -> None:
        self.use_colors = use_colors if use_colors in (True, False) else self.should_use_colors()
        super().__init__(fmt=fmt, datefmt=datefmt, style=style)

    def should_use_colors(self) -> bool:
        """Decide when `use_colors` is None."""
        return wants_colors(sys.stdout)

    def color_level_name(self, level_name: str, level_no: int) -> str:
        """Return the name of a level in its colour."""
        color = self.level_name_colors.get(level_no)
        return f"{color}{level_name}{RESET}" if color else level_name

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        own = copy.copy(record)
        name = own.levelname
        padding = " " * (LEVEL_WIDTH - 1 - len(name))
        if self.use_colors:
            name = self.color_level_name(name, own.levelno)
            if "color_message" in own.__dict__:
                own.msg = own.__dict__["color_message"]
                own.message = own.getMessage()
        own.levelprefix = f"{name}:{padding}"
        return super().formatMessage(own)


class DefaultFormatter(ColourizedFormatter):
    """Format what goes to standard error."""

    def should_use_colors(self) -> bool:
        return wants_colors(sys.stderr)


class AccessFormatter(ColourizedFormatter):
    """Format access records, whose args are `(client_addr, method, target, http_version, status)`.

    A line made by `access_log_format` is whole already, and is passed on as it is.
    """

    status_code_colours = {  # noqa: RUF012 - subclasses replace it
        1: BRIGHT_WHITE,
        2: GREEN,
        3: YELLOW,
        4: RED,
        5: BRIGHT_RED,
    }

    def get_status_code(self, status_code: int) -> str:
        """Return a status and its phrase, in the colour of its class."""
        text = f"{status_code} {status_phrase(status_code)}"
        color = self.status_code_colours.get(status_code // 100) if self.use_colors else None
        return f"{color}{text}{RESET}" if color else text

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        if isinstance(record.msg, RenderedLine):
            return record.msg % ()
        own = copy.copy(record)
        arguments: Any = own.args
        client, method, target, version, status = arguments
        request_line = f"{method} {target} HTTP/{version}"
        own.client_addr = client
        own.request_line = f"{BOLD}{request_line}{RESET}" if self.use_colors else request_line
        own.status_code = self.get_status_code(int(status))
        return super().formatMessage(own)


def status_phrase(status: int) -> str:
    """Return the phrase of a status, empty when it has none."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Client Closed Request" if status == CLIENT_CLOSED_REQUEST else ""
