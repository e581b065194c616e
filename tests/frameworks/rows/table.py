"""The rows of docs/reference/frameworks.md: each framework, how it is served, and what it has no such thing of.

Standard library only: what compares the page with this has none of the frameworks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["COLUMNS", "ROWS", "Row", "row_named"]

#: What each framework is asked for, with the column's head; the keys are those of the tests' mark `column`.
COLUMNS = {
    "json": "JSON",
    "upload": "form upload",
    "stream": "stream",
    "events": "events",
    "websocket": "WebSocket",
    "lifespan": "lifespan",
    "background": "background work",
    "error": "error page",
    "stop": "graceful stop",
}

DJANGO_LIFESPAN = "Django has no part in the lifespan, and is served without"
DJANGO_WEBSOCKET = "Django itself speaks none; see Channels"
WSGI = ("--interface=wsgi",)
WSGI_LIFESPAN = "WSGI has none"
WSGI_WEBSOCKET = "WSGI has none"


@dataclass(frozen=True)
class Row:
    """Name a framework: its packages, what serves it, and why a column is empty."""

    key: str
    title: str
    distributions: tuple[str, ...]
    app: str
    options: tuple[str, ...] = ()
    lacks: Mapping[str, str] = field(default_factory=dict)
    #: Asked by a module of its own, since it does not speak in routes, forms and pages.
    has_own_tests: bool = False
    needs_redis: bool = False

    @property
    def is_threaded(self) -> bool:
        """Tell whether the application runs in threads, which nothing can cancel."""
        return self.options == WSGI


ROWS = (
    Row("starlette", "Starlette", ("starlette",), "starlette_row:app"),
    Row("fastapi", "FastAPI", ("fastapi", "starlette"), "fastapi_row:app"),
    Row(
        "django",
        "Django (ASGI)",
        ("Django",),
        "django_row:application",
        lacks={"lifespan": DJANGO_LIFESPAN, "websocket": DJANGO_WEBSOCKET},
    ),
    Row(
        "channels",
        "Django with Channels, in-memory layer",
        ("channels", "Django"),
        "channels_row:application",
        lacks={"lifespan": "Channels passes none on, and is served without"},
    ),
    Row(
        "channels-redis",
        "Django with Channels, Redis layer",
        ("channels", "channels-redis", "Django"),
        "channels_row:application",
        lacks={"lifespan": "Channels passes none on, and is served without"},
        needs_redis=True,
    ),
    Row("quart", "Quart", ("Quart",), "quart_row:app"),
    Row("blacksheep", "BlackSheep", ("blacksheep",), "blacksheep_row:app"),
    Row("falcon", "Falcon", ("falcon",), "falcon_row:app"),
    Row("muffin", "Muffin", ("muffin", "asgi-tools"), "muffin_row:app"),
    Row("litestar", "Litestar", ("litestar",), "litestar_row:app"),
    Row("panther", "Panther", ("panther",), "panther_row:app", needs_redis=True),
    Row(
        "flask",
        "Flask (WSGI)",
        ("Flask",),
        "flask_row:app",
        WSGI,
        lacks={"lifespan": WSGI_LIFESPAN, "websocket": WSGI_WEBSOCKET},
    ),
    Row(
        "bottle",
        "Bottle (WSGI)",
        ("bottle",),
        "bottle_row:app",
        WSGI,
        lacks={"lifespan": WSGI_LIFESPAN, "websocket": WSGI_WEBSOCKET},
    ),
    Row(
        "django-wsgi",
        "Django (WSGI)",
        ("Django",),
        "django_wsgi_row:application",
        WSGI,
        lacks={"lifespan": WSGI_LIFESPAN, "websocket": WSGI_WEBSOCKET},
    ),
    Row(
        "strawberry", "Strawberry GraphQL", ("strawberry-graphql", "fastapi"), "strawberry_row:app", has_own_tests=True
    ),
    Row(
        "socketio",
        "python-socketio",
        ("python-socketio", "python-engineio"),
        "socketio_row:app",
        lacks={"upload": "it sends binary events in place of forms, which are part of the column WebSocket"},
        has_own_tests=True,
    ),
    Row(
        "mcp",
        "MCP server (streamable HTTP)",
        ("mcp",),
        "mcp_row:app",
        lacks={"upload": "MCP has no forms", "websocket": "MCP speaks HTTP"},
        has_own_tests=True,
    ),
)


def row_named(key: str) -> Row:
    """Return a row by its key."""
    return next(row for row in ROWS if row.key == key)
