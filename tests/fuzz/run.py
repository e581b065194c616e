"""Run a fuzz target for a while: `python -m tests.fuzz.run http1 --seconds 600`. Needs atheris, and the pure build.

What is interesting is kept in `.cache/fuzz/<target>` beside the seeds; a find is written there as `crash-…`, and
`--replay FILE` shows it again.
"""

import argparse
import sys
from importlib import import_module
from pathlib import Path

DIRECTORY = Path(__file__).resolve().parents[2] / ".cache" / "fuzz"


def main() -> None:
    """Read the command line, lay out the seeds, hand over to libFuzzer, which does not return."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=("http1", "chunked", "websocket", "http2", "header_blocks"))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--replay", type=Path, help="run one input and show what fails")
    options = parser.parse_args()

    atheris = import_module("atheris")
    with atheris.instrument_imports(include=["licorne"]):
        from tests.fuzz.targets import TARGETS, seeds

    if options.replay:
        TARGETS[options.target](options.replay.read_bytes())
        return
    directory = DIRECTORY / options.target
    directory.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(options.target)):
        (directory / f"seed-{number:04}").write_bytes(seed)
    limits = [f"-max_total_time={options.seconds}", "-max_len=4096", "-timeout=10", "-rss_limit_mb=1024"]
    atheris.Setup(
        [sys.argv[0], *limits, f"-artifact_prefix={directory}/", "-print_final_stats=1", str(directory)],
        TARGETS[options.target],
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
