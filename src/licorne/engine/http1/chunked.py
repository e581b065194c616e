"""The chunk line of the chunked coding (RFC 9112 §7.1): its size and the grammar of its extensions.

Pure functions; the parser finds the lines. Sizes are 1 to 16 hexadecimal digits and nothing else: what
`int(text, 16)` would forgive (signs, underscores, "0x", spaces) has been a way to smuggle requests.
"""

from licorne.engine import _bytes
from licorne.engine.framing import MAX_LENGTH
from licorne.engine.headers import FIELD_TEXT, TOKEN
from licorne.errors import RemoteProtocolError

__all__ = ["MAX_EXTENSION_LINE_BYTES", "digits_end", "parse_chunk_line"]

MAX_EXTENSION_LINE_BYTES = 4096

_HEX_VALUES = bytes(int(chr(byte), 16) if byte in b"0123456789abcdefABCDEF" else 255 for byte in range(256))
_MAX_SIZE_DIGITS = 16
_MAX_LENGTH = MAX_LENGTH
_SEMICOLON = 59
_QUOTE = 34
_BACKSLASH = 92
_EQUALS = 61


def parse_chunk_line(line: bytes) -> int:
    """Return the size in bytes that a chunk line announces, after checking the whole line.

    Raises:
        RemoteProtocolError: 400 for a malformed line, 413 for a size over 2**63 - 1.
    """
    end = digits_end(line)
    if end == 0 or end > _MAX_SIZE_DIGITS:
        raise RemoteProtocolError(400, "a chunk size is not 1 to 16 hexadecimal digits")
    if end < len(line):
        _check_extensions(line, end)
    size = int(_bytes.cut(line, 0, end), 16)
    if size > _MAX_LENGTH:
        raise RemoteProtocolError(413, "a chunk size is over 2**63 - 1")
    return size


def digits_end(line: bytes) -> int:
    """Return where the size at the beginning of a chunk line ends."""
    end = 0
    while end < len(line) and _HEX_VALUES[line[end]] != 255:
        end += 1
    return end


def _check_extensions(line: bytes, at: int) -> None:
    # RFC 9112 §7.1.1: chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
    while at < len(line):
        at = _skip_blank(line, at)
        if at >= len(line) or line[at] != _SEMICOLON:
            raise RemoteProtocolError(400, "a chunk size is followed by something else than an extension")
        at = _token_end(line, _skip_blank(line, at + 1))
        after = _skip_blank(line, at)
        if after < len(line) and line[after] == _EQUALS:
            at = _value_end(line, _skip_blank(line, after + 1))


def _skip_blank(line: bytes, at: int) -> int:
    while at < len(line) and line[at] in b" \t":
        at += 1
    return at


def _token_end(line: bytes, start: int) -> int:
    at = start
    while at < len(line) and TOKEN[line[at]]:
        at += 1
    if at == start:
        raise RemoteProtocolError(400, "a chunk extension is malformed")
    return at


def _value_end(line: bytes, start: int) -> int:
    """Return where a token or a quoted string (RFC 9110 §5.6.4) that begins at `start` ends."""
    if start >= len(line) or line[start] != _QUOTE:
        return _token_end(line, start)
    at = start + 1
    while at < len(line) and FIELD_TEXT[line[at]]:
        if line[at] == _QUOTE:
            return at + 1
        at += 2 if line[at] == _BACKSLASH else 1
    raise RemoteProtocolError(400, "a quoted chunk extension does not end")
