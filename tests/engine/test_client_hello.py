"""What a client offers is read from its first message, however that is cut."""

import pytest

from licorne.engine.client_hello import ClientHelloReader
from tests.support.client_hello import Greeting, record

GREETING = Greeting(host=b"one.example", protocols=(b"h2", b"http/1.1"))
GREETING_PROTOCOLS = frozenset(GREETING.protocols)


def test_the_protocols_are_read() -> None:
    assert ClientHelloReader().feed(record(GREETING.message())) == {b"h2", b"http/1.1"}


def test_nothing_may_be_offered() -> None:
    assert ClientHelloReader().feed(record(Greeting(host=b"").message())) == frozenset()


def test_a_message_without_extensions_offers_nothing() -> None:
    body = b"\3\3" + bytes(32) + b"\0" + b"\0\2\xc0\x2b" + b"\1\0"
    assert ClientHelloReader().feed(record(b"\1" + len(body).to_bytes(3) + body)) == frozenset()


@pytest.mark.parametrize("size", [1, 2, 5, 7, 64, 4096])
def test_it_may_come_in_records_and_reads_of_any_size(size: int) -> None:
    message = GREETING.message()
    sent = b"".join(record(message[at : at + size]) for at in range(0, len(message), size))
    reader = ClientHelloReader()
    found = [reader.feed(sent[at : at + 1]) for at in range(len(sent))]
    assert found[:-1] == [None] * (len(sent) - 1)
    assert found[-1] == GREETING_PROTOCOLS


def test_every_cut_within_is_a_value_error_or_awaits_more() -> None:
    message = GREETING.message()
    for end in range(4, len(message)):
        cut = b"\1" + (end - 4).to_bytes(3) + message[4:end]
        try:
            found = ClientHelloReader().feed(record(cut))
        except ValueError:
            continue
        # Without its extensions, a message is whole.
        assert found == frozenset()


@pytest.mark.parametrize("sent", [b"\x17\3\3\0\1a", b"\x80\x2e\1\0\2\0", record(b"\2\0\0\1a"), record(b"\x00" * 4)])
def test_what_is_no_hello_is_a_value_error(sent: bytes) -> None:
    with pytest.raises(ValueError, match="is "):
        ClientHelloReader().feed(sent)


def test_one_that_does_not_end_is_a_value_error() -> None:
    reader = ClientHelloReader()
    part = record(b"\1\xff\xff\xff" + bytes(16_000))
    with pytest.raises(ValueError, match="is too large"):
        for _ in range(20):
            reader.feed(part)
