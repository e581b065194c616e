"""The `tls` extension of ASGI, version 0.2: what is known of a connection over TLS.

It is worked out once for a connection. What the client says of itself is there only where it was asked for, and was
checked: a handshake with a certificate that is not trusted does not complete, so `client_cert_error` is always None.
"""

import ssl
from functools import cache
from typing import Any

from licorne.asgi.names import subject_of
from licorne.link import Security

__all__ = ["tls_extension"]

_VERSIONS = {"TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
#: What a cipher suite's number is within OpenSSL's (RFC 8446 §B.4).
_SUITE_BITS = 0xFFFF
#: `_ssl.ENCODING_DER`, which has no other name.
_ENCODING_DER = 2


def tls_extension(security: Security) -> dict[str, Any]:
    """Return what stands under "tls" in the extensions of a scope."""
    found = security.extension
    if found is None:
        found = security.extension = _extension_of(security.connection)
    return found


def _extension_of(connection: Any) -> dict[str, Any]:
    chain = _chain_of(connection)
    cipher = connection.cipher()
    return {
        "server_cert": getattr(connection.context, "certificate", None),
        "client_cert_chain": [ssl.DER_cert_to_PEM_cert(der) for der in chain],
        "client_cert_name": subject_of(chain[0]) if chain else None,
        "client_cert_error": None,
        "tls_version": _VERSIONS.get(connection.version() or ""),
        "cipher_suite": _suites().get(cipher[0]) if cipher else None,
    }


def _chain_of(connection: Any) -> list[bytes]:
    """Return the certificates that a client has sent and that were checked, its own first, as DER."""
    first = connection.getpeercert(True) if connection.context.verify_mode != ssl.CERT_NONE else None
    if not first:
        return []
    if hasattr(connection, "get_unverified_chain"):  # Python 3.13
        return list(connection.get_unverified_chain()) or [first]
    inner = getattr(connection, "_sslobj", None)
    chain = inner.get_unverified_chain() if inner is not None else None
    return [each.public_bytes(_ENCODING_DER) for each in chain or ()] or [first]


@cache
def _suites() -> dict[str, int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    return {cipher["name"]: cipher["id"] & _SUITE_BITS for cipher in context.get_ciphers()}
