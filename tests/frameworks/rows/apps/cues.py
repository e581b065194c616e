"""What an application and its test say to each other: lines of the log one way, files that appear the other.

Files, since a framework may have no other way in while it stops, and since a thread can wait for them too.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

__all__ = ["block_until", "say", "wait_until"]

FOLDER = Path(os.environ["CUES"])
SECONDS_BETWEEN_LOOKS = 0.01


def say(line: str) -> None:
    """Print a line where the test reads the log."""
    print(f"app: {line}", file=sys.stderr, flush=True)


async def wait_until(cue: str) -> None:
    """Wait until the test gives a cue."""
    while not (FOLDER / cue).exists():
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


def block_until(cue: str) -> None:
    """Wait until the test gives a cue, in a thread."""
    while not (FOLDER / cue).exists():
        time.sleep(SECONDS_BETWEEN_LOOKS)
