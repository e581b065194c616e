"""The certificate that servers show when they are measured over TLS: made for each run, and gone with it.

Rules: `licorne cert` makes it, with an authority of its own in the same temporary directory: the user's stays as it is.
Its key is of the curve P-256 and in PKCS #8, which every server reads.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .environments import Environment, SetupError

__all__ = ["Certificate", "certificate"]


@dataclass(frozen=True, slots=True)
class Certificate:
    """Name the files of a certificate for loopback, of its key, and of the authority to trust."""

    chain: Path
    key: Path
    authority: Path


@contextmanager
def certificate(environment: Environment) -> Iterator[Certificate]:
    """Yield a certificate for localhost and 127.0.0.1, made by the licorne of an environment."""
    with tempfile.TemporaryDirectory(prefix="licorne-bench-") as directory:
        made = subprocess.run(
            [environment.program("licorne"), "cert", "localhost", "127.0.0.1"],
            cwd=directory,
            env={**os.environ, "XDG_CONFIG_HOME": directory},
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise SetupError(f"licorne cert failed: {made.stderr.strip()}")
        root = Path(directory)
        yield Certificate(root / "localhost.pem", root / "localhost-key.pem", root / "licorne" / "authority.pem")
