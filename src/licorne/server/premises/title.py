"""Title: what `ps` and `top` show of a process of licorne, such as "licorne: worker 1 (main:app)".

With the package `setproctitle` that is the whole title. Without it, Linux lets a process name itself in 15 bytes.
"""

import ctypes
import sys
from typing import Final

from licorne.config.options import Config

__all__ = ["set_title", "title_of"]

_PR_SET_NAME: Final = 15
_MAX_NAME_BYTES: Final = 15


def title_of(role: str, config: Config) -> str:
    """Return the title of a process that has a role, such as "supervisor" or "worker 1"."""
    app = config.app if isinstance(config.app, str) else getattr(config.app, "__qualname__", type(config.app).__name__)
    return f"licorne: {role} ({app})"


def set_title(role: str, config: Config) -> None:
    """Show the role of this process, as far as the system allows it."""
    try:
        import setproctitle
    except ImportError:
        _set_name(f"licorne {role}")
    else:
        setproctitle.setproctitle(title_of(role, config))


def _set_name(name: str) -> None:
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:_MAX_NAME_BYTES], 0, 0, 0)
    except (OSError, AttributeError):  # no such function to be found: the name is a comfort only
        return
