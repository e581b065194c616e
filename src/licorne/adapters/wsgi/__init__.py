"""WSGI → ASGI: an ASGI 3 application made of a WSGI one (PEP 3333), which runs in threads of its own.

    adapter    WsgiToAsgi, the coroutine of a request: talks to the server, and sends what the thread hands over
    bridge     what the coroutine and the thread of one request tell each other
    call       the thread's side: calls the application and holds it to PEP 3333
    environ    scope → environ
    body       wsgi.input
    files      wsgi.file_wrapper
    threads    the pool

Rules: a request crosses to its thread once and back once, unless it streams. What is kept for a peer that is slow is
bounded both ways. `close()` of the response is called whatever happens.
"""

from licorne.adapters.wsgi.adapter import DEFAULT_THREADS, WsgiToAsgi

__all__ = ["DEFAULT_THREADS", "WsgiToAsgi"]
