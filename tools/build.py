"""Build an importable tree of compiled modules in `build/<python version>`, and say how to use it.

It does not compile into `src`: a compiled module there would shadow its source, and every run from the checkout
would go on using it after the source has changed. What did not change is not compiled again.
"""

import os
import sys

from environments import ROOT, VENVS, StepFailed, first_interpreter, make_environment, run, version_of


def main() -> int:
    """Compile for the running interpreter, or fail with the compiler's words."""
    try:
        interpreter = first_interpreter()
        version = version_of(interpreter)
        environment = make_environment(VENVS / f"{version}-build", interpreter, ())
        command = [str(environment.python), "setup.py", "--quiet", "build", "--build-lib", f"build/{version}"]
        debug = os.environ.get("LICORNE_DEBUG_EXT", "")
        print(run(command, variables={"LICORNE_REQUIRE_EXT": "1", "LICORNE_DEBUG_EXT": debug}), end="")
    except StepFailed as error:
        print(error, file=sys.stderr)
        return 1
    count = len(list((ROOT / "build" / version).rglob("*.so")))
    print(f"{count} modules are compiled. Use them with: PYTHONPATH={ROOT / 'build' / version} python{version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
