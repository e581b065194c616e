"""URL: what is told about Redis in one line.

    redis[s]://[user:password@]host[:port][/db]
    redis+unix://[user:password@]/path/of/socket
    redis[s]+cluster://[user:password@]host[:port],host[:port],…
    redis[s]+sentinel://[user:password@]host[:port],host[:port],…/service[/db]

    ?sharded=true          SSUBSCRIBE and SPUBLISH (Redis 7): in a cluster, a message goes to one shard only
    ?prefix=app:           what stands before a group in the name of its channel; "licorne:" unless it is said
    ?sentinel_username=, ?sentinel_password=     for the Sentinels themselves
    every other            an option of redis-py: db, ssl_ca_certs, client_name, protocol, …

Rules: what is wrong is said when the URL is given, without its password.
"""

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from redis.asyncio.connection import parse_url

from licorne.errors import ConfigError

__all__ = ["RedisUrl", "parse_redis_url"]

_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
_PREFIX: Final = "licorne:"
_TRUE: Final = ("1", "true", "yes", "on")
_FALSE: Final = ("0", "false", "no", "off", "")


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """Hold what a URL says."""

    #: "single", "cluster" or "sentinel".
    kind: str
    is_tls: bool
    #: Where it is, for the log; without user and password.
    place: str
    is_sharded: bool
    prefix: str
    #: What redis-py is told about each connection.
    options: dict[str, Any]
    #: Nodes or Sentinels.
    hosts: tuple[tuple[str, int], ...] = ()
    service: str = ""
    sentinel_options: dict[str, Any] = field(default_factory=dict)


def parse_redis_url(url: str, shown: str) -> RedisUrl:
    """Return what a URL says; `shown` is how it may be shown. Raises ConfigError."""
    try:
        return _parse(urlsplit(url))
    except (ValueError, TypeError) as error:
        raise ConfigError(f"is no good URL ({error})", option="broadcast", value=shown) from None


def _parse(parts: SplitResult) -> RedisUrl:
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    scheme, _, kind = parts.scheme.partition("+")
    is_sharded = _flag(query.pop("sharded", ""))
    prefix = query.pop("prefix", _PREFIX)
    is_tls = scheme == "rediss"
    if kind in ("", "unix"):
        base = "unix" if kind else scheme
        place = parts.path if kind else f"{parts.hostname or 'localhost'}:{parts.port or _PORT}"
        options = dict(parse_url(f"{base}://{parts.netloc}{parts.path}?{urlencode(query)}"))
        if kind and not parts.path:
            raise ValueError("it names no socket")
        return RedisUrl("single", is_tls, place, is_sharded, prefix, options)
    sentinel = {name[9:]: query.pop(name) for name in ("sentinel_username", "sentinel_password") if name in query}
    user, hosts = _authority(parts.netloc, _SENTINEL_PORT if kind == "sentinel" else _PORT)
    service, _, database = parts.path.strip("/").partition("/")
    if kind == "cluster" and (service or "db" in query):
        raise ValueError("a cluster has no numbered databases")
    if kind == "sentinel" and not service:
        raise ValueError("it names no service behind its Sentinels")
    if database:
        query["db"] = database
    options = dict(parse_url(f"{scheme}://localhost?{urlencode(query)}"))
    options.pop("host", None)
    options.pop("connection_class", None)
    place = ",".join(f"{host}:{port}" for host, port in hosts) + (f"/{service}" if service else "")
    return RedisUrl(kind, is_tls, place, is_sharded, prefix, {**options, **user}, hosts, service, sentinel)


def _authority(netloc: str, port: int) -> tuple[dict[str, str], tuple[tuple[str, int], ...]]:
    """Return user and password, and the hosts, of which a comma separates each from the next."""
    login, at, listed = netloc.rpartition("@")
    name, colon, password = login.partition(":")
    user = {"username": unquote(name)} if at and name else {}
    if colon:
        user["password"] = unquote(password)
    hosts = []
    for each in listed.split(","):
        host = urlsplit(f"//{each}")
        if not host.hostname:
            raise ValueError("it names no host")
        hosts.append((host.hostname, host.port or port))
    return user, tuple(hosts)


def _flag(value: str) -> bool:
    if value.lower() not in (*_TRUE, *_FALSE):
        raise ValueError(f"sharded is true or false, and not {value}")
    return value.lower() in _TRUE
