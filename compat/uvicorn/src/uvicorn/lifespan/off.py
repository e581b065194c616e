"""LifespanOff: tell an application nothing."""

from typing import Any

from uvicorn.config import Config

__all__ = ["LifespanOff"]


class LifespanOff:
    """Be the lifespan of an application that hears nothing of it."""

    def __init__(self, config: Config) -> None:
        self.should_exit = False
        self.state: dict[str, Any] = {}

    async def startup(self) -> None:
        """Do nothing."""

    async def shutdown(self) -> None:
        """Do nothing."""
