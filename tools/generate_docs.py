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
from suites import SUITES, Suite

#: Each page and the module that prints it.
PAGES = {"docs/reference/options.md": "licorne.config.reference"}
REPORTS = ROOT / ".cache" / "reports"


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
        for suite in SUITES:
            write_page_of(suite)
    except StepFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def write_page_of(suite: Suite) -> None:
    """Write the page of a suite from the report of its last run here, if there was one."""
    report = REPORTS / suite.report
    if not suite.page:
        return
    if not report.is_file():
        print(f"{suite.page} is left as it is: `python3 tools/check.py --only suites` makes the report for it")
        return
    text = run([sys.executable, ROOT / suite.page_script, report])
    (ROOT / suite.page).write_text(text, encoding="utf-8")
    print(f"{suite.page} is written")


if __name__ == "__main__":
    sys.exit(main())
