"""gunicorn with licorne's worker in a process of its own."""

import os
import re
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from tests.server.process import APPS, ServerProcess

__all__ = ["GunicornProcess"]

HERE = Path(__file__).parent


class GunicornProcess(ServerProcess):
    """Run gunicorn with some arguments and read its log."""

    def __init__(self, app: str, home: Path, *arguments: str, worker: str = "licorne.workers.LicorneWorker") -> None:
        self._home = home.resolve()
        command = (sys.executable, "-m", "gunicorn", app, "--worker-class", worker, "--bind", "127.0.0.1:0")
        settings = ("--config", str(HERE / "hooks.py"), "--pythonpath", f"{APPS},{HERE}", *arguments)
        self._begin([*command, *settings], home, {"HOME": str(home)})  # gunicorn keeps a socket there

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.process.kill()
        for worker in re.findall(r"Booting worker with pid: (\d+)", self.log):
            with suppress(OSError):  # it may hang, and would hold the pipe; or the number may be another's by now
                if Path(os.readlink(f"/proc/{worker}/cwd")) == self._home:
                    os.kill(int(worker), signal.SIGKILL)
        super().__exit__(kind, error, _)

    @property
    def port(self) -> int:
        """Return the port that it runs on."""
        return int(self.wait_for(r"Listening at: https?://127\.0\.0\.1:(\d+) ")[1])

    def wait_until_ready(self, count: int = 1) -> None:
        """Wait until so many workers have been ready in all."""
        self.wait_for("Application startup complete|ASGI 'lifespan' protocol appears unsupported", count)
