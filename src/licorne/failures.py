"""Failures: say what went wrong to the person who must act, and give the exit status.

Rules: one line on standard error. When the user's own code failed, the user's own traceback comes before it,
without the frames of licorne and of the import system.
"""

import os
import sys
from traceback import StackSummary, TracebackException

from licorne.errors import EXIT_CONFIG, EXIT_STARTUP, AppLoadError, LicorneError, StartupError

__all__ = ["describe", "exit_status", "report"]


def report(error: LicorneError) -> int:
    """Print what a failure says; return the exit status that belongs to it."""
    print(describe(error), file=sys.stderr)
    return exit_status(error)


def describe(error: LicorneError) -> str:
    """Return what a failure says: one line, and before it what the user's own code raised."""
    told = ""
    if isinstance(error, AppLoadError) and error.__cause__ is not None:
        told = _user_traceback(error.__cause__)
    return f"{told}licorne: {' '.join(str(error).splitlines())}"


def exit_status(error: LicorneError) -> int:
    """Return the exit status that belongs to a failure."""
    return EXIT_STARTUP if isinstance(error, StartupError) else EXIT_CONFIG


def _user_traceback(error: BaseException) -> str:
    summary = TracebackException.from_exception(error)
    _keep_user_frames(summary)
    return "".join(summary.format())


def _keep_user_frames(summary: TracebackException) -> None:
    summary.stack = StackSummary.from_list([frame for frame in summary.stack if _is_user_file(frame.filename)])
    for inner in (summary.__cause__, summary.__context__, *(summary.exceptions or ())):
        if inner is not None:
            _keep_user_frames(inner)


def _is_user_file(name: str) -> bool:
    ours = os.path.dirname(os.path.abspath(__file__)) + os.sep
    importlib = os.path.dirname(os.path.abspath(os.__file__)) + os.sep + "importlib" + os.sep
    return not name.startswith((ours, importlib, "<frozen importlib"))
