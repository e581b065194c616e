"""What passes the front: requests for hosts that are allowed, each with an identifier where that is asked for."""

import re
from collections.abc import Sequence

import pytest

from licorne.asgi.forwarded import Forwarding
from licorne.asgi.front import REQUEST_ID, AllowedHosts, Front, RequestIds
from licorne.trust import Trust
from tests.asgi.test_forwarded import NOBODY, OURS, UPGRADE, Keeper, believing
from tests.support.http1 import Answer
from tests.support.stage import Receive, Scope, Send, Stage, hello

IS_FOR_HTTP2 = True

MADE = re.compile(rb"[0-9a-f]{32}")


def checking(trusted: Sequence[str] = OURS, hosts: Sequence[str] = (), header: str = "") -> Front:
    """Return a front with what is asked for."""
    trust = Trust(trusted)
    allowed = AllowedHosts(hosts) if hosts else None
    return Front(trust, Forwarding(trust), hosts=allowed, ids=RequestIds(header) if header else None)


async def answers_of(stage: Stage, front: Front, *requests: bytes, app: object = hello) -> list[Answer]:
    """Return the answers to requests of one connection."""
    stage.prepare(app)
    assert stage.application is not None
    stage.application.front = front
    peer = await stage.connect()
    answers = []
    for request in requests:
        peer.send(request)
        answers.append(await peer.answer())
    return answers


def request(*lines: bytes, host: bytes = b"a.example") -> bytes:
    """Write a request."""
    return b"\r\n".join([b"GET / HTTP/1.1", b"Host: " + host, *lines, b"", b""])


# --- hosts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patterns", "host", "is_allowed"),
    [
        (["a.example"], b"a.example", True),
        (["a.example"], b"A.Example:8443", True),
        (["a.example"], b"a.example.", True),
        (["a.example."], b"a.example", True),
        (["a.example"], b"b.a.example", False),
        (["a.example"], b"a.example.evil.org", False),
        (["a.example"], b"", False),
        (["*.example"], b"a.example", True),
        (["*.example"], b"a.b.example:1", True),
        (["*.example"], b"example", False),
        (["*.example"], b".example", False),
        (["*.example"], b"badexample", False),
        (["*.example"], b"..example", False),
        (["*.example"], b"a..example", False),
        (["*.example"], b"a%23.example", False),
        (["*.example"], b"evil.org&.example", False),
        (["*.example"], b"xn--caf-dma.my_host.example", True),
        (["*.example"], b"A.EXAMPLE.:443", True),
        (["a.example"], b"a.example..", False),
        (["a.example"], b"a.example:", True),
        (["*.example"], b"a.example.org", False),
        (["[::1]"], b"[::1]:80", True),
        (["[::1]"], b"[::2]", False),
        (["127.0.0.1"], b"127.0.0.1:80", True),
        (["a.example", "b.example"], b"b.example", True),
        (["a.example"], b"a" * 400, False),
    ],
)
def test_a_host_is_allowed(patterns: list[str], host: bytes, is_allowed: bool) -> None:
    hosts = AllowedHosts(patterns)
    assert hosts.allows(host) is is_allowed
    assert hosts.allows(host) is is_allowed, "the same when it is asked again"


def test_what_is_remembered_of_hosts_has_a_bound() -> None:
    hosts = AllowedHosts(["a.example"])
    for number in range(5000):
        assert not hosts.allows(b"h%d.example" % number)
    assert len(hosts.known) <= 1024


async def test_requests_for_other_hosts_are_400(stage: Stage) -> None:
    requests = [request(), request(host=b"evil.example"), request(host=b"A.EXAMPLE:80")]
    answers = await answers_of(stage, checking(hosts=["a.example"]), *requests)
    assert [answer.status for answer in answers] == [200, 400, 200]
    assert answers[1].body == b'the host "evil.example" is not allowed'


@pytest.mark.http1
async def test_a_request_without_a_host_is_400(stage: Stage) -> None:
    (answer,) = await answers_of(stage, checking(hosts=["a.example"]), b"GET / HTTP/1.0\r\n\r\n")
    assert answer.status == 400


async def test_a_websocket_for_another_host_is_400(stage: Stage) -> None:
    (answer,) = await answers_of(stage, checking(hosts=["a.example"]), request(*UPGRADE, host=b"evil.example"))
    assert (answer.status, answer.body) == (400, b'the host "evil.example" is not allowed')


async def test_the_host_that_a_trusted_proxy_tells_is_the_one_that_counts(stage: Stage) -> None:
    told = request(b"X-Forwarded-Host: a.example", host=b"inner")
    spoofed = request(b"X-Forwarded-Host: evil.example")
    answers = await answers_of(stage, checking(hosts=["a.example"]), told, spoofed)
    assert [answer.status for answer in answers] == [200, 400]


async def test_the_host_that_somebody_else_tells_does_not_count(stage: Stage) -> None:
    told = request(b"X-Forwarded-Host: a.example", host=b"evil.example")
    spoofed = request(b"X-Forwarded-Host: evil.example")
    answers = await answers_of(stage, checking(NOBODY, hosts=["a.example"]), told, spoofed)
    assert [answer.status for answer in answers] == [400, 200]


# --- request ids --------------------------------------------------------------------------------------------


async def ids_of(stage: Stage, front: Front, *lines: bytes) -> list[bytes]:
    """Return the identifier of a request as the fields, the extension and the answer have it."""
    keeper = Keeper()
    (answer,) = await answers_of(stage, front, request(*lines), app=keeper)
    (scope,) = keeper.scopes
    told = [value for name, value in scope["headers"] if name == b"x-request-id"]
    return [*told, scope["extensions"][REQUEST_ID]["id"].encode(), *fields_of(answer, b"x-request-id")]


def fields_of(answer: Answer, wanted: bytes) -> list[bytes]:
    """Return the values of a field."""
    return [value for name, value in answer.fields if name == wanted]


GOOD_IDS = [b"a", b"0123456789abcdef", b"A.b_c-D", b"x" * 128]
BAD_IDS = [b"", b"x" * 129, b"a b", b"a,b", b"a\tb", b'"a"', b"a/b", b"\xe9", b"a;b", b"<a>"]


@pytest.mark.parametrize("given", GOOD_IDS)
async def test_the_id_of_a_trusted_peer_is_taken(stage: Stage, given: bytes) -> None:
    assert await ids_of(stage, checking(header="X-Request-ID"), b"X-Request-ID: " + given) == [given] * 3


@pytest.mark.parametrize("given", BAD_IDS)
async def test_an_id_that_is_malformed_is_replaced(stage: Stage, given: bytes) -> None:
    found = await ids_of(stage, checking(header="X-Request-ID"), b"X-Request-ID: " + given)
    assert len(found) == 3
    assert len(set(found)) == 1
    assert MADE.fullmatch(found[0])


@pytest.mark.parametrize("lines", [[], [b"X-Request-ID: a", b"X-Request-ID: a"]], ids=["none", "twice"])
async def test_an_id_is_made_where_there_is_not_one(stage: Stage, lines: list[bytes]) -> None:
    found = await ids_of(stage, checking(header="X-Request-ID"), *lines)
    assert len(found) == 3
    assert len(set(found)) == 1
    assert MADE.fullmatch(found[0])


@pytest.mark.parametrize("given", GOOD_IDS)
async def test_the_id_of_an_untrusted_peer_is_replaced(stage: Stage, given: bytes) -> None:
    found = await ids_of(stage, checking(NOBODY, header="X-Request-ID"), b"X-Request-ID: " + given)
    assert len(found) == 3
    assert len(set(found)) == 1
    assert MADE.fullmatch(found[0])


def test_ids_are_all_different() -> None:
    ids = RequestIds("X-Request-ID")
    assert len({ids.identify([], is_believed=True) for _ in range(2000)}) == 2000


async def test_the_application_may_answer_with_an_id_of_its_own(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"X-Request-Id", b"mine")]})
        await send({"type": "http.response.body"})

    (answer,) = await answers_of(stage, checking(header="X-Request-ID"), request(), app=app)
    assert fields_of(answer, b"x-request-id") == [b"mine"]


async def test_an_application_that_fails_is_answered_for_with_the_id(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise LookupError

    (answer,) = await answers_of(stage, checking(header="X-Trace"), request(b"X-Trace: abc"), app=app)
    assert (answer.status, fields_of(answer, b"x-trace")) == (500, [b"abc"])
    assert len(stage.take_log()) == 1


@pytest.mark.parametrize("lines", [[], UPGRADE], ids=["http", "websocket"])
async def test_the_log_of_a_failure_has_the_id(stage: Stage, lines: list[bytes]) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise LookupError

    (answer,) = await answers_of(stage, checking(header="X-Trace"), request(*lines, b"X-Trace: abc"), app=app)
    assert answer.status == 500
    (record,) = stage.take_log()
    assert record.getMessage().rstrip().endswith(" /, request abc)")


@pytest.mark.parametrize("trusted", [OURS, NOBODY], ids=["believed", "doubted"])
async def test_a_name_that_frameworks_take_for_the_header_is_removed(stage: Stage, trusted: Sequence[str]) -> None:
    keeper = Keeper()
    lines = [b"X_Request_ID: evil", b"X-Request_ID: evil", b"X-Request-ID: abc"]
    await answers_of(stage, checking(trusted, header="X-Request-ID"), request(*lines), app=keeper)
    names = [name.replace(b"_", b"-") for name, _ in keeper.scopes[0]["headers"]]
    assert names.count(b"x-request-id") == 1


async def test_requests_that_are_the_same_have_ids_of_their_own(stage: Stage) -> None:
    keeper = Keeper()
    await answers_of(stage, checking(header="X-Request-ID"), *[request()] * 20, app=keeper)
    assert len({scope["extensions"][REQUEST_ID]["id"] for scope in keeper.scopes}) == 20


async def test_a_websocket_is_accepted_and_refused_with_the_id(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["extensions"][REQUEST_ID] == {"id": "abc"}
        await receive()
        await send({"type": "websocket.accept"} if scope["path"] == "/" else {"type": "websocket.close"})

    asked = request(*UPGRADE, b"X-Request-ID: abc")
    (answer,) = await answers_of(stage, checking(header="X-Request-ID"), asked.replace(b"GET /", b"GET /no"), app=app)
    assert (answer.status, fields_of(answer, b"x-request-id")) == (403, [b"abc"])
    peer = await stage.connect()
    peer.send(asked)
    await stage.until(lambda: b"\r\n\r\n" in peer.received)
    assert peer.received.startswith(b"HTTP/1.1 101 ")
    assert b"\r\nx-request-id: abc\r\n" in peer.received


async def test_the_id_goes_with_what_a_proxy_tells(stage: Stage) -> None:
    keeper = Keeper()
    lines = [b"X-Forwarded-For: 198.51.100.7", b"X-Forwarded-Prefix: /p", b"X-Request-ID: abc"]
    (answer,) = await answers_of(stage, checking(header="X-Request-ID"), request(*lines), app=keeper)
    (scope,) = keeper.scopes
    assert (scope["client"], scope["root_path"]) == (("198.51.100.7", 0), "/p")
    assert scope["extensions"][REQUEST_ID] == {"id": "abc"}
    assert fields_of(answer, b"x-request-id") == [b"abc"]


async def test_without_the_option_there_is_no_id(stage: Stage) -> None:
    keeper = Keeper()
    (answer,) = await answers_of(stage, believing(OURS), request(b"X-Request-ID: abc"), app=keeper)
    assert REQUEST_ID not in keeper.scopes[0]["extensions"]
    assert fields_of(answer, b"x-request-id") == []
