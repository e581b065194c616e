"""Installations: compiled when it can be done, pure when it cannot or is not wanted, and never a mixture.

The checkout is copied and its COMPILED cut down to one module, so that each build takes seconds.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.source import ROOT

NO_COMPILER = {"CC": "false", "LDSHARED": "false"}
FALLBACK = re.compile(
    r"^licorne: not compiled, installed as pure Python instead, which is slower \(.+\)$", re.MULTILINE
)


@dataclass(frozen=True)
class Checkout:
    """Hold a copy of the checkout in which builds are tried."""

    path: Path

    def build(self, **variables: str) -> subprocess.CompletedProcess[str]:
        """Build into `built` and return what was said."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LICORNE_")}
        return subprocess.run(
            [sys.executable, "setup.py", "--quiet", "build", "--build-lib", "built"],
            cwd=self.path,
            env={**kept, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def built(self, suffix: str) -> list[str]:
        """Return the built files of a kind, without the tag of the interpreter."""
        base = self.path / "built" / "licorne"
        return sorted({str(path.relative_to(base)).split(".")[0] for path in base.rglob(f"*{suffix}")})

    def sources(self, suffix: str) -> list[str]:
        """Return the sources of a kind, without suffix."""
        base = self.path / "src" / "licorne"
        return sorted(str(path.relative_to(base)).split(".")[0] for path in base.rglob(f"*{suffix}"))


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.egg-info"))
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    setup, count = re.subn(r"^COMPILED = \(.*?^\)", 'COMPILED = ("link",)', setup, flags=re.MULTILINE | re.DOTALL)
    assert count == 1
    (tmp_path / "setup.py").write_text(setup, encoding="utf-8")
    return Checkout(tmp_path)


@pytest.mark.exhaustive
def test_the_compiled_build_holds_sources_types_and_extensions(checkout: Checkout) -> None:
    ended = checkout.build(LICORNE_REQUIRE_EXT="1")
    assert ended.returncode == 0, ended.stdout
    assert checkout.built(".so") == ["link"]
    assert checkout.built(".py") == checkout.sources(".py")
    assert checkout.built(".pxd") == checkout.sources(".pxd")
    assert checkout.built(".typed") == ["py"]


@pytest.mark.exhaustive
def test_the_pure_build_compiles_nothing(checkout: Checkout) -> None:
    ended = checkout.build(LICORNE_PURE="1", **NO_COMPILER)
    assert ended.returncode == 0, ended.stdout
    assert checkout.built(".so") == []
    assert checkout.built(".py") == checkout.sources(".py")
    assert not FALLBACK.search(ended.stdout)


def test_without_a_compiler_the_build_is_pure_and_says_so_in_one_line(checkout: Checkout) -> None:
    ended = checkout.build(**NO_COMPILER)
    assert ended.returncode == 0, ended.stdout
    assert checkout.built(".so") == []
    assert checkout.built(".py") == checkout.sources(".py")
    assert len(FALLBACK.findall(ended.stdout)) == 1


@pytest.mark.exhaustive
def test_what_cython_refuses_makes_the_build_pure(checkout: Checkout) -> None:
    with (checkout.path / "src/licorne/link.pxd").open("a", encoding="utf-8") as types:
        types.write("\ncdef class Absent:\n    cdef int nothing\n\ncdef nonsense nonsense nonsense\n")
    ended = checkout.build()
    assert ended.returncode == 0, ended.stdout
    assert checkout.built(".so") == []
    assert len(FALLBACK.findall(ended.stdout)) == 1


@pytest.mark.exhaustive
def test_what_must_be_compiled_fails_without_a_compiler(checkout: Checkout) -> None:
    assert checkout.build(LICORNE_REQUIRE_EXT="1", **NO_COMPILER).returncode != 0


@pytest.mark.exhaustive
def test_a_build_forgets_what_is_gone_from_the_sources(checkout: Checkout) -> None:
    gone = checkout.path / "src/licorne/gone.py"
    gone.write_text('"""A module that will be removed."""\n', encoding="utf-8")
    assert checkout.build(LICORNE_PURE="1").returncode == 0
    assert "gone" in checkout.built(".py")
    gone.unlink()
    assert checkout.build(LICORNE_PURE="1").returncode == 0
    assert "gone" not in checkout.built(".py")
