"""Every case of the HTTP/1 corpus, every parser, every way of cutting the bytes, on the sans-IO engine.

Sent whole, a case must give the facts that it states. Sent byte by byte, and cut in two at every point (long ones:
at the points that `tests/support/cuts.py` chooses), it must give the very same requests, the very same answering
bytes and the same end. One liberty: a request that is refused in the middle of its body has reached the application
or not, depending on whether its head came in an earlier piece; the application never sees it complete.
"""

import pytest

from licorne.engine.connection import Closing
from licorne.engine.http1.parser import PARSERS
from licorne.engine.limits import Limits
from tests.support.corpus import AnswerFacts, Case, RequestFacts, load
from tests.support.cuts import byte_by_byte, split_points
from tests.support.http1 import Answer, Conversation, Seen, converse, new_factory, read_answers

CASES = load("http1")
REFUSAL = b"\r\ncontent-type: text/plain; charset=utf-8\r\n"
PROBE = b"GET /probe HTTP/1.1\r\nHost: probe.example\r\n\r\n"


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_facts_are_the_same_however_the_bytes_arrive(case: Case, parser: str) -> None:
    new_connection = new_factory(parser, Limits(**case.limits))  # type: ignore[arg-type]
    whole = converse(new_connection(), [case.data], case.application, case.is_eof_sent)
    expected = _facts(whole)
    _check(case, whole)
    # Cutting is checked before the probe is sent, which adds to the facts.
    cut = converse(new_connection(), byte_by_byte(case.data), case.application, case.is_eof_sent)
    assert _facts(cut) == expected, "byte by byte"
    _check_requests(case, cut.requests)
    for point in split_points(case.data):
        pieces = (case.data[:point], case.data[point:])
        cut = converse(new_connection(), pieces, case.application, case.is_eof_sent)
        assert _facts(cut) == expected, f"cut after {point} bytes: {case.data[:point]!r}"
    _check_end(case, whole)


def _facts(conversation: Conversation) -> tuple[list[Seen], bytes, bool]:
    """Return what must not depend on cutting: of a refusal the status, but not the reason, if there are several."""
    complete = [seen for seen in conversation.requests if seen.is_complete]
    return complete, conversation.sent().partition(REFUSAL)[0], conversation.is_closing()


def _check(case: Case, conversation: Conversation) -> None:
    """Compare what happened with what the case says."""
    _check_requests(case, conversation.requests)
    assert not conversation.is_stalled
    assert conversation.connection.closing != Closing.ABORT
    methods = [facts.method for facts in case.requests if facts.is_complete]
    answers = read_answers(conversation.sent(), methods, conversation.is_closing())
    if case.outcome == "error":
        _check_refusal(answers.pop() if len(answers) > len(methods) else None, case.status)
    assert len(answers) == len(methods), f"{answers} for {methods}"
    assert conversation.is_closing() == (case.outcome in ("error", "close"))
    for answer, facts in zip(answers, case.answers, strict=False):
        _check_answer(answer, facts)
    if not case.answers:
        assert {answer.status for answer in answers} <= {200, 204, 304}


def _check_refusal(refusal: Answer | None, status: int) -> None:
    assert refusal is not None, f"no answer {status}"
    assert refusal.status == status, refusal.body
    fields = dict(refusal.fields)
    assert fields[b"connection"] == b"close"
    assert fields[b"content-type"] == b"text/plain; charset=utf-8"
    assert refusal.body.strip()
    assert refusal.body.count(b"\n") <= 1, "the reason is one line"


def _check_end(case: Case, conversation: Conversation) -> None:
    """Send one request more: an open connection serves it, a closing one ignores it."""
    if case.outcome == "waits":
        return
    before, sent = len(conversation.requests), len(conversation.out)
    conversation.receive(PROBE)
    if case.outcome == "open":
        assert [seen.target for seen in conversation.requests[before:]] == [b"/probe"]
        assert len(conversation.out) > sent
    else:
        assert conversation.requests[before:] == []
        assert len(conversation.out) == sent


def _check_requests(case: Case, requests: list[Seen]) -> None:
    complete = [facts for facts in case.requests if facts.is_complete]
    assert [seen.target for seen in requests if seen.is_complete] == [facts.target for facts in complete]
    # A cut request is the last one, if the application has seen it at all.
    for seen, facts in zip(requests, case.requests, strict=False):
        _check_request(seen, facts, has_body=case.application != "early")


def _check_request(seen: Seen, facts: RequestFacts, has_body: bool) -> None:
    assert (seen.method, seen.target, seen.version) == (facts.method, facts.target, facts.version)
    assert seen.is_complete == facts.is_complete
    if has_body:
        assert seen.body == facts.body if facts.is_complete else facts.body.startswith(seen.body)
    names = [name for name, _ in seen.fields]
    assert all(type(name) is bytes and name == name.lower() for name in names)
    assert facts.count in (None, len(names))
    assert not set(facts.absent) & set(names)
    assert facts.path in (None, seen.path)
    assert facts.query in (None, seen.query)
    remaining = iter(seen.fields)
    assert all(pair in remaining for pair in facts.fields), f"{facts.fields} are not in {seen.fields}, in order"


def _check_answer(answer: Answer, facts: AnswerFacts) -> None:
    assert answer.status == facts.status
    assert facts.body in (None, answer.body)
    names = [name for name, _ in answer.fields]
    assert not set(facts.absent) & set(names)
    assert len(names) == len(set(names)), "a field is doubled"
    assert all(pair in answer.fields for pair in facts.fields), f"{facts.fields} are not all in {answer.fields}"
