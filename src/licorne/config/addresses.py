"""Addresses: the options that say where to listen, of which one alone may."""

from collections.abc import Mapping
from typing import Final

from licorne.errors import ConfigError

__all__ = ["ADDRESSES", "refuse_two_addresses"]

#: The ways to say where to listen. Only one of them may be used.
ADDRESSES: Final = (("bind",), ("uds",), ("fd",), ("host", "port"))


def refuse_two_addresses(sources: Mapping[str, str]) -> None:
    """Raise a ConfigError if options that have a source say twice where to listen."""
    given = [next(name for name in names if name in sources) for names in ADDRESSES if sources.keys() & set(names)]
    if len(given) > 1:
        first, second = (f"{name} (from {sources[name]})" for name in given[:2])
        raise ConfigError(
            f"{first} and {second} both say where to listen; use one of them, or bind, which takes several addresses"
        )
