"""Names: the subject of a certificate as text (RFC 4514), read from its DER (X.690, RFC 5280 §4.1).

`ssl` tells names too, but with attributes it does not know under numbers, and with values decoded that have no text.
"""

from collections.abc import Iterator

__all__ = ["elements", "subject_of"]

_EXPLICIT_0 = 0xA0
_LONG_LENGTH = 0x80
_CONTINUES = 0x80

#: RFC 4514 §3: the attributes that have a short name.
_SHORT = {
    "2.5.4.3": "CN",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.6": "C",
    "2.5.4.9": "STREET",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
}
#: X.680 §8.6: the kinds of text, and how each is encoded.
_TEXTS = {12: "utf-8", 18: "ascii", 19: "ascii", 20: "latin-1", 22: "ascii", 28: "utf-32-be", 30: "utf-16-be"}
#: RFC 4514 §2.4: what needs a backslash wherever it stands.
_SPECIAL = '"+,;<>\\'
_SPACE = 32
_DELETE = 127

_Element = tuple[int, bytes, bytes]


def subject_of(certificate: bytes) -> str | None:
    """Return the distinguished name of whom a certificate is for; None if it cannot be read."""
    try:
        content = next(elements(certificate))[1]
        fields = list(elements(next(elements(content))[1]))
        subject = fields[5 if fields[0][0] == _EXPLICIT_0 else 4]
        names = [_relative_name(content) for _, content, _ in elements(subject[1])]
    except (LookupError, StopIteration, ValueError):
        return None
    # RFC 4514 §2.1: the last one first.
    return ",".join(reversed(names))


def elements(data: bytes) -> Iterator[_Element]:
    """Yield the elements that stand one behind the other: the tag, the content, and the whole."""
    at = 0
    while at < len(data):
        size, start = data[at + 1], at + 2
        if size >= _LONG_LENGTH:
            count = size - _LONG_LENGTH
            size = int.from_bytes(data[start : start + count], "big")
            start += count
        end = start + size
        if end > len(data):
            raise ValueError("an element is cut off")
        yield data[at], data[start:end], data[at:end]
        at = end


def _relative_name(content: bytes) -> str:
    return "+".join(_attribute(pair) for _, pair, _ in elements(content))


def _attribute(content: bytes) -> str:
    (_, number, _), (tag, value, whole) = elements(content)
    name = _dotted(number)
    if name in _SHORT and tag in _TEXTS:
        return f"{_SHORT[name]}={_escaped(value.decode(_TEXTS[tag]))}"
    # RFC 4514 §2.4: without a short name, or without a text, the encoding itself.
    return f"{_SHORT.get(name, name)}=#{whole.hex()}"


def _dotted(data: bytes) -> str:
    """Return an object identifier as numbers (X.690 §8.19)."""
    numbers, number = [], 0
    for byte in data:
        number = number << 7 | byte & ~_CONTINUES
        if not byte & _CONTINUES:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))


def _escaped(text: str) -> str:
    last = len(text) - 1
    return "".join(_escaped_character(character, index, last) for index, character in enumerate(text))


def _escaped_character(character: str, index: int, last: int) -> str:
    code = ord(character)
    is_at_edge = (character == " " and index in (0, last)) or (character == "#" and index == 0)
    if character in _SPECIAL or is_at_edge:
        return f"\\{character}"
    return f"\\{code:02X}" if code < _SPACE or code == _DELETE else character
