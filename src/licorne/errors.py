"""Every error that licorne raises, as one tree.

    LicorneError
    ├── ConfigError            an option has a bad value                      exit code 2
    ├── StartupError           a good configuration that cannot be served     exit code 3
    │   └── AppLoadError       the application could not be imported or made  exit code 3
    ├── ChannelError           a message between worker and supervisor cannot be expressed
    ├── BroadcastError         a broadcast that cannot be                     (licorne.broadcast)
    │   ├── BroadcastUnavailable  nobody can be told now                      (a ConnectionError)
    │   └── SubscriberTooSlow  whoever listens was cut off
    ├── LocalProtocolError     the application broke the ASGI or HTTP rules   (a RuntimeError)
    ├── RemoteProtocolError    the peer broke them; carries the HTTP answer
    ├── WebSocketError         the peer broke the rules of WebSocket; carries the close code
    └── ClientDisconnected     `send()` after the client left                 (an OSError)
        └── SentAfterClose     `send()` after the application closed its WebSocket (also a LocalProtocolError)

Rules: a message says what was wrong, where the value came from and what to do; it is one line.
"""

__all__ = [
    "EXIT_CONFIG",
    "EXIT_STARTUP",
    "AppLoadError",
    "BroadcastError",
    "BroadcastUnavailable",
    "ChannelError",
    "ClientDisconnected",
    "ConfigError",
    "LicorneError",
    "LocalProtocolError",
    "RemoteProtocolError",
    "SentAfterClose",
    "StartupError",
    "SubscriberTooSlow",
    "WebSocketError",
]

EXIT_CONFIG = 2
EXIT_STARTUP = 3


class LicorneError(Exception):
    """Be the root of all errors that licorne raises."""


class ConfigError(LicorneError):
    """Name an option, its bad value, where the value came from and what to do.

    `source` is a phrase like "flag --port", "variable LICORNE_PORT", "licorne.toml [server] port"
    or "keyword port"; it is empty when the problem is not one value's. `hint` ends the line: "; did you mean …?".
    """

    def __init__(
        self, problem: str, *, option: str = "", value: object = None, source: str = "", hint: str = ""
    ) -> None:
        self.problem = problem
        self.option = option
        self.value = value
        self.source = source
        self.hint = hint
        super().__init__(self._line())

    def _line(self) -> str:
        if not self.option:
            return f"{self.problem}{self.hint}"
        where = f" (from {self.source})" if self.source else ""
        return f"{self.option}: {self.problem}, got {self.value!r}{where}{self.hint}"


class StartupError(LicorneError):
    """Say in one line why a valid configuration cannot be served."""


class AppLoadError(StartupError):
    """Say why the application cannot be loaded; `__cause__` is the user's own exception, if one was raised."""


class ChannelError(LicorneError):
    """Say why a message cannot be told through the channel between a worker and its supervisor."""


class BroadcastError(LicorneError):
    """Say why something cannot be broadcast."""


class BroadcastUnavailable(BroadcastError, ConnectionError):
    """Tell who publishes that the message was not taken, because what is to carry it is away or overloaded."""


class SubscriberTooSlow(BroadcastError):
    """Tell who listens that it was cut off: it has let more messages wait than it may."""


class LocalProtocolError(LicorneError, RuntimeError):
    """Tell the application which ASGI or HTTP rule its message broke."""


class RemoteProtocolError(LicorneError):
    """Carry the HTTP answer to a peer that broke a rule: a status code and a one-line reason."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(f"{status}: {reason}")


class WebSocketError(LicorneError):
    """Carry the close code and the one-line reason that a WebSocket peer is told (RFC 6455 §7.1.7)."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"{code}: {reason}")


class ClientDisconnected(LicorneError, OSError):
    """Tell the application that the client left; an OSError, as ASGI HTTP 2.4 asks of `send()`."""


class SentAfterClose(LocalProtocolError, ClientDisconnected):
    """Tell the application that it closed the WebSocket itself.

    ASGI WebSocket 2.4 asks for an OSError, and applications written for Uvicorn expect a RuntimeError: it is both.
    """
