"""`python -m benchmarks [macro|fault|micro] …`: run one of the three; `macro` when none is named."""

import runpy
import sys

KINDS = ("macro", "fault", "micro")


def main() -> None:
    """Hand the rest of the command line to the kind that was named."""
    kind = sys.argv.pop(1) if len(sys.argv) > 1 and sys.argv[1] in KINDS else "macro"
    runpy.run_module(f"benchmarks.{kind}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
