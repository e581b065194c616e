"""Protocol classes of Uvicorn's names: made with its arguments, and handed to an event loop."""

import asyncio
from typing import Any

import pytest

import uvicorn
from tests.dropin import apps
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

REQUEST = b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("protocol", [AutoHTTPProtocol, H11Protocol, HttpToolsProtocol])
def test_a_protocol_serves_one_connection(protocol: Any) -> None:
    async def main() -> bytes:
        config = uvicorn.Config(apps.app, log_config=None, http=protocol, access_log=False)
        config.load()
        loop = asyncio.get_running_loop()

        def new_protocol() -> Any:
            made = config.http_protocol_class(config=config, server_state=ServerState(), app_state={}, _loop=loop)
            assert made.app is config.loaded_app
            return made

        server = await loop.create_server(new_protocol, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(REQUEST)
            reply = await reader.read()
            writer.close()
            await writer.wait_closed()
        return reply

    reply = asyncio.run(main())
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b'"path": "/a"' in reply
