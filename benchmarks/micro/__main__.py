"""`python -m benchmarks.micro`: time the engine in the compiled and in the pure build, and compare."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from ..environments import SetupError, find_python, open_environment
from ..machine import CpuPair, pinned_to

SCRIPT = Path(__file__).resolve().parent / "engine.py"
BUILDS = {"compiled": "licorne", "pure": "licorne-pure"}


def main() -> int:
    """Print a table; return 1 when a build could not be timed."""
    options = _parse_arguments()
    try:
        python = find_python(options.python)
        figures = {build: _time_build(name, python, options.as_installed) for build, name in BUILDS.items()}
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{'CPU µs for each':<20}{'compiled':>10}{'pure':>10}{'ratio':>8}")
    for name, compiled in figures["compiled"].items():
        pure = figures["pure"][name]
        print(f"{name:<20}{compiled:>10.2f}{pure:>10.2f}{pure / compiled:>8.1f}")
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.micro", description=__doc__)
    parser.add_argument("--python", default="3.13", help="version or path of the interpreter (3.13)")
    parser.add_argument(
        "--as-installed", action="store_true", help="do not build licorne again when its source changed"
    )
    return parser.parse_args()


def _time_build(name: str, python: str, as_installed: bool) -> dict[str, float]:
    environment = open_environment(name, python, as_installed=as_installed)
    command = [str(environment.python), str(SCRIPT)]
    cpu = CpuPair.of_this_machine().server
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=pinned_to(cpu))
    if done.returncode:
        raise SetupError(f"{name} could not be timed:\n{done.stderr.strip()}")
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


if __name__ == "__main__":
    sys.exit(main())
