"""Publishing: hands messages to Redis, those that wait together in one portion, in their order, by one connection.

    publish      waits until Redis has taken the message, for PUBLISH_SECONDS at most, and raises then
    a portion    that could not be handed over is tried again, but for what nobody waits for any more

Rules: at most MAX_WAITING messages wait, and more are refused while Redis is away. When the task ends, be it with its
event loop, it lets go of what reaches Redis.
"""

import asyncio
import logging
from collections import deque
from typing import Final

from redis.exceptions import (
    AskError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from licorne.broadcast.redis.clients import Clients
from licorne.broadcast.redis.outage import PUBLISHING, Outage
from licorne.broadcast.redis.waiting import delay_after
from licorne.errors import BroadcastUnavailable

__all__ = ["MAX_WAITING", "PUBLISH_SECONDS", "Publishing"]

logger = logging.getLogger("licorne.error")

PUBLISH_SECONDS: Final = 2.0
MAX_WAITING: Final = 1000
_PORTION_MESSAGES: Final = 200
#: A message waits for seconds only, so Redis must not be tried less often.
_MAX_DELAY_SECONDS: Final = 0.5
#: What Redis answers while who serves what is being changed.
_PASSING: Final = (AskError, ClusterDownError, MasterDownError, MovedError, ReadOnlyError, TryAgainError)

_Entry = tuple[str, bytes, "asyncio.Future[None]"]


class Publishing:
    """Hand over messages."""

    __slots__ = ("_clients", "_entries", "_failures", "_has_entries", "_outage", "_place", "_room", "_working")

    def __init__(self, clients: Clients, outage: Outage, place: str) -> None:
        """Take what reaches Redis, and how its place is named."""
        self._clients = clients
        self._outage = outage
        self._place = place
        self._entries: deque[_Entry] = deque()
        self._has_entries = asyncio.Event()
        self._room = asyncio.Semaphore(MAX_WAITING)
        self._failures = 0
        self._working: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work; from then on this closes what reaches Redis."""
        if self._working is None:
            self._working = asyncio.get_running_loop().create_task(self._work())

    async def stop(self) -> None:
        """End; what waits is refused."""
        if self._working is None:
            await self._clients.close()
            return
        self._working.cancel()
        await asyncio.gather(self._working, return_exceptions=True)

    async def publish(self, channel: str, payload: bytes) -> None:
        """Hand a message to Redis. Raises BroadcastUnavailable when that cannot be done in time."""
        if self._room.locked() and self._outage.is_on:
            raise BroadcastUnavailable(f"Redis at {self._place} is away, and {MAX_WAITING} messages wait for it")
        self.start()
        try:
            async with asyncio.timeout(PUBLISH_SECONDS), self._room:
                await self._enqueue(channel, payload)
        except TimeoutError:
            problem = f"Redis at {self._place} did not take a message in {PUBLISH_SECONDS:g} s"
            self._outage.begin(PUBLISHING, TimeoutError(f"no answer in {PUBLISH_SECONDS:g} s"))
            raise BroadcastUnavailable(problem) from None

    def _enqueue(self, channel: str, payload: bytes) -> "asyncio.Future[None]":
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._entries.append((channel, payload, taken))
        self._has_entries.set()
        return taken

    # --- the task --------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        try:
            while True:
                if not self._entries:
                    self._has_entries.clear()
                    await self._has_entries.wait()
                await self._hand_over(self._take_portion())
        finally:
            for _, _, taken in self._entries:
                if not taken.done():
                    taken.set_exception(BroadcastUnavailable("the broadcast was closed"))
            self._entries.clear()
            try:
                await self._clients.close()
            except (RedisError, OSError):
                pass

    def _take_portion(self) -> list[_Entry]:
        portion: list[_Entry] = []
        while self._entries and len(portion) < _PORTION_MESSAGES:
            entry = self._entries.popleft()
            if not entry[2].done():  # somebody still waits for it
                portion.append(entry)
        return portion

    async def _hand_over(self, portion: list[_Entry]) -> None:
        if not portion:
            return
        try:
            answers = await self._clients.publish([(channel, payload) for channel, payload, _ in portion])
        except (RedisError, OSError, TimeoutError) as error:
            await self._fail(portion, error)
        except Exception as error:
            logger.exception("Broadcast: messages could not be published")
            await self._fail(portion, error)
        except asyncio.CancelledError:
            self._entries.extendleft(reversed(portion))  # where they are refused
            raise
        else:
            await self._settle(portion, answers)

    async def _settle(self, portion: list[_Entry], answers: list[object]) -> None:
        """Tell each who waits; what was refused for the moment is tried again."""
        passing: list[_Entry] = []
        failure: Exception | None = None
        for entry, answer in zip(portion, answers, strict=True):
            if isinstance(answer, _PASSING) or (
                isinstance(answer, Exception) and not isinstance(answer, ResponseError)
            ):
                passing.append(entry)
                failure = answer
            elif not entry[2].done():
                _tell(entry[2], answer, self._place)
        if failure is not None:
            await self._fail(passing, failure)
            return
        self._failures = 0
        if self._outage.is_on:
            self._outage.end(PUBLISHING)

    async def _fail(self, portion: list[_Entry], error: Exception) -> None:
        self._entries.extendleft(reversed(portion))
        self._failures += 1
        self._outage.begin(PUBLISHING, error)
        await self._outage.wait_for_end(min(delay_after(self._failures), _MAX_DELAY_SECONDS))
        try:
            await self._clients.look_again()
        except (RedisError, OSError, TimeoutError):
            pass  # the next try says so


def _is_passing(error: Exception) -> bool:
    """Tell whether another try may succeed: Redis was not reached, or is being changed."""
    return isinstance(error, _PASSING) or not isinstance(error, ResponseError)


def _tell(taken: "asyncio.Future[None]", answer: object, place: str) -> None:
    if isinstance(answer, Exception):  # Redis is there, and says no
        taken.set_exception(BroadcastUnavailable(f"Redis at {place} refuses a message: {answer}"))
    else:
        taken.set_result(None)
