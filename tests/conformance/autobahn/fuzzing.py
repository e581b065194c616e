"""Runs of the fuzzing client against one configuration of the server, and the verdict on what it reports.

Rules: a case passes when it is OK or informational. Not strict is good enough in 6.4.x alone, where a server may
fail at the end of a frame instead of at the first bad byte. A server without deflate need not implement 12 and 13.
"""

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.server.process import ServerProcess
from tools.environments import clean_variables

__all__ = ["AGENTS", "ALL", "DEFLATED", "PLAIN", "Verdict", "fuzz"]

APPS = Path(__file__).parent
DEADLINE_SECONDS = 900.0
#: What is served, by the name that a report has.
AGENTS = {
    "native": ("--ws=native", "--ws-deflate-threshold=0"),
    "native-plain": ("--ws=native", "--ws-per-message-deflate=false"),
    "native-no-takeover": ("--ws=native", "--ws-deflate-threshold=0", "--no-ws-deflate-takeover"),
    "websockets": ("--ws=websockets",),
    "wsproto": ("--ws=wsproto",),
}
CHAPTERS = {12: 5, 13: 7}
SMALL_MESSAGES = (1, 4, 11)
#: The 301 cases without deflate.
PLAIN = tuple(f"{chapter}.*" for chapter in range(1, 11))
#: All 517 cases, in parts of which each takes less than a minute or so; the longest first.
ALL = (*(f"{chapter}.{part}.*" for chapter, parts in CHAPTERS.items() for part in range(1, parts + 1)), *PLAIN)
#: Of those with deflate, which are a thousand messages each, 36 whose messages are small.
DEFLATED = tuple(f"{name[:-1]}{number}" for name in ALL if name.count(".") == 2 for number in SMALL_MESSAGES)


@dataclass(frozen=True)
class Verdict:
    """Say how one case ended: its number, how the server behaved, how it closed, and how long it took."""

    case: str
    behavior: str
    closing: str
    milliseconds: int

    def is_good(self, agent: str) -> bool:
        """Tell whether this is what a server that conforms does."""
        return {self.behavior, self.closing} <= self.allowed(agent)

    def allowed(self, agent: str) -> set[str]:
        """Return what may be said of this case."""
        more = set()
        if self.case.startswith("6.4."):
            more = {"NON-STRICT"}
        elif self.case.startswith(("12.", "13.")) and agent == "native-plain":
            more = {"UNIMPLEMENTED"}
        return {"OK", "INFORMATIONAL"} | more


def fuzz(client: Path, agent: str, cases: Sequence[str], folder: Path) -> list[Verdict]:
    """Serve the echo, let the client loose on it, and return what it reports in the order of the cases."""
    folder.mkdir(parents=True, exist_ok=True)
    with ServerProcess("echo:app", "--port=0", "--no-access-log", *AGENTS[agent], app_dir=APPS) as server:
        specification = {
            "outdir": str(folder),
            "servers": [{"agent": agent, "url": f"ws://127.0.0.1:{server.port}"}],
            "cases": list(cases),
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
        (folder / "specification.json").write_text(json.dumps(specification), encoding="utf-8")
        run_client(client, folder)
        assert "Traceback" not in server.log, server.log
    report = json.loads((folder / "index.json").read_text(encoding="utf-8"))[agent]
    verdicts = [
        Verdict(case, found["behavior"], found["behaviorClose"], found["duration"]) for case, found in report.items()
    ]
    return sorted(verdicts, key=lambda verdict: [int(number) for number in re.findall(r"\d+", verdict.case)])


def run_client(client: Path, folder: Path) -> None:
    """Run the fuzzing client with the specification in a folder; what it prints stays there too."""
    command = [client, "--mode", "fuzzingclient", "--spec", folder / "specification.json"]
    with (folder / "output").open("wb") as output:
        subprocess.run(
            [str(part) for part in command],
            cwd=folder,
            env=clean_variables({}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            timeout=DEADLINE_SECONDS,
            check=True,
        )
