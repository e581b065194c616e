"""Carrying: carries broadcasts between the parts of one worker, and where there is a supervisor to its other workers.

    publish    → whoever listens in this process, and the supervisor
    supervisor → whoever listens in this process

Rules: whoever publishes waits while the supervisor is behind, with a bound, so that nothing is dropped here. `listen`
waits for the supervisor's answer: a message that is published later cannot pass by. Where the supervisor does not
answer, or is gone, this process goes on by itself.
"""

import asyncio
from collections.abc import Awaitable
from contextvars import Token
from typing import Final, Protocol

from licorne.carrier import CARRIER, Carrier, Receiver
from licorne.errors import BroadcastUnavailable, ChannelError
from licorne.server.attached.messages import Broadcast, Leave, Listen, Listening, Message
from licorne.server.companion import Companion, Host

__all__ = ["Carrying", "Wire"]

#: How long it may take a supervisor to answer, or to make room.
_PATIENCE_SECONDS: Final = 5.0


class Wire(Protocol):
    """Lead to the supervisor."""

    #: Nothing comes from there any more.
    is_closed: bool

    def fileno(self) -> int:
        """Return the descriptor."""

    @property
    def wants_write(self) -> bool:
        """Tell whether something waits to be sent."""

    @property
    def has_room(self) -> bool:
        """Tell whether a broadcast can be queued."""

    def send(self, message: Message) -> None:
        """Queue a message, and send what can be sent. Raises ChannelError."""

    def flush(self) -> bool:
        """Send what can be sent; tell whether nothing is left."""


class Carrying(Companion, Carrier):
    """Carry broadcasts for as long as a server lives."""

    def __init__(self, wire: Wire | None = None) -> None:
        self._wire = wire
        self._loop: asyncio.AbstractEventLoop | None = None
        self._token: Token[Carrier | None] | None = None
        self._receivers: dict[str, dict[Receiver, None]] = {}
        #: For each topic that the supervisor was asked for: what is done when it has answered.
        self._answers: dict[str, asyncio.Future[None]] = {}
        self._is_writing = False
        #: Whoever waits for room.
        self._has_room = asyncio.Event()

    # --- a companion of the server ---------------------------------------------------------------------------

    def begun(self, server: Host) -> None:
        self._loop = asyncio.get_running_loop()
        self._token = CARRIER.set(self)

    def told(self, message: Message) -> None:
        if isinstance(message, Broadcast):
            self._hand_on(message.topic, message.payload)
        elif isinstance(message, Listening) and (answer := self._answers.get(message.topic)) and not answer.done():
            answer.set_result(None)

    def ended(self) -> None:
        self._stop_writing()
        self._has_room.set()
        self._wire = None
        if self._token is not None and CARRIER.get() is self:
            CARRIER.set(self._token.old_value if self._token.old_value is not Token.MISSING else None)

    # --- a carrier for broadcasts ----------------------------------------------------------------------------

    def listen(self, topic: str, receiver: Receiver) -> Awaitable[object]:
        """Have a receiver called for each message; what is awaited ends when no later message can pass it by."""
        self._receivers.setdefault(topic, {})[receiver] = None
        if self._wire is not None and topic not in self._answers:
            self._answers[topic] = asyncio.get_running_loop().create_future()
            self._wire.send(Listen(topic))
            self._write_on()
        return self._await_answer(topic)

    def leave(self, topic: str, receiver: Receiver) -> None:
        """Have it called no more."""
        receivers = self._receivers.get(topic, {})
        receivers.pop(receiver, None)
        if receivers or topic not in self._receivers:
            return
        del self._receivers[topic]
        answer = self._answers.pop(topic, None)
        if answer is not None and not answer.done():
            answer.cancel()
        if self._wire is not None:
            self._wire.send(Leave(topic))
            self._write_on()

    async def publish(self, topic: str, payload: bytes) -> None:
        """Take a message; wait while too much is under way. Raises BroadcastUnavailable when that does not end."""
        if self._wire is not None and not self._wire.is_closed:
            await self._wait_for_room()
            try:
                self._wire.send(Broadcast(topic, payload))
            except ChannelError as error:
                raise BroadcastUnavailable(str(error)) from None
            self._write_on()
        self._hand_on(topic, payload)

    # --- internals -------------------------------------------------------------------------------------------

    def _hand_on(self, topic: str, payload: bytes) -> None:
        for receiver in tuple(self._receivers.get(topic, ())):
            receiver(topic, payload)

    async def _await_answer(self, topic: str) -> None:
        answer = self._answers.get(topic)
        if answer is not None and not answer.done():
            await asyncio.wait({answer}, timeout=_PATIENCE_SECONDS)

    async def _wait_for_room(self) -> None:
        if self._is_roomy():
            return
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while not self._is_roomy():
                    self._has_room.clear()
                    await self._has_room.wait()
        except TimeoutError:
            raise BroadcastUnavailable(
                f"the supervisor is behind with broadcasts, and did not catch up in {_PATIENCE_SECONDS:g} s"
            ) from None

    def _is_roomy(self) -> bool:
        return self._wire is None or self._wire.has_room

    def _write_on(self) -> None:
        """Have the event loop send what is left, as soon as it can."""
        if self._wire is not None and self._wire.wants_write and not self._is_writing and self._loop is not None:
            self._is_writing = True
            self._loop.add_writer(self._wire.fileno(), self._on_writable)

    def _on_writable(self) -> None:
        if self._wire is None or self._wire.flush():
            self._stop_writing()
        if self._is_roomy():
            self._has_room.set()

    def _stop_writing(self) -> None:
        if self._is_writing and self._wire is not None and self._loop is not None and self._wire.fileno() >= 0:
            self._loop.remove_writer(self._wire.fileno())
        self._is_writing = False
