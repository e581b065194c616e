"""The servers that are compared, and how each is told to serve one application from one process.

Rules: every server runs one worker, on uvloop where it has a choice, with its fastest parser; otherwise as it
comes. `{app}`, `{host}` and `{port}` are filled in by `running`, `{chain}` and `{key}` by whoever has a certificate.
"""

from dataclasses import dataclass
from pathlib import Path

from .environments import Environment

__all__ = ["LICORNE", "PEERS", "SERVERS", "Server", "find_servers"]

APPS = Path(__file__).resolve().parent / "apps"
LAUNCHERS = APPS.parent / "launchers"

#: licorne takes the same.
UVICORN_TLS = ("--ssl-certfile", "{chain}", "--ssl-keyfile", "{key}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Say how to run one server.

    `quiet` turns its access log off, `logged` on (None: it has none), `patient` makes idle connections last,
    `pipelined` suits it to pipelining, `deflating` lets it compress WebSocket messages, `secure` has it speak TLS and
    `streams` HTTP/2 (None: it is not asked to); `needs` is a package that not every platform has.
    """

    name: str
    environment: str
    program: str
    arguments: tuple[str, ...]
    quiet: tuple[str, ...] = ()
    logged: tuple[str, ...] | None = ()
    patient: tuple[str, ...] = ()
    pipelined: tuple[str, ...] = ()
    deflating: tuple[str, ...] = ()
    secure: tuple[str, ...] | None = None
    streams: tuple[str, ...] | None = None
    needs: str = ""
    is_asgi: bool = True

    def command(self, environment: Environment, app: str, port: int, extra: tuple[str, ...] = ()) -> list[str]:
        """Return the command line that serves `app` on a loopback port."""
        places = {"app": app, "host": "127.0.0.1", "port": str(port)}
        return [environment.program(self.program), *(part.format(**places) for part in self.arguments + extra)]


def _licorne(name: str, *arguments: str, environment: str = "licorne") -> Server:
    return Server(
        name=name,
        environment=environment,
        program="licorne",
        arguments=("{app}", "--host", "{host}", "--port", "{port}", *arguments),
        quiet=("--no-access-log",),
        patient=("--timeout-keep-alive", "75"),
        deflating=("--ws-per-message-deflate", "true"),
        secure=UVICORN_TLS,
        streams=(),
    )


def _uvicorn(
    name: str, parser: str, *arguments: str, needs: str = "", streams: tuple[str, ...] | None = None
) -> Server:
    return Server(
        name=name,
        environment="peers",
        program="uvicorn",
        arguments=("{app}", "--host", "{host}", "--port", "{port}", "--loop", "uvloop", "--http", parser, *arguments),
        quiet=("--no-access-log",),
        patient=("--timeout-keep-alive", "75"),
        secure=UVICORN_TLS,
        streams=streams,
        needs=needs,
    )


LICORNE = (
    _licorne("licorne"),
    _licorne("licorne-asyncio", "--loop", "asyncio"),
    _licorne("licorne-httptools", "--http", "httptools"),
    _licorne("licorne-h11", "--http", "h11"),
    _licorne("licorne-pure", environment="licorne-pure"),
    _licorne("licorne-worker", "--workers", "1"),
    _licorne("licorne-fork", "--workers", "1", "--preload"),
    _licorne("licorne-websockets", "--ws", "websockets"),
    _licorne("licorne-wsproto", "--ws", "wsproto"),
)

PEERS = (
    _uvicorn("uvicorn", "httptools"),
    Server(
        name="granian",
        environment="peers",
        program="granian",
        arguments=(
            *("--interface", "asgi", "--http", "1", "--loop", "uvloop"),
            *("--host", "{host}", "--port", "{port}", "{app}"),
        ),
        quiet=("--no-access-log",),
        logged=("--access-log",),
        # Its bound on connections, which is below what scenario `idle` opens.
        patient=("--backpressure", "8192"),
        pipelined=("--http1-pipeline-flush",),
        secure=("--ssl-certificate", "{chain}", "--ssl-keyfile", "{key}"),
        # The last one counts.
        streams=("--http", "2"),
    ),
    Server(
        name="fastpysgi",
        environment="peers",
        program="fastpysgi",
        arguments=("--host", "{host}", "--port", "{port}", "{app}"),
        logged=None,
    ),
    Server(
        name="fastpysgi-uvloop",
        environment="peers",
        program="python",
        arguments=(str(LAUNCHERS / "fastpysgi_uvloop.py"), "{app}", "{host}", "{port}"),
        logged=None,
    ),
    Server(
        name="socketify",
        environment="peers",
        program="python",
        arguments=("-m", "socketify", "{app}", "--host", "{host}", "--port", "{port}", "--workers", "1"),
        logged=None,
        patient=("--ws-idle-timeout", "120"),
        deflating=("--ws-per-message-deflate", "true"),
        needs="socketify",
    ),
    Server(
        name="gunicorn",
        environment="peers",
        program="gunicorn",
        arguments=("-k", "asgi", "--asgi-loop", "uvloop", "-w", "1", "-b", "{host}:{port}", "{app}"),
        logged=("--access-logfile", "-"),
        patient=("--keep-alive", "75"),
    ),
    Server(
        name="hypercorn",
        environment="peers",
        program="hypercorn",
        arguments=("-k", "uvloop", "-w", "1", "-b", "{host}:{port}", "{app}"),
        logged=("--access-logfile", "-"),
        patient=("--keep-alive", "75"),
        secure=("--certfile", "{chain}", "--keyfile", "{key}"),
        streams=(),
    ),
)

OTHERS = (
    # Not ASGI: what its own interface reaches.
    Server(
        name="socketify-native",
        environment="peers",
        program="python",
        arguments=(str(LAUNCHERS / "socketify_native.py"), "{host}", "{port}"),
        logged=None,
        patient=("--ws-idle-timeout", "120"),
        needs="socketify",
        is_asgi=False,
    ),
    _uvicorn("uvicorn-h11", "h11"),
    _uvicorn("uvicorn-zttp", "zttp", needs="zttp", streams=("--http2",)),
    _uvicorn("uvicorn-websockets", "httptools", "--ws", "websockets"),
    _uvicorn("uvicorn-wsproto", "httptools", "--ws", "wsproto"),
    Server(
        name="floor",
        environment="peers",
        program="python",
        arguments=(str(APPS / "floor.py"), "{host}", "{port}"),
        logged=None,
        is_asgi=False,
    ),
    Server(
        name="floor-sockets",
        environment="peers",
        program="python",
        arguments=(str(APPS / "floor_sockets.py"), "{host}", "{port}"),
        logged=None,
        is_asgi=False,
    ),
)

SERVERS = {server.name: server for server in LICORNE + PEERS + OTHERS}


def find_servers(names: list[str]) -> list[Server]:
    """Return servers by name; raise KeyError with the list of names for one that does not exist."""
    for name in names:
        if name not in SERVERS:
            raise KeyError(f"no server {name!r}; there are {', '.join(SERVERS)}")
    return [SERVERS[name] for name in names]
