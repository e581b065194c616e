"""What holds for every test: the run says first which build it tests, and refuses to test another one.

There is no event loop policy here: a test that needs a loop makes it, and says which.

Rules: a run depends neither on luck nor on how fast the machine is. So hypothesis draws the same examples each time
(`--hypothesis-profile=random` draws others, and `python -m tests.fuzz.run` searches on) and times none of them.
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import licorne.link

#: The folders of tests whose mark is `processes`.
PROCESSES = frozenset({"supervisor", "gunicorn"})

settings.register_profile("random", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("random"), derandomize=True, database=None)
settings.load_profile("same")


def pytest_report_header() -> str:
    """Name the build, so that a report can be read on its own."""
    return f"licorne: {running_build()} build in {Path(licorne.link.__file__).parent}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is about processes: a supervisor and gunicorn's worker are never compiled."""
    for item in items:
        if not PROCESSES.isdisjoint(item.path.parts):
            item.add_marker("processes")


def pytest_sessionstart() -> None:
    """Refuse to test a build that was not asked for; `test_compiled_modules.py` looks at every module."""
    expected = os.environ.get("LICORNE_EXPECT_BUILD", "")
    if expected and expected != running_build():
        raise pytest.UsageError(f"the {expected} build was to be tested, but the {running_build()} one is installed")


def running_build() -> str:
    """Return "compiled" or "pure"."""
    return "pure" if Path(licorne.link.__file__).suffix == ".py" else "compiled"
