"""The command, run as users run it: in a process of its own, in an empty directory."""

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["Command"]


class Command:
    """Run `licorne` in one directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def environment(self, **variables: str) -> dict[str, str]:
        """Return this process's environment without what sets options, and with some variables."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("LICORNE_", "_LICORNE_"))}
        return kept | variables

    def write(self, name: str, content: str) -> None:
        """Write a file of the directory."""
        (self.folder / name).write_text(content, encoding="utf-8")

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        return self.run_python("-m", "licorne", *arguments, **variables)

    def run_python(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run Python to its end."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start Python and leave it running."""
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
