"""The fuzzing client's home: a CPython 2.7, the only Python that it runs on, with an environment under `.cache`.

Rule: it is made once, by whoever comes first, from PyPI; others wait for it.
"""

import fcntl
from pathlib import Path

from tools.environments import PIP, QUICKLY, ROOT, find_interpreter, run

__all__ = ["fuzzing_client"]

FOLDER = ROOT / ".cache" / "autobahn"
#: The last release of virtualenv that needs nothing else on 2.7, and a suite that counts 517 cases.
VIRTUALENV = "virtualenv==16.7.12"
SUITE = "autobahntestsuite==25.10.1"


def fuzzing_client() -> Path:
    """Return the path of `wstest`, installing it first. There must be a CPython 2.7."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = FOLDER / "requirements.stamp"
        wanted = f"{VIRTUALENV} {SUITE}"
        if not stamp.is_file() or stamp.read_text() != wanted:
            install(FOLDER)
            stamp.write_text(wanted)
    return FOLDER / "venv" / "bin" / "wstest"


def install(folder: Path) -> None:
    """Make the environment. What the suite stands on needs no pins: the last releases for 2.7 will not change."""
    interpreter = find_interpreter("2.7")
    assert interpreter, "there is no CPython 2.7 on PATH or in pyenv"
    run([interpreter, *PIP, "install", *QUICKLY, "--upgrade", "--target", folder / "virtualenv", VIRTUALENV])
    run(
        [interpreter, "-m", "virtualenv", "--no-download", "--clear", folder / "venv"],
        variables={"PYTHONPATH": str(folder / "virtualenv")},
    )
    run([folder / "venv/bin/python", *PIP, "install", *QUICKLY, SUITE])
