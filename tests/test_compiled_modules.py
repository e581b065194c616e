"""Compiled modules: every `.pxd` agrees with its `.py`, and the build that runs is the one that should.

Without these a `.pxd` would drift from its module until the two builds behave differently.
"""

import os
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.pxd import read_pxd
from tests.support.source import PACKAGE, compiled_modules, complain, slots_of, sources

BY_NAME = {source.name: source for source in sources()}

INLINED = "engine/_bytes"
TYPED = [name for name in compiled_modules() if (PACKAGE / f"{name}.pxd").is_file()]


def test_every_pxd_is_compiled_and_every_compiled_module_has_one() -> None:
    beside = {
        str(path.relative_to(PACKAGE).with_suffix("")) for path in PACKAGE.rglob("*.pxd") if path.stem != "__init__"
    }
    listed = set(compiled_modules())
    complain("a .pxd is listed in COMPILED of setup.py", beside - listed - {INLINED})
    complain("COMPILED of setup.py lists modules that have a .pxd", listed - beside)
    complain("COMPILED lists a module once", {n for n in listed if compiled_modules().count(n) > 1})
    complain("a .pxd lies beside its .py", {n for n in beside if not (PACKAGE / f"{n}.py").is_file()})


def test_the_inlined_file_stays_small() -> None:
    python = BY_NAME["licorne." + INLINED.replace("/", ".")]
    declared = read_pxd(PACKAGE / f"{INLINED}.pxd")
    public = {name for name in declared.functions if not name.startswith("_")}
    assert public == {function.name for function in python.functions}, "both files define the same functions"
    assert len(public) <= 8, "at most 8 functions are written twice"
    complain("each has at most 8 lines in Python", [f.name for f in python.functions if f.length > 8])


@pytest.mark.parametrize("name", TYPED)
def test_a_pxd_declares_only_what_its_module_defines(name: str) -> None:
    python = BY_NAME["licorne." + name.replace("/", ".")]
    declared = read_pxd(PACKAGE / f"{name}.pxd")
    defined = {found.name for found in python.definitions}
    offenders = [f"function {function}" for function in declared.functions if function not in defined]
    for typed in declared.classes.values():
        offenders += [f"class {typed.name}"] * (typed.name not in defined)
        offenders += [f"{typed.name}.{method}" for method in typed.methods if f"{typed.name}.{method}" not in defined]
    complain(f"{name}.pxd declares only what {name}.py defines", offenders)


@pytest.mark.parametrize("name", TYPED)
def test_slots_are_the_typed_attributes(name: str) -> None:
    python = BY_NAME["licorne." + name.replace("/", ".")]
    offenders = []
    for typed in read_pxd(PACKAGE / f"{name}.pxd").classes.values():
        found = next((found for found in python.classes if found.name == typed.name), None)
        slots = slots_of(found) if found else None
        if slots is None or sorted(slots) != sorted(typed.attributes):
            offenders.append(f"{typed.name}: __slots__ {sorted(slots or ())}, cdef {sorted(typed.attributes)}")
    complain(f"__slots__ in {name}.py are the cdef attributes in {name}.pxd", offenders)


@pytest.mark.parametrize("name", TYPED)
def test_typed_constants_are_private(name: str) -> None:
    variables = read_pxd(PACKAGE / f"{name}.pxd").variables
    offenders = [variable for variable in variables if not variable.startswith("_")]
    complain("a constant typed in a .pxd vanishes from the compiled module, so it is private", offenders)


def test_the_build_that_runs_is_the_one_expected() -> None:
    expected = os.environ.get("LICORNE_EXPECT_BUILD")
    if not expected:
        return  # a run by hand: whichever is imported is meant
    suffix = ".py" if expected == "pure" else (".pyd" if sys.platform == "win32" else ".so")
    offenders = []
    for name in compiled_modules():
        origin = Path(str(import_module("licorne." + name.replace("/", ".")).__file__))
        offenders += [str(origin)] * (origin.suffix != suffix or origin.is_relative_to(PACKAGE))
    complain(f"every module of COMPILED is imported from an installation, as a {suffix} file", offenders)
