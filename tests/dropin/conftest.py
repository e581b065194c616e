"""Finds the drop-in where it is not installed, and gives licorne its own loggers back after each test."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "compat" / "uvicorn" / "src"
if str(SOURCE) not in sys.path:
    sys.path.insert(0, str(SOURCE))
# Packages that want Uvicorn bring it along, and another test may have imported it.
for name in [name for name in sys.modules if name == "uvicorn" or name.startswith("uvicorn.")]:
    if not str(getattr(sys.modules[name], "__file__", "")).startswith(str(SOURCE)):
        del sys.modules[name]


@pytest.fixture(autouse=True)
def _loggers_apart() -> Iterator[None]:
    from uvicorn import _loggers

    yield
    _loggers.separate()
    for name in _loggers.NAMES.values():
        logger = logging.getLogger(name)
        logger.__dict__.update(logging.Logger(name).__dict__, parent=logger.parent)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """Return the files of a certificate for 127.0.0.1, and of its key."""
    import trustme

    issued = trustme.CA().issue_cert("127.0.0.1")
    names = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(names[0])
    issued.private_key_pem.write_to_path(names[1])
    return names
