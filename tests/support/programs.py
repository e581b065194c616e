"""Programs of the system that tests run against licorne: where they are, and how one is run to its end.

Rule: one that is missing is a skip that names Debian's package. `make test` shows each skip, and CI, where
`.ci/run` installs the packages, fails with one.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping

import pytest

__all__ = ["find_program", "run_program", "variables_without_proxies"]

#: Names of Debian's packages, where they are not the program's.
PACKAGES = {"chromium-browser": "chromium", "h2load": "nghttp2-client", "nghttp": "nghttp2-client"}
#: Servers are found here although ordinary users do not have it on their PATH.
SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin")
DEADLINE_SECONDS = 60.0


def find_program(name: str) -> str:
    """Return the path of a program; skip the test if there is none."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *SYSTEM_FOLDERS]))
    if found is None:
        pytest.skip(f"{name} is not installed (Debian's package {PACKAGES.get(name, name)})")
    return found


def variables_without_proxies() -> Mapping[str, str]:
    """Return the environment without what sends a client's requests to some proxy."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


def run_program(name: str, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end, whatever its status."""
    command = [find_program(name), *arguments]
    return subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        env=variables_without_proxies(),
        timeout=DEADLINE_SECONDS,
        check=False,
    )
