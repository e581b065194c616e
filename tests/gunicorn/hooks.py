"""The configuration of gunicorn: a hook that says when it is called, and fails if it is asked to."""

import os
import signal
import time
from typing import Any

#: A busy machine may not give a worker that is aborted any time to die within gunicorn's one second.
PATIENCE_SECONDS = 10.0


def when_ready(server: Any) -> None:
    """Have SIGKILL follow SIGABRT later, so that it meets those only who do not die by themselves."""
    kill, aborted = server.kill_worker, {}

    def kill_patiently(pid: int, number: int) -> None:
        if number == signal.SIGABRT:
            aborted[pid] = time.monotonic()
        if number != signal.SIGKILL or time.monotonic() - aborted.get(pid, 0.0) >= PATIENCE_SECONDS:
            kill(pid, number)

    server.kill_worker = kill_patiently


def worker_abort(worker: Any) -> None:
    """Say that a worker is aborted."""
    print(f"hook: worker_abort {worker.pid}", flush=True)
    match os.environ.get("HOOK"):
        case "raises":
            raise RuntimeError("the hook fails")
        case "exits":
            raise SystemExit(5)
        case "hangs":
            time.sleep(60)


def worker_int(worker: Any) -> None:
    """Say that a worker is interrupted."""
    print(f"hook: worker_int {worker.pid}", flush=True)
