"""Print docs/reference/frameworks.md: what passed of each framework, on which version, as a report of the tests says.

    python3 tools/frameworks_page.py [REPORT]

Rule: nothing is believed but the report. A column is "yes" when each of its tests is in there and has passed; what
failed, or did not run, is said. Standard library only.
"""

import sys
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / ".cache" / "reports" / "suite-frameworks.xml"
# The script is run from anywhere, and the table of rows is the tests'.
sys.path.insert(0, str(ROOT))

from tests.frameworks.rows.table import COLUMNS, ROWS, Row  # noqa: E402

HEAD = """\
# Frameworks
What works, as a run of the tests found it: {platform}. Each framework, installed from PyPI, has
an application of its own that the command `licorne` serves over real sockets. How each is run:
[howto/frameworks.md](../howto/frameworks.md).

This page is generated: `python3 tools/check.py --only suites` runs the tests, and `make docs` writes the page from
their report.

"""

FOOT = """
What a column says:
- **JSON**: JSON comes and goes, with queries and text beyond ASCII.
- **form upload**: a form with a file of 500 kB arrives.
- **stream**: a response of unknown length, larger than what is kept in memory, arrives whole.
- **events**: each event arrives when it is sent, and not with the next; when the client leaves, the stream is over in
  the application too.
- **WebSocket**: texts and bytes both ways; the client's close and the application's, with their codes.
- **lifespan**: start-up is over before the server takes connections, and shutdown comes at its end.
- **background work**: what goes on after a response delays neither it nor the next request.
- **error page**: an exception is answered with 500 and logged, and the server goes on.
- **graceful stop**: SIGTERM waits for a request under way, then ends the process.
"""


@dataclass
class Found:
    """Hold what a report says of one row."""

    versions: str = ""
    #: For each column, whether each of its tests passed.
    results: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))


def main() -> int:
    """Print the page."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else REPORT
    if not path.is_file():
        print(f"there is no report {path.name}: first run python3 tools/check.py --only suites", file=sys.stderr)
        return 1
    sys.stdout.write(page_of(path))
    return 0


def page_of(path: Path) -> str:
    """Return the page that a report is worth."""
    found: dict[str, Found] = defaultdict(Found)
    platforms = set()
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        properties = {item.get("name", ""): item.get("value", "") for item in case.iter("property")}
        if "row" in properties:
            row = found[properties["row"]]
            row.versions = properties["versions"]
            row.results[properties["column"]].append(has_passed(case))
            platforms.add(properties["platform"])
    notes: list[str] = []
    lines = list(table_of(found, notes))
    numbered = [f"{number}. {note}" for number, note in enumerate(notes, 1)]
    return "\n".join(
        [HEAD.format(platform=" and ".join(sorted(platforms))) + lines[0], *lines[1:], "", *numbered, FOOT]
    )


def has_passed(case: ElementTree.Element) -> bool:
    """Tell whether a test passed: a failure, an error and a skip are each an element of their own."""
    return all(case.find(kind) is None for kind in ("failure", "error", "skipped"))


def table_of(found: dict[str, Found], notes: list[str]) -> Iterator[str]:
    """Yield the lines of the table, and take note of why a column is empty."""
    yield f"| framework | versions | {' | '.join(COLUMNS.values())} |"
    yield "| --- " * (len(COLUMNS) + 2) + "|"
    for row in ROWS:
        cells = [cell_of(row, column, found[row.key], notes) for column in COLUMNS]
        yield f"| {row.title} | {found[row.key].versions} | {' | '.join(cells)} |"


def cell_of(row: Row, column: str, found: Found, notes: list[str]) -> str:
    """Return a cell: "yes", what went wrong, or the number of the note that says why there is nothing."""
    if reason := row.lacks.get(column):
        note = f"{reason}."
        if note not in notes:
            notes.append(note)
        return f"- ({notes.index(note) + 1})"
    results = found.results.get(column, [])
    if not results:
        return "**not run**"
    return "yes" if all(results) else "**failed**"


if __name__ == "__main__":
    sys.exit(main())
