"""Serve `examples/hello.py` from a clean clone: make `.venv`, install licorne[standard] there, run it.

The installation is the one that users get: compiled when there is a C compiler, pure Python otherwise.
"""

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from environments import (
    PIP,
    ROOT,
    Environment,
    StepFailed,
    clean_variables,
    first_interpreter,
    make_environment,
    optional_requirements,
    run,
)

HOST = "127.0.0.1"
PORT = "8000"


def main() -> NoReturn:
    """Install if something changed, then become the server, so that Ctrl+C reaches it and it ends gracefully."""
    try:
        environment = prepare()
    except StepFailed as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("interrupted; the next run goes on from here")
    print(f"Serving examples/hello.py on http://{HOST}:{PORT} (Ctrl+C ends it)", flush=True)
    options = ("--app-dir", "examples", "--host", HOST, "--port", PORT)
    command = [str(environment.python), "-m", "licorne", *options, "hello:app"]
    os.chdir(ROOT)
    os.execve(command[0], command, clean_variables({}))


def prepare() -> Environment:
    """Return the environment with this checkout installed in it."""
    print("Preparing .venv (the first time takes a minute)", flush=True)
    environment = make_environment(ROOT / ".venv", first_interpreter(), optional_requirements("standard"))
    stamp = environment.path / "sources.stamp"
    wanted = fingerprint()
    if not stamp.is_file() or stamp.read_text() != wanted:
        options = ("--quiet", "--no-deps", "--no-build-isolation", "--force-reinstall")
        run([environment.python, *PIP, "install", *options, "."])
        stamp.write_text(wanted)
    print(run([environment.python, "-m", "licorne", "--version"]), end="")
    return environment


def fingerprint() -> str:
    """Return a text that changes when the checkout must be installed anew."""
    digest = hashlib.sha256()
    for path in installed_files():
        digest.update(f"{path.relative_to(ROOT)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def installed_files() -> Iterator[Path]:
    """Yield, in a fixed order, the files that end up in an installation."""
    yield ROOT / "setup.py"
    yield ROOT / "pyproject.toml"
    yield from sorted(path for path in (ROOT / "src").rglob("*") if path.suffix in {".py", ".pxd"})


if __name__ == "__main__":
    main()
