"""Middleware and small functions that applications use by themselves."""

import asyncio
import logging
import warnings
from typing import Any

import pytest

from tests.asgi.test_uvicorn_clients import TRUSTING_ALL, TRUSTING_OURS
from tests.dropin import apps
from uvicorn.middleware.asgi2 import ASGI2Middleware
from uvicorn.middleware.message_logger import MessageLoggerMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols import utils

PEER = ("127.0.0.1", 1)


def scope_of(kind: str = "http", client: Any = PEER, **fields: str) -> dict[str, Any]:
    """Return a scope with header fields."""
    headers = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in fields.items()]
    return {"type": kind, "scheme": "ws" if kind == "websocket" else "http", "client": client, "headers": headers}


def seen(scope: dict[str, Any], trusted: Any = "127.0.0.1") -> dict[str, Any]:
    """Return the scope that an application behind the middleware sees."""
    found: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(scope)

    asyncio.run(ProxyHeadersMiddleware(app, trusted)(scope, None, None))
    return found[0]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("table", "trusted"), [(TRUSTING_OURS, "127.0.0.1,::1, 10.0.0.0/8"), (TRUSTING_ALL, "*")], ids=["ours", "all"]
)
def test_the_client_is_the_one_of_uvicorns_table(table: Any, trusted: str) -> None:
    found = {value: seen(scope_of(x_forwarded_for=value), trusted)["client"] for value in table}
    assert found == {value: client if client[0] else PEER for value, client in table.items()}


@pytest.mark.parametrize(
    ("kind", "proto", "scheme"),
    [
        *(
            ("http", "https", "https"),
            ("http", " https ", "https"),
            ("http", "https,http", "http"),
            ("http", "x", "http"),
        ),
        *(("websocket", "https", "wss"), ("websocket", "wss", "wss"), ("websocket", "http", "ws")),
    ],
)
def test_the_scheme_is_that_of_the_last_field(kind: str, proto: str, scheme: str) -> None:
    assert seen(scope_of(kind, x_forwarded_proto=proto))["scheme"] == scheme


@pytest.mark.parametrize(
    ("trusted", "client", "is_trusted"),
    [
        *(("127.0.0.1", PEER, True), ("10.0.0.0/8", ("10.1.2.3", 1), True), ("10.0.0.0/8", PEER, False)),
        *(("*", None, True), ("127.0.0.1", None, False), ("a-name", ("a-name", 1), True), ("", PEER, False)),
        (["::1", "127.0.0.1"], PEER, True),
    ],
)
def test_who_is_trusted(trusted: Any, client: Any, is_trusted: bool) -> None:
    told = seen(scope_of(client=client, x_forwarded_for="192.0.2.7"), trusted)["client"]
    assert told == (("192.0.2.7", 0) if is_trusted else client)


def test_a_lifespan_is_passed_on() -> None:
    assert seen({"type": "lifespan"}) == {"type": "lifespan"}


def test_asgi_2_becomes_asgi_3() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        **dict.fromkeys(("client", "scheme", "path", "root_path", "method", "http_version", "asgi")),
        "headers": [],
    }
    asyncio.run(ASGI2Middleware(apps.Second)({**scope, "type": "http", "raw_path": b""}, None, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 200


def test_wsgi_without_a2wsgi_is_licornes_with_a_warning() -> None:
    from uvicorn.middleware.wsgi import _WSGIMiddleware

    with pytest.deprecated_call():
        made = _WSGIMiddleware(apps.wsgi)
    assert made.threads == 10


def test_messages_are_logged_without_what_they_hold(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "headers": [(b"secret", b"field")]})
        await send({"type": "http.response.body", "body": b"secret"})
        raise RuntimeError

    async def send(message: Any) -> None:
        pass

    logging.getLogger("uvicorn.asgi").setLevel(5)
    from uvicorn import _loggers

    _loggers.join()
    with pytest.raises(RuntimeError):
        asyncio.run(MessageLoggerMiddleware(app)({"type": "http", "client": PEER}, None, send))  # type: ignore[arg-type]
    told = caplog.text
    assert "ASGI [1] Started scope=" in told
    assert "<6 bytes>" in told
    assert "<...>" in told
    assert "ASGI [1] Raised exception" in told
    assert "secret" not in told


def test_the_address_and_the_path_of_a_scope() -> None:
    scope = {"client": ("10.0.0.1", 9), "path": "/a b", "query_string": b"c=d"}
    assert utils.get_client_addr(scope) == "10.0.0.1:9"
    assert utils.get_client_addr({"client": None}) == ""
    assert utils.get_path_with_query_string(scope) == "/a%20b?c=d"
    assert utils.get_path_with_query_string({"path": "/", "query_string": b""}) == "/"


class FakeTransport:
    """Be a transport with extra information."""

    def __init__(self, **info: Any) -> None:
        self.info = info

    def get_extra_info(self, name: str) -> Any:
        return self.info.get(name)


def test_the_addresses_of_a_transport() -> None:
    transport: Any = FakeTransport(peername=("1.2.3.4", 5), sockname=("6.7.8.9", 10), sslcontext=object())
    assert (utils.get_remote_addr(transport), utils.get_local_addr(transport)) == (("1.2.3.4", 5), ("6.7.8.9", 10))
    assert utils.is_ssl(transport)
    unix: Any = FakeTransport(sockname="/run/s", peername="")
    assert (utils.get_remote_addr(unix), utils.get_local_addr(unix)) == (None, ("/run/s", None))


def test_importing_the_workers_warns() -> None:
    import importlib
    import sys

    sys.modules.pop("uvicorn.workers", None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        importlib.import_module("uvicorn.workers")
    assert any(issubclass(found.category, DeprecationWarning) for found in caught)
