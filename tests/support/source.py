"""The source of licorne as syntax trees, for the tests that hold it to the house rules."""

import ast
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

__all__ = [
    "PACKAGE",
    "ROOT",
    "Definition",
    "Import",
    "Source",
    "compiled_modules",
    "complain",
    "slots_of",
    "sources",
    "tracked_files",
]

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "src" / "licorne"
NESTING = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)

_CIMPORT = re.compile(r"^(?:from\s+(\.*)([\w.]*)\s+cimport\s+(.+)|cimport\s+([\w., ]+))", re.MULTILINE)


@dataclass(frozen=True)
class Import:
    """Hold one imported module: its full name, the line, and whether a function does it."""

    target: str
    line: int
    is_lazy: bool = False


@dataclass(frozen=True)
class Definition:
    """Hold a function or a class with the dotted name that it has inside its module."""

    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

    @property
    def length(self) -> int:
        """Return the number of lines from `def` to the end, without those of the docstring."""
        lines = (self.node.end_lineno or 0) - self.node.lineno + 1
        first = self.node.body[0]
        if ast.get_docstring(self.node, clean=False) is not None:
            lines -= (first.end_lineno or 0) - first.lineno + 1
        return lines

    @property
    def nesting(self) -> int:
        """Return how deep blocks lie in blocks; `elif` is no deeper than its `if`."""
        return max((nesting_of(statement) for statement in self.node.body), default=0)


@dataclass(frozen=True)
class Source:
    """Hold one Python file."""

    path: Path
    name: str

    @cached_property
    def text(self) -> str:
        """Return the file's text."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """Return the file's syntax tree."""
        return ast.parse(self.text, str(self.path))

    @property
    def where(self) -> str:
        """Return the path that messages show."""
        return str(self.path.relative_to(ROOT))

    @property
    def package(self) -> str:
        """Return the package that relative imports start from."""
        return self.name if self.path.stem == "__init__" else self.name.rpartition(".")[0]

    @cached_property
    def definitions(self) -> list[Definition]:
        """Return every function and class, nested ones too."""
        return list(definitions_in(self.tree, ""))

    @property
    def functions(self) -> list[Definition]:
        """Return every function and method."""
        return [found for found in self.definitions if not isinstance(found.node, ast.ClassDef)]

    @property
    def classes(self) -> list[Definition]:
        """Return every class."""
        return [found for found in self.definitions if isinstance(found.node, ast.ClassDef)]

    @cached_property
    def imports(self) -> list[Import]:
        """Return what this file imports wherever it does, and what its `.pxd` cimports."""
        return [*imports_in(self.tree, self.package, is_lazy=False), *self._cimports()]

    def _cimports(self) -> Iterator[Import]:
        pxd = self.path.with_suffix(".pxd")
        text = pxd.read_text(encoding="utf-8") if pxd.is_file() else ""
        for match in _CIMPORT.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            dots, module, names, whole = match.groups()
            if whole:
                yield from (Import(name.split()[0], line) for name in whole.split(","))
            else:
                yield from imported_names(self.package, len(dots), module, names.strip("() ").split(","), line)


def slots_of(found: Definition) -> tuple[str, ...] | None:
    """Return the `__slots__` of a class; None when it has none."""
    for statement in found.node.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__slots__":
            slots = ast.literal_eval(statement.value)
            return (slots,) if isinstance(slots, str) else tuple(slots)
    return None


def definitions_in(node: ast.AST, prefix: str) -> Iterator[Definition]:
    """Yield the definitions below a node, each with its dotted name."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield Definition(prefix + child.name, child)
            yield from definitions_in(child, f"{prefix}{child.name}.")
        else:
            yield from definitions_in(child, prefix)


def nesting_of(statement: ast.stmt) -> int:
    """Return the depth of a statement's blocks, 0 for one that has none."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return 0
    below = [child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.stmt)]
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.ExceptHandler | ast.match_case):
            below += child.body
    deepest = 0
    for child in below:
        is_elif = isinstance(statement, ast.If) and statement.orelse == [child] and isinstance(child, ast.If)
        deepest = max(deepest, nesting_of(child) - is_elif)
    return deepest + isinstance(statement, NESTING)


def imports_in(node: ast.AST, package: str, *, is_lazy: bool) -> Iterator[Import]:
    """Yield the imports below a node, those under `if TYPE_CHECKING:` as any other."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, is_lazy) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            names = [alias.name for alias in child.names]
            yield from imported_names(package, child.level, child.module or "", names, child.lineno, is_lazy=is_lazy)
        else:
            inside = is_lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imports_in(child, package, is_lazy=inside)


def imported_names(
    package: str, level: int, module: str, names: list[str], line: int, *, is_lazy: bool = False
) -> Iterator[Import]:
    """Resolve `from module import names`: a name that is a module of ours counts as itself, any other as `module`."""
    base = package.split(".")[: len(package.split(".")) - level + 1] if level else []
    target = ".".join([*base, *([module] if module else [])])
    for name in names:
        full = f"{target}.{name.split()[0]}" if name.split() else target
        yield Import(full if is_module(full) else target, line, is_lazy)


def is_module(name: str) -> bool:
    """Tell whether a dotted name is one of licorne's own modules."""
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def sources(folder: Path = PACKAGE) -> list[Source]:
    """Return the Python files below a folder, by path."""
    found = []
    base = PACKAGE.parent if folder.is_relative_to(PACKAGE) else ROOT
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(base).with_suffix("").parts
        found.append(Source(path, ".".join(parts[:-1] if parts[-1] == "__init__" else parts)))
    return found


def compiled_modules() -> tuple[str, ...]:
    """Return the tuple COMPILED of `setup.py`."""
    for node in ast.parse((ROOT / "setup.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COMPILED":
            names: tuple[str, ...] = ast.literal_eval(node.value)
            return names
    raise LookupError("setup.py has no tuple COMPILED")


def tracked_files() -> list[Path]:
    """Return the files that git tracks."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    paths = [ROOT / name.decode() for name in listed.stdout.split(b"\0") if name]
    return [path for path in paths if path.is_file()]


def complain(rule: str, offenders: Iterable[str]) -> None:
    """Fail with the rule and every place that breaks it."""
    found = sorted(set(offenders))
    if found:
        pytest.fail(rule + "\n  " + "\n  ".join(found), pytrace=False)
