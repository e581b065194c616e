"""Messages: what a worker and its supervisor tell each other, and how that looks on their socket.

    frame     4 bytes of length, most significant first, then so many bytes: of JSON, or of a broadcast
    JSON      {"kind": "tick", and the fields of the message}
    broadcast a zero byte, which JSON never begins with, 2 bytes of length, the topic, and the payload as it is

    worker → supervisor    ready, tick (with the numbers of the worker), retiring, draining, ending;
                           log and failed of one that cannot start; listen and leave: which topics it is told
    supervisor → worker    start, drain, stop, reopen-logs; listening: the answer to listen
    both ways              broadcast: what one worker says is passed on to those others that listen to the topic

Rules: a frame has at most 1 MiB. The two ends may be of different releases, because a worker can be started after
its package was replaced: kinds and fields that are not known here are passed over, fields that are missing take
their default. What is no frame at all breaks a decoder for good, for nobody knows where the next one begins.
"""

import enum
import json
import struct
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar

from licorne.errors import ChannelError

__all__ = [
    "MAX_FRAME_BYTES",
    "Broadcast",
    "Decoder",
    "Drain",
    "Draining",
    "Ending",
    "Failed",
    "Leave",
    "Listen",
    "Listening",
    "Log",
    "Message",
    "Pace",
    "Ready",
    "ReopenLogs",
    "Retiring",
    "Start",
    "Stop",
    "Tick",
    "encode",
]

MAX_FRAME_BYTES = 1024 * 1024
_LENGTH = struct.Struct(">I")
_BROADCAST_MARK = 0
#: The mark of a broadcast and the length of its topic.
_BROADCAST_HEAD = struct.Struct(">BH")


class Message:
    """Be told through a channel."""

    __slots__ = ()

    kind: ClassVar[str] = ""
    #: Which go first when too much waits to be sent: the highest; 0 is never forgotten.
    rank: ClassVar[int] = 0


# --- a worker to its supervisor ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ready(Message):
    """Say that connections are let in."""

    kind: ClassVar[str] = "ready"


@dataclass(frozen=True, slots=True)
class Tick(Message):
    """Say that the event loop turns, and how busy it is; sent every second by the loop itself.

    `requests` run now, `served` have ended since the start; `rss` is in bytes.
    """

    kind: ClassVar[str] = "tick"
    rank: ClassVar[int] = 2
    connections: int
    requests: int
    served: int
    rss: int


@dataclass(frozen=True, slots=True)
class Draining(Message):
    """Say that the worker has begun to end."""

    kind: ClassVar[str] = "draining"
    reason: str


@dataclass(frozen=True, slots=True)
class Ending(Message):
    """Say that no request is left: only the application ends, and then the process. No tick need come any more."""

    kind: ClassVar[str] = "ending"


@dataclass(frozen=True, slots=True)
class Retiring(Message):
    """Ask to be replaced; the worker serves on until it is told to drain."""

    kind: ClassVar[str] = "retiring"
    reason: str


@dataclass(frozen=True, slots=True)
class Failed(Message):
    """Say in one line why the worker cannot serve; the supervisor shows it, once for all that say the same."""

    kind: ClassVar[str] = "failed"
    line: str


@dataclass(frozen=True, slots=True)
class Log(Message):
    """Have the supervisor log why a start has failed, once for all workers; `level` is a name of the logging module."""

    kind: ClassVar[str] = "log"
    rank: ClassVar[int] = 1
    level: str
    line: str


@dataclass(frozen=True, slots=True)
class Listen(Message):
    """Ask for the broadcasts of a topic."""

    kind: ClassVar[str] = "listen"
    topic: str


@dataclass(frozen=True, slots=True)
class Leave(Message):
    """Ask for the broadcasts of a topic no more."""

    kind: ClassVar[str] = "leave"
    topic: str


# --- both ways -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Broadcast(Message):
    """Carry bytes to all other workers that listen to a topic."""

    kind: ClassVar[str] = "broadcast"
    topic: str
    payload: bytes


# --- a supervisor to its worker ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start(Message):
    """Tell a new process where it finds modules and what to serve; `assignment.py` knows how that is packed."""

    kind: ClassVar[str] = "start"
    import_path: list[str]
    packed: str


@dataclass(frozen=True, slots=True)
class Listening(Message):
    """Say that each later broadcast of a topic is passed on to this worker."""

    kind: ClassVar[str] = "listening"
    topic: str


class Pace(enum.StrEnum):
    """Name how fast a worker is to end."""

    #: It serves on for the drain delay first: nobody takes its place, and whoever sends clients must hear of that.
    DELAYED = "delayed"
    PROMPT = "prompt"
    #: What runs is given less time: a developer waits for the successor.
    HASTY = "hasty"


@dataclass(frozen=True, slots=True)
class Drain(Message):
    """Tell a worker to end gracefully, at a pace; a later one may skip the delay that the first allowed."""

    kind: ClassVar[str] = "drain"
    reason: str
    pace: str = Pace.DELAYED


@dataclass(frozen=True, slots=True)
class Stop(Message):
    """Tell a worker to end at once."""

    kind: ClassVar[str] = "stop"


@dataclass(frozen=True, slots=True)
class ReopenLogs(Message):
    """Tell a worker to open its log files anew: they were renamed."""

    kind: ClassVar[str] = "reopen-logs"


_CLASSES = (
    *(Ready, Tick, Draining, Ending, Retiring, Failed, Log, Listen, Leave),
    *(Start, Drain, Stop, ReopenLogs, Listening),
)
_BY_KIND: dict[str, Any] = {found.kind: found for found in _CLASSES}
#: What the value of a field must be, by its type; and what makes one that is missing and has no default.
_KINDS: dict[Any, Any] = {int: int, str: str, list[str]: list}
_EMPTY: dict[Any, Any] = {int: int, str: str, list[str]: list}


def encode(message: Message) -> bytes:
    """Return a message as a frame. Raises ChannelError when it is too large or no JSON."""
    body = _broadcast_body(message) if isinstance(message, Broadcast) else _json_body(message)
    if len(body) > MAX_FRAME_BYTES:
        raise ChannelError(f"a {message.kind} message of {len(body)} bytes is larger than {MAX_FRAME_BYTES} bytes")
    return _LENGTH.pack(len(body)) + body


def _broadcast_body(message: Broadcast) -> bytes:
    try:
        topic = message.topic.encode()
        return _BROADCAST_HEAD.pack(_BROADCAST_MARK, len(topic)) + topic + message.payload
    except (struct.error, UnicodeEncodeError, TypeError) as error:
        raise ChannelError(f"a broadcast message cannot be expressed: {error}") from None


def _json_body(message: Message) -> bytes:
    found: Any = message
    content = {field.name: getattr(found, field.name) for field in fields(found)}
    try:
        return json.dumps({**content, "kind": message.kind}, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ChannelError(f"a {message.kind} message cannot be expressed in JSON: {error}") from None


class Decoder:
    """Turn bytes into messages."""

    __slots__ = ("_buffer", "failure")

    def __init__(self) -> None:
        self._buffer = bytearray()
        #: Why nothing more can be read; "" as long as all is well.
        self.failure = ""

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that are complete with these bytes, up to the first that is broken (`failure`)."""
        self._buffer += data
        messages: list[Message] = []
        while not self.failure and (body := self._next_body()) is not None:
            message = self._parse(body)
            if message is not None:
                messages.append(message)
        if self.failure:
            self._buffer.clear()
        return messages

    def _next_body(self) -> bytes | None:
        if len(self._buffer) < _LENGTH.size:
            return None
        length = _LENGTH.unpack_from(self._buffer)[0]
        if length > MAX_FRAME_BYTES:
            self.failure = f"a frame announces {length} bytes and may have {MAX_FRAME_BYTES}"
            return None
        end = _LENGTH.size + length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[_LENGTH.size : end])
        del self._buffer[:end]
        return body

    def _parse(self, body: bytes) -> Message | None:
        """Return a message; None when its kind is not known here."""
        if body[:1] == b"\0":
            return self._parse_broadcast(body)
        try:
            content = json.loads(body)
        except (ValueError, RecursionError) as error:
            self.failure = f"a frame holds no JSON: {error}"
            return None
        if not isinstance(content, dict) or not isinstance(content.get("kind"), str):
            self.failure = "a frame holds no message"
            return None
        try:
            return _from_content(content)
        except TypeError as error:
            self.failure = f"a frame holds no message: {error}"
            return None

    def _parse_broadcast(self, body: bytes) -> Message | None:
        try:
            _, length = _BROADCAST_HEAD.unpack_from(body)
            start = _BROADCAST_HEAD.size + length
            if start > len(body):
                raise ValueError("its topic is cut off")
            return Broadcast(body[_BROADCAST_HEAD.size : start].decode(), body[start:])
        except (struct.error, ValueError) as error:
            self.failure = f"a frame holds no broadcast: {error}"
            return None


def _from_content(content: dict[str, Any]) -> Message | None:
    found = _BY_KIND.get(content["kind"])
    if found is None:
        return None
    message: Message = found(**{field.name: _value_of(field, content) for field in fields(found)})
    return message


def _value_of(field: Any, content: dict[str, Any]) -> Any:
    if field.name in content:
        value = content[field.name]
        kind = _KINDS.get(field.type, object)
        if not isinstance(value, kind):
            raise TypeError(f"{field.name} of {content['kind']} is of type {type(value).__name__}")
        return value
    if field.default is not MISSING:
        return field.default
    return _EMPTY[field.type]() if field.type in _EMPTY else None
