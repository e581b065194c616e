"""Trust: which peers are proxies of ours, whose word counts about the requests that they pass on.

An entry is an IP address, a network ("10.0.0.0/8"), "unix" for whoever comes by a UNIX socket, or "*" for everybody.

Rules: names are not looked up, so that nobody's DNS decides whom to believe. An IPv4 address that is written as an
IPv6 one (::ffff:192.0.2.1), as a socket for both families shows it, is that IPv4 address, and so it is with networks.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

__all__ = ["EVERYBODY", "LOOPBACK", "UNIX", "Trust", "check_entry"]

EVERYBODY = "*"
UNIX = "unix"
#: Who is believed unless others are named.
LOOPBACK = ("127.0.0.1", "::1")

#: How nginx writes the address of a client that came by a UNIX socket.
_UNIX_HOP = "unix:"
_MAX_KNOWN = 4096
_MAX_KNOWN_LENGTH = 253
# RFC 4291 §2.5.5.2: what stands before an IPv4 address.
_MAPPED = IPv6Network("::ffff:0:0/96")

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network


class Trust:
    """Answer whether a peer is trusted; what was asked once is remembered, within bounds."""

    __slots__ = ("addresses", "is_for_all", "is_for_unix", "known", "networks")

    def __init__(self, entries: Iterable[str]) -> None:
        """Take the entries. Raises ValueError for what is none."""
        self.is_for_all = False
        self.is_for_unix = False
        self.addresses: set[_Address] = set()
        self.networks: list[_Network] = []
        self.known: dict[str, bool] = {}
        for entry in entries:
            self._add(entry)

    def trusts_peer(self, client: tuple[str, int] | None) -> bool:
        """Tell whether who is connected is trusted; None is whoever came by a UNIX socket."""
        if self.is_for_all:
            return True
        return self.is_for_unix if client is None else self.trusts(client[0])

    def trusts(self, host: str) -> bool:
        """Tell whether a host is trusted; what is no address is none of ours."""
        if self.is_for_all:
            return True
        if len(host) > _MAX_KNOWN_LENGTH:
            return False
        is_ours = self.known.get(host)
        if is_ours is None:
            if len(self.known) >= _MAX_KNOWN:
                self.known.clear()
            is_ours = self.known[host] = self._find(host)
        return is_ours

    def _add(self, entry: str) -> None:
        check_entry(entry)
        if entry == EVERYBODY:
            self.is_for_all = True
        elif entry == UNIX:
            self.is_for_unix = True
        elif "/" in entry:
            self.networks.append(_plain_network(ip_network(entry)))
        else:
            self.addresses.add(_plain(ip_address(entry)))

    def _find(self, host: str) -> bool:
        if host == _UNIX_HOP:
            return self.is_for_unix
        try:
            address = _plain(ip_address(host))
        except ValueError:
            return False
        return address in self.addresses or any(address in network for network in self.networks)


def check_entry(entry: str) -> None:
    """Raise ValueError if an entry is none."""
    if entry in (EVERYBODY, UNIX):
        return
    if "/" in entry:
        ip_network(entry)
    else:
        ip_address(entry)


def _plain(address: _Address) -> _Address:
    """Return the IPv4 address that an IPv6 one may stand for."""
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address


def _plain_network(network: _Network) -> _Network:
    """Return the IPv4 network that an IPv6 one may stand for."""
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        mapped = network.network_address.ipv4_mapped
        return IPv4Network((int(mapped or 0), network.prefixlen - _MAPPED.prefixlen))
    return network
