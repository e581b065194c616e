"""Fleet: hand a configuration and a bound socket to the supervisor of licorne.

Rules: the socket is said where it was bound, and the watched directories where the Config was made; neither is said
again.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from licorne.errors import LicorneError
from licorne.launch import launch
from uvicorn._terms import ERRORS, STARTUP_FAILURE
from uvicorn._translation import fleet_options_of

if TYPE_CHECKING:
    from uvicorn.config import Config

__all__ = ["supervise"]

#: What is said already, or advises an option that Uvicorn has not.
_UNSAID = (
    "Uvicorn running on %s (Press CTRL+C to quit)",
    "Will watch for changes in these directories: %s",
    '"workers" flag is ignored when reloading is enabled.',
    "Running as root.",
)


def supervise(config: Config, sockets: Sequence[socket.socket]) -> int:
    """Serve with other processes until told to stop; return the exit status."""
    (sock,) = sockets
    try:
        options = fleet_options_of(config, os.dup(sock.fileno()))
    except LicorneError as error:
        ERRORS.error(error)
        sys.exit(STARTUP_FAILURE)
    with _saying_once():
        status = launch(options)
    return STARTUP_FAILURE if status else 0


@contextmanager
def _saying_once() -> Iterator[None]:
    def is_said(record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith(_UNSAID)

    ERRORS.addFilter(is_said)
    try:
        yield
    finally:
        ERRORS.removeFilter(is_said)
