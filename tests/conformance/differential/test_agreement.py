"""Parsers against each other, against the oracle and against what was generated, in random cuts.

A disagreement on requests, bodies, refusal or closing is a fault of somebody, and every one of them has been the
beginning of somebody's smuggling.
"""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licorne.engine.http1.parser import PARSERS
from licorne.engine.limits import Limits
from tests.conformance.differential.grammar import Expected, Stream, mutated, streams
from tests.support.cuts import byte_by_byte
from tests.support.http1 import Conversation, Seen, converse, new_factory, read_answers
from tests.support.oracle import Judged, judge

#: Small enough that mutations cross them.
LIMITS = Limits(max_line_bytes=200, max_head_bytes=400, max_fields=8, max_body_bytes=100, max_trailers=2)
FACTORIES = {parser: new_factory(parser, Limits()) for parser in PARSERS}
TIGHT_FACTORIES = {parser: new_factory(parser, LIMITS) for parser in PARSERS}
cuts = st.lists(st.integers(0, 1000), max_size=6)
#: Ours on every interpreter, the others on one.
PLAYED = [name if name == "native" else pytest.param(name, marks=pytest.mark.exhaustive) for name in PARSERS]


def cut(data: bytes, points: list[int]) -> Iterator[bytes]:
    """Yield the pieces between those points, the empty ones left out."""
    ordered = sorted({min(point, len(data)) for point in (0, *points, len(data))})
    for start, end in pairwise(ordered):
        yield data[start:end]


def facts(conversation: Conversation) -> tuple[list[Seen], list[int], bool]:
    """Return what must not depend on parser or cut: complete requests, statuses, closing."""
    complete = [seen for seen in conversation.requests if seen.is_complete]
    methods = [seen.method for seen in complete]
    answers = read_answers(conversation.sent(), methods, conversation.is_closing())
    return complete, [answer.status for answer in answers], conversation.is_closing()


def read(request: Seen | Judged | Expected) -> tuple[object, ...]:
    """Return what a request is, whoever has read it."""
    where = (request.method, request.target, request.version, request.path, request.query)
    return (*where, request.fields, request.body)


@pytest.mark.parametrize("parser", PLAYED)
@settings(max_examples=200, deadline=None)
@given(stream=streams(), points=cuts)
def test_valid_requests_are_read_as_they_were_written(parser: str, stream: Stream, points: list[int]) -> None:
    conversation = converse(FACTORIES[parser](), cut(stream.data, points))
    expected = [read(request) for request in stream.expected]
    assert [read(request) for request in conversation.requests] == expected
    assert conversation.is_closing() == stream.closes
    verdict = judge(stream.data, Limits())
    assert [read(request) for request in verdict.requests] == expected
    assert verdict.outcome == ("close" if stream.closes else "open")


@pytest.mark.parametrize("parser", PLAYED)
@settings(max_examples=300, deadline=None)
@given(data=mutated(), points=cuts, is_tight=st.booleans(), ends=st.booleans())
def test_broken_requests_are_judged_alike(
    parser: str, data: bytes, points: list[int], is_tight: bool, ends: bool
) -> None:
    new_connection = (TIGHT_FACTORIES if is_tight else FACTORIES)[parser]
    requests, statuses, is_closing = whole = facts(converse(new_connection(), [data], ends=ends))
    assert facts(converse(new_connection(), byte_by_byte(data), ends=ends)) == whole
    assert facts(converse(new_connection(), cut(data, points), ends=ends)) == whole
    verdict = judge(data, LIMITS if is_tight else Limits(), ends)
    judged = [read(request) for request in verdict.requests if request.is_complete]
    assert [read(request) for request in requests] == judged
    assert statuses[len(judged) :] == ([verdict.status] if verdict.status else [])
    assert is_closing == (verdict.outcome in ("close", "error"))
