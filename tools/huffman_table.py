"""Write `engine/http2/hpack/huffman_table.py`, the tables of HPACK's Huffman code (RFC 7541 Appendix B).

The code is canonical, so the lengths of its codes say all of it. The table for reading takes four bits a step: a
state is an inner node of the code's tree, and no step completes more than one symbol, since no code is shorter than
five bits. A row holds four bytes: the next state, flags, the symbol, and nothing.
"""

import sys
import textwrap
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "src/licorne/engine/http2/hpack/huffman_table.py"

#: The bits of each symbol's code, from 0 to 255; the last one is EOS.
LENGTHS = bytes.fromhex(
    "0d171c1c1c1c1c1c1c181e1c1c1e1c1c1c1c1c1c1c1c1e1c1c1c1c1c1c1c1c1c060a0a0c0d06080b0a0a080b08060606"
    "0505050606060606060607080f060c0a0d06070707070707070707070707070707070707070707070807080d130d0e06"
    "0f05060506050606060507070606060506070605050607070707070f0b0e0d1c14161414161616171617171717171817"
    "181816171817171717151617161717181615141616171715171616181516171715151615171617171416161617161617"
    "1a1a1413161716191a1a1a1b1b1a181913151a1b1b1a1b1815151a1a1c1b1b1b14181415161515171616191918181a17"
    "1a1b1a1a1b1b1b1b1b1c1b1b1b1b1b1a1e"
)
EOS = 256

EMITS = 1
#: What was read since the last symbol may end the text: fewer than eight bits, all of them 1 (§5.2).
MAY_END = 2
#: EOS was read, which no text may hold (§5.2).
FAILS = 4

HEAD = '''"""Written by tools/huffman_table.py: the Huffman code of HPACK (RFC 7541 Appendix B), to write and to read.

CODES holds four bytes for each byte's code, LENGTHS its bits. STEPS holds four bytes for each state and four bits of
input, at `(state << 4 | bits) << 2`: the next state, flags (EMITS, MAY_END, FAILS), the symbol, and nothing.
"""

__all__ = ["CODES", "EMITS", "FAILS", "LENGTHS", "MAY_END", "STEPS"]

EMITS = {emits}
MAY_END = {may_end}
FAILS = {fails}
'''


def codes() -> list[int]:
    """Return the code of each symbol: shorter ones first, among equals in the order of the symbols."""
    found = [0] * (EOS + 1)
    code = 0
    length = 0
    for symbol in sorted(range(EOS + 1), key=lambda symbol: (LENGTHS[symbol], symbol)):
        code <<= LENGTHS[symbol] - length
        length = LENGTHS[symbol]
        found[symbol] = code
        code += 1
    return found


def bits_of(symbol: int, code: int) -> str:
    """Return a code as digits."""
    return format(code, f"0{LENGTHS[symbol]}b")


def steps() -> bytes:
    """Return the table for reading."""
    symbols = {bits_of(symbol, code): symbol for symbol, code in enumerate(codes())}
    inner = {bits[:size] for bits in symbols for size in range(len(bits))}
    states = {bits: number for number, bits in enumerate(sorted(inner, key=lambda bits: (len(bits), bits)))}
    rows = bytearray()
    for node in states:
        for nibble in range(16):
            rows += row(node, format(nibble, "04b"), symbols, states)
    return bytes(rows)


def row(node: str, nibble: str, symbols: dict[str, int], states: dict[str, int]) -> bytes:
    """Return the four bytes for what four bits do in a state."""
    flags = 0
    symbol = 0
    for bit in nibble:
        node += bit
        if node in symbols:
            if symbols[node] == EOS:
                return bytes((0, FAILS, 0, 0))
            flags |= EMITS
            symbol = symbols[node]
            node = ""
    if len(node) < 8 and "0" not in node:
        flags |= MAY_END
    return bytes((states[node], flags, symbol, 0))


def literal(name: str, data: bytes) -> str:
    """Return a constant as lines of hexadecimal digits."""
    lines = "\n".join(f'    "{line}"' for line in textwrap.wrap(data.hex(), 112))
    return f"{name} = bytes.fromhex(\n{lines}\n)\n"


def module() -> str:
    """Return the text of the module."""
    head = HEAD.format(emits=EMITS, may_end=MAY_END, fails=FAILS)
    written = b"".join(code.to_bytes(4, "big") for code in codes()[:EOS])
    return "\n".join((head, literal("CODES", written) + literal("LENGTHS", LENGTHS[:EOS]) + literal("STEPS", steps())))


def main() -> int:
    """Write the module."""
    TARGET.write_text(module(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
