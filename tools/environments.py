"""Find the supported interpreters and give each a virtual environment.

One environment serves one pair of interpreter and build and lives in `.venvs`, for example `.venvs/3.12-pure`. What it
holds from PyPI is installed again only when `pyproject.toml` changes. Standard library only: this is what runs
in a clean clone.
"""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - a clone may meet any python3
    raise SystemExit("licorne needs Python 3.11 or newer; name one with: make PYTHON=python3.13 ...")

ROOT = Path(__file__).resolve().parent.parent
VENVS = ROOT / ".venvs"
SUPPORTED = ("3.11", "3.12", "3.13")
BUILD_REQUIREMENTS = ("setuptools>=77", "Cython>=3.1,<4")
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")
QUICKLY = ("--quiet", "--no-compile")  # bytecode is made at the first import of what is imported at all


class StepFailed(Exception):
    """Carry the output of a command that failed."""


@dataclass(frozen=True)
class Environment:
    """Name a virtual environment: where it is and which interpreter it was made from."""

    path: Path
    interpreter: Path

    @property
    def python(self) -> Path:
        """Return the environment's own interpreter."""
        return self.path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run(command: Sequence[str | Path], *, variables: Mapping[str, str] | None = None) -> str:
    """Run a command in the root of the project; return its output, or raise StepFailed with it."""
    ended = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=clean_variables(variables or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if ended.returncode:
        raise StepFailed(f"{' '.join(map(str, command))}: exit status {ended.returncode}\n{ended.stdout}")
    return ended.stdout


def clean_variables(more: Mapping[str, str]) -> dict[str, str]:
    """Return this process's variables without those that would change what is installed or tested."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LICORNE_", "PYTHON", "MAKE"))}
    return {**kept, "PYTHONUTF8": "1", **more}


def version_of(interpreter: Path) -> str:
    """Return "3.12" or the like; empty when this is not a CPython that runs."""
    # It must be understood by 2.7, on which a client of the tests runs.
    code = (
        "import platform, sys;"
        "print('%d.%d' % sys.version_info[:2] if platform.python_implementation() == 'CPython' else '')"
    )
    try:
        return run([interpreter, "-c", code]).strip()
    except (StepFailed, OSError):
        return ""


def find_interpreter(version: str) -> Path | None:
    """Look for a version of CPython: the one that runs this, then PATH, then pyenv."""
    candidates = [Path(sys.executable)]
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        candidates += [Path(folder, f"python{version}"), Path(folder, "python3")]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates += sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"), reverse=True)
    return next((path for path in candidates if path.is_file() and version_of(path) == version), None)


def first_interpreter() -> Path:
    """Return the interpreter that is running if it is supported, else any that is."""
    current = "{}.{}".format(*sys.version_info[:2])
    for version in (current, *reversed(SUPPORTED)):
        found = find_interpreter(version) if version in SUPPORTED else None
        if found:
            return found
    raise StepFailed(f"licorne needs CPython {', '.join(SUPPORTED)}: none was found on PATH or in pyenv")


def make_environment(
    path: Path,
    interpreter: Path,
    requirements: Sequence[str],
    announce: Callable[[str], None] = lambda step: None,
) -> Environment:
    """Create an environment unless it is there, with these requirements and the project's build requirements."""
    environment = Environment(path, interpreter)
    stamp = path / "requirements.stamp"
    wanted = fingerprint(interpreter, requirements)
    if stamp.is_file() and stamp.read_text() == wanted:
        return environment
    announce(f"1/3 making a virtual environment in {path.name}")
    need_venv_module(interpreter)
    run([interpreter, "-m", "venv", "--clear", path])
    announce("2/3 installing dependencies from the package index")
    # A second try, since a registry may be slow to answer when several installations ask at once.
    for pause in (5, 0):
        try:
            run([environment.python, *PIP, "install", *QUICKLY, "-U", "pip", *BUILD_REQUIREMENTS, *requirements])
            break
        except StepFailed:
            if not pause:
                raise
            time.sleep(pause)
    stamp.write_text(wanted)
    return environment


def fingerprint(interpreter: Path, requirements: Sequence[str]) -> str:
    """Return a text that changes when the environment must be made anew."""
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    return "\n".join([digest, str(interpreter), *requirements])


def need_venv_module(interpreter: Path) -> None:
    """Make sure that environments can be made: Debian packages what that takes apart from Python itself."""
    try:
        run([interpreter, "-c", "import ensurepip, venv"])
        return
    except StepFailed:
        package = f"python{version_of(interpreter)}-venv"
    if os.name != "posix" or os.geteuid() != 0 or not Path("/usr/bin/apt-get").is_file():
        raise StepFailed(f"{interpreter} has no venv module: install it first (Debian: apt-get install {package})")
    print(f"Installing Debian's {package}, without which {interpreter} makes no virtual environments", flush=True)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-qq"], variables=quiet)
    run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", package], variables=quiet)


def optional_requirements(*extras: str) -> list[str]:
    """Return what `pyproject.toml` asks for, as pip takes it: its own dependencies and those of some extras."""
    import tomllib  # here, since its absence should be explained and not shown

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements: list[str] = list(project["dependencies"])
    for extra in extras:
        for requirement in project["optional-dependencies"][extra]:
            if requirement.startswith("licorne["):
                requirements += optional_requirements(*requirement[len("licorne[") : -1].split(","))
            else:
                requirements.append(requirement)
    return list(dict.fromkeys(requirements))


def install_licorne(environment: Environment, build: str) -> None:
    """Install this checkout, as users do and not editable: compiled for certain, or pure for certain."""
    switch = {"LICORNE_PURE": "1"} if build == "pure" else {"LICORNE_REQUIRE_EXT": "1"}
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--force-reinstall")
    run([environment.python, *PIP, "install", *options, "."], variables=switch)
