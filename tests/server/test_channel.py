"""Channel: nothing that the other end does or leaves undone blocks this one, fails it, or lets it grow."""

import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from licorne.server.attached.channel import Channel
from licorne.server.attached.messages import Broadcast, Drain, Failed, Log, Message, Ready, Stop, Tick, encode
from tests.server.process import DEADLINE_SECONDS

PAYLOAD = "x" * 10_000
TICK = Tick(1, 2, 3, 4)


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    """Return both ends of a channel."""
    first, second = map(Channel, socket.socketpair())
    yield first, second
    first.close()
    second.close()


def receive_all(channel: Channel, sender: Channel) -> list[Message]:
    """Return all that the sender has to say."""
    messages: list[Message] = []
    while not sender.flush():
        messages += channel.receive()
    return messages + channel.receive() + channel.receive()


def fill(channel: Channel, message: Message) -> None:
    """Send until the system takes no more."""
    while not channel.wants_write:
        channel.send(message)


def test_messages_go_both_ways(ends: tuple[Channel, Channel]) -> None:
    ends[0].send(Stop())
    ends[1].send(TICK)
    assert (ends[1].receive(), ends[0].receive()) == ([Stop()], [TICK])
    assert ends[0].receive() == []
    assert not ends[0].is_closed


def test_the_last_words_of_a_peer_are_heard_before_its_end(ends: tuple[Channel, Channel]) -> None:
    ends[0].send(Failed("no"))
    ends[0].close()
    ends[1].send(Stop())
    ends[1].send(Stop())
    assert not ends[1].wants_write
    assert not ends[1].is_closed
    assert ends[1].receive() == [Failed("no")]
    assert ends[1].is_closed
    assert ends[1].receive() == []


def test_a_peer_that_is_gone_with_unread_messages_is_only_closed(ends: tuple[Channel, Channel]) -> None:
    ends[1].send(Stop())
    ends[0].close()
    assert ends[1].receive() == []
    assert ends[1].is_closed
    ends[1].send(Stop())
    assert ends[1].flush_within(DEADLINE_SECONDS)


def test_a_closed_channel_takes_messages_and_forgets_them(ends: tuple[Channel, Channel]) -> None:
    ends[0].close()
    ends[0].send(Stop())
    assert ends[0].flush()
    assert ends[0].flush_within(DEADLINE_SECONDS)
    assert ends[0].receive() == []
    assert ends[0].fileno() == -1


def test_half_a_frame_at_the_end_is_no_message(ends: tuple[Channel, Channel]) -> None:
    os.write(ends[0].fileno(), b"\0\0\0\x10{")
    ends[0].close()
    assert ends[1].receive() == []
    assert ends[1].is_closed
    assert ends[1].failure == ""


def test_nonsense_closes_the_channel_behind_what_was_good(ends: tuple[Channel, Channel]) -> None:
    ends[0].send(Stop())
    os.write(ends[0].fileno(), b"\xff" * 100)
    assert ends[1].receive() == [Stop()]
    assert ends[1].is_closed
    assert "announces" in ends[1].failure


def test_a_peer_that_reads_nothing_neither_blocks_nor_lets_memory_grow(ends: tuple[Channel, Channel]) -> None:
    sender, receiver = ends
    sender.send(Ready())
    for number in range(1000):
        sender.send(Log("INFO", PAYLOAD))
        sender.send(TICK)
        sender.send(Drain(str(number)))
    messages = receive_all(receiver, sender)
    assert sum(len(encode(message)) for message in messages) < 3 * 1024 * 1024
    assert messages[0] == Ready()
    drains = [message.reason for message in messages if isinstance(message, Drain)]
    assert drains == [str(number) for number in range(1000)]
    assert sum(isinstance(message, Log) for message in messages) < 1000


def test_numbers_are_forgotten_before_lines(ends: tuple[Channel, Channel]) -> None:
    sender, receiver = ends
    fill(sender, Drain(PAYLOAD))
    for _ in range(60):
        for _ in range(200):
            sender.send(TICK)
        sender.send(Log("INFO", PAYLOAD))
    messages = receive_all(receiver, sender)
    assert sum(isinstance(message, Log) for message in messages) == 60
    assert sum(isinstance(message, Tick) for message in messages) < 60 * 200


def test_a_flood_is_received_in_portions(ends: tuple[Channel, Channel]) -> None:
    sender, receiver = ends
    got = 0
    sender.send(Broadcast("topic", b"x" * 1_000_000))
    while not got:
        sender.flush()
        got += len(receiver.receive())
    assert got == 1


def test_of_broadcasts_that_nobody_reads_the_oldest_are_lost_and_counted(ends: tuple[Channel, Channel]) -> None:
    sender, receiver = ends
    payload = b"x" * 100_000
    for number in range(100):
        sender.send(Broadcast(str(number), payload))
    assert not sender.has_room
    got = [message.topic for message in receive_all(receiver, sender) if isinstance(message, Broadcast)]
    assert sender.lost
    assert len(got) == 100 - sender.lost
    assert got == sorted(got, key=int)
    assert got[-1] == "99"
    assert sender.has_room


def test_everything_else_overtakes_broadcasts(ends: tuple[Channel, Channel]) -> None:
    sender, receiver = ends
    for _ in range(50):
        sender.send(Broadcast("topic", b"x" * 50_000))
    for _ in range(100):
        sender.send(TICK)
    messages = receive_all(receiver, sender)
    assert sum(isinstance(message, Tick) for message in messages) == 100
    assert sum(isinstance(message, Broadcast) for message in messages) == 50
    assert isinstance(messages[-1], Broadcast)
    assert sender.lost == 0


def test_threads_may_send_at_once(ends: tuple[Channel, Channel]) -> None:
    sender, receiver = ends
    count, threads = 500, 4

    def send(thread: int) -> None:
        for number in range(count):
            sender.send(Drain(f"{thread} {number} {PAYLOAD[: number * 7]}"))

    running = [threading.Thread(target=send, args=(thread,)) for thread in range(threads)]
    for thread in running:
        thread.start()
    messages: list[Message] = []
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(messages) < count * threads and time.monotonic() < deadline:
        sender.flush()
        messages += receiver.receive()
    for thread in running:
        thread.join()
    said = [message.reason.split()[:2] for message in messages if isinstance(message, Drain)]
    for number in range(threads):
        assert [int(words[1]) for words in said if words[0] == str(number)] == list(range(count))


def test_flush_within_waits_for_room(ends: tuple[Channel, Channel]) -> None:
    sender, receiver = ends
    fill(sender, Log("info", PAYLOAD))
    sender.send(Failed("no"))
    assert not sender.flush_within(0.01)
    messages: list[Message] = []

    def read() -> None:
        while not any(isinstance(message, Failed) for message in messages):
            messages.extend(receiver.receive())

    reader = threading.Thread(target=read)
    reader.start()
    assert sender.flush_within(DEADLINE_SECONDS)
    reader.join()


def test_the_first_message_is_waited_for_and_the_others_are_kept(ends: tuple[Channel, Channel]) -> None:
    timer = threading.Timer(0.05, lambda: [ends[0].send(message) for message in (Stop(), TICK, Drain("stop"))])
    timer.start()
    assert ends[1].receive_first() == Stop()
    timer.join()
    assert ends[1].receive() == [TICK, Drain("stop")]


def test_a_first_message_that_never_comes_is_none(ends: tuple[Channel, Channel]) -> None:
    ends[0].close()
    assert ends[1].receive_first() is None
