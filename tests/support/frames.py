"""Frames as WebSocket clients write them (RFC 6455 §5.2), by hand: right ones, and wrong ones if asked for."""

__all__ = ["MASK", "masked"]

#: The mask of RFC 6455 §5.7.
MASK = b"\x37\xfa\x21\x3d"


def masked(head: int, payload: bytes = b"", mask: bytes | None = MASK, form: int = 0, size: int | None = None) -> bytes:
    """Write a client's frame; `head` is its first byte.

    `form` is 2 or 8 for a length of so many bytes, `size` a length that is announced; without a `mask` it is none of
    a client's. A mask of zeros leaves the payload as it is, and costs nothing.
    """
    count = len(payload) if size is None else size
    form = form or (0 if count < 126 else 2 if count < 65536 else 8)
    code = {0: count, 2: 126, 8: 127}[form]
    start = bytes([head, code | (0 if mask is None else 128)]) + (count.to_bytes(form, "big") if form else b"")
    if mask is None:
        return start + payload
    return start + mask + (_hidden(payload, mask) if any(mask) else payload)


def _hidden(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")
