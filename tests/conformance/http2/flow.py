"""Cases of RFC 9113 §6.5 and §6.9: settings, and the windows that they and WINDOW_UPDATE move."""

from tests.conformance.http2.cases import (
    FAULT,
    GET,
    POST,
    Case,
    acknowledged,
    answered,
    connection_error,
    data_of,
    ponged,
    stream_error,
)
from tests.support.http2_frames import (
    SETTINGS,
    WINDOW_UPDATE,
    Code,
    Setting,
    frame,
    headers,
    ping,
    request,
    settings,
    window_update,
)

__all__ = ["FLOW"]

OPEN = headers(1, request(b"POST", b"/now"), end=False)
WRONG_SIZE = connection_error(Code.FRAME_SIZE_ERROR)
OVERFLOW = connection_error(Code.FLOW_CONTROL_ERROR)
MOST = (1 << 31) - 1
#: Below the head, of which the server gets less than it announces: the head alone tells what is wrong.
CUT_SETTINGS = frame(SETTINGS, 0, 0, bytes.fromhex("0003000000640002"), size=9)


def _window(size: int) -> bytes:
    return settings((Setting.INITIAL_WINDOW_SIZE, size))


_SETTINGS = (
    Case("6.5", "an acknowledgement with a payload is a connection error", (frame(SETTINGS, 1, 0, b"\0"), WRONG_SIZE)),
    Case("6.5", "SETTINGS on a stream are a connection error", (frame(SETTINGS, 0, 1, b"\0\x03\0\0\0\x64"), FAULT)),
    Case(
        "6.5",
        "SETTINGS of another length than a multiple of 6 are a connection error",
        (frame(SETTINGS, 0, 0, bytes(3)), WRONG_SIZE),
    ),
    Case("6.5", "the length of SETTINGS is judged before the frame is whole", (CUT_SETTINGS, WRONG_SIZE)),
    Case("6.5.2", "SETTINGS_ENABLE_PUSH of 2 is a connection error", (settings((Setting.ENABLE_PUSH, 2)), FAULT)),
    Case("6.5.2", "SETTINGS_INITIAL_WINDOW_SIZE above 2^31-1 is a connection error", (_window(1 << 31), OVERFLOW)),
    Case(
        "6.5.2",
        "SETTINGS_MAX_FRAME_SIZE below 2^14 is a connection error",
        (settings((Setting.MAX_FRAME_SIZE, 16383)), FAULT),
    ),
    Case(
        "6.5.2",
        "SETTINGS_MAX_FRAME_SIZE above 2^24-1 is a connection error",
        (settings((Setting.MAX_FRAME_SIZE, 1 << 24)), FAULT),
    ),
    Case(
        "6.5.2",
        "SETTINGS_MAX_FRAME_SIZE of 2^24-1 is accepted",
        (settings((Setting.MAX_FRAME_SIZE, (1 << 24) - 1)), acknowledged, GET, answered()),
    ),
    Case("6.5.2", "an unknown setting is ignored", (settings((0xFF, 1), (0, 7)), ping(), ponged())),
    Case(
        "6.5.2",
        "a header table of no size is obeyed",
        (
            settings((Setting.HEADER_TABLE_SIZE, 0)),
            acknowledged,
            lambda peer: setattr(peer.rules.decoder, "max_allowed_table_size", 0),
            GET,
            answered(),
            headers(3, request()),
            answered(3),
        ),
    ),
    Case(
        "6.5.2",
        "SETTINGS_ENABLE_CONNECT_PROTOCOL of 2 is a connection error (RFC 8441 §3)",
        (
            settings((Setting.ENABLE_CONNECT_PROTOCOL, 2)),
            FAULT,
        ),
    ),
    Case(
        "6.5.3",
        "the last of several values of a setting holds",
        (
            settings((Setting.INITIAL_WINDOW_SIZE, 100), (Setting.INITIAL_WINDOW_SIZE, 1)),
            acknowledged,
            GET,
            data_of(1),
        ),
    ),
    Case("6.5.3", "SETTINGS are acknowledged at once", (settings((Setting.ENABLE_PUSH, 0)), acknowledged)),
    Case("6.5.3", "each SETTINGS frame is acknowledged", (settings() * 5, acknowledged)),
    Case("6.5.3", "an acknowledgement of nothing is ignored", (frame(SETTINGS, 1), ping(), ponged())),
)
_WINDOW_UPDATE = (
    Case("6.9", "WINDOW_UPDATE of 0 on stream 0 is a connection error", (window_update(0, 0), FAULT)),
    Case(
        "6.9",
        "WINDOW_UPDATE of 0 on a stream is an error",
        (POST, window_update(1, 0), stream_error(1, Code.PROTOCOL_ERROR)),
    ),
    Case(
        "6.9",
        "WINDOW_UPDATE of 0 is an error on a stream that is answered already",
        (
            OPEN,
            window_update(1, 0),
            stream_error(1, Code.PROTOCOL_ERROR),
        ),
    ),
    Case(
        "6.9",
        "WINDOW_UPDATE of another length than 4 is a connection error",
        (frame(WINDOW_UPDATE, 0, 0, b"\0\0\x01"), WRONG_SIZE),
    ),
    Case(
        "6.9",
        "WINDOW_UPDATE of another length than 4 on a stream is a connection error",
        (POST, frame(WINDOW_UPDATE, 0, 1, bytes(5)), WRONG_SIZE),
    ),
    Case("6.9", "the reserved bit of WINDOW_UPDATE is ignored", (window_update(0, 1 << 31 | 5), ping(), ponged())),
    Case("6.9.1", "no more than the window of a stream is sent", (_window(1), acknowledged, GET, data_of(1))),
    Case(
        "6.9.1",
        "a window grows byte by byte",
        (
            _window(1),
            acknowledged,
            GET,
            data_of(1),
            window_update(1, 1),
            data_of(1),
            window_update(1, 11),
            data_of(11),
            answered(),
        ),
    ),
    Case("6.9.1", "a window of the connection above 2^31-1 is an error", (window_update(0, MOST) * 2, OVERFLOW)),
    Case(
        "6.9.1",
        "a window of a stream above 2^31-1 is an error",
        (POST, window_update(1, MOST) * 2, stream_error(1, Code.FLOW_CONTROL_ERROR)),
    ),
    Case(
        "6.9.1",
        "a window of a stream that is answered already, above 2^31-1, is an error",
        (
            OPEN,
            window_update(1, MOST) * 2,
            stream_error(1, Code.FLOW_CONTROL_ERROR),
        ),
    ),
    Case(
        "6.9.2",
        "a new initial window holds for streams that are open",
        (_window(0), acknowledged, GET, _window(1), data_of(1)),
    ),
    Case(
        "6.9.2",
        "a window may be negative",
        (
            _window(3),
            acknowledged,
            GET,
            data_of(3),
            _window(2),
            acknowledged,
            window_update(1, 2),
            data_of(1),
        ),
    ),
    Case("6.9.2", "an initial window above 2^31-1 is a connection error", (_window(1 << 31), OVERFLOW)),
    Case(
        "6.9.2",
        "an initial window that lifts a stream above 2^31-1 is a connection error",
        (
            POST,
            window_update(1, 1000),
            _window(MOST),
            OVERFLOW,
        ),
    ),
)

FLOW = (*_SETTINGS, *_WINDOW_UPDATE)
