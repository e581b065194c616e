"""Reloading: what is watched, and what is said of it, at the construction of a Config."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from uvicorn._terms import ERRORS

if TYPE_CHECKING:
    from uvicorn.config import Config

__all__ = ["announce_reloading"]

Given = list[str] | str | None


def announce_reloading(config: Config, dirs: Given, includes: Given, excludes: Given) -> None:
    """Set what is to be watched, if anything is, and say so."""
    if (dirs or includes or excludes) and not config.should_reload:
        ERRORS.warning(
            "Current configuration will not reload as not all conditions are met, please refer to documentation."
        )
    if not config.should_reload:
        return
    given = _listed(dirs)
    config.reload_includes, named = _parted(_listed(includes))
    config.reload_excludes, config.reload_dirs_excludes = _parted(_listed(excludes))
    present = [Path(path).resolve() for path in given if Path(path).is_dir()]
    config.reload_dirs = _outermost([*present, *named])
    if given and not config.reload_dirs:
        ERRORS.warning(
            "Provided reload directories %s did not contain valid directories, watching current working directory.",
            given,
        )
    config.reload_dirs = config.reload_dirs or [Path.cwd()]
    ERRORS.info("Will watch for changes in these directories: %s", sorted(str(path) for path in config.reload_dirs))


def _listed(given: Given) -> list[str]:
    if given is None:
        return []
    return [os.fspath(given)] if isinstance(given, str | os.PathLike) else [os.fspath(item) for item in given]


def _parted(patterns: list[str]) -> tuple[list[str], list[Path]]:
    """Return all patterns, and the directories that some of them name."""
    named = [Path(pattern).resolve() for pattern in patterns if Path(pattern).is_dir()]
    for pattern in patterns:
        if not Path(pattern).is_absolute() and any(mark in pattern for mark in "*?["):
            named += [path.resolve() for path in Path.cwd().glob(pattern) if path.is_dir()]
    return list(dict.fromkeys(patterns)), list(dict.fromkeys(named))


def _outermost(paths: list[Path]) -> list[Path]:
    """Return those that lie in none of the others."""
    unique = list(dict.fromkeys(paths))
    return [path for path in unique if not any(other in path.parents for other in unique)]
