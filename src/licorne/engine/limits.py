"""Limits: every cap and clock that an engine holds its peer to, in one frozen object.

The worker builds one from its configuration; an engine never sees the configuration. Sizes are bytes,
clocks are seconds, 0 means "no limit" for both.
"""

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Hold the caps on one connection's peer. Defaults are licorne's own."""

    max_line_bytes: int = 16 * 1024  # request line (414) and each field line (431)
    max_head_bytes: int = 64 * 1024  # request line and fields together (431)
    max_fields: int = 100  # 431
    max_body_bytes: int = 0  # 413
    max_chunk_extension_bytes: int = 16 * 1024  # of one message; 4 KiB a line (400)
    max_trailer_bytes: int = 16 * 1024  # 431
    max_trailers: int = 64  # 431
    max_requests: int = 0  # requests on one connection
    max_discard_bytes: int = 256 * 1024  # unread body swallowed to keep a connection
    high_water_bytes: int = 64 * 1024  # buffered body before reading pauses

    head_timeout: float = 10.0  # absolute, for a whole head (408)
    body_timeout: float = 30.0  # between two reads of a body (408)
    min_body_rate: float = 500.0  # bytes a second, judged after `body_rate_grace` (408)
    body_rate_grace: float = 60.0
    keep_alive_timeout: float = 75.0
    discard_timeout: float = 1.0
    linger_timeout: float = 5.0
