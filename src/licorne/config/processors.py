"""Processors: how many workers a configuration asks for, where "auto" is one for each CPU that may be used.

A container sees the CPUs of its host and is then throttled to its share, so its share counts: the affinity of the
process, and the quotas of its control groups (`cpu.max`, or `cpu.cfs_quota_us` of the first version).

Rules: best effort and never an error; at least 1.
"""

import math
import os
from collections.abc import Iterator

from licorne.config.options import Config

__all__ = ["usable_cpus", "worker_count"]


def worker_count(config: Config) -> int:
    """Return how many worker processes a configuration asks for."""
    return usable_cpus() if isinstance(config.workers, str) else config.workers or 1


def usable_cpus(root: str = "/") -> int:
    """Return how many CPUs this process may use; the files of the system are looked for below `root`."""
    share = min(_quotas(root), default=math.inf)
    # Half a CPU more is worth a worker more: one is never busy all the time.
    return max(1, math.ceil(min(_affinity(), share)))


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(root: str) -> Iterator[float]:
    """Yield how many CPUs' time each control group grants, from that of the process up to the root."""
    for line in _read(os.path.join(root, "proc/self/cgroup")).splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if not controllers:
            yield from _each_level(os.path.join(root, "sys/fs/cgroup"), path)
        elif "cpu" in controllers.split(","):
            yield from _each_level(os.path.join(root, "sys/fs/cgroup/cpu"), path)


def _each_level(mount: str, path: str) -> Iterator[float]:
    # Inside a container the path may be that on the host; what is mounted there is the group of the container itself.
    parts = [part for part in path.split("/") if part and part != ".."]
    for depth in range(len(parts), -1, -1):
        folder = os.path.join(mount, *parts[:depth])
        words = _read(os.path.join(folder, "cpu.max")).split() or [
            _read(os.path.join(folder, f"cpu.cfs_{name}_us")).strip() for name in ("quota", "period")
        ]
        if all(word.isdigit() and int(word) for word in words):
            yield int(words[0]) / int(words[1])


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
