"""The HTTP clients of Python play the same scenes."""

import json
from collections.abc import Iterator
from hashlib import sha256

import pytest

from tests.clients.apps import PIECE_BYTES, pattern
from tests.clients.callers import CALLERS, AiohttpCaller, AsyncCaller, AsyncHttp2Caller, AsyncHttpxCaller, Caller

MIB = 1024 * 1024


@pytest.fixture(params=CALLERS, ids=lambda caller: caller.__name__.removesuffix("Caller"))
def caller(request: pytest.FixtureRequest, port: int) -> Iterator[Caller]:
    """Be each of the clients."""
    with request.param(port) as made:
        yield made


def pieces(data: bytes, size: int = PIECE_BYTES) -> Iterator[bytes]:
    """Yield a body piece by piece."""
    return (data[start : start + size] for start in range(0, len(data), size))


def test_get(caller: Caller) -> None:
    answer = caller.call("GET", "/hello")
    assert (answer.status, answer.body) == (200, b"Hello, world!")
    assert answer.headers["content-length"] == "13"
    assert answer.headers["server"] == "licorne"
    assert answer.headers["date"].endswith(" GMT")


def test_head_has_the_length_and_no_body(caller: Caller) -> None:
    for _ in range(2):
        answer = caller.call("HEAD", "/sized/1000")
        assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "1000")


def test_an_answer_without_content(caller: Caller) -> None:
    for _ in range(2):
        answer = caller.call("GET", "/nothing")
        assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_body_comes_back(caller: Caller, method: str) -> None:
    assert caller.call(method, "/echo", b"some words").body == b"some words"


def test_a_large_body_goes_up(caller: Caller) -> None:
    data = pattern(4 * MIB)
    assert json.loads(caller.call("POST", "/digest", data).body) == {
        "size": 4 * MIB,
        "sha256": sha256(data).hexdigest(),
    }


def test_a_body_in_chunks_goes_up(caller: Caller) -> None:
    if caller.sends_chunks:
        data = pattern(2 * MIB)
        received = json.loads(caller.call("POST", "/digest", pieces(data)).body)
        assert received == {"size": 2 * MIB, "sha256": sha256(data).hexdigest()}
        assert caller.call("POST", "/echo", pieces(b"tiny chunks", 1)).body == b"tiny chunks"


def test_a_large_body_comes_down(caller: Caller) -> None:
    for path in (f"/sized/{4 * MIB}", f"/unsized/{4 * MIB}"):
        assert caller.call("GET", path).body == pattern(4 * MIB)


def test_a_connection_is_kept(caller: Caller) -> None:
    ports = []
    for path in ("/x", "/x", "/echo", "/x", "/nothing", "/x", "/unsized/100000", "/x"):
        answer = caller.call("GET", path)
        if path == "/x":
            ports.append(json.loads(answer.body)["client"][1])
    assert len(set(ports)) == (1 if caller.keeps_connection else len(ports))


def test_an_application_that_raises_is_answered_500(caller: Caller) -> None:
    answer = caller.call("GET", "/fail")
    assert (answer.status, answer.body) == (500, b"Internal Server Error")
    assert caller.call("GET", "/hello").status == 200


@pytest.mark.parametrize("framing", ["sized", "unsized"])
def test_an_answer_that_is_cut_is_noticed(caller: Caller, framing: str) -> None:
    with pytest.raises(caller.cut):
        caller.call("GET", f"/cut/{framing}")


def test_interim_answers_and_trailers_do_not_confuse(caller: Caller) -> None:
    if caller.knows_interim_answers:
        assert caller.call("GET", "/hint").body == b"hinted"
    assert caller.call("GET", "/trailers").body == b"one, two"


def test_the_version_is_the_one_that_the_client_speaks(caller: Caller) -> None:
    assert json.loads(caller.call("GET", "/x").body)["http_version"] == caller.http_version


@pytest.mark.parametrize("kind", [AsyncHttpxCaller, AsyncHttp2Caller, AiohttpCaller])
def test_many_requests_at_once(kind: type[AsyncCaller], port: int) -> None:
    with kind(port) as caller:  # type: ignore[call-arg]
        answers = caller.call_together(100, "/unsized/70000")
    assert {answer.body for answer in answers} == {pattern(70000)}
