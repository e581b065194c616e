"""What the fault tests watch: a server of their own, its memory, what its application counts, and the time."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.server.process import Client, ServerProcess

__all__ = ["DEADLINE_SECONDS", "MIB", "Memory", "await_truth", "census_of", "memory_of", "serving"]

APPS = Path(__file__).parent
#: Far more than anything here takes on a busy machine.
DEADLINE_SECONDS = 60.0
MIB = 1024 * 1024
KIB = 1024
#: glibc moves by itself the size from which a freed block goes back to the system, and so may keep 100 MiB of
#: blocks that nobody holds. A size that is set stays: what is resident is what the server holds.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(128 * KIB)}


class Memory:
    """Watch how far the memory of a server grows."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.before = self.highest = memory_of(server)

    def look(self) -> None:
        """Take note of how much it is now."""
        self.highest = max(self.highest, memory_of(self.server))

    @property
    def growth(self) -> int:
        """Return by how many bytes it grew at most."""
        self.look()
        return self.highest - self.before


@contextmanager
def serving(*options: str) -> Iterator[ServerProcess]:
    """Serve `apps.py` on a port of its own, without an access log, which would fill the test's memory."""
    arguments = ("apps:app", "--port=0", "--no-access-log", *options)
    with ServerProcess(*arguments, app_dir=APPS, variables=ALLOCATOR) as server:
        server.wait_for("Licorne running on ")
        yield server


def census_of(port: int) -> dict[str, Any]:
    """Ask the application, on a connection of its own, what is alive."""
    with Client(port) as client:
        census: dict[str, Any] = json.loads(client.get("/census").partition(b"\r\n\r\n")[2])
    return census


def memory_of(server: ServerProcess) -> int:
    """Return the resident bytes of a server."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * KIB for line in status.splitlines() if line.startswith("VmRSS:"))


def await_truth(holds: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds; fail at the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"not within {DEADLINE_SECONDS:g} s: {what}"
        time.sleep(0.05)
