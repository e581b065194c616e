"""What tests of HTTP/1 connections share: each of them runs with every parser."""

from collections.abc import Callable

import pytest

from licorne.engine.connection import Connection
from licorne.engine.http1.parser import PARSERS
from licorne.engine.limits import Limits
from tests.support.http1 import new_factory

__all__ = ["Connect"]

#: Makes the connection of one peer, held to limits.
Connect = Callable[..., Connection]


@pytest.fixture(params=PARSERS)
def connect(request: pytest.FixtureRequest) -> Connect:
    """Make connections with one of the parsers."""

    def new_connection(**limits: float) -> Connection:
        return new_factory(request.param, Limits(**limits))()  # type: ignore[arg-type]

    return new_connection
