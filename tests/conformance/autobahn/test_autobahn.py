"""Autobahn's cases: what each codec must show of those without deflate, and of those with it the ones that are short.

`python -m tests.conformance.autobahn` plays all 517 with every agent, which takes minutes.
"""

from pathlib import Path

import pytest

from tests.conformance.autobahn.environment import fuzzing_client
from tests.conformance.autobahn.fuzzing import DEADLINE_SECONDS, DEFLATED, PLAIN, fuzz

#: Deflate is the same for all codecs.
PLAYED = [
    ("native", (*PLAIN, *DEFLATED), 301 + 36),
    ("native-plain", PLAIN, 301),
    ("native-no-takeover", DEFLATED, 36),
    ("websockets", PLAIN, 301),
    ("wsproto", PLAIN, 301),
]


@pytest.mark.exhaustive
@pytest.mark.timeout(2 * DEADLINE_SECONDS)
@pytest.mark.parametrize(("agent", "cases", "count"), PLAYED, ids=[agent for agent, _, _ in PLAYED])
def test_the_fuzzing_client_finds_no_fault(agent: str, cases: tuple[str, ...], count: int, tmp_path: Path) -> None:
    client = fuzzing_client()
    verdicts = fuzz(client, agent, cases, tmp_path)
    assert len(verdicts) == count
    failed = [verdict.case for verdict in verdicts if not verdict.is_good(agent)]
    # In most cases the client gives a server one second, which a busy machine may need itself: a fault comes again.
    again = fuzz(client, agent, failed, tmp_path / "again") if failed else []
    assert [verdict for verdict in again if not verdict.is_good(agent)] == []
    assert len(again) == len(failed)
