"""What Linux knows about processes: which CPU they may use, what they cost, what they hold.

Rules: everything is read from /proc; a process tree is a session, since every server is started as the
leader of one. A process that has gone counts as nothing.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "CpuPair",
    "CpuTime",
    "count_descriptors",
    "cpu_time",
    "pinned_to",
    "read_rss",
    "run_seconds",
    "session_pids",
    "waiting_time",
]

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

# proc_pid_stat(5), counted from the state, which is the first field after the command's closing bracket.
SESSION_FIELD = 3
USER_TICKS_FIELD = 11
SYSTEM_TICKS_FIELD = 12


@dataclass(frozen=True, slots=True)
class CpuPair:
    """Name the CPU of the server and that of the load."""

    server: int
    load: int

    @classmethod
    def of_this_machine(cls) -> "CpuPair":
        """Take the last two CPUs we may use: the first is often busy with interrupts."""
        usable = sorted(os.sched_getaffinity(0))
        return cls(server=usable[-1], load=usable[-2] if len(usable) > 1 else usable[-1])

    @classmethod
    def parse(cls, text: str) -> "CpuPair":
        """Read "server,load"."""
        server, load = (int(part) for part in text.split(","))
        return cls(server=server, load=load)


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Hold CPU seconds, user and system apart."""

    user: float
    system: float

    def __sub__(self, other: "CpuTime") -> "CpuTime":
        return CpuTime(self.user - other.user, self.system - other.system)


def pinned_to(cpu: int) -> Callable[[], None]:
    """Return a `preexec_fn` that keeps a new process on one CPU."""
    return lambda: os.sched_setaffinity(0, {cpu})


def session_pids(leader: int) -> list[int]:
    """Return the living processes of the session that `leader` opened."""
    return [pid for pid in _all_pids() if _session_of(pid) == leader]


def cpu_time(leader: int) -> CpuTime:
    """Return what the processes of a session have used so far."""
    stats = [fields for pid in session_pids(leader) if (fields := _stat(pid))]
    return CpuTime(
        user=sum(int(fields[USER_TICKS_FIELD]) for fields in stats) / TICKS_PER_SECOND,
        system=sum(int(fields[SYSTEM_TICKS_FIELD]) for fields in stats) / TICKS_PER_SECOND,
    )


def run_seconds(pid: int) -> float:
    """Return for how many seconds the threads of one process have run, to the nanosecond."""
    return sum(_run_nanoseconds(entry) for entry in Path(f"/proc/{pid}/task").iterdir()) / 1e9


def waiting_time(leader: int) -> float:
    """Return for how many seconds a session's threads were ready to run and something else had their CPU."""
    return sum(_waited_nanoseconds(pid) for pid in session_pids(leader)) / 1e9


def read_rss(leader: int) -> int:
    """Return the resident bytes of a session's processes."""
    return sum(_resident_pages(pid) for pid in session_pids(leader)) * PAGE_BYTES


def count_descriptors(leader: int) -> int:
    """Return how many descriptors a session's processes hold."""
    return sum(_entries(Path(f"/proc/{pid}/fd")) for pid in session_pids(leader))


def _all_pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    # The command may hold spaces and brackets; only the last bracket closes it.
    fields = text[text.rindex(")") + 2 :].split()
    return [] if fields[0] == "Z" else fields


def _session_of(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[SESSION_FIELD]) if fields else 0


def _resident_pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0


def _waited_nanoseconds(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])
    except (OSError, IndexError):
        return 0


def _run_nanoseconds(task: Path) -> int:
    try:
        return int((task / "schedstat").read_text().split()[0])
    except (OSError, IndexError):
        return 0


def _entries(directory: Path) -> int:
    try:
        return len(os.listdir(directory))
    except OSError:
        return 0
