"""huffman.py and the table that tools/huffman_table.py writes: RFC 7541 §5.2 and Appendix B."""

from pathlib import Path

import pytest
from hpack import huffman_constants
from hypothesis import given
from hypothesis import strategies as st

from licorne.engine.http2.errors import H2Error
from licorne.engine.http2.frames import COMPRESSION_ERROR
from licorne.engine.http2.hpack import huffman_table
from licorne.engine.http2.hpack.huffman import huffman_size, parse_huffman, put_huffman
from tools import huffman_table as generator


def written(text: bytes) -> bytes:
    out = bytearray()
    put_huffman(out, text)
    return bytes(out)


def of_bits(bits: str) -> bytes:
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def test_table_is_what_its_program_writes() -> None:
    # Only the build that is installed lies beside the tests' tree, so the text is compared, not the path.
    assert Path(huffman_table.__file__).read_text(encoding="utf-8") == generator.module()


def test_codes_are_those_of_the_appendix() -> None:
    assert generator.codes() == list(huffman_constants.REQUEST_CODES)
    assert list(generator.LENGTHS) == list(huffman_constants.REQUEST_CODES_LENGTH)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        (b"", ""),
        (b"www.example.com", "f1e3c2e5f23a6ba0ab90f4ff"),
        (b"no-cache", "a8eb10649cbf"),
        (b"custom-key", "25a849e95ba97d7f"),
        (b"custom-value", "25a849e95bb8e8b4bf"),
        (b"302", "6402"),
        (b"private", "aec3771a4b"),
        (b"Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff"),
        (b"https://www.example.com", "9d29ad171863c78f0b97c8e9ae82ae43d3"),
    ],
)
def test_text_of_the_appendix(text: bytes, digits: str) -> None:
    code = bytes.fromhex(digits)
    assert written(text) == code
    assert huffman_size(text) == len(code)
    assert parse_huffman(b"<" + code + b">", 1, 1 + len(code)) == text


def test_every_byte_comes_back() -> None:
    text = bytes(range(256))
    assert parse_huffman(written(text), 0, huffman_size(text)) == text


@given(st.binary(max_size=64))
def test_any_text_comes_back(text: bytes) -> None:
    code = written(text)
    assert len(code) == huffman_size(text)
    assert parse_huffman(code, 0, len(code)) == text


@given(st.binary(max_size=32))
def test_any_bytes_are_a_text_of_one_form_or_refused(code: bytes) -> None:
    text = outcome(code)
    if isinstance(text, int):
        assert text == COMPRESSION_ERROR
    else:
        assert written(text) == code, "padding is the only freedom, and it has one form"


def outcome(code: bytes) -> bytes | int:
    """Return the text, or the code of the error."""
    try:
        return parse_huffman(code, 0, len(code))
    except H2Error as error:
        return error.code


EOS = "1" * 30


# "a" is 00011.
@pytest.mark.parametrize(
    "bits",
    [
        pytest.param("00011" + "000", id="padding-of-zeros"),
        pytest.param("00011" + "110", id="padding-that-ends-with-a-zero"),
        pytest.param("1" * 8, id="padding-of-eight-bits"),
        pytest.param("00011" + "1" * 11, id="padding-of-eleven-bits"),
        pytest.param(EOS + "11", id="eos-alone"),
        pytest.param("00011" + EOS + "00011" + "1" * 0, id="eos-within"),
        pytest.param("00011" + "111111111" + "11", id="incomplete-code"),
    ],
)
def test_wrong_end_or_eos_is_refused(bits: str) -> None:
    # RFC 7541 §5.2
    code = of_bits(bits)
    with pytest.raises(H2Error) as caught:
        parse_huffman(code, 0, len(code))
    assert caught.value.code == COMPRESSION_ERROR
