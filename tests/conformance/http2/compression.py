"""Cases of RFC 7541: what is not a header block ends the connection, since the table is lost with it."""

from tests.conformance.http2.cases import Case, answered, compression_error
from tests.support.http2_frames import block, headers, integer, literal, request

__all__ = ["COMPRESSION"]

#: "x-test" in Huffman's code, a literal without indexing.
NAME = bytes.fromhex("0085f2b24a84ff")


def _bad(section: str, title: str, fragment: bytes, before: bytes = b"") -> Case:
    """Make a case of a block that ends, or begins, with what cannot be decoded."""
    return Case(section, title, (headers(1, before + request() + fragment), compression_error))


def _string(*octets: int) -> bytes:
    """Return a string in Huffman's code."""
    return bytes([0x80 | len(octets), *octets])


COMPRESSION = (
    _bad("H2.3.3", "an index above both tables is an error", b"\xfe"),
    _bad("H2.3.3", "an index one above the static table is an error while the other is empty", b"\xbe"),
    _bad("H2.3.3", "an index of a name above both tables is an error", b"\x7e\x01x"),
    _bad("H2.3.3", "an index without end is an error", b"\xff" + b"\xff" * 20),
    _bad("H4.2", "a size update at the end of a block is an error", b"\x21"),
    _bad("H4.2", "a size update behind a field is an error", b"\x20" + literal(b"x", b"y")),
    _bad("H5.1", "an integer that is too large is an error", b"\x00\x7f" + b"\xff" * 9 + b"\x01"),
    _bad("H5.1", "an integer that is cut is an error", b"\x00\x7f\xff"),
    _bad("H5.2", "a string longer than its block is an error", b"\x00\x05abc"),
    _bad("H5.2", "padding of more than 7 bits is an error", NAME + _string(0x49, 0x50, 0x9F, 0xFF)),
    _bad("H5.2", "padding of zeros is an error", NAME + _string(0x49, 0x50, 0x90)),
    _bad("H5.2", "the symbol EOS is an error", NAME + _string(0xFF, 0xFF, 0xFF, 0xFD, 0x25, 0x42, 0x7F)),
    _bad("H5.2", "nothing but padding is an error", NAME + _string(0xFF)),
    _bad("H6.1", "index 0 is an error", b"\x80"),
    _bad("H6.3", "a size update above SETTINGS_HEADER_TABLE_SIZE is an error", b"", integer(4097, 5, 0x20)),
    _bad(
        "H6.3",
        "a second size update above SETTINGS_HEADER_TABLE_SIZE is an error",
        b"",
        b"\x20" + integer(4097, 5, 0x20),
    ),
    Case(
        "H4.3",
        "a size update evicts",
        (
            headers(1, request() + literal(b"x-test", b"ok", 0x40)),
            answered(1),
            headers(3, b"\x20" + request() + b"\xbe"),
            compression_error,
        ),
    ),
    Case(
        "H4.4",
        "an entry above the size of the table empties it, and is no error",
        (
            headers(1, request() + literal(b"x-test", b"ok", 0x40) + literal(b"x-large", b"x" * 5000, 0x40)),
            answered(1),
            headers(3, request() + b"\xbe"),
            compression_error,
        ),
    ),
    Case(
        "H4.4",
        "a name of the entry that its own insertion evicts is kept",
        (
            headers(1, request() + literal(b"x-test", b"x" * 4000, 0x40)),
            answered(1),
            headers(3, request() + b"\x7e" + integer(3900, 7) + b"y" * 3900),
            answered(3),
            headers(5, request() + b"\xbe"),
            answered(5),
        ),
    ),
    Case(
        "H6.2.1",
        "a block of nothing but references is served",
        (
            headers(
                1,
                b"".join(
                    literal(name, value, 0x40)
                    for name, value in (
                        (b":method", b"GET"),
                        (b":scheme", b"http"),
                        (b":path", b"/"),
                        (b":authority", b"localhost"),
                    )
                ),
            ),
            answered(1),
            headers(3, b"\xc1\xc0\xbf\xbe"),
            answered(3),
        ),
    ),
    Case(
        "H6.2",
        "the static table's own fields are served",
        (headers(1, b"\x82\x86\x84" + block((b":authority", b"localhost"))), answered()),
    ),
)
