"""The virtual environments that servers run in: one for the peers, one for each build of licorne.

Rules: they live in `.venvs/` of the checkout, which git ignores; peers come from PyPI at their newest versions;
licorne is installed from a copy of the checkout, never editable, so that a build leaves nothing behind in it;
an environment is made again when what it was made from has changed.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CHECKOUT", "Environment", "SetupError", "find_python", "open_environment"]

CHECKOUT = Path(__file__).resolve().parent.parent
HOME = CHECKOUT / ".venvs"

PEERS = (
    *("uvicorn", "httptools", "uvloop", "granian", "fastpysgi", "hypercorn", "h11", "gunicorn", "fastapi"),
    *("websockets", "wsproto"),
)
# Some platforms have no wheel for these; a run goes on without them.
EXTRAS = ("zttp", "socketify", "gunicorn_h1c")
# What licorne shares with its peers, at the very same versions.
SHARED = ("fastapi", "uvloop", "httptools", "h11", "websockets", "wsproto")

# What a build reads. Anything else in the checkout cannot change it.
BUILD_INPUTS = ("src", "setup.py", "pyproject.toml", "README.md", "LICENSE", "MANIFEST.in")
BUILD_LEFTOVERS = shutil.ignore_patterns("__pycache__", "*.so", "*.c", "*.html", "*.egg-info", "build")

BUILDS = {
    "licorne": {"LICORNE_REQUIRE_EXT": "1"},
    "licorne-pure": {"LICORNE_PURE": "1"},
    "licorne-pandas": {"LICORNE_REQUIRE_EXT": "1"},
}
# What `licorne cert` needs, and what an application brings along that is worth sharing.
ADDED = {"licorne": ("cryptography",), "licorne-pandas": ("pandas",)}


class SetupError(Exception):
    """Say why an environment cannot be made."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Name a virtual environment by its directory."""

    root: Path

    @property
    def python(self) -> Path:
        """Return the interpreter."""
        return self.root / "bin" / "python"

    def program(self, name: str) -> str:
        """Return the path of an installed program."""
        return str(self.root / "bin" / name)

    def versions(self) -> dict[str, str]:
        """Return the version of every package by its lower-case name."""
        listing = _run([str(self.python), "-m", "pip", "list", "--format=freeze"])
        pairs = (line.split("==", 1) for line in listing.splitlines() if "==" in line)
        return {name.lower(): version for name, version in pairs}


def find_python(wanted: str) -> str:
    """Return the interpreter for a version like "3.13", from PATH or pyenv, or for a path as it is."""
    if os.sep in wanted:
        return wanted
    for candidate in _candidates(wanted):
        if _is_version(candidate, wanted):
            return candidate
    raise SetupError(f"no CPython {wanted} in PATH or pyenv; name one with --python")


def open_environment(name: str, python: str, *, refresh: bool = False, as_installed: bool = False) -> Environment:
    """Return an environment ("peers" or a build of licorne), making it when it is missing or stale.

    `refresh` makes it even when it is neither, `as_installed` takes it even when it is stale.
    """
    environment = Environment(HOME / f"bench-{name}-{_version_of(python)}")
    stamp = environment.root / "made-from"
    if as_installed and stamp.exists():
        return environment
    wanted = _fingerprint(name)
    if refresh or not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(environment.root, ignore_errors=True)
        print(f"making {environment.root.relative_to(CHECKOUT)} …", flush=True)
        _make(environment, name, python)
        stamp.write_text(wanted)
    return environment


def _make(environment: Environment, name: str, python: str) -> None:
    _run([python, "-m", "venv", str(environment.root)])
    if name == "peers":
        _install_peers(environment)
    else:
        _install_licorne(environment, python, BUILDS[name])
        if name in ADDED:
            _pip(environment, *ADDED[name])


def _install_peers(environment: Environment) -> None:
    _pip(environment, "--upgrade", *PEERS)
    for extra in EXTRAS:
        try:
            _pip(environment, "--upgrade", extra)
        except SetupError:
            print(f"  {extra} cannot be installed here; servers that need it are left out", flush=True)


def _install_licorne(environment: Environment, python: str, switches: dict[str, str]) -> None:
    versions = open_environment("peers", python).versions()
    _pip(environment, *(f"{name}=={versions[name]}" for name in SHARED))
    with tempfile.TemporaryDirectory(prefix="licorne-bench-") as directory:
        _copy_build_inputs(Path(directory))
        _pip(environment, directory, variables=switches)


def _copy_build_inputs(target: Path) -> None:
    for name in BUILD_INPUTS:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=BUILD_LEFTOVERS)
        elif source.exists():
            shutil.copy2(source, target / name)


def _fingerprint(name: str) -> str:
    if name == "peers":
        return " ".join(PEERS + EXTRAS)
    digest = hashlib.sha256(" ".join(SHARED + ADDED.get(name, ())).encode())
    for path in _source_files():
        digest.update(str(path.relative_to(CHECKOUT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _source_files() -> list[Path]:
    sources = (path for path in (CHECKOUT / "src").rglob("*") if path.suffix in {".py", ".pxd", ".typed"})
    roots = (CHECKOUT / name for name in ("setup.py", "pyproject.toml"))
    return sorted([*sources, *(path for path in roots if path.exists())])


def _candidates(version: str) -> Iterator[str]:
    if found := shutil.which(f"python{version}"):
        yield found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted((str(path) for path in pyenv.glob(f"versions/{version}.*/bin/python")), reverse=True)


def _is_version(python: str, wanted: str) -> bool:
    try:
        return _version_of(python) == wanted
    except SetupError:
        return False


def _version_of(python: str) -> str:
    return _run([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).strip()


def _pip(environment: Environment, *arguments: str, variables: dict[str, str] | None = None) -> None:
    command = [str(environment.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    _run(command, variables=variables)


def _run(command: list[str], variables: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(variables or {})}, check=False)
    if done.returncode:
        raise SetupError(f"{' '.join(command)} failed:\n{done.stderr.strip()}")
    return done.stdout
