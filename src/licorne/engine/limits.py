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

    h2_max_streams: int = 100  # at a time; more are refused, to be asked again (REFUSED_STREAM)
    h2_window: int = 256 * 1024  # request body that one stream may send ahead of its application
    h2_connection_window: int = 1024 * 1024  # the same for all streams of a connection
    h2_max_frame: int = 16 * 1024  # payload of one frame
    h2_max_header_list: int = 64 * 1024  # fields of one request, each with 32 bytes for itself (431)
    h2_table: int = 4096  # HPACK table of what the peer sends
    h2_send_buffer: int = 256 * 1024  # response body of one stream that waits for its peer
    h2_reset_burst: int = 1000  # streams that end before their time, at once
    h2_reset_rate: float = 33.0  # and each second
    h2_glitch_burst: int = 10_000  # frames that carry nothing, at once
    h2_glitch_rate: float = 330.0  # and each second
    h2_max_continuations: int = 8  # frames that go on with one head
    h2_max_settings: int = 32  # values in one SETTINGS frame
    h2_max_queued_replies: int = 1000  # answers to PING and SETTINGS that the peer does not take
    h2_stall_timeout: float = 60.0  # a response that waits for its peer's window
