"""Accounts: users and groups of the system, by name or by number.

Rules: what is not there is a ConfigError of one line that names the option.
"""

import os
from dataclasses import dataclass

from licorne.errors import ConfigError

__all__ = ["User", "find_group", "find_owner", "find_user"]


@dataclass(frozen=True, slots=True)
class User:
    """Be a user; `name` and `group` are empty and None where the system knows only the number."""

    number: int
    name: str
    group: int | None
    home: str


def find_user(text: str, option: str) -> User:
    """Return the user of a name or number. Raises ConfigError."""
    _refuse_without_accounts(text, option)
    import pwd

    try:
        found = pwd.getpwuid(int(text)) if _is_number(text) else pwd.getpwnam(text)
    except (KeyError, OverflowError):
        if _is_number(text) and int(text) < 2**32 - 1:
            return User(int(text), "", None, "")  # containers run as numbers that no file knows
        raise ConfigError("must be a user of this system", option=option, value=text) from None
    return User(found.pw_uid, found.pw_name, found.pw_gid, found.pw_dir)


def find_group(text: str, option: str) -> int:
    """Return the number of the group of a name or number. Raises ConfigError."""
    _refuse_without_accounts(text, option)
    import grp

    if _is_number(text) and int(text) < 2**32 - 1:
        return int(text)
    try:
        return grp.getgrnam(text).gr_gid
    except KeyError:
        raise ConfigError("must be a group of this system", option=option, value=text) from None


def find_owner(text: str, option: str) -> tuple[int, int]:
    """Return the numbers of "user:group", -1 for one that is not named. Raises ConfigError."""
    user, _, group = text.partition(":")
    return (
        find_user(user, option).number if user else -1,
        find_group(group, option) if group else -1,
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _refuse_without_accounts(text: str, option: str) -> None:
    if os.name != "posix":
        raise ConfigError("cannot be used on this system, which has no users to change to", option=option, value=text)
