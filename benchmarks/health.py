"""The health answer of a supervisor: how many workers are ready, asked for with `--health-bind`."""

import http.client
import json
import time
from dataclasses import dataclass

from .running import NotReady, free_port

__all__ = ["Health"]

READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Health:
    """Ask at one port of this machine."""

    port: int

    @classmethod
    def at_a_free_port(cls) -> "Health":
        """Return one that a server can be told to answer at."""
        return cls(free_port())

    @property
    def options(self) -> tuple[str, ...]:
        """Return what tells licorne to answer there."""
        return "--health-bind", f"127.0.0.1:{self.port}"

    def is_complete(self, count: int = 0) -> bool:
        """Tell whether all workers that there are to be are ready, or just so many."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            found = json.loads(connection.getresponse().read())
        except (OSError, ValueError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return bool(found["ready"] == found["wanted"] == (count or found["wanted"]))

    def wait(self, count: int) -> None:
        """Return when so many workers are ready. Raises NotReady."""
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_complete(count):
            if time.monotonic() > deadline:
                raise NotReady(f"there are not {count} workers ready within {READY_SECONDS:.0f} s")
            time.sleep(0.02)
