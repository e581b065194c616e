"""The authority of a run, and a certificate that most tests use."""

from pathlib import Path

import pytest

from tests.support.certificates import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return an authority that lives as long as the run."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> Path:
    """Return a file with a certificate for this machine, and its key."""
    return authority.sign("localhost", "127.0.0.1")
