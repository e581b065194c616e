"""LifespanOn: tell an application that a server starts and stops."""

import asyncio
from typing import Any

from licorne.asgi.lifespan import Lifespan
from uvicorn._terms import ERRORS
from uvicorn.config import Config

__all__ = ["LifespanOn"]


class LifespanOn:
    """Be the lifespan of the application that a Config has loaded."""

    def __init__(self, config: Config) -> None:
        if not config.loaded:
            config.load()
        self.config = config
        self.logger = ERRORS
        self.state: dict[str, Any] = {}
        self.should_exit = False
        self.startup_failed = False
        self.shutdown_failed = False
        self._lifespan: Lifespan | None = None

    @property
    def error_occurred(self) -> bool:
        """Tell whether the application has raised something."""
        return self._lifespan is not None and self._lifespan.error is not None

    async def startup(self) -> None:
        """Start the application; `should_exit` tells whether it could not."""
        lifespan = self._lifespan = Lifespan(
            self.config.loaded_app, self.config.lifespan, self.logger, self.config.asgi_version
        )
        lifespan.state = self.state
        if not await lifespan.startup():
            self.logger.error("Application startup failed. Exiting.")
            self.should_exit = self.startup_failed = True

    async def shutdown(self) -> None:
        """Stop the application; `should_exit` tells whether it could not."""
        if self._lifespan is None:
            return
        try:
            if not await self._lifespan.shutdown() and not self.startup_failed:
                self.should_exit = self.shutdown_failed = True
        finally:
            await asyncio.shield(self._lifespan.abort())
