"""Backends: which one carries messages between processes, chosen by URL.

    memory://                     nobody: one process, and one Broadcast object
    workers://                    the channels between a supervisor and its workers
    redis://  rediss://           Pub/Sub of a Redis server, over TCP or TLS; redis+unix:// by a UNIX socket
    redis+cluster://  redis+sentinel://     and over TLS with rediss+

Rules: a URL is checked when it is given, and nothing is connected then. No password of one is ever shown.
"""

from typing import Final
from urllib.parse import urlsplit

from licorne.broadcast.contract import BackendFactory
from licorne.broadcast.memory import MemoryBackend
from licorne.broadcast.workers import WorkersBackend
from licorne.errors import ConfigError

__all__ = ["choose_backend", "shown"]

_LOCAL: Final[dict[str, BackendFactory]] = {"memory": MemoryBackend, "workers": WorkersBackend}
_REDIS: Final = (
    *("redis", "rediss", "redis+unix", "redis+cluster", "rediss+cluster"),
    *("redis+sentinel", "rediss+sentinel"),
)


def choose_backend(url: str) -> BackendFactory:
    """Return what makes the back-end that a URL names. Raises ConfigError."""
    try:
        parts = urlsplit(url)
    except (ValueError, TypeError, AttributeError):
        raise ConfigError("is no URL", option="broadcast", value=url) from None
    if parts.scheme in _LOCAL:
        if parts.netloc or parts.path.strip("/") or parts.query:
            raise ConfigError(f"{parts.scheme}:// takes nothing behind it", option="broadcast", value=shown(url))
        return _LOCAL[parts.scheme]
    if parts.scheme not in _REDIS:
        known = ", ".join(f"{name}://" for name in (*_LOCAL, *_REDIS))
        raise ConfigError(f"must begin with one of {known}", option="broadcast", value=shown(url))
    try:
        import redis
    except ImportError:
        raise ConfigError(
            "needs redis-py (pip install 'licorne[redis]')", option="broadcast", value=shown(url)
        ) from None
    if int(redis.__version__.partition(".")[0]) < 5:
        raise ConfigError(f"needs redis-py 5 or later, and {redis.__version__} is installed", option="broadcast")
    from licorne.broadcast.redis.backend import redis_backend_of  # imports redis-py, which nobody else needs

    return redis_backend_of(url, shown(url))


def shown(url: str) -> str:
    """Return a URL without its password."""
    head, at, rest = str(url).rpartition("@")
    scheme, mark, user = head.partition("://")
    name, colon, _ = user.partition(":")
    if not at:
        return rest
    return f"{scheme}{mark}{name}{colon}{'***' if colon else ''}@{rest}"
