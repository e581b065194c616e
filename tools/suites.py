"""The suites of tests beside the ordinary ones: some need an environment of their own, others test what is unfinished.

Each runs once, in one build on one interpreter; pytest collects its folders only when they are named. They run when
they are asked for: `python3 tools/check.py --only suites`.
"""

from dataclasses import dataclass

__all__ = ["SUITES", "Suite"]


@dataclass(frozen=True)
class Suite:
    """Name a suite: the extra of `pyproject.toml` that it needs, where it runs, and its folders."""

    name: str
    extra: str
    version: str
    build: str
    folders: tuple[str, ...]
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
        folders=("tests/frameworks/rows",),
        page="docs/reference/frameworks.md",
        page_script="tools/frameworks_page.py",
    ),
    Suite(
        "applications",
        extra="dev",
        version="3.13",
        build="compiled",
        folders=("tests/adapters", "tests/aws", "tests/broadcast", "tests/dropin"),
    ),
)
