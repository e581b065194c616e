"""Messaging: the interface of the first Uvicorn, `async def app(message, channels)`, of 2017.

    adapter      MessagingToAsgi, an ASGI 3 application made of such a one
    channels     what its applications send to and receive from
    websocket    a consumer for each message of a WebSocket
    bridges      ASGIAdapter and WSGIAdapter: from WSGI to this interface, and back

Rules: an application is called once for a request, and once for each event of a WebSocket: `websocket.connect`,
`websocket.receive` and `websocket.disconnect`, each in a task of its own.
"""

from licorne.adapters.messaging.adapter import MessagingToAsgi
from licorne.adapters.messaging.bridges import ASGIAdapter, WSGIAdapter

__all__ = ["ASGIAdapter", "MessagingToAsgi", "WSGIAdapter"]
