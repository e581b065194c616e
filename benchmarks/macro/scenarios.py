"""What is measured: one entry for each kind of load.

Rules: a scenario names its application, the shape of its load and the servers it makes sense for; it holds
nothing that depends on the machine.
"""

from dataclasses import dataclass
from enum import Enum

from ..h2load import Streams
from ..load import Shape
from ..servers import PEERS
from ..websocket.conversation import Flow, Talk

__all__ = ["SCENARIOS", "Kind", "Scenario"]

PLAIN = Shape()
ALL = ("licorne", *(peer.name for peer in PEERS))
#: Those that speak WebSocket; Uvicorn with each of its two libraries.
SPEAKERS = ("licorne", "uvicorn", "uvicorn-wsproto", "granian", "socketify", "gunicorn", "hypercorn")
#: What echoes without being an ASGI server.
YARDSTICKS = ("floor-sockets", "socketify-native")
#: Those that speak HTTP/2, and those that speak TLS.
STREAMERS = ("licorne", "granian", "uvicorn-zttp", "hypercorn")
SECURE = ("licorne", "uvicorn", "granian", "hypercorn")
COMPRESSORS = ("licorne", "uvicorn", "uvicorn-wsproto", "socketify", "hypercorn")


class Kind(Enum):
    """Say what a scenario yields: a rate under load, bytes per idle connection, or the time to the first answer."""

    LOAD = "load"
    IDLE = "idle"
    START = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Describe one comparison. `connections` are those of an idle scenario."""

    name: str
    title: str
    servers: tuple[str, ...]
    app: str = "hello:app"
    shape: Shape | Streams | Talk = PLAIN
    kind: Kind = Kind.LOAD
    connections: int = 5000
    is_logged: bool = False
    is_pipelined: bool = False

    @property
    def is_secure(self) -> bool:
        """Tell whether servers speak TLS."""
        return not isinstance(self.shape, Talk) and self.shape.is_secure

    @property
    def has_streams(self) -> bool:
        """Tell whether servers speak HTTP/2."""
        return isinstance(self.shape, Streams)


_LIST = (
    Scenario(name="hello", title="hello, world; access log off", servers=("floor", *ALL)),
    Scenario(
        name="hello-log",
        title="hello, world; access log on, to /dev/null",
        servers=ALL,
        is_logged=True,
    ),
    Scenario(
        name="browser",
        title="hello, world, asked for with a browser's seven header fields",
        servers=ALL,
        shape=Shape(script="browser"),
    ),
    Scenario(
        name="fastapi",
        title="a FastAPI route with two parameters",
        servers=ALL,
        app="routes:app",
        shape=Shape(path="/items/42?q=licorne"),
    ),
    Scenario(
        name="post16k",
        title="POST of 16 KiB, read whole",
        servers=ALL,
        app="bodies:upload",
        shape=Shape(script="post16k"),
    ),
    Scenario(name="stream20", title="20 streamed chunks of 128 bytes", servers=ALL, app="bodies:stream"),
    Scenario(name="body1m", title="a body of 1 MiB", servers=ALL, app="bodies:large"),
    Scenario(
        name="pipelined16",
        title="16 requests pipelined",
        servers=("floor", *ALL),
        shape=Shape(script="pipeline16"),
        is_pipelined=True,
    ),
    Scenario(
        name="conns1000",
        title="hello, world over 1,000 connections",
        servers=("floor", *ALL),
        shape=Shape(connections=1000),
    ),
    Scenario(name="pure", title="hello, world; nothing compiled", servers=("licorne-pure", "uvicorn-h11")),
    Scenario(
        name="worker",
        title="hello, world, without a supervisor and from its only worker",
        servers=("licorne", "licorne-worker", "licorne-fork"),
    ),
    Scenario(
        name="idle",
        title="memory of one idle keep-alive connection",
        servers=ALL,
        kind=Kind.IDLE,
    ),
    Scenario(
        name="start",
        title="from spawning to the first whole answer",
        servers=("floor", "licorne", "uvicorn", "granian", "fastpysgi"),
        kind=Kind.START,
    ),
    Scenario(
        name="h2c-16x32",
        title="hello, world over HTTP/2 in the clear, 32 streams on each",
        servers=STREAMERS,
        shape=Streams(),
    ),
    Scenario(
        name="h2c-64x1",
        title="hello, world over HTTP/2 in the clear, one stream on each",
        servers=STREAMERS,
        shape=Streams(connections=64, streams=1),
    ),
    Scenario(
        name="h2-tls-16x32",
        title="hello, world over HTTP/2 and TLS, 32 streams on each",
        servers=STREAMERS,
        shape=Streams(is_secure=True),
    ),
    Scenario(
        name="hello-tls",
        title="hello, world over HTTP/1.1 and TLS",
        servers=SECURE,
        shape=Shape(is_secure=True),
    ),
    Scenario(
        name="download-tls",
        title="100 MiB in messages of 64 KiB over HTTP/2 and TLS, 25 times",
        servers=STREAMERS,
        app="bodies:download",
        shape=Streams(connections=1, streams=1, is_secure=True, requests=25),
    ),
    Scenario(
        name="ws-echo64",
        title="WebSocket echo of 64 bytes of text, one under way on each",
        servers=(*YARDSTICKS, *SPEAKERS),
        app="sockets:app",
        shape=Talk(),
    ),
    Scenario(
        name="ws-echo64x8",
        title="WebSocket echo of 64 bytes of text, eight under way on each",
        servers=(*YARDSTICKS, *SPEAKERS),
        app="sockets:app",
        shape=Talk(in_flight=8),
    ),
    Scenario(
        name="ws-echo64k",
        title="WebSocket echo of 64 KiB of bytes",
        servers=(*YARDSTICKS, *SPEAKERS),
        app="sockets:app",
        shape=Talk(size=65536, is_text=False),
    ),
    Scenario(
        name="ws-broadcast",
        title="one WebSocket message of 64 bytes to everybody",
        servers=("floor-sockets", *SPEAKERS),
        app="sockets:app",
        shape=Talk(flow=Flow.BROADCAST, connections=1000),
    ),
    Scenario(
        name="ws-broadcast-browsers",
        title="one WebSocket message of 64 bytes to everybody, who all offer compression as browsers do",
        servers=COMPRESSORS,
        app="sockets:app",
        shape=Talk(flow=Flow.OFFERED_BROADCAST, connections=1000),
    ),
    Scenario(
        name="ws-deflate1k",
        title="WebSocket echo of 1 KiB of JSON with permessage-deflate",
        servers=COMPRESSORS,
        app="sockets:app",
        shape=Talk(flow=Flow.DEFLATED, size=1024),
    ),
    Scenario(
        name="ws-memory",
        title="memory of one idle WebSocket without compression",
        servers=SPEAKERS,
        app="sockets:app",
        shape=Talk(),
        kind=Kind.IDLE,
        connections=2000,
    ),
)

SCENARIOS = {scenario.name: scenario for scenario in _LIST}
