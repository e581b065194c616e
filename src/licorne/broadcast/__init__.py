"""Broadcast: named groups that span connections, workers and machines.

    broadcast = Broadcast("memory://")                       or workers://, redis://, rediss://, …

    await broadcast.publish("room", {"text": "hello"})
    async with broadcast.subscribe("room") as messages:
        async for message in messages: …

    async with broadcast.member(send) as member:             a WebSocket connection
        await member.add("room")
        await member.send("room", "hello")

    broadcast.py      the one object that an application makes
    hub.py            who of this process listens to which group
    subscription.py   a bounded queue, and what becomes of one that is full
    member.py         a subscription that is told to a connection
    payload.py        messages ⇄ bytes
    backends.py       what carries messages between processes: the contract, and the choice by URL
    messaging.py      the `groups` channel of the first Uvicorn

Rules: a message is accepted by everybody who carries it, or `publish` raises. Everything that waits is bounded, in
number or in time. A group of which nobody in this process is a member costs nothing here.
"""

from licorne.broadcast.broadcast import Broadcast
from licorne.broadcast.member import Member
from licorne.broadcast.subscription import Policy, Subscription
from licorne.errors import BroadcastError, BroadcastUnavailable, SubscriberTooSlow

__all__ = [
    "Broadcast",
    "BroadcastError",
    "BroadcastUnavailable",
    "Member",
    "Policy",
    "SubscriberTooSlow",
    "Subscription",
]
