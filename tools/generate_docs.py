"""Write the pages under `docs/` that are made from the source. The tests compare them with what is made here."""

import sys

from environments import (
    ROOT,
    VENVS,
    StepFailed,
    first_interpreter,
    make_environment,
    optional_requirements,
    run,
    version_of,
)

#: Each page and the module that prints it.
PAGES = {"docs/reference/options.md": "licorne.config.reference"}


def main() -> int:
    """Print each page into its file, straight from `src`."""
    try:
        interpreter = first_interpreter()
        path = VENVS / f"{version_of(interpreter)}-compiled"
        environment = make_environment(path, interpreter, optional_requirements("dev"))
        for page, module in PAGES.items():
            text = run([environment.python, "-P", "-m", module], variables={"PYTHONPATH": str(ROOT / "src")})
            (ROOT / page).write_text(text, encoding="utf-8")
            print(f"{page} is written")
    except StepFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
