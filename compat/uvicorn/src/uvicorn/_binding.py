"""Binding: the one socket that the processes of a reloading or multi-worker server share."""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING

from uvicorn._terms import ERRORS, STARTUP_FAILURE

if TYPE_CHECKING:
    from uvicorn.config import Config

__all__ = ["bind_socket", "log_running_on", "shown_host"]

_UNIX_MODE = 0o666


def bind_socket(config: Config) -> socket.socket:
    """Return a socket that is bound as the parameters say and that children inherit; end the process if it cannot be.

    It says where the server runs, because the children do not.
    """
    try:
        if config.uds:
            sock = _bind_unix(config.uds)
        elif config.fd is not None:
            sock = socket.socket(fileno=os.dup(config.fd))  # whose family and type the system tells
        else:
            sock = _bind_tcp(config.host, config.port)
    except OSError as error:
        ERRORS.error(error)
        sys.exit(STARTUP_FAILURE)
    log_running_on(config, sock)
    sock.set_inheritable(True)
    return sock


def log_running_on(config: Config, sock: socket.socket) -> None:
    """Say where a server runs that accepts on a socket."""
    tail = " (Press CTRL+C to quit)"
    if config.uds:
        _log("Uvicorn running on unix socket %s" + tail, config.uds)
    elif config.fd is not None:
        _log("Uvicorn running on socket %s" + tail, sock.getsockname())
    else:
        scheme = "https" if config.is_ssl else "http"
        _log("Uvicorn running on %s://%s:%d" + tail, scheme, shown_host(config.host), sock.getsockname()[1])


def shown_host(host: str) -> str:
    """Return a host as it stands in a URL."""
    return f"[{host}]" if host and ":" in host else host or "0.0.0.0"


def _log(line: str, *arguments: object) -> None:
    subject = line[line.index("%") : line.rindex(" (")]
    ERRORS.info(line, *arguments, extra={"color_message": line.replace(subject, f"\x1b[1m{subject}\x1b[0m")})


def _bind_unix(path: str) -> socket.socket:
    if os.path.exists(path) and not _is_alive(path):
        os.unlink(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
        os.chmod(path, _UNIX_MODE)
    except BaseException:
        sock.close()
        raise
    return sock


def _is_alive(path: str) -> bool:
    """Tell whether somebody serves at a path."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:  # left behind by a process that has died
            return False
        except OSError:
            return True
    return True


def _bind_tcp(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if host and ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except BaseException:
        sock.close()
        raise
    return sock
