"""The corpus against the oracle: a wrong expectation, or a wrong oracle, is seen before any parser is asked."""

import pytest

from licorne.engine.limits import Limits
from tests.support.corpus import Case, RequestFacts, load
from tests.support.oracle import Judged, judge

CASES = load("http1")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_expectation_is_what_the_rfc_says(case: Case) -> None:
    verdict = judge(case.data, Limits(**case.limits), case.is_eof_sent)  # type: ignore[arg-type]
    if case.application in ("streams", "trailers") and verdict.requests[-1].version == "1.0":
        verdict.outcome = "close"  # the oracle does not know the application's answers
    assert (verdict.outcome, verdict.status) == (case.outcome, case.status)
    assert len(verdict.requests) == len(case.requests)
    for judged, facts in zip(verdict.requests, case.requests, strict=True):
        assert judged.is_complete == facts.is_complete
        if case.application != "early":
            assert judged.body == facts.body if facts.is_complete else facts.body.startswith(judged.body)
        _check_head(judged, facts)


def _check_head(judged: Judged, facts: RequestFacts) -> None:
    names = [name for name, _ in judged.fields]
    assert (judged.method, judged.target, judged.version) == (facts.method, facts.target, facts.version)
    assert facts.count in (None, len(names))
    assert not set(facts.absent) & set(names)
    assert facts.path in (None, judged.path)
    assert facts.query in (None, judged.query)
    remaining = iter(judged.fields)
    assert all(pair in remaining for pair in facts.fields), f"{facts.fields} are not in {judged.fields}, in order"
