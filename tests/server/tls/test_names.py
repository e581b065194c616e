"""Names that clients ask for, in memory: what is no name is refused, and nothing is printed of it."""

import ssl
import sys
from pathlib import Path

import pytest

from licorne.server.tls.names import serve_by_name


def hello(name: bytes) -> bytes:
    """Return what a client says first that asks for a name, of which Python would not send most."""
    sent = ssl.MemoryBIO()
    context = ssl.create_default_context()
    client = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="n" * len(name))
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return sent.read().replace(b"n" * len(name), name)


def greet(context: ssl.SSLContext, said: bytes) -> None:
    incoming = ssl.MemoryBIO()
    incoming.write(said)
    context.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True).do_handshake()


@pytest.mark.parametrize("name", [b"\xff\xfe\x80.example", b"xn--\xc3.example"])
def test_nothing_is_printed_of_a_name_that_is_not_ascii(
    name: bytes, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", printed.append)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    serve_by_name(context, {"one.example": context})
    with pytest.raises(ssl.SSLError, match=r"(?i)callback.failed"):
        greet(context, hello(name))
    assert printed == []


class Broken:
    """Fail where nobody can hear of it."""

    def __del__(self) -> None:
        b"\xff".decode("ascii")


def test_what_else_nobody_can_hear_of_is_still_printed(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", printed.append)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for _ in range(2):
        serve_by_name(context, {"one.example": context})
    Broken()
    assert len(printed) == 1
