"""Privileges: what a server gives up once its addresses are bound: another user's rights, and files for everyone.

Rules: users and groups are looked up before anything is bound, so that a mistake in a name is one line at once. Whether
what was given up could come back is tried. The supervisor and its workers all run as the new user: nothing of the
application is ever imported as root.
"""

import logging
import os
from dataclasses import dataclass
from typing import Final

from licorne.config.options import Config
from licorne.errors import ConfigError, StartupError
from licorne.server.accounts import User, find_group, find_user

__all__ = ["Identity", "identity_of"]

logger = logging.getLogger("licorne.error")

_ROOT: Final = 0


@dataclass(frozen=True, slots=True)
class Identity:
    """Say whom a process becomes: None for whoever it is already."""

    user: User | None
    group: int | None

    def assume(self) -> None:
        """Become this user. Raises StartupError."""
        if self.is_ours:
            if self.user is None and self.group is None and _is_root():
                logger.info("Running as root. Everything that the application does is allowed; --user changes that.")
            return
        if not _is_root():
            raise StartupError(f"cannot become {self}: only root may; start as root, or leave user and group out")
        try:
            self._change()
        except OSError as error:
            raise StartupError(f"cannot become {self}: {error.strerror or error}") from None
        if self.user is not None and self.user.number != _ROOT and _can_come_back():
            raise StartupError(f"cannot become {self}: the system would give the rights of root back")
        self._tell_environment()

    @property
    def is_ours(self) -> bool:
        """Tell whether there is nothing to change."""
        if not hasattr(os, "getuid"):
            return True
        has_user = self.user is None or {os.getuid(), os.geteuid()} == {self.user.number}
        has_group = self.group is None or {os.getgid(), os.getegid()} == {self.group}
        # Root that stays root may still have groups that it should not have.
        return has_user and has_group and not (_is_root() and self.group is not None)

    def __str__(self) -> str:
        """Return the words for an error."""
        words = [f"user {self.user.name or self.user.number}"] if self.user is not None else []
        return " and ".join([*words, *([f"group {self.group}"] if self.group is not None else [])])

    def _change(self) -> None:
        user, group = self.user, self.group
        if user is not None and group is None:
            group = user.group
        if user is not None and user.name and self.group is None and group is not None:
            os.initgroups(user.name, group)
        else:
            os.setgroups([group] if group is not None else [])
        if group is not None:
            os.setgid(group)
        if user is not None:
            os.setuid(user.number)

    def _tell_environment(self) -> None:
        """Let libraries that look for files of the user find those of the new one."""
        if self.user is not None and self.user.name:
            os.environ.update(HOME=self.user.home, USER=self.user.name, LOGNAME=self.user.name)


def identity_of(config: Config) -> Identity:
    """Return whom the options say that the processes become. Raises ConfigError."""
    user = find_user(config.user, "user") if config.user is not None else None
    group = find_group(config.group, "group") if config.group is not None else None
    if user is not None and user.group is None and group is None:
        problem = "is a number that this system does not know, so a group must be named too"
        raise ConfigError(problem, option="user", value=config.user)
    return Identity(user, group)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == _ROOT


def _can_come_back() -> bool:
    try:
        os.setuid(_ROOT)
    except OSError:
        return False
    return True
