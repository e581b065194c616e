"""The few byte operations that need two bodies: Python here, C in `_bytes.pxd`.

This file is never compiled. A compiled module inlines the C bodies, a pure one calls these; both must
agree, and a property test compares them. Rules: at most eight functions, at most eight lines each.
Tables are 256 bytes long: `table[byte]` is 0 for "not allowed".
"""

__all__ = ["cut", "find", "is_all", "join_head", "translated"]


def find(data: bytes, byte: int, start: int, end: int) -> int:
    """Return where `byte` first stands in `data[start:end]`, or -1."""
    return data.find(byte, start, end)


def cut(data: bytes, start: int, end: int) -> bytes:
    """Return `data[start:end]`."""
    return data[start:end]


def is_all(data: bytes, start: int, end: int, table: bytes) -> bool:
    """Tell whether `table` allows every byte of `data[start:end]`."""
    return 0 not in data[start:end].translate(table)


def translated(data: bytes, start: int, end: int, table: bytes) -> bytes | None:
    """Return `data[start:end]` mapped through `table`; None if it is empty or holds a byte that maps to 0."""
    mapped = data[start:end].translate(table)
    return mapped if mapped and 0 not in mapped else None


def join_head(first: bytes, fields: list[tuple[bytes, bytes]], last: bytes, body: bytes) -> bytes:
    """Return `first`, each field as a line, `last` and `body` in one piece."""
    return b"".join([first, *[b"%b: %b\r\n" % (name, value) for name, value in fields], last, body])
