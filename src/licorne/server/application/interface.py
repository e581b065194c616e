"""Interface: what kind of callable an application object is, decided from its signature and never by calling it.

Rules: an answer is given only when the signature is clear. What nobody can read (built-in callables, bare
`*args` wrappers) counts as ASGI 3, which is what nearly everything is. A wrapper that hides its signature is
judged by what it wraps. Two parameters are too few to be sure by their number: WSGI is known by `start_response`, the
messaging interface by `channels`. An object that cannot be called as ASGI says at start-up why not, instead of failing
at each request.
"""

import enum
import inspect
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = [
    "Interface",
    "advice_about",
    "classify",
    "is_coroutine_function",
    "is_plainly_an_application",
    "is_plainly_asgi",
    "missing_arguments",
    "parameters_of",
]


class Interface(enum.Enum):
    """Name the ways in which an application object is called."""

    ASGI3 = "asgi3"
    ASGI2 = "asgi2"
    WSGI = "wsgi"
    MESSAGING = "messaging"
    FACTORY = "factory"
    NONE = "none"


class _Shape(NamedTuple):
    """Hold how many positional arguments a callable asks for, how many it takes, and the names of the first two."""

    required: int
    maximum: int
    first: str
    second: str = ""

    def takes(self, count: int) -> bool:
        return self.required <= count <= self.maximum

    def is_pair(self, second: str) -> bool:
        return self.required == 2 and self.second == second


_ANY_NUMBER = sys.maxsize
_SCOPE_NAMES = ("scope", "_scope")
_WSGI_NAME = "start_response"
_MESSAGING_NAME = "channels"


def classify(target: Any) -> Interface:
    """Return how `target` is to be called."""
    if not callable(target):
        return Interface.NONE
    if inspect.isclass(target):
        return _classify_class(target)
    shape = _shape(target)
    if shape is None or shape.maximum == _ANY_NUMBER:
        return _classify_wrapper(target)
    return _classify_async(shape) if is_coroutine_function(target) else _classify_sync(shape)


def is_plainly_an_application(target: Any) -> bool:
    """Tell whether `target` shows beyond doubt that it is an application, of whichever interface."""
    return is_plainly_asgi(target) or (callable(target) and classify(target) in (Interface.WSGI, Interface.MESSAGING))


def is_plainly_asgi(target: Any) -> bool:
    """Tell whether `target` shows beyond doubt that it is an application: `(scope, receive, send)`."""
    if inspect.isclass(target):
        return hasattr(target, "__await__") and _is_named_asgi(target)
    return callable(target) and is_coroutine_function(target) and _is_named_asgi(target)


def is_coroutine_function(target: Any) -> bool:
    """Tell whether calling `target` makes a coroutine."""
    return inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(getattr(target, "__call__", None))  # noqa: B004


def advice_about(target: Any) -> str:
    """Return what a user may say whose application has another interface than could be found out; "" for nothing."""
    shape = _shape(target)
    if shape is None or not shape.takes(2) or inspect.isclass(target):
        return ""
    if is_coroutine_function(target):
        return "; one of the interface (message, channels) needs --interface messaging"
    return "; a WSGI application needs --interface wsgi"


def missing_arguments(target: Any) -> str:
    """Return the names of the arguments that `target` cannot do without, "" for none."""
    signature = _signature(target)
    if signature is None:
        return ""
    return ", ".join(p.name for p in signature.parameters.values() if _is_required(p))


def parameters_of(target: Any) -> str:
    """Return the signature of `target` as its author wrote it, "(…)" when it cannot be read."""
    signature = _signature(target)
    if signature is None:
        return "(…)"
    return f"({', '.join(str(p.replace(annotation=p.empty)) for p in signature.parameters.values())})"


def _classify_class(target: type) -> Interface:
    if hasattr(target, "__await__"):
        return Interface.ASGI3
    construct, call = _shape(target), _instance_shape(target)
    if call is not None and _is_called_as_application(call) and construct is not None and construct.required == 0:
        return Interface.FACTORY
    if construct is not None and construct.is_pair(_WSGI_NAME) and hasattr(target, "__iter__"):
        return Interface.WSGI  # PEP 3333: its instances are the response
    if construct is None or construct.takes(1):
        return Interface.ASGI2
    return Interface.NONE


def _is_called_as_application(call: _Shape) -> bool:
    return call.takes(3) or call.is_pair(_WSGI_NAME) or call.is_pair(_MESSAGING_NAME)


def _classify_wrapper(target: Any) -> Interface:
    inner = getattr(target, "__wrapped__", None)
    found = classify(inner) if inner is not None else Interface.ASGI3
    # A wrapper may add or take away arguments of what it wraps: that is no reason to refuse it.
    return Interface.ASGI3 if found is Interface.NONE else found


def _classify_async(shape: _Shape) -> Interface:
    if shape.is_pair(_MESSAGING_NAME):
        return Interface.MESSAGING
    return Interface.ASGI3 if shape.takes(3) else Interface.NONE


def _classify_sync(shape: _Shape) -> Interface:
    if shape.required == 0 and shape.first not in _SCOPE_NAMES:
        return Interface.FACTORY
    if shape.is_pair(_WSGI_NAME):
        return Interface.WSGI
    if shape.takes(3):
        return Interface.ASGI3
    return Interface.ASGI2 if shape.takes(1) else Interface.NONE


def _is_named_asgi(target: Any) -> bool:
    shape = _shape(target)
    return shape is not None and shape.required == shape.maximum == 3 and shape.first in _SCOPE_NAMES


def _instance_shape(target: type) -> _Shape | None:
    """Return the shape of calling an instance of `target`, None when its instances cannot be called."""
    call = getattr(target, "__call__", None)  # noqa: B004 - of the class; the metaclass has one in any case
    if not inspect.isfunction(call):
        return None
    shape = _shape(call)
    if shape is None:
        return None
    names = [parameter.name for parameter in inspect.signature(call).parameters.values()][1:3]
    return _Shape(shape.required - 1, shape.maximum - 1, *[*names, "", ""][:2])


def _shape(target: Callable[..., Any]) -> _Shape | None:
    signature = _signature(target)
    if signature is None:
        return None
    parameters = list(signature.parameters.values())
    if any(p.kind is p.KEYWORD_ONLY and p.default is p.empty for p in parameters):
        return _Shape(_ANY_NUMBER, 0, "")
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = sum(p.default is p.empty for p in positional)
    has_rest = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    names = [*(parameter.name for parameter in positional[:2]), "", ""]
    return _Shape(required, _ANY_NUMBER if has_rest else len(positional), names[0], names[1])


def _signature(target: Any) -> inspect.Signature | None:
    try:
        return inspect.signature(target, follow_wrapped=False)
    except (TypeError, ValueError):
        return None


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind not in (
        parameter.VAR_POSITIONAL,
        parameter.VAR_KEYWORD,
    )
