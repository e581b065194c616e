"""Signing: authorities and certificates for development, by the package cryptography (RFC 5280)."""

import datetime
import ipaddress
import re
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Signer", "is_host_name", "new_authority"]

_LABEL = re.compile(r"\*|(?!-)[A-Za-z0-9_-]{1,63}")
_DAY = datetime.timedelta(days=1)
_AUTHORITY_DAYS = 3650
#: Browsers refuse certificates that are good for longer.
_CERTIFICATE_DAYS = 397
_KEY_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def new_authority(name: str) -> tuple[bytes, bytes]:
    """Return a new authority and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _named(name)
    builder = _begun(subject, subject, key.public_key(), _AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
    return _certificate_text(builder.sign(key, hashes.SHA256())), _key_text(key)


def is_host_name(name: str) -> bool:
    """Tell whether a certificate can be for a name or an address."""
    try:
        return bool(name) and _alternative(name) is not None
    except ValueError:
        return False


class Signer:
    """Sign certificates as an authority."""

    __slots__ = ("_certificate", "_key")

    def __init__(self, certificate: bytes, key: bytes) -> None:
        """Take the authority and its key as PEM. Raises ValueError when they cannot be used."""
        self._certificate = x509.load_pem_x509_certificate(certificate)
        found = serialization.load_pem_private_key(key, None)
        if not isinstance(found, ec.EllipticCurvePrivateKey):
            raise ValueError("the key is of another kind")
        if found.public_key() != self._certificate.public_key():
            raise ValueError("the key belongs to another certificate")
        if self._certificate.not_valid_after_utc < datetime.datetime.now(datetime.UTC) + _CERTIFICATE_DAYS * _DAY:
            raise ValueError("it does not last for another year")
        self._key = found

    def sign(self, hosts: Sequence[str]) -> tuple[bytes, bytes]:
        """Return a certificate for some hosts with that of the authority behind it, and its key, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self._certificate.subject
        builder = _begun(_named(hosts[0]), issuer, key.public_key(), _CERTIFICATE_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage("digital_signature"), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        names = x509.SubjectAlternativeName([_alternative(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(identifier, critical=False)
        leaf = builder.sign(self._key, hashes.SHA256())
        return _certificate_text(leaf) + _certificate_text(self._certificate), _key_text(key)


def _begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    # Clocks differ: it is good since yesterday.
    builder = builder.not_valid_before(now - _DAY).not_valid_after(now + days * _DAY)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _named(name: str) -> x509.Name:
    # RFC 5280 §A.1: a common name has at most 64 characters.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _usage(*names: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in names for name in _KEY_USAGES})


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        name = host if host.isascii() else host.encode("idna").decode()
        if not all(_LABEL.fullmatch(label) for label in name.split(".")):
            raise ValueError(f"{host!r} is no host name") from None
        return x509.DNSName(name)


def _certificate_text(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_text(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
