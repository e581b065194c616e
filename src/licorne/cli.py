"""The command: `licorne APP [options]`, `licorne check APP`, `licorne cert [HOST…]`.

Rules: a mistake in the options is one line on standard error and exit status 2, a failure to start is one and
exit status 3. What only some command lines need is imported where they need it: a start pays for nothing else.
"""

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Final

from licorne import __version__
from licorne.arguments import Request, completion_script, parse_arguments
from licorne.config.options import Config
from licorne.config.sources import load
from licorne.errors import ConfigError, LicorneError
from licorne.failures import report
from licorne.waiting import hold_signals, release_signals

__all__ = ["main"]

NO_APP: Final = (
    "no application given; name one as in `licorne main:app`, or set LICORNE_APP, or app in licorne.toml "
    "(licorne --help says more)"
)
USUAL_MODULES: Final = ("main", "app")
EXIT_INTERRUPTED: Final = 128 + 2  # what a shell shows for SIGINT
SYSTEMS: Final = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}
PYTHONS: Final = {"cpython": "CPython", "pypy": "PyPy", "graalpy": "GraalPy"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what a command line asks for, and exit."""
    sys.exit(_execute(sys.argv[1:] if arguments is None else arguments))


def _execute(arguments: Sequence[str]) -> int:
    try:
        request = parse_arguments(arguments)
        return _answer(request) if request else 0
    except LicorneError as error:
        return report(error)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _answer(request: Request) -> int:
    if request.hosts is not None and request.show is None:
        return _write_certificate(request.hosts)
    if request.show in (None, "config"):
        return _answer_with_config(request)
    _print(_version(request) if request.show == "version" else completion_script(request.show))
    return 0


def _write_certificate(hosts: Sequence[str]) -> int:
    from pathlib import Path

    from licorne.server.tls.development import make_certificate

    _print(make_certificate(hosts, Path()))
    return 0


def _answer_with_config(request: Request) -> int:
    environ = dict(os.environ)
    waiting = hold_signals()
    config = load(flags=request.flags, file=request.file)
    if request.show == "config":
        from licorne.config.reference import show_config

        _print(show_config(config))
        return 0
    if config.app is None:
        raise ConfigError(_no_app(request))
    from licorne.launch import check, launch, rereading

    if request.is_check:
        release_signals(waiting)
        return check(config)
    reread = rereading(lambda fresh: load(flags=request.flags, file=request.file, environ=fresh), environ)
    return launch(config, reread, waiting)


def _no_app(request: Request) -> str:
    command = "licorne check" if request.is_check else "licorne"
    module = next((name for name in USUAL_MODULES if _has_app(f"{name}.py")), None)
    if module is None:
        return NO_APP
    return f"no application given; did you mean `{command} {module}`? (licorne --help says more)"


def _has_app(path: str) -> bool:
    """Tell whether a file seems to define an application; it is not run to find out."""
    try:
        with open(path, "rb") as file:
            lines = file.read().splitlines()
    except OSError:
        return False
    return any(line.startswith((b"app = ", b"app=", b"app:", b"async def app(", b"def app(")) for line in lines)


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Whoever read this has seen enough, as in `licorne --show-config | head`. What is still buffered would fail
        # again at the end of the process.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _version(request: Request) -> str:
    python = PYTHONS.get(sys.implementation.name, sys.implementation.name)
    system = SYSTEMS.get(sys.platform, sys.platform)
    config = _config_for_version(request)
    loop = config.loop if config.loop != "auto" else "uvloop" if find_spec("uvloop") else "asyncio"
    parser = config.http if config.http != "auto" else "native"
    return (
        f"licorne {__version__} with {python} {sys.version.split()[0]} on {system} "
        f"(build: {_build()}, loop: {loop}, parser: {parser})"
    )


def _config_for_version(request: Request) -> Config:
    try:
        return load(flags=request.flags, file=request.file, warn=lambda line: None)
    except ConfigError:
        return Config()  # the version must be told even where the options are wrong


def _build() -> str:
    # All of the compiled modules are compiled or none is (setup.py), so one tells.
    spec = find_spec("licorne.link")
    return "pure" if spec is None or (spec.origin or "").endswith(".py") else "compiled"
