"""Trust: who is believed, by address, network, UNIX socket, or as everybody."""

import pytest

from licorne.trust import LOOPBACK, Trust


@pytest.mark.parametrize(
    ("entries", "host", "is_trusted"),
    [
        (LOOPBACK, "127.0.0.1", True),
        (LOOPBACK, "::1", True),
        (LOOPBACK, "0:0:0:0:0:0:0:1", True),
        (LOOPBACK, "::ffff:127.0.0.1", True),
        (LOOPBACK, "127.0.0.2", False),
        (LOOPBACK, "::ffff:127.0.0.2", False),
        (LOOPBACK, "localhost", False),
        (LOOPBACK, "127.0.0.1:80", False),
        (LOOPBACK, " 127.0.0.1", False),
        (LOOPBACK, "127.0.0.01", False),
        (LOOPBACK, "", False),
        (LOOPBACK, "unix:", False),
        (["10.0.0.0/8"], "10.255.255.255", True),
        (["10.0.0.0/8"], "11.0.0.0", False),
        (["10.0.0.0/8"], "::ffff:10.1.2.3", True),
        (["10.0.0.0/8"], "::", False),
        (["2001:db8::/32"], "2001:db8::1", True),
        (["2001:db8::/32"], "2001:db9::1", False),
        (["fe80::1%eth0"], "fe80::1%eth0", True),
        (["fe80::1%eth0"], "fe80::1%eth1", False),
        (["fe80::/10"], "fe80::1%eth1", True),
        (["::ffff:10.0.0.0/104"], "10.1.2.3", True),
        (["::ffff:10.0.0.0/104"], "::ffff:10.1.2.3", True),
        (["::ffff:10.0.0.0/104"], "11.0.0.0", False),
        (["::ffff:0:0/96"], "192.0.2.1", True),
        (["::ffff:192.0.2.1"], "192.0.2.1", True),
        (["::/0"], "::ffff:192.0.2.1", False),
        (["0.0.0.0/0"], "192.0.2.1", True),
        (["0.0.0.0/0"], "::1", False),
        (["unix"], "unix:", True),
        (["unix"], "127.0.0.1", False),
        (["*"], "anybody", True),
        (["10.0.0.1", "*"], "anybody", True),
        ([], "127.0.0.1", False),
        (["127.0.0.1"], "1" * 300, False),
    ],
)
def test_a_host_is_trusted(entries: list[str], host: str, is_trusted: bool) -> None:
    trust = Trust(entries)
    assert trust.trusts(host) is is_trusted
    assert trust.trusts(host) is is_trusted, "the same when it is asked again"


@pytest.mark.parametrize(
    ("entries", "peer", "is_trusted"),
    [
        (LOOPBACK, ("127.0.0.1", 5), True),
        (LOOPBACK, None, False),
        (["unix"], None, True),
        (["unix"], ("127.0.0.1", 5), False),
        (["*"], None, True),
        (["*"], ("192.0.2.1", 5), True),
        ([], None, False),
    ],
)
def test_a_peer_is_trusted(entries: list[str], peer: tuple[str, int] | None, is_trusted: bool) -> None:
    assert Trust(entries).trusts_peer(peer) is is_trusted


@pytest.mark.parametrize(
    "entry", ["localhost", "10.0.0.1/8", "10.0.0.0/33", "127.0.0.1:80", "[::1]", "", "unix:/a", "10."]
)
def test_what_is_no_entry_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Trust([entry])


def test_what_is_remembered_has_a_bound() -> None:
    trust = Trust(LOOPBACK)
    for number in range(10_000):
        assert not trust.trusts(f"10.0.{number // 256}.{number % 256}")
    assert len(trust.known) <= 4096
