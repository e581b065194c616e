"""Certificates for tests, of an authority of their own, and a client that trusts it."""

import datetime
import ssl
from pathlib import Path
from typing import Any

import trustme

from tests.server.process import Client

__all__ = ["Authority", "SecureClient"]


class Authority:
    """Sign certificates and write them into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.file = folder / "authority.pem"
        self.authority.cert_pem.write_to_path(str(self.file))

    def sign(self, *names: str, **options: Any) -> Path:
        """Return a file with a new certificate, those that signed it, and its key."""
        leaf = self.authority.issue_cert(*names, **options)
        path = self.folder / f"{names[0].replace('*', 'any')}-{len(list(self.folder.iterdir()))}.pem"
        leaf.private_key_and_cert_chain_pem.write_to_path(str(path))
        return path

    def sign_apart(self, *names: str) -> tuple[Path, Path]:
        """Return the files of a new certificate and of its key."""
        leaf = self.authority.issue_cert(*names)
        count = len(list(self.folder.iterdir()))
        certificate, key = self.folder / f"certificate-{count}.pem", self.folder / f"key-{count}.pem"
        leaf.cert_chain_pems[0].write_to_path(str(certificate))
        leaf.private_key_pem.write_to_path(str(key))
        return certificate, key

    def sign_expired(self, *names: str) -> Path:
        """Return a file with a certificate that was good until yesterday."""
        yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        return self.sign(*names, not_after=yesterday)

    def context(self, certificate: Path | None = None, **attributes: Any) -> ssl.SSLContext:
        """Return what a client speaks with that trusts this authority, and has a certificate of its own or none."""
        context = ssl.create_default_context(cafile=str(self.file))
        if certificate is not None:
            context.load_cert_chain(str(certificate))
        for name, value in attributes.items():
            setattr(context, name, value)
        return context


class SecureClient(Client):
    """Be a client over TLS."""

    sock: ssl.SSLSocket

    def __init__(
        self, port: int, context: ssl.SSLContext, name: str = "localhost", session: ssl.SSLSession | None = None
    ) -> None:
        """Connect, and finish the handshake."""
        super().__init__(port)
        self.sock = context.wrap_socket(self.sock, server_hostname=name, session=session)

    def alternative_names(self) -> set[str]:
        """Return the names that the certificate of the server is for."""
        found: Any = self.sock.getpeercert()
        return {name for _, name in found["subjectAltName"]}
