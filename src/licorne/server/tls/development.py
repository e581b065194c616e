"""Development: an authority of one's own and certificates that it signs, so that HTTPS at home is one command.

    authority    made once, kept where the user keeps settings; browsers may be told to trust it
    certificate  for some hosts, with its key, in the current directory

Rules: a private key is for its owner alone. Nothing is installed anywhere: who is trusted is not ours to decide. What
cannot be done is a StartupError of one line.
"""

import getpass
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from licorne.errors import StartupError

if TYPE_CHECKING:
    from licorne.server.tls.signing import Signer

__all__ = ["authority_folder", "make_certificate"]

_USUAL_HOSTS: Final = ("localhost", "127.0.0.1", "::1")
_AUTHORITY: Final = "authority.pem"
_AUTHORITY_KEY: Final = "authority-key.pem"


def authority_folder() -> Path:
    """Return where the authority is kept."""
    if sys.platform == "win32":
        base = os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming"
    else:
        base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "licorne"


def make_certificate(hosts: Sequence[str], folder: Path) -> str:
    """Write a certificate for some hosts and its key into a folder; return what to do with them.

    Raises StartupError.
    """
    try:
        from licorne.server.tls.signing import is_host_name
    except ImportError:
        advice = "install it with: pip install 'licorne[cert]'"
        raise StartupError(f"cannot make certificates without the package cryptography; {advice}") from None
    names = list(dict.fromkeys(hosts or _USUAL_HOSTS))
    wrong = next((name for name in names if not is_host_name(name)), None)
    if wrong is not None:
        raise StartupError(f"cannot make a certificate for {wrong!r}: it is neither a host name nor an address")
    authority = authority_folder()
    certificate, key = _signer(authority).sign(names)
    stem = names[0].replace("*", "any").replace(":", "_")
    files = folder / f"{stem}.pem", folder / f"{stem}-key.pem"
    _write(files[0], certificate, 0o644)
    _write(files[1], key, 0o600)
    return _advice(names, *files, authority / _AUTHORITY)


def _signer(folder: Path) -> "Signer":
    """Return the authority of this user, made now if there is none yet."""
    from licorne.server.tls.signing import Signer, new_authority

    try:
        if not (folder / _AUTHORITY).exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            certificate, key = new_authority(f"licorne development authority of {_user()}")
            _write(folder / _AUTHORITY_KEY, key, 0o600)
            _write(folder / _AUTHORITY, certificate, 0o644)
        return Signer((folder / _AUTHORITY).read_bytes(), (folder / _AUTHORITY_KEY).read_bytes())
    except OSError as error:
        raise StartupError(f"cannot use the authority in {folder}: {error.strerror or error}") from None
    except ValueError as error:
        advice = "remove its files to have a new one"
        raise StartupError(f"cannot use the authority in {folder} ({error}); {advice}") from None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name
        return "this machine"


def _write(path: Path, content: bytes, mode: int) -> None:
    """Put a file in place whole, with permissions that it has from the first moment on."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with open(descriptor, "wb") as file:
            file.write(content)
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise StartupError(f"cannot write {path}: {error.strerror or error}") from None


def _advice(names: Sequence[str], certificate: Path, key: Path, authority: Path) -> str:
    return (
        f"The certificate for {', '.join(names)} is in {certificate}, its key in {key}.\n"
        f"Serve with it:   licorne main:app --ssl-certfile {certificate} --ssl-keyfile {key}\n"
        f"Try it:          curl --cacert {authority} https://{_in_url(names[0])}:8000/\n"
        f"Browsers trust it once they trust the authority: import {authority} into their certificates."
    )


def _in_url(name: str) -> str:
    return f"[{name}]" if ":" in name else name.replace("*", "www")
