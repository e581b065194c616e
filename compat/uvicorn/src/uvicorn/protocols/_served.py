"""Served: protocol classes of Uvicorn's names, each of which speaks to one transport by way of licorne.

A server of licorne makes no use of them: it reads from their names which of its own parsers is meant. Whoever makes
one with Uvicorn's arguments, and hands it to an event loop or a transport, has a working protocol nevertheless.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from licorne.asgi.run import Application, AsgiOptions
from licorne.drivers.asyncio import AsyncioRuntime
from licorne.logs.access import AccessLog
from licorne.server.proxies import front_of
from licorne.server.settings import (
    connections_of,
    date_ticks,
    default_headers_of,
    driver_options_of,
    limits_of,
    sessions_of,
)
from uvicorn._translation import options_of

__all__ = ["HttpProtocol"]


class HttpProtocol(asyncio.Protocol):
    """Speak HTTP/1.1, and WebSocket after an upgrade, with the application of a Config that is loaded."""

    #: The parser of licorne that stands for this class.
    licorne_name = "auto"

    def __init__(
        self,
        config: Any,
        server_state: Any,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self.config = config
        self.server_state = server_state
        self.app_state = app_state
        self.app = config.loaded_app
        self.loop = _loop or asyncio.get_event_loop()
        self.logger = logging.getLogger("uvicorn.error")
        self.access_logger = logging.getLogger("uvicorn.access")
        self._link = self._new_runtime().protocol_factory()

    def connection_made(self, transport: Any) -> None:
        """Begin with a transport."""
        self.transport = transport
        self._link.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        self._link.data_received(data)

    def eof_received(self) -> Any:
        """Take note that nothing more comes."""
        return self._link.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note of the end."""
        self._link.connection_lost(exc)

    def pause_writing(self) -> None:
        """Write no more for now."""
        self._link.pause_writing()

    def resume_writing(self) -> None:
        """Write again."""
        self._link.resume_writing()

    def _new_runtime(self) -> AsyncioRuntime:
        options = options_of(self.config)
        default_headers = default_headers_of(options)
        log = AccessLog(None, self.loop.call_later).log if options.access_log else None
        application = Application(options.app, self.app_state, AsgiOptions(root_path=options.root_path), log)
        application.front = front_of(options)
        application.shared.open_session = sessions_of(options)
        new_connection = connections_of(options, default_headers)
        date_ticks(default_headers)
        return AsyncioRuntime(self.loop, limits_of(options), driver_options_of(options), new_connection, application)
