"""The handler of our own configuration: a StreamHandler that lets earlier access lines out first.

Access lines are written in batches, up to 100 ms late. A record that comes in the meantime, say the traceback
of a later request, calls whatever is in `before_record` first, so that a reader of both never sees effect
before cause.
"""

import logging
from collections.abc import Callable
from typing import TextIO

__all__ = ["LineHandler"]


class LineHandler(logging.StreamHandler[TextIO]):
    """Write each record to a stream at once, after what was logged before it."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self.before_record: list[Callable[[], object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        for flush in self.before_record:
            flush()
        super().emit(record)
