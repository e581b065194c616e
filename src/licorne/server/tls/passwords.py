"""Passwords: asks at the terminal for the password of a private key, once, before anything else is done.

Workers and configurations that are read anew get the answer: nobody is asked twice, and no worker has a terminal.
"""

import getpass
import sys
from contextlib import suppress
from dataclasses import replace

from licorne.config.encryption import Password
from licorne.config.options import Config
from licorne.server.tls.faults import is_locked

__all__ = ["Passwords"]


class Passwords:
    """Remember what was answered."""

    __slots__ = ("_answer",)

    def __init__(self) -> None:
        self._answer: Password | None = None

    def complete(self, config: Config) -> Config:
        """Return a configuration with the password that it lacks, as far as somebody can be asked."""
        if config.ssl_keyfile_password is not None:
            return config
        locked = next((path for path in _keys_of(config) if is_locked(path)), None)
        if locked is None:
            return config
        if self._answer is None and sys.stdin is not None and sys.stdin.isatty():
            with suppress(EOFError):  # nobody wants to say
                self._answer = Password(getpass.getpass(f"Password of the private key in {locked}: "))
        if self._answer is None:
            return config
        sources = {**config.sources, "ssl_keyfile_password": "the terminal"}
        return replace(config, ssl_keyfile_password=self._answer, sources=sources)


def _keys_of(config: Config) -> list[str]:
    keys = [one.keyfile or one.certfile for one in config.ssl_sni]
    main = config.ssl_keyfile or config.ssl_certfile
    return [main, *keys] if main else keys
