"""Receiving: `receive` as a coroutine that the interpreter runs itself.

Not compiled, which makes it cheaper: what compiled code returns to an `await` travels in an exception, and each
compiled function that raises one makes a traceback. A coroutine of the interpreter's own hands its result over as a
function does.
"""

from typing import Any

__all__ = ["received"]


async def received(cycle: Any) -> Any:
    """Return the next message of a cycle."""
    message = cycle.message_now()
    while message is None:
        await cycle.pause()
        message = cycle.message_now()
    return message
