"""Messaging: the `groups` channel for applications of the first Uvicorn's kind, `async def app(message, channels)`.

    app = BroadcastMiddleware(app, "localhost", 6379)       by Redis, as it was
    app = BroadcastMiddleware(app, url="workers://")        by any other back-end

    await channels["groups"].send({"group": "room", "add": channels["reply"].name})
    await channels["groups"].send({"group": "room", "send": {"text": "hello"}})
    await channels["groups"].send({"group": "room", "discard": channels["reply"].name})

Rules: only a WebSocket that is open can be in a group, since nobody tells of the end of anything else. Its
`websocket.disconnect` takes it out of all groups, whatever the application does, and so does a reply that fails. A
message that cannot be published is said in the log and does not end the consumer that wanted to send it.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from licorne.broadcast.broadcast import Broadcast
from licorne.broadcast.member import Member
from licorne.errors import BroadcastUnavailable

__all__ = ["BroadcastMiddleware", "GroupsChannel"]

logger = logging.getLogger("licorne.error")

Consumer = Callable[[dict[str, Any], dict[str, Any]], Awaitable[object]]
_ACTIONS: Final = ("add", "discard", "send")


class BroadcastMiddleware:
    """Give an application the channel `groups`."""

    def __init__(
        self,
        app: Consumer,
        host: str = "localhost",
        port: int = 6379,
        *,
        url: str = "",
        broadcast: Broadcast | None = None,
    ) -> None:
        """Take the application, and where Redis is, or a URL, or a Broadcast that is used elsewhere too."""
        self.app = app
        address = f"[{host}]" if ":" in host else host
        self.broadcast = broadcast or Broadcast(url or f"redis://{address}:{port}")
        #: By the name of its reply channel, each WebSocket that is open.
        self._members: dict[str, Member] = {}
        self._groups = GroupsChannel(self.broadcast, self._members)

    async def __call__(self, message: dict[str, Any], channels: Mapping[str, Any]) -> None:
        """Call the application for one message."""
        reply = channels["reply"]
        kind = message["channel"]
        if kind == "websocket.connect":
            await self._enter(reply)
        try:
            await self.app(message, {**channels, "groups": self._groups})
        finally:
            if kind == "websocket.disconnect":
                await self._leave(reply.name)

    async def _enter(self, reply: Any) -> None:
        member = self.broadcast.member_of(reply.send)
        self._members[reply.name] = member
        member.on_end = lambda: self._members.pop(reply.name, None)
        member.start()

    async def _leave(self, name: str) -> None:
        member = self._members.pop(name, None)
        if member is not None:
            await member.close()


class GroupsChannel:
    """Be the channel that takes what is to be done with groups."""

    name = "groups"

    def __init__(self, broadcast: Broadcast, members: Mapping[str, Member]) -> None:
        self._broadcast = broadcast
        self._members = members

    async def send(self, message: Mapping[str, Any]) -> None:
        """Add a reply channel to a group, discard it, or send a message to all that are in it."""
        group = message["group"]
        if not any(action in message for action in _ACTIONS):
            raise ValueError(
                f"a message to groups has one of {', '.join(_ACTIONS)}, and this one has {sorted(message)}"
            )
        if "add" in message and (member := self._members.get(message["add"])):
            await member.add(group)
        if "discard" in message and (member := self._members.get(message["discard"])):
            await member.discard(group)
        if "send" in message:
            await self._publish(group, message["send"])

    async def receive(self) -> None:
        """Refuse: nothing comes from this channel."""
        raise TypeError("the channel groups is for sending")

    async def _publish(self, group: str, message: Any) -> None:
        try:
            await self._broadcast.publish(group, message)
        except BroadcastUnavailable as error:
            logger.warning("A message to the group %r was not sent: %s", group, error)
