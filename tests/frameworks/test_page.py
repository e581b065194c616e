"""docs/reference/frameworks.md says what passed of each framework, and nothing in it has failed."""

import pytest

from tests.frameworks.rows.table import COLUMNS, ROWS, Row
from tests.support.source import ROOT

#: The page is the same on every interpreter.
pytestmark = pytest.mark.exhaustive

PAGE = (ROOT / "docs/reference/frameworks.md").read_text(encoding="utf-8")


def cells_of(line: str) -> list[str]:
    """Return the cells of a row of a table."""
    return [cell.strip() for cell in line.strip("|").split("|")]


TABLE = {cells_of(line)[0]: cells_of(line) for line in PAGE.splitlines() if line.startswith("| ")}


def test_the_page_has_each_framework_and_each_column() -> None:
    assert TABLE["framework"][2:] == list(COLUMNS.values())
    assert set(TABLE) - {"framework", "---"} == {row.title for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_a_framework_has_passed_whatever_it_has(row: Row) -> None:
    cells = dict(zip(COLUMNS, TABLE[row.title][2:], strict=True))
    assert {column for column, cell in cells.items() if cell == "yes"} == set(COLUMNS) - set(row.lacks)
    for column in row.lacks:
        number = cells[column].removeprefix("- (").removesuffix(")")
        assert f"\n{number}. {row.lacks[column]}." in PAGE


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_the_page_names_the_versions(row: Row) -> None:
    for distribution in row.distributions:
        assert f"{distribution} " in TABLE[row.title][1]
