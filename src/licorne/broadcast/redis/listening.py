"""Listening: one connection to Redis on which the channels of this process are subscribed to.

    connect → subscribe to all that is wanted → read … → it breaks → wait, longer each time → connect

A connection on which nothing comes is asked for a sign of life; one that gives none is given up.

Rules: what is wanted is a set, so a connection that is new, or that has missed a change, is brought in line with it.
Commands are sent by the one task that reads, in the order in which they were wanted. Only `stop` ends it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from licorne.broadcast.redis.clients import Clients
from licorne.broadcast.redis.outage import Outage
from licorne.broadcast.redis.waiting import delay_after

__all__ = ["Listening"]

logger = logging.getLogger("licorne.error")

#: Nothing came for so long: is somebody there?
_SILENCE_SECONDS: Final = 10.0
_PROOF: Final = "licorne"
#: The first words of what comes.
_MESSAGES: Final = (b"message", b"smessage")
_SUBSCRIBED: Final = (b"subscribe", b"ssubscribe")
_UNSUBSCRIBED: Final = (b"unsubscribe", b"sunsubscribe")
#: So many channels are named in one command.
_CHANNELS_PER_COMMAND: Final = 500

Take = Callable[[str, bytes], Awaitable[None]]


class Listening:
    """Keep channels of one place subscribed to."""

    def __init__(
        self,
        place: str,
        clients: Clients,
        outage: Outage,
        is_sharded: bool,
        take: Take,
        on_found: Callable[[], object],
    ) -> None:
        """Take where to connect, and what to call for a message, and when it is known what is where."""
        self.place = place
        self._clients = clients
        self._outage = outage
        self._is_sharded = is_sharded
        self._take = take
        self._on_found = on_found
        #: Each channel that is wanted, with what waits until Redis has confirmed it.
        self._wanted: dict[str, asyncio.Event] = {}
        #: What Redis was told to send.
        self._told: set[str] = set()
        self._pubsub: PubSub | None = None
        self._reading: asyncio.Task[None] | None = None
        self._failures = 0
        #: Set by a change of what is wanted.
        self._is_changed = asyncio.Event()

    # --- what is wanted --------------------------------------------------------------------------------------

    @property
    def channels(self) -> list[str]:
        """Return the channels that are wanted here."""
        return list(self._wanted)

    def want(self, channel: str, is_confirmed: asyncio.Event | None = None) -> asyncio.Event:
        """Have messages of a channel; return what is set when Redis has confirmed that."""
        if channel not in self._wanted:
            self._wanted[channel] = is_confirmed or asyncio.Event()
            self._is_changed.set()
        if self._reading is None:
            self._reading = asyncio.get_running_loop().create_task(self._live())
        return self._wanted[channel]

    def drop(self, channel: str) -> asyncio.Event | None:
        """Have them no more; return what would have been set."""
        is_confirmed = self._wanted.pop(channel, None)
        if is_confirmed is not None:
            self._is_changed.set()
        return is_confirmed

    async def stop(self) -> None:
        """End."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        self._outage.forget(self._name_here)

    @property
    def _name_here(self) -> str:
        return f"listening at {self.place}"

    # --- the life of a connection ----------------------------------------------------------------------------

    async def _live(self) -> None:
        while True:
            try:
                await self._listen()
            except (RedisError, OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                self._outage.begin(self._name_here, error)
            except Exception as error:
                logger.exception("Broadcast: what Redis sends cannot be read")
                self._outage.begin(self._name_here, error)
            finally:
                await self._let_go()
            self._failures += 1
            await asyncio.sleep(delay_after(self._failures))
            try:
                await self._clients.look_again()
            except (RedisError, OSError, TimeoutError):
                pass  # the next try says so

    async def _listen(self) -> None:
        """Connect, and read until the connection breaks."""
        await self._clients.prepare()
        self._on_found()
        self._pubsub = pubsub = await self._clients.open(self.place)
        sending = asyncio.ensure_future(self._send_changes(pubsub))
        reading = asyncio.ensure_future(self._read(pubsub))
        try:
            await asyncio.wait({sending, reading}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, reading):
                task.cancel()
            failures = await asyncio.gather(sending, reading, return_exceptions=True)
        for failure in failures:
            if isinstance(failure, Exception):
                raise failure

    async def _let_go(self) -> None:
        pubsub, self._pubsub = self._pubsub, None
        self._told.clear()
        for is_confirmed in self._wanted.values():
            is_confirmed.clear()
        if pubsub is not None:
            try:
                await pubsub.aclose()  # type: ignore[no-untyped-call]
            except (RedisError, OSError):
                pass

    # --- sending ---------------------------------------------------------------------------------------------

    async def _send_changes(self, pubsub: PubSub) -> None:
        """Bring Redis in line with what is wanted, now and after each change."""
        # An answer shows that Redis is there, also where nothing is wanted just now.
        await _send(pubsub, "PING", _PROOF)
        prefix = "S" if self._is_sharded else ""
        while True:
            self._is_changed.clear()
            old, new = self._told - self._wanted.keys(), self._wanted.keys() - self._told
            await self._tell(pubsub, f"{prefix}UNSUBSCRIBE", old)
            self._told -= old
            await self._tell(pubsub, f"{prefix}SUBSCRIBE", new)
            self._told |= new
            await self._is_changed.wait()

    async def _tell(self, pubsub: PubSub, command: str, channels: set[str]) -> None:
        """Send a command about channels."""
        # The channels of a cluster may have different slots, of which a command can name but one.
        size = 1 if self._is_sharded else _CHANNELS_PER_COMMAND
        for some in batched(sorted(channels), size):
            await _send(pubsub, command, *some)

    # --- reading ---------------------------------------------------------------------------------------------

    async def _read(self, pubsub: PubSub) -> None:
        is_silent = False
        while True:
            response = await _response(pubsub)
            if response is not None:
                is_silent = False
                await self._follow(response)
            elif is_silent:
                raise ConnectionError(f"no sign of life for {2 * _SILENCE_SECONDS:g} s")
            else:
                is_silent = True
                await _send(pubsub, "PING", _PROOF)

    async def _follow(self, response: Any) -> None:
        self._failures = 0
        self._outage.end(self._name_here)
        if not isinstance(response, list) or len(response) < 3:  # the answer to PING
            return
        kind, channel, content = response[:3]
        name = channel.decode(errors="surrogateescape") if isinstance(channel, bytes) else str(channel)
        if kind in _MESSAGES:
            await self._take(name, bytes(content))
        elif kind in _SUBSCRIBED and name in self._wanted:
            self._wanted[name].set()
        elif kind in _UNSUBSCRIBED and name in self._told and name in self._wanted:
            raise ConnectionError("the slot of a channel was given to another node")


# Not by the commands of PubSub: after a failure they connect anew, in the task that reads and in the one that sends.


async def _send(pubsub: PubSub, *words: str) -> None:
    connection: Any = pubsub.connection
    if connection is None or not connection.is_connected:
        raise ConnectionError("the connection is closed")
    await connection.send_command(*words, check_health=False)


async def _response(pubsub: PubSub) -> Any:
    """Return what Redis sends next; None when it is silent for a while."""
    connection: Any = pubsub.connection
    if connection is None or not connection.is_connected:
        raise ConnectionError("the connection is closed")
    return await connection.read_response(timeout=_SILENCE_SECONDS, disconnect_on_error=False, push_request=True)


def batched(channels: list[str], size: int) -> list[list[str]]:
    """Return channels in portions."""
    return [channels[start : start + size] for start in range(0, len(channels), size)]
