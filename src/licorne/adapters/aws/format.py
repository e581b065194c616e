"""EventFormat: the contract of one kind of event: how to read it and how to answer it."""

from typing import Any

from licorne.adapters.aws.invocation import Field, Invocation, new_invocation
from licorne.adapters.aws.settings import Settings

__all__ = ["EventFormat"]


class EventFormat:
    """Read one kind of event and write its replies."""

    __slots__ = ("base_path", "settings")

    #: How messages name it.
    kind = ""
    #: The paths of the keys whose values must be texts.
    required: tuple[tuple[str, ...], ...] = ()

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.base_path = settings.base_path

    def read(self, event: dict[str, Any], context: Any) -> Invocation:
        """Return the invocation of an event. Raises whatever a wrong event makes it raise; see `fault`."""
        raise NotImplementedError

    def reply(self, status: int, fields: list[Field], body: bytes) -> dict[str, Any]:
        """Return the document of a response."""
        raise NotImplementedError

    def invocation(self, event: dict[str, Any], context: Any) -> Invocation:
        """Return a new invocation whose request is still to be set."""
        return new_invocation(event, context, self.reply)

    def fault(self, event: dict[str, Any], error: Exception) -> str:
        """Say in one line what is wrong with an event that could not be read."""
        for path in self.required:
            value: Any = event
            for key in path:
                value = value.get(key) if isinstance(value, dict) else None
            if not isinstance(value, str):
                return f"{self._article()} event must have a text at {'.'.join(path)}, got {value!r}"
        told = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        return f"{self._article()} event cannot be read: {told}"

    def _article(self) -> str:
        return f"{'an' if self.kind[:1] in 'AEIOUHL' and self.kind[:2] != 'La' else 'a'} {self.kind}"
