"""The error of an HTTP/2 engine: what GOAWAY or RST_STREAM tells the peer (RFC 9113 §5.4)."""

from licorne.errors import LicorneError

__all__ = ["H2Error"]


class H2Error(LicorneError):
    """Carry the error code (RFC 9113 §7) and the one-line reason for a peer that broke a rule.

    `stream_id` is 0 for a connection error and names the stream of a stream error. It never leaves the engine.
    """

    def __init__(self, code: int, reason: str, stream_id: int = 0) -> None:
        self.code = code
        self.reason = reason
        self.stream_id = stream_id
        super().__init__(f"{code}: {reason}")
