"""Waiting: how long to wait before Redis is tried again."""

import random
from typing import Final

__all__ = ["delay_after"]

_FIRST_DELAY_SECONDS: Final = 0.1
_MAX_DELAY_SECONDS: Final = 5.0
_MAX_DOUBLINGS: Final = 10


def delay_after(failures: int) -> float:
    """Return how many seconds to wait after so many failures in a row: 0.1, 0.2, 0.4 … 5, less up to a half."""
    longest = min(_FIRST_DELAY_SECONDS * (1 << min(failures - 1, _MAX_DOUBLINGS)), _MAX_DELAY_SECONDS)
    return longest * random.uniform(0.5, 1.0)  # so that all processes do not come back at the same moment
