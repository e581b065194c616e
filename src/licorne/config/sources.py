"""Sources: bring an option's value from wherever it was set, and remember where that was.

    default < file < variable < flag < keyword

A configuration file is found before an env file is read, and an env file before the variables are: an env
file can set LICORNE_* variables but not choose the configuration file. What the process already has in its
environment wins over an env file. An empty variable counts as not set. WEB_CONCURRENCY, which platforms set for
whatever server they run, is the weakest of all: it stands in for the default of `workers`.

Where to listen is one question with four forms (bind, uds, fd, host and port): the strongest source that
answers it decides alone, so `--port 9000` is obeyed although a file says `bind`.
"""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any, Final

from licorne.config.addresses import ADDRESSES, refuse_two_addresses
from licorne.config.files import find_file, read_env_file, read_file
from licorne.config.options import OPTIONS, Config, refuse_unknown_keywords
from licorne.config.table import PREFIX, nearest

__all__ = ["load", "print_warning"]

FILE_VARIABLE: Final = "LICORNE_CONFIG"
#: Read by setup.py when licorne is built, and harmless afterwards.
BUILD_VARIABLES: Final = ("LICORNE_PURE", "LICORNE_REQUIRE_EXT", "LICORNE_DEBUG_EXT", "LICORNE_EXPECT_BUILD")

#: Option name → value and source.
Layer = Mapping[str, tuple[object, str]]


def load(
    *,
    keywords: Mapping[str, object] | None = None,
    flags: Layer | None = None,
    environ: MutableMapping[str, str] | None = None,
    file: str | None = None,
    warn: Callable[[str], None] | None = None,
) -> Config:
    """Return the configuration that all sources make together. Raises ConfigError.

    `flags` says for each option the value and the flag that gave it. `file` is read in place of what the
    current directory offers. `environ` is the process's own unless given; an env file adds to it.
    """
    environ = os.environ if environ is None else environ
    given = [_layer_of_keywords(keywords or {}), flags or {}]
    from_file = _layer_of_file(file, environ)
    layers = [*given, _layer_of_variables(environ, "", {}), from_file]
    from_env_file = _load_env_file(layers, environ, warn or print_warning)
    variables = _layer_of_variables(environ, *from_env_file)
    _judge_unknown_variables(environ, warn or print_warning)
    return _merge([*given, variables, from_file, _layer_of_fallbacks(environ, *from_env_file)])


def print_warning(line: str) -> None:
    """Print a warning on standard error."""
    print(f"licorne: warning: {line}", file=sys.stderr)


def _layer_of_keywords(keywords: Mapping[str, object]) -> Layer:
    refuse_unknown_keywords(keywords)
    return {name: (value, f"keyword {name}") for name, value in keywords.items()}


def _layer_of_file(path: str | None, environ: Mapping[str, str]) -> Layer:
    if path is not None:
        return read_file(path, OPTIONS, "flag --config")
    if environ.get(FILE_VARIABLE):
        return read_file(environ[FILE_VARIABLE], OPTIONS, f"variable {FILE_VARIABLE}")
    found = find_file()
    return read_file(found, OPTIONS) if found else {}


def _layer_of_variables(environ: Mapping[str, str], env_file: str, added: Mapping[str, str]) -> Layer:
    return {
        option.name: (text, f"variable {option.variable}" + (f" of {env_file}" if option.variable in added else ""))
        for option in OPTIONS
        if (text := environ.get(option.variable)) and not _is_of_kubernetes(option.variable, text)
    }


def _layer_of_fallbacks(environ: Mapping[str, str], env_file: str, added: Mapping[str, str]) -> Layer:
    return {
        option.name: (text, f"variable {option.fallback}" + (f" of {env_file}" if option.fallback in added else ""))
        for option in OPTIONS
        if option.fallback and (text := environ.get(option.fallback))
    }


def _load_env_file(
    layers: Iterable[Layer], environ: MutableMapping[str, str], warn: Callable[[str], None]
) -> tuple[str, dict[str, str]]:
    """Put the variables of the env file into the environment; return its path and what it added."""
    option = next(option for option in OPTIONS if option.name == "env_file")
    value, source = next((layer[option.name] for layer in layers if option.name in layer), (None, "default"))
    path = option.read(value, source)
    if path is None:
        return "", {}
    added = {name: text for name, text in read_env_file(path, source, warn).items() if name not in environ}
    environ.update(added)
    return path, added


def _judge_unknown_variables(environ: Mapping[str, str], warn: Callable[[str], None]) -> None:
    known = {option.variable for option in OPTIONS} | {FILE_VARIABLE}
    for name in sorted(name for name in environ if name.startswith(PREFIX)):
        is_expected = name in known or name in BUILD_VARIABLES or _is_of_kubernetes(name, environ[name])
        if not is_expected:
            warn(f"unknown variable {name} is ignored{nearest(name, known, PREFIX)}")


def _is_of_kubernetes(name: str, text: str) -> bool:
    """Tell whether a variable describes a Kubernetes service called "licorne" to the pods of its namespace."""
    is_port = name == "LICORNE_PORT" and text.startswith(("tcp://", "udp://"))
    return is_port or name.startswith(("LICORNE_SERVICE_", "LICORNE_PORT_"))


def _merge(layers: list[Layer]) -> Config:
    """Take each value from the first layer that has it."""
    values: dict[str, Any] = {}
    sources = {option.name: "default" for option in OPTIONS}
    for layer in reversed(layers):
        for name, (value, source) in layer.items():
            values[name], sources[name] = value, source
    _keep_strongest_address(layers, values, sources)
    return Config(**values, sources=sources)


def _keep_strongest_address(layers: list[Layer], values: dict[str, Any], sources: dict[str, str]) -> None:
    deciding = next((layer for layer in layers if _addresses_of(layer)), {})
    said = _addresses_of(deciding)
    refuse_two_addresses({name: deciding[name][1] for name in said})
    for names in ADDRESSES:
        if not said or said.intersection(names):
            continue
        for name in values.keys() & names:
            del values[name]
            sources[name] = f"default, because {deciding[min(said)][1]} says where to listen"


def _addresses_of(layer: Layer) -> set[str]:
    """Return the options with which a layer says where to listen; "none" says nothing."""
    options = {option.name: option for option in OPTIONS}
    names = [name for names in ADDRESSES for name in names if name in layer]
    return {name for name in names if options[name].read(*layer[name]) not in (None, ())}
