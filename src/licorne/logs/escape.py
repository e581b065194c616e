"""Write what a peer sent so that it can only be read as text of that peer.

Whatever is outside 0x20-7E, a quote or a backslash becomes `\\xNN`, `\\"` or `\\\\`: no line can be forged, no
terminal can be driven and no quoted field can be ended early. What needs no escape, nearly everything, costs
one `translate`: it changes exactly the bytes that are not plain.
"""

__all__ = ["PLAIN", "escape", "escape_json", "escape_text"]


def _is_plain(byte: int) -> bool:
    return 0x20 <= byte <= 0x7E and byte not in b'"\\'


def _written(byte: int) -> bytes:
    if _is_plain(byte):
        return bytes((byte,))
    return b"\\%c" % byte if byte in b'"\\' else b"\\x%02x" % byte


#: Maps plain bytes to themselves and all others to something else.
PLAIN = bytes(byte if _is_plain(byte) else byte ^ 1 for byte in range(256))

_WRITTEN = tuple(_written(byte) for byte in range(256))


def escape(value: bytes) -> bytes:
    """Return printable ASCII in which quotes and backslashes are escaped."""
    if value.translate(PLAIN) == value:
        return value
    return b"".join([_WRITTEN[byte] for byte in value])


def escape_text(value: str) -> str:
    """Do what `escape` does, for text: what is not ASCII is written as its UTF-8 bytes."""
    return escape(value.encode("utf-8", "surrogatepass")).decode("ascii")


def escape_json(value: bytes) -> bytes:
    """Return the inside of a JSON string, in ASCII. Bytes that are not UTF-8 read `\\xNN` in it."""
    if value.translate(PLAIN) == value:
        return value
    text = value.decode("utf-8", "backslashreplace")
    return "".join([_written_in_json(character) for character in text]).encode("ascii")


def _written_in_json(character: str) -> str:
    code = ord(character)
    if code <= 0x7E:
        if character in '"\\':
            return "\\" + character
        return character if code >= 0x20 else f"\\u{code:04x}"
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    # RFC 8259 section 7: beyond the basic plane, a pair of UTF-16 surrogates.
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
