"""Every case, sent as it stands and sent byte by byte: how the bytes arrive must not matter."""

import pytest

from tests.conformance.http2.cases import Case
from tests.conformance.http2.compression import COMPRESSION
from tests.conformance.http2.definitions import DEFINITIONS
from tests.conformance.http2.flow import FLOW
from tests.conformance.http2.frames import FRAMES
from tests.conformance.http2.generic import GENERIC
from tests.conformance.http2.messages import MESSAGES
from tests.conformance.http2.streams import STREAMS
from tests.support.http2_peer import Http2Peer

CASES = GENERIC + FRAMES + STREAMS + DEFINITIONS + FLOW + MESSAGES + COMPRESSION


@pytest.mark.parametrize("is_slow", [False, True], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, port: int, is_slow: bool) -> None:
    with Http2Peer(port, is_slow=is_slow) as peer:
        case.play(peer)


def test_names_are_not_given_twice() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
