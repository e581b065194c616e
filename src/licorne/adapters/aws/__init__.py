"""Run an ASGI application on AWS Lambda.

    handler = LambdaHandler(app)     what Lambda calls with each event
    Runtime(handler).run()           a runtime of our own, which can stream responses

handler.py      LambdaHandler: one event, one call of the application
environment.py  what stays warm between events: the event loop and the lifespan
loop.py         a task's first step without a turn of the loop, and the loop where that is not enough
invocation.py   an event as the ASGI layer sees it: a link and a sink in memory
settings.py     what a handler is told
deadline.py     the time limit of the function
formats.py      which kind of event is it: apigateway.py, alb.py, edge.py, custom.py
reading.py      texts of events → bytes of a request
replying.py     a response → the document that Lambda passes on
websocket.py    events of a WebSocket API → one ASGI call for each connection (calls.py, connections.py)
runtime.py      the loop of a custom runtime (api.py, context.py, streaming.py)

Rules: one event at a time. Nothing is imported from AWS's packages, but boto3 where a WebSocket has to be written to.
The runtime is imported when it is asked for: it needs http.client, which a function under Lambda's runtime does not.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from licorne.adapters.aws.errors import EventError
from licorne.adapters.aws.handler import LambdaHandler

if TYPE_CHECKING:
    from licorne.adapters.aws.runtime import Runtime

__all__ = ["EventError", "LambdaHandler", "Runtime"]


def __getattr__(name: str) -> Any:
    if name != "Runtime":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module("licorne.adapters.aws.runtime").Runtime
