"""Serve `examples/hello.py` from a clean clone: make `.venv`, install licorne[standard] there, run it.

    python3 tools/run_hello.py [PORT]

The installation is the one that users get: compiled when there is a C compiler, pure Python otherwise. What takes
long is announced, and nothing is done again that is done already.
"""

import hashlib
import os
import socket
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from environments import (
    ROOT,
    Environment,
    StepFailed,
    clean_variables,
    first_interpreter,
    install_licorne,
    make_environment,
    optional_requirements,
    run,
)

HOST = "127.0.0.1"
DEFAULT_PORT = "8000"
VENV = ROOT / ".venv"
MAX_REASON = 100

#: Prints what is missing for compiling, if anything is: run by the interpreter that it is for.
MISSING = """
import os, shutil, sys, sysconfig
command = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
header = os.path.join(sysconfig.get_path("include"), "Python.h")
if sys.platform != "win32" and shutil.which(command.split()[0]) is None:
    print(f"there is no C compiler ({command.split()[0]})")
elif not os.path.isfile(header):
    print(f"the headers of Python are missing ({header})")
"""


def main() -> NoReturn:
    """Install if something changed, then become the server, so that Ctrl+C reaches it and it ends gracefully."""
    try:
        port = free_port()
        environment = prepare()
    except StepFailed as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("interrupted; the next run goes on from here")
    print(f"Serving examples/hello.py on http://{HOST}:{port} (Ctrl+C ends it)", flush=True)
    options = ("--app-dir", "examples", "--host", HOST, "--port", port)
    command = [str(environment.python), "-m", "licorne", *options, "hello:app"]
    os.chdir(ROOT)
    os.execve(command[0], command, clean_variables({}))


def free_port() -> str:
    """Return the port that was asked for; find out before the installation, not after it, that it cannot be had."""
    port = sys.argv[1] if len(sys.argv) > 1 else DEFAULT_PORT
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise StepFailed(f"PORT must be a number from 1 to 65535, not {port!r}")
    with socket.socket() as sock:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, int(port)))
        except OSError as error:
            other = 8001 if port == DEFAULT_PORT else DEFAULT_PORT
            reason = f"cannot listen on {HOST}:{port}: {error.strerror}"
            raise StepFailed(f"{reason}. Choose another port: make run PORT={other}") from error
    return port


def prepare() -> Environment:
    """Return the environment with this checkout installed in it."""
    if not VENV.is_dir():
        announce("Preparing .venv: one to three minutes, this first time")
    environment = make_environment(VENV, first_interpreter(), optional_requirements("standard"), announce)
    missing = run([environment.python, "-c", MISSING]).strip()
    stamp = environment.path / "sources.stamp"
    wanted = f"{fingerprint()}\n{missing}"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        stamp.unlink(missing_ok=True)
        if install(environment, missing):
            stamp.write_text(wanted, encoding="utf-8")
    if missing:
        announce(f"Not compiled, and slower so: {missing}. {advice()}, then `make run` compiles")
    print(run([environment.python, "-m", "licorne", "--version"]), end="", flush=True)
    return environment


def install(environment: Environment, missing: str) -> bool:
    """Install this checkout: compiled if that can be, else pure; tell whether this is as far as one can get here."""
    if missing:
        announce("3/3 installing licorne as pure Python")
        install_licorne(environment, "pure")
        return True
    announce("3/3 compiling licorne and installing it")
    try:
        install_licorne(environment, "compiled")
    except StepFailed as error:
        announce(f"Compiling failed ({reason_of(error)}): installing as pure Python, which is slower. {advice()}")
        install_licorne(environment, "pure")
        return False  # what failed may be mended without a trace in the sources: the next run tries again
    return True


def reason_of(error: StepFailed) -> str:
    """Return the one line of a failed compilation that says most."""
    lines = [line.strip() for line in str(error).splitlines()]
    own = [line for line in lines if "error:" in line.lower() and "subprocess-exited-with-error" not in line]
    return textwrap.shorten((own or lines)[0], MAX_REASON, placeholder=" …")


def advice() -> str:
    """Say how to get a compiler and what it needs."""
    if sys.platform == "darwin":
        return "Install one with xcode-select --install"
    if Path("/usr/bin/apt-get").is_file():
        return "Install what it takes with apt-get install gcc libc6-dev python3-dev"
    return "Install a C compiler and the headers of Python"


def announce(text: str) -> None:
    """Say at once what is being done."""
    print(text, flush=True)


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
