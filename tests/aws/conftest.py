"""Handlers that are closed behind each test, and warnings of what would be left."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from licorne.adapters.aws import LambdaHandler


@pytest.fixture
def handle() -> Iterator[Callable[..., LambdaHandler]]:
    """Return what makes handlers."""
    made: list[LambdaHandler] = []

    def make(app: Any, lifespan: str = "off", **options: Any) -> LambdaHandler:
        made.append(LambdaHandler(app, lifespan, **options))
        return made[-1]

    yield make
    for handler in made:
        handler.close()
