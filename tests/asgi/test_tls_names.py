"""The subject of a certificate is written as RFC 4514 says."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from licorne.asgi.names import subject_of

KEY = ec.generate_private_key(ec.SECP256R1())
NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
Relative = list[x509.NameAttribute[str]]


def certificate_for(*relatives: Relative) -> bytes:
    """Return a certificate whose subject is made of these."""
    subject = x509.Name([x509.RelativeDistinguishedName(relative) for relative in relatives])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(x509.Name([])).public_key(KEY.public_key())
    builder = builder.serial_number(5).not_valid_before(NOW).not_valid_after(NOW)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def named(text: str) -> x509.NameAttribute[str]:
    """Return a common name."""
    return x509.NameAttribute(NameOID.COMMON_NAME, text)


def test_the_last_name_comes_first_and_what_belongs_together_is_joined() -> None:
    certificate = certificate_for(
        [x509.NameAttribute(NameOID.COUNTRY_NAME, "DE")],
        [x509.NameAttribute(NameOID.DOMAIN_COMPONENT, "example")],
        [named("Ann"), x509.NameAttribute(NameOID.USER_ID, "ann")],
    )
    assert subject_of(certificate) in ("CN=Ann+UID=ann,DC=example,C=DE", "UID=ann+CN=Ann,DC=example,C=DE")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a,b", "a\\,b"),
        ('"a" + b;', '\\"a\\" \\+ b\\;'),
        ("<a\\b>", "\\<a\\\\b\\>"),
        (" a ", "\\ a\\ "),
        ("#a#", "\\#a#"),
        ("a\nb", "a\\0Ab"),
        ("Ünna 火", "Ünna 火"),
    ],
)
def test_what_has_a_meaning_is_escaped(text: str, written: str) -> None:
    assert subject_of(certificate_for([named(text)])) == f"CN={written}"


def test_an_attribute_without_a_short_name_is_shown_as_it_is_encoded() -> None:
    address = x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@b")
    assert subject_of(certificate_for([address])) == "1.2.840.113549.1.9.1=#1603614062"


@pytest.mark.parametrize("kind", [_ASN1Type.BMPString, _ASN1Type.UniversalString, _ASN1Type.UTF8String])
def test_every_kind_of_text_is_read(kind: _ASN1Type) -> None:
    name = x509.NameAttribute(NameOID.COMMON_NAME, "Ünna", _type=kind)
    assert subject_of(certificate_for([name])) == "CN=Ünna"


def test_no_name_is_an_empty_one() -> None:
    assert subject_of(certificate_for()) == ""


@given(st.binary(max_size=200))
def test_what_is_no_certificate_has_no_name(data: bytes) -> None:
    found = subject_of(data)
    assert found is None or isinstance(found, str)


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_certificate_raises_nothing(at: int, byte: int) -> None:
    damaged = bytearray(certificate_for([named("Ann")]))
    damaged[at % len(damaged)] = byte
    found = subject_of(bytes(damaged))
    assert found is None or isinstance(found, str)
