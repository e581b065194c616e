"""The few byte operations that need two bodies: Python here, C in `_bytes.pxd`.

This file is never compiled. A compiled module inlines the C bodies, a pure one calls these; both must
agree, and a property test compares them. Rules: at most eight functions, at most eight lines each.
Tables are 256 bytes long: `table[byte]` is 0 for "not allowed".
"""

__all__ = ["cut", "find", "is_all", "join_frame", "join_head", "translated", "unmask", "unmask_text"]


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


def join_frame(head: int, payload: bytes | str) -> bytes:
    """Return a WebSocket frame without a mask (RFC 6455 §5.2): its first byte, the length, the payload."""
    data = payload.encode() if isinstance(payload, str) else payload
    size = len(data)
    if size < 126:
        return bytes((head, size)) + data
    width = 2 if size < 65536 else 8
    return bytes((head, 126 if width == 2 else 127)) + size.to_bytes(width, "big") + data


def unmask(data: bytes, start: int, end: int, mask: int) -> bytes:
    """Return `data[start:end]` with every four bytes XORed with `mask`, whose lowest byte is for the first."""
    size = end - start
    masks = (mask.to_bytes(4, "little") * (size // 4 + 1))[:size]
    unmasked = int.from_bytes(data[start:end], "little") ^ int.from_bytes(masks, "little")
    return unmasked.to_bytes(size, "little")


def unmask_text(data: bytes, start: int, end: int, mask: int) -> str:
    """Return the same, decoded from UTF-8; raises UnicodeDecodeError."""
    return unmask(data, start, end, mask).decode()
