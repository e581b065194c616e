"""Proxied: connections that begin with a header of the PROXY protocol, which says whose they are.

A `ProxiedEntry` is the protocol of the transport until the header is read. Then it hands the transport to the protocol
that it makes, with the addresses that the header says, and with the bytes behind it. It stands before TLS.

Rules: the header is not optional, since a connection without one would have its peer say who it is. Who is no trusted
proxy is not listened to at all. A header that does not come is waited for as long as the head of a request.
"""

import contextlib
from collections.abc import Callable
from typing import Any

from licorne.drivers.base import Runtime
from licorne.drivers.greeting import plain_answer
from licorne.drivers.newcomers import has_vanished
from licorne.engine.proxy_protocol import ProxyHeader, ProxyHeaderReader, TlsFacts
from licorne.errors import RemoteProtocolError
from licorne.link import Account, Link
from licorne.trust import Trust

__all__ = ["PROXY_PROTOCOL", "ProxiedEntrance", "ProxiedEntry", "ProxiedTransport", "account_of"]

#: The extension of a scope that holds what the header says besides addresses.
PROXY_PROTOCOL = "licorne.proxy_protocol"

_ANSWER = plain_answer(b"This port takes connections from a proxy alone, which must speak the PROXY protocol.\n")


class ProxiedEntrance:
    """Hold what the entries of one worker share."""

    __slots__ = ("new_protocol", "runtime", "trust")

    def __init__(self, runtime: Runtime, trust: Trust, new_protocol: Callable[[], Any]) -> None:
        """Take the runtime, whom to trust, and what makes the protocol behind the header."""
        self.runtime = runtime
        self.trust = trust
        self.new_protocol = new_protocol

    def protocol_factory(self) -> "ProxiedEntry":
        """Make the protocol of a new connection, for the loop's create_server()."""
        return ProxiedEntry(self)


class ProxiedEntry:
    """Be the protocol of one transport until its header is read."""

    __slots__ = ("entrance", "reader", "transport")

    def __init__(self, entrance: ProxiedEntrance) -> None:
        self.entrance = entrance
        self.reader = ProxyHeaderReader()
        self.transport: Any = None

    # what the loop calls

    def connection_made(self, transport: Any) -> None:
        """Begin, if this is a proxy of ours."""
        self.transport = transport
        runtime = self.entrance.runtime
        if has_vanished(transport):
            transport.abort()
        elif self.entrance.trust.trusts_peer(self._peer()):
            runtime.newcomers.add(self, runtime.limits.head_timeout)
        else:
            self._report(RemoteProtocolError(400, "the peer is not among those that forwarded-allow-ips trusts"))
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self.transport.is_closing():
            return
        try:
            header = self.reader.feed(data)
        except RemoteProtocolError as error:
            self._refuse(error)
            return
        if header is not None:
            self._hand_over(header)

    def eof_received(self) -> bool:
        """Take the end before the header's: there is nothing to say; the transport may close."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the transport is gone."""
        self.entrance.runtime.newcomers.remove(self)

    def pause_writing(self) -> None:
        """Take note that there is no room; what is said here is short."""

    def resume_writing(self) -> None:
        """Take note that there is room again."""

    # a newcomer

    def expire(self) -> None:
        """End it: the header has taken too long."""
        self._report(RemoteProtocolError(408, "the PROXY protocol header took too long"))
        self.abort()

    def abort(self) -> None:
        """End it at once."""
        self.transport.abort()

    # internals

    def _hand_over(self, header: ProxyHeader) -> None:
        transport = self.transport
        protocol = self.entrance.new_protocol()
        transport.set_protocol(protocol)
        protocol.connection_made(ProxiedTransport(transport, header))
        # Only now: a worker that drains must see one or the other.
        self.entrance.runtime.newcomers.remove(self)
        if self.reader.data and not transport.is_closing():
            protocol.data_received(self.reader.data)

    def _refuse(self, error: RemoteProtocolError) -> None:
        self._report(error)
        if self.reader.data[:1].isalpha():  # most probably HTTP, by somebody who may read the answer
            self.transport.write(_ANSWER)
        self.transport.close()

    def _report(self, error: RemoteProtocolError) -> None:
        report = self.entrance.runtime.on_refusal
        if report is not None:
            link = Link()
            link.client = self._peer()
            report(error, link)

    def _peer(self) -> tuple[str, int] | None:
        name = self.transport.get_extra_info("peername")
        return (str(name[0]), int(name[1])) if isinstance(name, tuple) and len(name) >= 2 else None


class ProxiedTransport:
    """Be a transport whose addresses a header says; all else is the real one's, at no cost."""

    __slots__ = (
        "abort",
        "can_write_eof",
        "close",
        "get_write_buffer_size",
        "is_closing",
        "known",
        "pause_reading",
        "real",
        "resume_reading",
        "set_write_buffer_limits",
        "write",
        "write_eof",
        "writelines",
    )

    def __init__(self, real: Any, header: ProxyHeader) -> None:
        """Take the transport and the header."""
        self.real = real
        for name in self.__slots__:
            with contextlib.suppress(AttributeError):
                setattr(self, name, getattr(real, name))
        #: What is known better than by the real one.
        self.known: dict[str, Any] = {"account": account_of(header)}
        if header.source is not None:
            self.known |= {"peername": header.source, "sockname": header.destination}

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the connection."""
        return self.known[name] if name in self.known else self.real.get_extra_info(name, default)


def account_of(header: ProxyHeader) -> Account:
    """Return what a header says besides addresses, as the requests of its connection have it."""
    told: dict[str, Any] = {"version": header.version}
    texts = {"alpn": header.alpn, "authority": header.authority, "namespace": header.namespace}
    told |= {name: text for name, text in texts.items() if text}
    if header.unique_id:
        told["unique_id"] = header.unique_id
    if header.tls is not None:
        told["tls"] = _told_of_tls(header.tls)
    if header.others:
        told["others"] = dict(header.others)
    account = Account()
    account.extensions[PROXY_PROTOCOL] = told
    account.is_nameless = header.source is None and not header.is_own
    account.is_secure = header.tls is not None
    return account


def _told_of_tls(facts: TlsFacts) -> dict[str, Any]:
    told: dict[str, Any] = {"has_certificate": facts.has_certificate, "is_verified": facts.is_verified}
    for name in ("version", "certificate_name", "cipher", "signature", "key"):
        if getattr(facts, name):
            told[name] = getattr(facts, name)
    return told
