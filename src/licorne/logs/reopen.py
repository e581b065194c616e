"""Reopen: begins new log files after somebody, such as logrotate, has renamed the old ones."""

import contextlib
import logging
from collections.abc import Iterator

__all__ = ["reopen_files"]


def reopen_files() -> int:
    """Open the file of every handler anew, by its name; return how many there were."""
    handlers = {handler for handler in _handlers() if isinstance(handler, logging.FileHandler)}
    return sum(_reopen(handler) for handler in handlers)


def _handlers() -> Iterator[logging.Handler]:
    root = logging.getLogger()
    yield from root.handlers
    for found in list(root.manager.loggerDict.values()):
        if isinstance(found, logging.Logger):
            yield from found.handlers


def _reopen(handler: logging.FileHandler) -> bool:
    handler.acquire()
    try:
        old = handler.stream
        if old is None:  # it opens its file when there is something to write
            return False
        handler.stream = handler._open()
        with contextlib.suppress(OSError):
            old.close()
    except OSError as error:  # the folder has gone: the old file is better than none
        line = "The log file %s cannot be opened anew, so the old one is written on: %s"
        logging.getLogger("licorne.error").error(line, handler.baseFilename, error.strerror or error)
        return False
    finally:
        handler.release()
    return True
