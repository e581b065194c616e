"""ASGI → WSGI: a WSGI application (PEP 3333) made of an ASGI 3 one, for servers that know nothing else.

    adapter        AsgiToWsgi, what the server calls
    loop           the event loop in a thread, and the lifespan of the application in it
    conversation   one request: the server's thread on one side, the application's task on the other
    scope          environ → scope

Rules: the server's own thread reads the request and yields the response; nothing else touches what is the server's.
Bodies are streamed both ways.
"""

from licorne.adapters.asgi_to_wsgi.adapter import AsgiToWsgi

__all__ = ["AsgiToWsgi"]
