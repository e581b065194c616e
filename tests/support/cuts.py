"""Ways to cut a stream of bytes into the pieces that a network may deliver it in."""

from collections.abc import Iterator

__all__ = ["EXHAUSTIVE_BYTES", "MAX_SPLITS", "byte_by_byte", "split_points"]

#: A longer stream is not cut at every point.
EXHAUSTIVE_BYTES = 2048
MAX_SPLITS = 240


def byte_by_byte(data: bytes) -> Iterator[bytes]:
    """Yield each byte by itself."""
    for position in range(len(data)):
        yield data[position : position + 1]


def split_points(data: bytes) -> list[int]:
    """Return where to cut `data` in two: everywhere, or if it is long, where cuts have been known to hurt.

    Those are the first and last bytes and the neighbourhood of each CR and LF, thinned evenly to MAX_SPLITS.
    """
    if len(data) <= EXHAUSTIVE_BYTES:
        return list(range(1, len(data)))
    points = {*range(1, 33), *range(len(data) - 32, len(data))}
    for position, byte in enumerate(data):
        if byte in b"\r\n":
            points.update(range(max(1, position - 1), min(len(data), position + 3)))
    ordered = sorted(points)
    return ordered[:: max(1, len(ordered) // MAX_SPLITS)]
