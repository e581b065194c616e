"""The Huffman code of HPACK (RFC 7541 §5.2): texts to bits and back, by the tables of `huffman_table.py`."""

from licorne.engine.http2.errors import H2Error
from licorne.engine.http2.frames import COMPRESSION_ERROR
from licorne.engine.http2.hpack.huffman_table import CODES, EMITS, FAILS, LENGTHS, MAY_END, STEPS

__all__ = ["huffman_size", "parse_huffman", "put_huffman"]

_CODES = CODES
_LENGTHS = LENGTHS
_STEPS = STEPS
# It is 1, so the symbol of a step that completes none is written over by the next one.
_EMITS = EMITS
_MAY_END = MAY_END
_FAILS = FAILS


def huffman_size(text: bytes) -> int:
    """Return how many bytes a text takes in this code."""
    bits = 0
    lengths = _LENGTHS
    source = text
    for at in range(len(text)):
        bits += lengths[source[at]]
    return (bits + 7) >> 3


def put_huffman(out: bytearray, text: bytes) -> None:
    """Append a text in this code, padded with the beginning of EOS to a whole byte."""
    lengths = _LENGTHS
    codes = _CODES
    source = text
    bits = 0
    word = 0
    for at in range(len(text)):
        byte = source[at]
        row = byte << 2
        code = codes[row]
        code = code << 8 | codes[row + 1]
        code = code << 8 | codes[row + 2]
        code = code << 8 | codes[row + 3]
        # Fewer than eight bits are left from before, and no code has more than thirty.
        word = (word & 255) << lengths[byte] | code
        bits += lengths[byte]
        while bits >= 8:
            bits -= 8
            out.append(word >> bits & 255)
    if bits:
        out.append((word << (8 - bits) | 255 >> bits) & 255)


def parse_huffman(data: bytes, start: int, end: int) -> bytes:
    """Return the text that `data[start:end]` holds in this code.

    Raises:
        H2Error: COMPRESSION_ERROR when it holds EOS, or padding that is too long or not of ones.
    """
    # No symbol takes fewer than five bits.
    text = bytearray((end - start) * 8 // 5 + 1)
    target = text
    size = 0
    source = data
    steps = _STEPS
    state = 0
    seen = 0
    flags = _MAY_END
    for at in range(start, end):
        byte = source[at]
        row = (state << 4 | byte >> 4) << 2
        flags = steps[row + 1]
        seen |= flags
        target[size] = steps[row + 2]
        size += flags & _EMITS
        row = (steps[row] << 4 | byte & 15) << 2
        flags = steps[row + 1]
        seen |= flags
        target[size] = steps[row + 2]
        size += flags & _EMITS
        state = steps[row]
    if seen & _FAILS or not flags & _MAY_END:
        raise H2Error(COMPRESSION_ERROR, "a Huffman string has the wrong end")
    del text[size:]
    return bytes(text)
