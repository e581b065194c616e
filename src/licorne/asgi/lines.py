"""Lines: what the log says of a WebSocket: accepted, refused, closed, and two more at the level "trace".

Rules: the first two are Uvicorn's, so that what reads its log reads this one. Nothing a peer chose but its address
and its target is in a line.
"""

import logging

from licorne.asgi.trace import TRACE_LEVEL
from licorne.engine.exchange import Exchange
from licorne.engine.websocket.session import WebSocketSession
from licorne.link import Link

__all__ = ["log_accepted", "log_begun", "log_closed", "log_refused"]

logger = logging.getLogger("licorne.error")

_CLIENT_CLOSED_REQUEST = 499
_CLOSED = '%s - "WebSocket %s" [closed %d after %.3fs; messages in/out: %d/%d, bytes: %d/%d]'


def log_begun(link: Link) -> None:
    """Tell that a request asks for a WebSocket."""
    _trace(link, "Upgrading to WebSocket")


def log_accepted(exchange: Exchange, link: Link) -> None:
    """Tell that the application accepted."""
    logger.info('%s - "WebSocket %s" [accepted]', _client(link), _target(exchange))
    _trace(link, "WebSocket connection made")


def log_refused(exchange: Exchange, link: Link) -> None:
    """Tell which HTTP status a client got in place of a WebSocket; 499 if it left before there was one."""
    status = exchange.status or _CLIENT_CLOSED_REQUEST
    logger.info('%s - "WebSocket %s" %d', _client(link), _target(exchange), status)


def log_closed(exchange: Exchange, link: Link, session: WebSocketSession, seconds: float) -> None:
    """Tell how a WebSocket ended, after how long, and what passed in both directions."""
    logger.info(
        _CLOSED,
        _client(link),
        _target(exchange),
        session.close_code,
        seconds,
        session.messages_in,
        session.messages_out,
        session.bytes_in,
        session.bytes_out,
    )
    _trace(link, "WebSocket connection lost")


def _client(link: Link) -> str:
    return f"{link.client[0]}:{link.client[1]}" if link.client else ""


def _target(exchange: Exchange) -> str:
    return exchange.head.target.decode("ascii", "backslashreplace")


def _trace(link: Link, line: str) -> None:
    if logger.isEnabledFor(TRACE_LEVEL):
        logger.log(TRACE_LEVEL, "%s%s", f"{_client(link)} - " if link.client else "", line)
