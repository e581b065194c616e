"""Settings: what a handler is told, checked once, so that a mistake shows when the function is loaded.

Rules: names that Mangum has mean what they mean there. A wrong value is a ConfigError of one line.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, TypedDict

from licorne.errors import ConfigError

__all__ = ["DEFAULT_TEXT_TYPES", "HandlerOptions", "Settings", "settings_of"]

#: Bodies of these types go out as text; what matches is a part of the media type.
DEFAULT_TEXT_TYPES = (
    "text/",
    "application/json",
    "application/javascript",
    "application/xml",
    "application/vnd.api+json",
    "application/vnd.oai.openapi",
)
_MODES = ("auto", "on", "off")
_MARGIN_SECONDS = 0.5


class HandlerOptions(TypedDict, total=False):
    """Name the keywords of a handler."""

    #: The prefix that API Gateway leaves before the path, as whole segments; it is taken off.
    api_gateway_base_path: str | None
    #: Where the application is mounted, for the scope's `root_path`; put before paths that do not have it.
    root_path: str
    #: Classes for other events: `infer(event, context, config)`, `scope`, `body`, and a call with the response.
    custom_handlers: Sequence[type[Any]] | None
    text_mime_types: Iterable[str] | None
    #: Names of header fields that no response has, in any case.
    exclude_headers: Iterable[str] | None
    #: Seconds before the function's time limit at which an application that still runs is told, then cancelled.
    deadline_margin: float
    #: What posts to connections of a WebSocket API; boto3's client by default.
    connections: Any


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Hold what a handler was told."""

    lifespan: str = "auto"
    #: With a slash before it and none behind it; "" for none.
    base_path: str = ""
    root_path: str = ""
    custom_handlers: tuple[type[Any], ...] = ()
    text_types: tuple[str, ...] = DEFAULT_TEXT_TYPES
    excluded: frozenset[str] = frozenset()
    deadline_margin: float = _MARGIN_SECONDS
    connections: Any = None


def settings_of(lifespan: str, options: HandlerOptions) -> Settings:
    """Return the settings for the arguments of a handler. Raises ConfigError."""
    unknown = sorted(set(options) - set(HandlerOptions.__annotations__))
    if unknown:
        known = ", ".join(HandlerOptions.__annotations__)
        raise ConfigError(f"LambdaHandler has no option {unknown[0]!r}; it has lifespan, {known}")
    if lifespan not in _MODES:
        raise ConfigError("must be auto, on or off", option="lifespan", value=lifespan, source="LambdaHandler")
    return Settings(
        lifespan=lifespan,
        base_path=_path(options, "api_gateway_base_path"),
        root_path=_path(options, "root_path"),
        custom_handlers=_handlers(options.get("custom_handlers")),
        text_types=_texts("text_mime_types", options.get("text_mime_types"), DEFAULT_TEXT_TYPES),
        excluded=frozenset(_texts("exclude_headers", options.get("exclude_headers"), ())),
        deadline_margin=_seconds(options.get("deadline_margin", _MARGIN_SECONDS)),
        connections=options.get("connections"),
    )


def _fault(problem: str, option: str, value: object) -> ConfigError:
    return ConfigError(problem, option=option, value=value, source="LambdaHandler")


def _path(options: HandlerOptions, name: str) -> str:
    value: Any = options.get(name) or ""
    if not isinstance(value, str):
        raise _fault("must be a path", name, value)
    path = value.strip("/")
    return f"/{path}" if path else ""


def _handlers(value: Any) -> tuple[type[Any], ...]:
    found = tuple(value or ())
    for handler in found:
        if not callable(getattr(handler, "infer", None)):
            raise _fault("each must be a class with a method infer(event, context, config)", "custom_handlers", handler)
    return found


def _texts(name: str, value: Any, default: tuple[str, ...]) -> tuple[str, ...]:
    if value is None:
        return default
    texts = () if isinstance(value, str | bytes) else tuple(value)
    if (value and not texts) or not all(isinstance(text, str) for text in texts):
        raise _fault("must be a list of strings", name, value)
    return tuple(text.lower() for text in texts)


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise _fault("must be a number of seconds, 0 for no limit", "deadline_margin", value)
    return float(value)
