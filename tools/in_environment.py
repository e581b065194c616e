"""Run a command in the development environment, making it first: `in_environment.py ruff format .`."""

import os
import subprocess
import sys
from pathlib import Path

from environments import (
    ROOT,
    VENVS,
    StepFailed,
    clean_variables,
    first_interpreter,
    install_licorne,
    make_environment,
    optional_requirements,
    version_of,
)


def main() -> int:
    """Install this checkout, compiled, beside what development needs, then run the command; return its status."""
    try:
        interpreter = first_interpreter()
        path = VENVS / f"{version_of(interpreter)}-compiled"
        environment = make_environment(path, interpreter, optional_requirements("dev"))
        if sys.argv[1] != "ruff":
            install_licorne(environment, "compiled")
    except StepFailed as error:
        print(error, file=sys.stderr)
        return 1
    commands = environment.python.parent
    variables = clean_variables({"PATH": os.pathsep.join([str(commands), os.environ.get("PATH", "")])})
    command = [str(Path(commands, sys.argv[1])), *sys.argv[2:]]
    return subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
