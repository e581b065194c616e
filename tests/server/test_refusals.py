"""Refusals: the log says who was refused, and how many more were, also at the end."""

import logging

import pytest

from licorne.errors import RemoteProtocolError
from licorne.link import Link
from licorne.server.refusals import Refusals

LOGGER = logging.getLogger("tests.refusals")


def refuse(refusals: Refusals, count: int) -> None:
    """Refuse some peers without address."""
    link = Link()
    link.client = None
    for _ in range(count):
        refusals.take(RemoteProtocolError(400, "no"), link)


@pytest.mark.parametrize("by", ["tick", "flush"])
def test_what_was_left_out_is_told_once_by_the_next_tick_or_at_the_end(
    by: str, caplog: pytest.LogCaptureFixture
) -> None:
    counted: list[None] = []
    refusals = Refusals(LOGGER, lambda: counted.append(None))
    refuse(refusals, 13)
    for _ in range(2):
        if by == "tick":
            refusals.tick(100.0)
        else:
            refusals.flush()
    assert len(counted) == 13
    assert len(caplog.messages) == 11
    assert caplog.messages[-1] == "3 more peers were refused in the last second"


def test_no_text_that_a_proxy_has_passed_on_in_place_of_an_address_reaches_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    link = Link()
    link.client = ('\x9b31m"6.6.6.6', 0)
    Refusals(LOGGER, lambda: None).take(RemoteProtocolError(400, "no"), link)
    assert caplog.messages == [r"Invalid HTTP request received. (400, no, from \xc2\x9b31m\"6.6.6.6:0)"]
