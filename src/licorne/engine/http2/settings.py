"""Settings (RFC 9113 §6.5): what we announce, and what the peer may say."""

from licorne.engine.http2.errors import H2Error
from licorne.engine.http2.frames import (
    DEFAULT_MAX_FRAME,
    ENABLE_CONNECT_PROTOCOL,
    ENABLE_PUSH,
    FLOW_CONTROL_ERROR,
    HEADER_TABLE_SIZE,
    INITIAL_WINDOW_SIZE,
    LARGEST_MAX_FRAME,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    MAX_WINDOW,
    NO_RFC7540_PRIORITIES,
    PROTOCOL_ERROR,
    serialize_settings,
    serialize_window_update,
)
from licorne.engine.limits import Limits

__all__ = [
    "INITIAL_WINDOW",
    "check_setting",
    "connection_window",
    "max_frame",
    "serialize_announcement",
    "stream_window",
]

#: RFC 9113 §6.9.2: every window, until something else is said.
INITIAL_WINDOW = 65535


def stream_window(limits: Limits) -> int:
    """Return how many bytes of body a peer may send ahead on one stream."""
    return limits.h2_window or MAX_WINDOW


def connection_window(limits: Limits) -> int:
    """Return the same for the whole connection; it cannot be made smaller than it is at first."""
    return max(limits.h2_connection_window or MAX_WINDOW, INITIAL_WINDOW)


def serialize_announcement(limits: Limits, takes_websocket: bool) -> bytes:
    """Return what a server sends first (RFC 9113 §3.4): its settings, and the window of the connection."""
    pairs = [(HEADER_TABLE_SIZE, limits.h2_table)]
    if limits.h2_max_streams:
        pairs.append((MAX_CONCURRENT_STREAMS, limits.h2_max_streams))
    pairs += [(INITIAL_WINDOW_SIZE, stream_window(limits)), (MAX_FRAME_SIZE, max_frame(limits))]
    if limits.h2_max_header_list:
        pairs.append((MAX_HEADER_LIST_SIZE, limits.h2_max_header_list))
    if takes_websocket:
        pairs.append((ENABLE_CONNECT_PROTOCOL, 1))
    pairs.append((NO_RFC7540_PRIORITIES, 1))
    more = connection_window(limits) - INITIAL_WINDOW
    return serialize_settings(pairs) + (serialize_window_update(0, more) if more else b"")


def max_frame(limits: Limits) -> int:
    """Return the largest payload of a frame that is taken, within what can be announced."""
    return min(max(limits.h2_max_frame, DEFAULT_MAX_FRAME), LARGEST_MAX_FRAME)


def check_setting(identifier: int, value: int) -> None:
    """Check one setting of the peer (RFC 9113 §6.5.2, RFC 9218 §2.1); those that are not known are ignored.

    Raises:
        H2Error: PROTOCOL_ERROR or FLOW_CONTROL_ERROR.
    """
    if identifier == INITIAL_WINDOW_SIZE:
        if value > MAX_WINDOW:
            raise H2Error(FLOW_CONTROL_ERROR, "SETTINGS_INITIAL_WINDOW_SIZE is over 2**31 - 1")
    elif identifier == MAX_FRAME_SIZE:
        if not DEFAULT_MAX_FRAME <= value <= LARGEST_MAX_FRAME:
            raise H2Error(PROTOCOL_ERROR, "SETTINGS_MAX_FRAME_SIZE is out of its range")
    elif identifier in (ENABLE_PUSH, ENABLE_CONNECT_PROTOCOL, NO_RFC7540_PRIORITIES) and value > 1:
        raise H2Error(PROTOCOL_ERROR, "a setting that is yes or no is neither 0 nor 1")
