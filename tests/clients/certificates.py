"""A certificate of our own, made by openssl, in one file as proxies want it."""

from pathlib import Path

from tests.support.programs import run_program

__all__ = ["make_certificate"]


def make_certificate(folder: Path, name: str = "a.example") -> Path:
    """Return a file that holds a key and a certificate for a name."""
    key, certificate, both = (folder / end for end in ("key.pem", "certificate.pem", "both.pem"))
    kind = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    done = run_program("openssl", "req", *kind, *subject, "-keyout", str(key), "-out", str(certificate))
    assert done.returncode == 0, done.stderr
    both.write_text(key.read_text() + certificate.read_text())
    return both
