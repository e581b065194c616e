"""licorne, an ASGI server.

    licorne.run("main:app", port=8000)            serve until told to stop
    await licorne.serve("main:app", port=8000)    the same inside a running event loop
    licorne.Server(licorne.Config("main:app"))    the server as an object

Rules: nothing but the names in `__all__` is promised. Each is imported when it is first asked for, because
`licorne --help`, and applications that only want `ClientDisconnected`, need no event loop.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from licorne.config.options import Config
    from licorne.errors import ClientDisconnected
    from licorne.launch import run, serve
    from licorne.server.worker import Server

__all__ = ["ClientDisconnected", "Config", "Server", "__version__", "run", "serve"]

__version__ = "0.1.0"

_HOMES = {
    "ClientDisconnected": "licorne.errors",
    "Config": "licorne.config.options",
    "Server": "licorne.server.worker",
    "run": "licorne.launch",
    "serve": "licorne.launch",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
