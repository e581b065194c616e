"""Whose word counts about a request: nobody's but a trusted proxy's, and of that only what is right and said once."""

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

import pytest

from licorne.asgi.forwarded import AUTO, ONLY_FORWARDED, ONLY_X_FORWARDED, Forwarding
from licorne.asgi.front import Front
from licorne.asgi.run import AsgiOptions
from licorne.engine.received import RequestHead
from licorne.link import Account, Link
from licorne.trust import Trust
from tests.support.stage import Receive, Scope, Send, Stage, hello

IS_FOR_HTTP2 = True

#: The peers of a stage: in memory and over sockets.
PEERS = ("192.0.2.1", "127.0.0.1")
NOBODY = ("203.0.113.255",)
OURS = (*PEERS, "10.0.0.0/8")

Lines = Sequence[bytes]
FOR = b"X-Forwarded-For: 198.51.100.7"
SPOOFS: dict[str, Lines] = {
    "for": [FOR],
    "for-and-port": [b"X-Forwarded-For: 198.51.100.7:99"],
    "for-doubled": [FOR, b"X-Forwarded-For: 198.51.100.8"],
    "for-split": [b"X-Forwarded-For: 198.51.100.7, 192.0.2.1", b"X-Forwarded-For: 127.0.0.1"],
    "for-ourselves": [b"X-Forwarded-For: 127.0.0.1, ::1, 10.0.0.1"],
    "for-oversized": [b"X-Forwarded-For: " + b"198.51.100.7, " * 1000 + b"127.0.0.1"],
    "for-empty": [b"X-Forwarded-For:"],
    "for-commas": [b"X-Forwarded-For: ,,,,"],
    "for-malformed": [b"X-Forwarded-For: [::1, \xff\xfe;:::"],
    "for-name": [b"X-Forwarded-For: localhost"],
    "proto": [b"X-Forwarded-Proto: https"],
    "proto-wss": [b"X-Forwarded-Proto: wss"],
    "proto-doubled": [b"X-Forwarded-Proto: https", b"X-Forwarded-Proto: https"],
    "proto-list": [b"X-Forwarded-Proto: https, https"],
    "proto-odd": [b"X-Forwarded-Proto: javascript"],
    "proto-oversized": [b"X-Forwarded-Proto: " + b"https" * 3000],
    "host": [b"X-Forwarded-Host: evil.example"],
    "host-and-port": [b"X-Forwarded-Host: evil.example:1"],
    "host-doubled": [b"X-Forwarded-Host: evil.example", b"X-Forwarded-Host: evil.example"],
    "host-list": [b"X-Forwarded-Host: evil.example, other.example"],
    "host-malformed": [b"X-Forwarded-Host: evil.example/../:x"],
    "host-oversized": [b"X-Forwarded-Host: " + b"evil." * 3000],
    "port": [b"X-Forwarded-Port: 1"],
    "port-malformed": [b"X-Forwarded-Port: 1x"],
    "port-oversized": [b"X-Forwarded-Port: " + b"1" * 5000],
    "prefix": [b"X-Forwarded-Prefix: /evil"],
    "prefix-doubled": [b"X-Forwarded-Prefix: /evil", b"X-Forwarded-Prefix: /evil"],
    "prefix-elsewhere": [b"X-Forwarded-Prefix: //evil.example"],
    "prefix-up": [b"X-Forwarded-Prefix: /../.."],
    "prefix-oversized": [b"X-Forwarded-Prefix: " + b"/evil" * 3000],
    "real-ip": [b"X-Real-IP: 198.51.100.7"],
    "real-ip-doubled": [b"X-Real-IP: 198.51.100.7", b"X-Real-IP: 198.51.100.7"],
    "real-ip-malformed": [b"X-Real-IP: 198.51.100.7:80"],
    "forwarded": [b"Forwarded: for=198.51.100.7;proto=https;host=evil.example;by=127.0.0.1"],
    "forwarded-quoted": [b'Forwarded: for="[2001:db8::7]:99";proto="https";host="evil.example"'],
    "forwarded-hidden": [b"Forwarded: for=_hidden;proto=https"],
    "forwarded-unknown": [b"Forwarded: for=unknown;proto=https"],
    "forwarded-doubled": [b"Forwarded: for=198.51.100.7", b"Forwarded: for=198.51.100.8;proto=https"],
    "forwarded-split": [b"Forwarded: for=198.51.100.7, for=127.0.0.1;host=evil.example"],
    "forwarded-malformed": [b'Forwarded: for="198.51.100.7;proto=https'],
    "forwarded-oversized": [b"Forwarded: " + b"for=198.51.100.7;proto=https," * 500],
    "families": [FOR, b"X-Forwarded-Proto: https", b"Forwarded: for=198.51.100.9;proto=http;host=evil.example"],
    "families-agreeing": [FOR, b"Forwarded: for=198.51.100.7", b"X-Forwarded-Host: evil.example"],
    "underscores": [b"X_Forwarded_For: 198.51.100.7", b"X_Forwarded_Host: evil.example"],
    "cases-mixed": [b"x-FORWARDED-fOr: 198.51.100.7", b"X-fORWARDED-pROTO: https"],
    "more-than-licorne-believes": [b"X-Forwarded-Ssl: on", b"X-Forwarded-Client-Cert: a", b"X_FORWARDED_USER: root"],
    "upper-case": [b"X-FORWARDED-FOR: 198.51.100.7", b"FORWARDED: proto=https"],
    "all": [
        *(FOR, b"X-Forwarded-Proto: https", b"X-Forwarded-Host: evil.example", b"X-Forwarded-Port: 1"),
        *(b"X-Forwarded-Prefix: /evil", b"X-Real-IP: 198.51.100.7", b"Forwarded: for=198.51.100.7;host=evil.example"),
    ],
}


class Keeper:
    """Keep the scopes that come, and answer."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        await hello(scope, receive, send)


def believing(trusted: Sequence[str], family: str = AUTO, *, is_whole: bool = True, **more: Any) -> Front:
    """Return a front that believes these peers."""
    trust = Trust(trusted)
    return Front(trust, Forwarding(trust, family, is_whole), **more)


def request(lines: Lines, path: bytes = b"/a") -> bytes:
    """Write a request."""
    return b"\r\n".join([b"GET %b HTTP/1.1" % path, b"Host: here.example", *lines, b"", b""])


async def scope_of(stage: Stage, lines: Lines, front: Front | None, root_path: str = "", path: bytes = b"/a") -> Scope:
    """Return the scope of one request, with the address of the peer as "peer" where it was not replaced."""
    keeper = Keeper()
    stage.prepare(keeper, options=AsgiOptions(root_path=root_path))
    assert stage.application is not None
    stage.application.front = front
    peer = await stage.connect()
    peer.send(request(lines, path))
    assert (await peer.answer()).status == 200
    (scope,) = keeper.scopes
    return {**scope, "client": told_client(scope), "server": told_server(scope)}


def told_client(scope: Scope) -> Any:
    """Return the client, or "peer" if it is the one that is connected."""
    client = scope["client"]
    return "peer" if client[0] in PEERS and client[1] > 1024 else client


def told_server(scope: Scope) -> Any:
    """Return the server, or "self" if it is the address that was connected to."""
    return "self" if scope["server"][0] in ("192.0.2.2", "127.0.0.1") else scope["server"]


def host_in(scope: Scope) -> list[bytes]:
    """Return what the fields of a request say of the host."""
    return [value for name, value in scope["headers"] if name == b"host"]


UNMOVED = {
    "client": "peer",
    "server": "self",
    "scheme": "http",
    "root_path": "",
    "path": "/a",
    "raw_path": b"/a",
}


def moved(scope: Scope) -> dict[str, Any]:
    """Return what proxies could have changed."""
    return {name: scope[name] for name in UNMOVED}


# --- those who are not trusted ------------------------------------------------------------------------------


@pytest.mark.parametrize("lines", SPOOFS.values(), ids=SPOOFS)
@pytest.mark.parametrize("family", [AUTO, ONLY_X_FORWARDED, ONLY_FORWARDED])
async def test_nothing_moves_for_an_untrusted_peer(stage: Stage, lines: Lines, family: str) -> None:
    scope = await scope_of(stage, lines, believing(NOBODY, family))
    assert moved(scope) == UNMOVED
    assert host_in(scope) == [b"here.example"]
    assert len(scope["headers"]) == 1 + len(lines), "they are passed on as they are"


@pytest.mark.parametrize("lines", SPOOFS.values(), ids=SPOOFS)
async def test_what_untrusted_peers_say_can_be_stripped(stage: Stage, lines: Lines) -> None:
    scope = await scope_of(stage, [*lines, b"X-Other: 1"], believing(NOBODY, strips=True))
    assert moved(scope) == UNMOVED
    assert scope["headers"] == [(b"host", b"here.example"), (b"x-other", b"1")]


@pytest.mark.parametrize("lines", SPOOFS.values(), ids=SPOOFS)
async def test_an_untrusted_peer_moves_nothing_of_a_mounted_application(stage: Stage, lines: Lines) -> None:
    scope = await scope_of(stage, lines, believing(NOBODY), root_path="/api")
    assert moved(scope) == UNMOVED | {"root_path": "/api", "path": "/api/a", "raw_path": b"/api/a"}


# --- those who are ------------------------------------------------------------------------------------------

TOLD: dict[str, tuple[Lines, dict[str, Any]]] = {
    "nothing": ([b"Accept: */*"], {}),
    "for": ([FOR], {"client": ("198.51.100.7", 0)}),
    "for-with-port": ([b"X-Forwarded-For: 198.51.100.7:99"], {"client": ("198.51.100.7", 99)}),
    "for-ipv6": ([b"X-Forwarded-For: 2001:db8::7"], {"client": ("2001:db8::7", 0)}),
    "for-ipv6-with-port": ([b"X-Forwarded-For: [2001:db8::7]:99"], {"client": ("2001:db8::7", 99)}),
    "for-spoofed-before": ([b"X-Forwarded-For: 6.6.6.6, 198.51.100.7"], {"client": ("198.51.100.7", 0)}),
    "for-behind-ours": ([b"X-Forwarded-For: 6.6.6.6, 198.51.100.7, 10.0.0.1"], {"client": ("198.51.100.7", 0)}),
    "for-in-two-lines": (
        [b"X-Forwarded-For: 198.51.100.7", b"X-Forwarded-For: 10.0.0.1"],
        {"client": ("198.51.100.7", 0)},
    ),
    "for-all-ours": ([b"X-Forwarded-For: 10.0.0.9, 10.0.0.1"], {"client": ("10.0.0.9", 0)}),
    "for-empty": ([b"X-Forwarded-For:"], {}),
    "for-ends-with-comma": ([b"X-Forwarded-For: 198.51.100.7,"], {}),
    "for-word": ([b"X-Forwarded-For: unknown"], {"client": ("unknown", 0)}),
    "for-malformed-behind-ours": ([b"X-Forwarded-For: 198.51.100.7, x y, 10.0.0.1"], {"client": ("x y", 0)}),
    "proto": ([b"X-Forwarded-Proto: https"], {"scheme": "https"}),
    "proto-wss": ([b"X-Forwarded-Proto: wss"], {"scheme": "https"}),
    "proto-list": ([b"X-Forwarded-Proto: https,http"], {}),
    "proto-last-counts": ([b"X-Forwarded-Proto: http", b"X-Forwarded-Proto: https"], {"scheme": "https"}),
    "proto-odd": ([b"X-Forwarded-Proto: ftp"], {}),
    "proto-upper-case": ([b"X-Forwarded-Proto: HTTPS"], {}),
    "real-ip": ([b"X-Real-IP: 198.51.100.7"], {"client": ("198.51.100.7", 0)}),
    "real-ip-beside-for": ([b"X-Real-IP: 6.6.6.6", FOR], {"client": ("198.51.100.7", 0)}),
    "real-ip-malformed": ([b"X-Real-IP: a"], {}),
    "real-ip-doubled": ([b"X-Real-IP: 6.6.6.6", b"X-Real-IP: 6.6.6.6"], {}),
    "host": ([b"X-Forwarded-Host: a.example"], {"host": b"a.example", "server": ("a.example", 80)}),
    "host-over-tls": (
        [b"X-Forwarded-Host: a.example", b"X-Forwarded-Proto: https"],
        {"host": b"a.example", "server": ("a.example", 443), "scheme": "https"},
    ),
    "host-with-port": ([b"X-Forwarded-Host: a.example:81"], {"host": b"a.example:81", "server": ("a.example", 81)}),
    "host-ipv6": ([b"X-Forwarded-Host: [::7]:81"], {"host": b"[::7]:81", "server": ("::7", 81)}),
    "host-doubled": ([b"X-Forwarded-Host: a.example", b"X-Forwarded-Host: a.example"], {}),
    "host-list": ([b"X-Forwarded-Host: a.example, b.example"], {}),
    "host-malformed": ([b"X-Forwarded-Host: a b"], {}),
    "host-oversized": ([b"X-Forwarded-Host: " + b"a" * 300], {}),
    "port": ([b"X-Forwarded-Port: 81"], {"host": b"here.example:81", "server": ("here.example", 81)}),
    "port-usual": ([b"X-Forwarded-Port: 80"], {"server": ("here.example", 80)}),
    "port-usual-over-tls": (
        [b"X-Forwarded-Port: 443", b"X-Forwarded-Proto: https"],
        {"server": ("here.example", 443), "scheme": "https"},
    ),
    "port-beside-host": (
        [b"X-Forwarded-Port: 81", b"X-Forwarded-Host: a.example"],
        {"host": b"a.example:81", "server": ("a.example", 81)},
    ),
    "port-in-host-wins": (
        [b"X-Forwarded-Port: 81", b"X-Forwarded-Host: a.example:82"],
        {"host": b"a.example:82", "server": ("a.example", 82)},
    ),
    "port-malformed": ([b"X-Forwarded-Port: 0"], {}),
    "prefix": ([b"X-Forwarded-Prefix: /shop"], {"root_path": "/shop", "path": "/shop/a", "raw_path": b"/shop/a"}),
    "prefix-escaped": (
        [b"X-Forwarded-Prefix: /caf%C3%A9/"],
        {"root_path": "/café", "path": "/café/a", "raw_path": b"/caf%C3%A9/a"},
    ),
    "prefix-doubled": ([b"X-Forwarded-Prefix: /a", b"X-Forwarded-Prefix: /b"], {}),
    "prefix-elsewhere": ([b"X-Forwarded-Prefix: //evil.example"], {}),
    "prefix-up": ([b"X-Forwarded-Prefix: /shop/.."], {}),
    "forwarded": (
        [b"Forwarded: for=198.51.100.7;proto=https;host=a.example;by=10.0.0.1"],
        {"client": ("198.51.100.7", 0), "scheme": "https", "host": b"a.example", "server": ("a.example", 443)},
    ),
    "forwarded-quoted": (
        [b'Forwarded: For="[2001:DB8::7]:99";Proto="HTTPS"'],
        {"client": ("2001:db8::7", 99), "scheme": "https"},
    ),
    "forwarded-hidden": ([b"Forwarded: for=_mystery"], {"client": ("_mystery", 0)}),
    "forwarded-unknown": ([b"Forwarded: for=unknown"], {"client": ("unknown", 0)}),
    "forwarded-spoofed-before": (
        [b"Forwarded: for=6.6.6.6;host=evil.example;proto=https, for=198.51.100.7;proto=http"],
        {"client": ("198.51.100.7", 0)},
    ),
    "forwarded-behind-ours": (
        [b"Forwarded: for=6.6.6.6, for=198.51.100.7;proto=https", b"Forwarded: for=10.0.0.1;proto=http;host=inner"],
        {"client": ("198.51.100.7", 0), "scheme": "https"},
    ),
    "forwarded-all-ours": (
        [b"Forwarded: for=10.0.0.9;proto=https, for=10.0.0.1"],
        {"client": ("10.0.0.9", 0), "scheme": "https"},
    ),
    "forwarded-without-for": ([b"Forwarded: for=6.6.6.6, proto=https"], {"scheme": "https"}),
    "forwarded-odd-proto": ([b"Forwarded: proto=ftp"], {}),
    "forwarded-empty": ([b"Forwarded:"], {}),
    "families-that-agree": (
        [FOR, b"X-Forwarded-Proto: https", b'Forwarded: for="198.51.100.7:99";proto=https'],
        {"client": ("198.51.100.7", 99), "scheme": "https"},
    ),
    "real-ip-that-agrees": (
        [b'Forwarded: for="[2001:db8::7]"', b"X-Real-IP: 2001:DB8:0::7"],
        {"client": ("2001:db8::7", 0)},
    ),
    "what-one-family-alone-says-counts-for-nothing": (
        [FOR, b"Forwarded: for=198.51.100.7", b"X-Forwarded-Prefix: /evil", b"X-Forwarded-Port: 1"],
        {"client": ("198.51.100.7", 0)},
    ),
    "real-ip-with-a-zone": ([b'X-Real-IP: fe80::1%"<a>'], {}),
    "real-ip-mapped": ([b"X-Real-IP: ::ffff:c000:207"], {"client": ("::ffff:192.0.2.7", 0)}),
    "for-ours-in-the-middle": (
        [b"X-Forwarded-For: 6.6.6.6, 10.0.0.1, 198.51.100.7, 10.0.0.2"],
        {"client": ("198.51.100.7", 0)},
    ),
    "for-ours-written-otherwise": ([b"X-Forwarded-For: 6.6.6.6, 010.0.0.1"], {"client": ("010.0.0.1", 0)}),
    "for-ours-mapped": ([b"X-Forwarded-For: 198.51.100.7, [::ffff:10.0.0.1]:80"], {"client": ("198.51.100.7", 0)}),
    "for-quoted-comma": ([b'X-Forwarded-For: "6.6.6.6, 10.0.0.1"'], {"client": ('10.0.0.1"', 0)}),
    "forwarded-quoted-comma": (
        [b'Forwarded: for=198.51.100.7;x="a, for=6.6.6.6"'],
        {"client": ("198.51.100.7", 0)},
    ),
    "forwarded-escaped-quote": (
        [b'Forwarded: for=198.51.100.7;x="\\", for=6.6.6.6;y=\\""'],
        {"client": ("198.51.100.7", 0)},
    ),
    "forwarded-ours-in-the-middle": (
        [b"Forwarded: for=6.6.6.6;proto=https, for=10.0.0.1, for=198.51.100.7, for=10.0.0.2"],
        {"client": ("198.51.100.7", 0)},
    ),
    "underscores": ([b"X_Forwarded_For: 6.6.6.6", b"X_Real_IP: 6.6.6.6", b"X-Forwarded_Host: evil.example"], {}),
    "other-names": ([b"X-Forwarded-By: 6.6.6.6", b"X-Forwarded: for=6.6.6.6", b"Forwarded-For: 6.6.6.6"], {}),
}


@pytest.mark.parametrize(("lines", "told"), TOLD.values(), ids=TOLD)
async def test_a_trusted_peer_is_believed(stage: Stage, lines: Lines, told: dict[str, Any]) -> None:
    scope = await scope_of(stage, lines, believing(OURS))
    expected = UNMOVED | told
    host = expected.pop("host", b"here.example")
    assert moved(scope) == expected
    assert host_in(scope) == [host]
    assert scope["headers"][0] == (b"host", host), "it stays where it was"


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([b'Forwarded: for="198.51.100.7'], id="open-quote"),
        pytest.param([b"Forwarded: for=198.51.100.7:80"], id="unquoted-port"),
        pytest.param([b"Forwarded: for=name"], id="name"),
        pytest.param([b'Forwarded: host="a b"'], id="host"),
        pytest.param([b"Forwarded: for=1.2.3.4;for=1.2.3.5"], id="twice"),
        pytest.param([b"Forwarded: " + b"for=10.0.0.1," * 40], id="many"),
        pytest.param([b'Forwarded: for="_x', b"Forwarded: for=198.51.100.7"], id="one-line-of-two"),
        pytest.param([b"Forwarded: for=x, for=10.0.0.1"], id="behind-ours"),
        pytest.param([b'Forwarded: for=6.6.6.6;x="a', b'Forwarded: for=198.51.100.7;y="'], id="quote-over-two-lines"),
        pytest.param([b'Forwarded: for="fe80::1%lo"'], id="zone"),
        pytest.param([b'Forwarded: for="[fe80::1%lo]"'], id="zone-in-brackets"),
        pytest.param([b"Forwarded: " + b";" * 5000], id="oversized"),
    ],
)
async def test_a_malformed_forwarded_of_a_trusted_peer_is_400(stage: Stage, lines: Lines) -> None:
    assert await refusal_of(stage, lines, believing(OURS)) == b"a malformed Forwarded header"


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([FOR, b"Forwarded: for=198.51.100.8"], id="client"),
        pytest.param([FOR, b"X-Forwarded-Proto: https", b"Forwarded: for=198.51.100.7;proto=http"], id="scheme"),
        pytest.param([FOR, b"Forwarded: for=198.51.100.7;host=evil.example"], id="host-in-forwarded-alone"),
        pytest.param([FOR, b"X-Forwarded-Host: evil.example", b"Forwarded: for=198.51.100.7"], id="host-in-x-alone"),
        pytest.param(
            [b"X-Forwarded-Proto: https", b"Forwarded: for=198.51.100.7;proto=https"], id="client-in-one-alone"
        ),
        pytest.param([b"X-Real-IP: 198.51.100.7", b"Forwarded: for=6.6.6.6"], id="client-in-real-ip"),
        pytest.param([b"X-Forwarded-Prefix: /shop", b"Forwarded: for=6.6.6.6"], id="client-beside-a-prefix"),
        pytest.param([b"X-Forwarded-Port: 443", b"Forwarded: proto=https"], id="scheme-beside-a-port"),
    ],
)
async def test_families_that_contradict_each_other_are_400(stage: Stage, lines: Lines) -> None:
    assert await refusal_of(stage, lines, believing(OURS)) == b"Forwarded and X-Forwarded headers say different things"


async def refusal_of(stage: Stage, lines: Lines, front: Front) -> bytes:
    """Return the body of a 400; the application must not be called."""
    keeper = Keeper()
    refused: list[Any] = []
    stage.prepare(keeper)
    assert stage.application is not None
    stage.application.front = front
    stage.application.shared.on_refusal = lambda error, link: refused.append(error.status)
    peer = await stage.connect()
    peer.send(request(lines))
    answer = await peer.answer()
    assert (answer.status, keeper.scopes, refused) == (400, [], [400])
    return answer.body


BOTH = [FOR, b"X-Forwarded-Proto: https", b"Forwarded: for=198.51.100.9;host=f.example"]


@pytest.mark.parametrize(
    ("family", "told"),
    [
        (ONLY_X_FORWARDED, {"client": ("198.51.100.7", 0), "scheme": "https"}),
        (ONLY_FORWARDED, {"client": ("198.51.100.9", 0), "server": ("f.example", 80)}),
    ],
)
async def test_the_family_that_is_chosen_wins(stage: Stage, family: str, told: dict[str, Any]) -> None:
    assert moved(await scope_of(stage, BOTH, believing(OURS, family))) == UNMOVED | told


async def test_the_other_family_alone_moves_nothing(stage: Stage) -> None:
    lines = [FOR, b"X-Forwarded-Proto: https", b"X-Forwarded-Prefix: /a", b"X-Real-IP: 6.6.6.6"]
    assert moved(await scope_of(stage, lines, believing(OURS, ONLY_FORWARDED))) == UNMOVED


@pytest.mark.parametrize("lines", SPOOFS.values(), ids=SPOOFS)
async def test_peers_that_nobody_named_tell_client_and_scheme_alone(stage: Stage, lines: Lines) -> None:
    scope = await scope_of(stage, lines, believing(OURS, is_whole=False))
    expected = {name: value for name, value in UNMOVED.items() if name not in ("client", "scheme")}
    assert {name: scope[name] for name in expected} == expected
    assert host_in(scope) == [b"here.example"]


async def test_everybody_is_believed_with_the_asterisk(stage: Stage) -> None:
    lines = [b"X-Forwarded-For: 198.51.100.7, 6.6.6.6, 10.0.0.1"]
    assert (await scope_of(stage, lines, believing(["*"])))["client"] == ("198.51.100.7", 0)


async def test_the_leftmost_element_counts_with_the_asterisk(stage: Stage) -> None:
    lines = [b"Forwarded: for=198.51.100.7;proto=https, for=6.6.6.6"]
    scope = await scope_of(stage, lines, believing(["*"]))
    assert (scope["client"], scope["scheme"]) == (("198.51.100.7", 0), "https")


# --- the prefix ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "path", "root_path", "seen"),
    [
        pytest.param(b"/shop", b"/cart", "", ("/shop", "/shop/cart"), id="stripped-by-the-proxy"),
        pytest.param(b"/shop", b"/shop/cart", "", ("/shop", "/shop/cart"), id="kept-by-the-proxy"),
        pytest.param(b"/shop", b"/shop", "", ("/shop", "/shop"), id="the-mount-point"),
        pytest.param(b"/caf%C3%A9", b"/caf%c3%a9/x", "", ("/café", "/café/x"), id="escaped-otherwise"),
        pytest.param(b"/shop", b"/%73hop/x", "", ("/shop", "/shop/x"), id="escaped-needlessly"),
        pytest.param(b"/shop", b"/%73hopping", "", ("/shop", "/shop/shopping"), id="escaped-and-only-looks-alike"),
        pytest.param(b"/shop", b"/x%2Fy", "", ("/shop", "/shop/x/y"), id="escaped-behind-it"),
        pytest.param(b"/shop", b"/shopping", "", ("/shop", "/shop/shopping"), id="only-looks-alike"),
        pytest.param(b"/shop", b"/", "", ("/shop", "/shop/"), id="its-root"),
        pytest.param(b"/shop", b"/cart", "/api", ("/shop", "/shop/cart"), id="wins-over-the-option"),
        pytest.param(b"/", b"/cart", "/api", ("", "/cart"), id="none-wins-over-the-option"),
        pytest.param(b"/..", b"/cart", "/api", ("/api", "/api/cart"), id="malformed"),
    ],
)
async def test_a_prefix_is_right_for_both_kinds_of_proxies(
    stage: Stage, prefix: bytes, path: bytes, root_path: str, seen: tuple[str, str]
) -> None:
    scope = await scope_of(stage, [b"X-Forwarded-Prefix: " + prefix], believing(OURS), root_path, path)
    assert (scope["root_path"], scope["path"]) == seen
    assert unquote(scope["raw_path"]) == seen[1]
    assert scope["raw_path"].endswith(path)


# --- connections and WebSockets -----------------------------------------------------------------------------


async def test_requests_of_one_connection_have_clients_of_their_own(stage: Stage) -> None:
    keeper = Keeper()
    stage.prepare(keeper)
    assert stage.application is not None
    stage.application.front = believing(OURS)
    peer = await stage.connect()
    for lines in ([FOR, b"X-Forwarded-Prefix: /a"], [], [b"X-Forwarded-For: 198.51.100.8"]):
        peer.send(request(lines))
        await peer.answer()
    assert [told_client(scope) for scope in keeper.scopes] == [("198.51.100.7", 0), "peer", ("198.51.100.8", 0)]
    assert [scope["root_path"] for scope in keeper.scopes] == ["/a", "", ""]


async def test_the_access_log_names_the_client(stage: Stage) -> None:
    logged: list[Any] = []
    stage.prepare(hello, log_access=lambda exchange, link, began, ended: logged.append(link.client))
    assert stage.application is not None
    stage.application.front = believing(OURS)
    peer = await stage.connect()
    peer.send(request([FOR]))
    await peer.answer()
    assert logged == [("198.51.100.7", 0)]


UPGRADE = [
    *(b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13"),
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
]


@pytest.mark.parametrize(("proto", "scheme"), [(b"https", "wss"), (b"wss", "wss"), (b"http", "ws"), (b"ftp", "ws")])
async def test_a_websocket_has_the_client_and_the_scheme(stage: Stage, proto: bytes, scheme: str) -> None:
    seen: list[Scope] = []
    ended = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})
        ended.set()

    stage.prepare(app)
    assert stage.application is not None
    stage.application.front = believing(OURS)
    peer = await stage.connect()
    peer.send(request([*UPGRADE, FOR, b"X-Forwarded-Proto: " + proto, b"X-Forwarded-Prefix: /ws"]))
    await ended.wait()
    (scope,) = seen
    assert (scope["client"], scope["scheme"], scope["root_path"], scope["path"]) == (
        ("198.51.100.7", 0),
        scheme,
        "/ws",
        "/ws/a",
    )


@pytest.mark.parametrize("lines", SPOOFS.values(), ids=SPOOFS)
async def test_nothing_moves_for_a_websocket_of_an_untrusted_peer(stage: Stage, lines: Lines) -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await receive()
        await send({"type": "websocket.close"})

    stage.prepare(app)
    assert stage.application is not None
    stage.application.front = believing(NOBODY)
    peer = await stage.connect()
    peer.send(request([*UPGRADE, *lines]))
    assert (await peer.answer()).status == 403
    (scope,) = seen
    assert (told_client(scope), told_server(scope), scope["scheme"]) == ("peer", "self", "ws")
    assert (scope["root_path"], scope["path"], host_in(scope)) == ("", "/a", [b"here.example"])


async def test_streams_of_one_connection_have_clients_of_their_own(stage: Stage) -> None:
    """What comes before the answers: over HTTP/2 at the same time, over HTTP/1 one behind the other."""
    keeper = Keeper()
    stage.prepare(keeper)
    assert stage.application is not None
    stage.application.front = believing(OURS)
    peer = await stage.connect()
    clients = [f"198.51.100.{number}" for number in range(20)]
    peer.send(b"".join([request([b"X-Forwarded-For: " + client.encode()]) for client in clients]))
    await peer.answers(*["GET"] * len(clients))
    assert [scope["client"] for scope in keeper.scopes] == [(client, 0) for client in clients]


def test_who_is_nameless_is_not_believed_though_the_address_is_ours() -> None:
    front, link = believing(OURS), a_link()
    link.account = Account()
    assert front.believes(link)
    link.account.is_nameless = True
    assert not front.believes(link)


def a_link() -> Link:
    """Return a link of a peer that is ours."""
    link = Link()
    link.account = link.scope = link.tls = None
    link.client, link.server, link.is_secure, link.standing = ("127.0.0.1", 1), ("127.0.0.1", 2), False, 0
    return link


@pytest.mark.parametrize("trusted", [OURS, ["*"]])
def test_what_others_have_put_before_the_client_is_not_read(trusted: Sequence[str]) -> None:
    trust = Trust(trusted)
    head = RequestHead.__new__(RequestHead)
    values = ["198.51.100.7", *(f"6.6.{number // 256}.{number % 256}" for number in range(5000)), "198.51.100.7"]
    head.headers = [(b"x-forwarded-for", ",".join([*values, "10.0.0.1"]).encode())]
    assert Forwarding(trust).apply(head, a_link()).client == ("198.51.100.7", 0)
    assert set(trust.known) <= {"198.51.100.7", "10.0.0.1"}


def test_what_is_remembered_has_a_bound() -> None:
    forwarding = Forwarding(Trust(OURS))
    head, link = RequestHead.__new__(RequestHead), a_link()
    for text in [*(b"%d" % number for number in range(10_000)), b"1" * 1000]:
        head.headers = [(b"x-forwarded-for", text)]
        assert forwarding.apply(head, link).client == (text.decode(), 0)
    assert len(forwarding.known) <= 4096
    assert all(len(value) <= 256 for claims in forwarding.known for _, value in claims)
