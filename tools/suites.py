"""The suites of tests that need an environment of their own, since what they install is too much for all the others.

Each runs once, in one build on one interpreter, after the ordinary targets; pytest collects its folder only when it is
named. Part of what `tools/check.py` runs; alone: `python3 tools/check.py --only suites`.
"""

from dataclasses import dataclass

__all__ = ["SUITES", "Suite"]


@dataclass(frozen=True)
class Suite:
    """Name a suite: the extra of `pyproject.toml` that it needs, where it runs, and its folder."""

    name: str
    extra: str
    version: str
    build: str
    folder: str
    #: The page that is written from its report, and the script that writes it.
    page: str = ""
    page_script: str = ""

    @property
    def environment(self) -> str:
        """Return the name of its environment."""
        return f"{self.version}-{self.name}"

    @property
    def report(self) -> str:
        """Return the name of its report."""
        return f"suite-{self.name}.xml"


SUITES = (
    Suite(
        "frameworks",
        extra="frameworks",
        version="3.13",
        build="compiled",
        folder="tests/frameworks/rows",
        page="docs/reference/frameworks.md",
        page_script="tools/frameworks_page.py",
    ),
)
