"""Faults: why a certificate, a key or a CA file cannot be used, in words for whoever set the option.

OpenSSL says the same in terms of its own ("[SSL] PEM lib", "EE_KEY_TOO_SMALL"), and often less than is known here.
"""

import re
import ssl
from contextlib import suppress
from typing import Final

from licorne.config.encryption import NamedCertificate

__all__ = ["first_certificate", "is_locked", "reason_of", "why_ca_fails", "why_certificate_fails"]

_LOCKED: Final = re.compile(rb"-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED", re.MULTILINE)
_KEY: Final = re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")
_MISMATCHES: Final = ("key values mismatch", "key type mismatch", "no certificate assigned")
_WHOLE_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
#: What ssl puts around OpenSSL's words.
_DECORATION: Final = re.compile(r"^\[[^\]]*\]\s*|\s*\(_ssl\.c:\d+\)$")
_CERTIFICATE: Final = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----")


def is_locked(path: str) -> bool:
    """Tell whether the private key in a file is encrypted."""
    return bool(_LOCKED.search(_content(path)))


def first_certificate(path: str) -> str | None:
    """Return the first certificate in a file, as PEM; None if there is none."""
    found = _WHOLE_CERTIFICATE.search(_content(path))
    return found[0].decode("ascii") + "\n" if found else None


def reason_of(error: BaseException) -> str:
    """Return OpenSSL's reason in small letters, such as "no shared cipher"."""
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        if reason:
            return reason.removeprefix("TLSV1_").removeprefix("SSLV3_").replace("_", " ").lower()
        return _DECORATION.sub("", str(error.args[-1] if error.args else error)) or "failed"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error)


def why_certificate_fails(
    error: Exception, files: NamedCertificate, option: str, *, has_password: bool
) -> tuple[str, str]:
    """Return the option that is to blame and what is wrong with it."""
    key = files.keyfile or files.certfile
    of_key = option if option == "ssl_sni" or not files.keyfile else "ssl_keyfile"
    if unreadable := _unreadable(files.certfile):
        return option, unreadable
    if unreadable := _unreadable(key):
        return of_key, unreadable
    if not _CERTIFICATE.search(_content(files.certfile)):
        return option, f"must be a PEM file with a certificate in it ({files.certfile} has none)"
    if not _KEY.search(_content(key)):
        where = "set ssl_keyfile" if not files.keyfile else f"{key} has none"
        return of_key, f"must be a PEM file with a private key in it ({where})"
    if is_locked(key) and has_password and _is_of_password(error):
        return "ssl_keyfile_password", f"does not decrypt {key}"
    return _of_openssl(error, files, option, of_key)


def why_ca_fails(error: Exception) -> str:
    """Return what is wrong with a file of CA certificates."""
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        return f"must be a file that can be read ({error.strerror or error})"
    return f"must be a PEM file of certificates ({reason_of(error)})"


def _of_openssl(error: Exception, files: NamedCertificate, option: str, of_key: str) -> tuple[str, str]:
    reason = reason_of(error)
    key = files.keyfile or files.certfile
    if any(words in reason for words in _MISMATCHES):
        return of_key, f"is not the key of the certificate in {files.certfile} ({key})"
    if "too small" in reason or "too weak" in reason:
        return option, f"has a key or a signature that is too weak for TLS today ({files.certfile}: {reason})"
    if _is_good_certificate(files.certfile):
        return of_key, f"holds a private key that cannot be read ({key}: {reason})"
    return option, f"holds a certificate that cannot be read ({files.certfile}: {reason})"


def _is_of_password(error: Exception) -> bool:
    text = f"{error}".lower()
    return isinstance(error, ssl.SSLError | OSError | ValueError) and "mismatch" not in text


def _is_good_certificate(path: str) -> bool:
    with suppress(OSError, ValueError):
        return bool(ssl.create_default_context(cafile=path).cert_store_stats()["x509"])
    return False


def _unreadable(path: str) -> str:
    try:
        with open(path, "rb"):
            return ""
    except OSError as error:
        return f"must be a file that can be read ({path}: {error.strerror or error})"


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
