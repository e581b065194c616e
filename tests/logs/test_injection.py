"""Whatever a peer sends stays text of that peer: no forged line, no terminal sequence, no end of a quoted field."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licorne.logs.escape import escape, escape_json

from .scenes import line_of, link

ATTACKS = [
    (b'a\nINFO:     1.2.3.4:5 - "GET /forged HTTP/1.1" 200 OK', "new line"),
    (b"a\r\nb", "carriage return"),
    (b"\x1b]0;title\x07\x1b[2J", "terminal sequences"),
    (b"\x9b31mred", "a C1 control sequence"),
    (b'" 200 OK "', "quotes"),
    (b"\\x1b", "a backslash that looks like an escape"),
    (b"\x00\x7f\x08", "NUL, DEL, backspace"),
    ("\u2028\u202e\ufeff".encode(), "separators and overrides of Unicode"),
    (b"\xff\xfe\x80", "what is not UTF-8"),
    (b"%s%d%n {client} %(h)s", "format directives"),
]
TEMPLATES = [
    None,
    "combined",
    '{target} "{header:user-agent}"',
    '%(Uq)s "%({user-agent}i)s" "%({x}o)s"',
]


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("attack", [attack for attack, _ in ATTACKS], ids=[name for _, name in ATTACKS])
def test_text_stays_one_plain_line(attack: bytes, template: str | None) -> None:
    line = line_of(
        template,
        target=b"/" + attack,
        method="G" + attack.decode("latin-1"),
        headers=[(b"user-agent", attack), (b"referer", attack)],
        response_headers=[(b"X", attack)],
        peer=link((attack.decode("latin-1"), 1)),
    )
    assert line.endswith("\n")
    assert all(" " <= character <= "~" for character in line[:-1])
    # Without escaped pairs, only the template's own quotes are left, always an even number.
    assert line.replace("\\\\", "").replace('\\"', "").count('"') % 2 == 0


@pytest.mark.parametrize("attack", [attack for attack, _ in ATTACKS], ids=[name for _, name in ATTACKS])
def test_json_stays_one_object_on_one_line(attack: bytes) -> None:
    line = line_of("json", target=b"/" + attack, headers=[(b"user-agent", attack)])
    assert all(" " <= character <= "~" for character in line[:-1])
    found = json.loads(line)
    assert found["user_agent"] == attack.decode("utf-8", "backslashreplace")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (b"plain /x?y=1", b"plain /x?y=1"),
        (b"", b""),
        (b'"', b'\\"'),
        (b"\\", b"\\\\"),
        (b"\n", b"\\x0a"),
        (b"\x7f", b"\\x7f"),
        ("é".encode(), b"\\xc3\\xa9"),
        (b" ~", b" ~"),
    ],
)
def test_text_escapes(value: bytes, written: bytes) -> None:
    assert escape(value) == written


@given(st.binary())
def test_text_can_be_read_back(value: bytes) -> None:
    assert escape(value).decode("unicode_escape").encode("latin-1") == value


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_json_strings_can_be_read_back(value: str) -> None:
    written = escape_json(value.encode())
    assert written.isascii()
    assert json.loads(b'"' + written + b'"') == value
