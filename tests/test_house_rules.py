"""The rules of the house, held by reading the source: arrows, sizes, names, and what is promised.

`test_compiled_modules.py` compares `.pxd` and `.py`. CONTRIBUTING.md explains the rules. A failure names the file,
the rule and the measure; the way out is to change the file, not the rule.
"""

import ast
import re
import statistics
from collections.abc import Iterator

import pytest

import licorne
from tests.support.source import ROOT, Definition, Source, complain, slots_of, sources, tracked_files

#: The sources are the same on every interpreter.
pytestmark = pytest.mark.exhaustive

SOURCES = sources()
EVERYWHERE = [found for folder in ("src", "tests", "tools", "examples") for found in sources(ROOT / folder)]

#: Written by a program, so no cap on size holds for them.
GENERATED = {"licorne.engine.http2.hpack.huffman_table"}
#: Tables of values that are written as frozen dataclasses: their fields are rows.
TABLES = {"licorne.config.options.Config", "licorne.engine.limits.Limits"}


# --- who may import whom ------------------------------------------------------------------------------------

#: What each part may import. The longest prefix of a module's name decides; a part may always import itself,
#: but for the engines, which stand beside each other below `licorne.engine`.
ARROWS = {
    "licorne.errors": (),
    "licorne.link": (),
    "licorne.trust": (),
    "licorne.carrier": (),
    "licorne.broadcast": ("licorne.errors", "licorne.carrier"),
    "licorne.engine": ("licorne.errors",),
    "licorne.engine.http1": ("licorne.errors", "licorne.engine"),
    "licorne.engine.http2": ("licorne.errors", "licorne.engine"),
    "licorne.engine.http3": ("licorne.errors", "licorne.engine"),
    "licorne.engine.websocket": ("licorne.errors", "licorne.engine"),
    "licorne.engine.negotiate": (
        "licorne.errors",
        "licorne.engine",
        "licorne.engine.http1",
        "licorne.engine.http2",
        "licorne.engine.http3",
        "licorne.engine.websocket",
    ),
    # `received` is the request's half of an exchange; `headers` judges what a proxy says as it judges other fields.
    "licorne.asgi": (
        "licorne.errors",
        "licorne.link",
        "licorne.trust",
        "licorne.engine.headers",
        "licorne.engine.received",
        "licorne.engine.exchange",
        "licorne.engine.websocket.session",
    ),
    # The contracts of ASGI that an adapter stands on: it runs on any server.
    "licorne.adapters": ("licorne.errors", "licorne.asgi"),
    # An event of Lambda is a link and a sink in memory, for the exchange of one request.
    "licorne.adapters.aws": ("licorne.errors", "licorne.asgi", "licorne.link", "licorne.engine"),
    "licorne.drivers": (
        "licorne.errors",
        "licorne.link",
        "licorne.trust",
        "licorne.engine",
        "licorne.engine.negotiate",
        "licorne.engine.http3",
    ),
    "licorne.config": ("licorne.errors", "licorne.trust"),
    "licorne.logs": ("licorne.errors",),
    "licorne.server": (
        "licorne",
        "licorne.errors",
        "licorne.link",
        "licorne.carrier",
        "licorne.trust",
        "licorne.engine",
        "licorne.engine.http1",
        "licorne.engine.http2",
        "licorne.engine.http3",
        "licorne.engine.websocket",
        "licorne.engine.negotiate",
        "licorne.asgi",
        "licorne.adapters",
        "licorne.drivers",
        "licorne.config",
        "licorne.logs",
    ),
    "licorne.supervisor": (
        "licorne",
        "licorne.errors",
        "licorne.config",
        "licorne.logs",
        "licorne.server",
        # The health listener speaks HTTP by itself, in a process that has no event loop.
        "licorne.engine",
        "licorne.engine.http1",
    ),
    "licorne.cli": ("licorne", "licorne.errors", "licorne.config", "licorne.server", "licorne.supervisor"),
    "licorne.__main__": ("licorne.cli",),
    # The worker for gunicorn.
    "licorne.workers": ("licorne.errors", "licorne.trust", "licorne.config", "licorne.logs", "licorne.server"),
    # launch.py chooses between one process and a supervisor; it falls under this row.
    "licorne": ("licorne.errors", "licorne.config", "licorne.server", "licorne.supervisor"),
}

#: What the folders of the server may import of one another, and what its root may of them.
FOLDERS = {
    # What cannot be served is refused before the application is imported, and so is TLS that cannot be spoken.
    "licorne.server.application": ("licorne.server.tls.entering",),
    "licorne.server.tls": ("licorne.server.application.importer",),
    # An address says whether TLS is spoken there.
    "licorne.server.listening": ("licorne.server.tls.contexts",),
    "licorne.server.watching": (),
    # Where TLS is spoken, SIGHUP means something to a process that is alone.
    "licorne.server.premises": ("licorne.server.listening", "licorne.server.tls.contexts"),
    "licorne.server.attached": (
        "licorne.server.application",
        "licorne.server.listening",
        "licorne.server.premises",
        "licorne.server.watching",
    ),
    "licorne.server": (
        "licorne.server.application",
        "licorne.server.attached.messages",
        "licorne.server.listening",
        "licorne.server.tls",
        "licorne.server.watching",
    ),
}

#: The order inside the root of the engine; each imports only from ranks before its own.
ENGINE_RANKS = (
    {"_bytes"},
    {"client_hello", "headers", "framing", "limits", "proxy_protocol", "target"},
    {"received", "pseudo", "sink", "tunnel"},
    {"defaults", "response_fields"},
    {"exchange"},
    {"connection"},
    {"negotiate"},
)

#: Packages that are imported when they are chosen: extras, event loops, and formats of files.
OPTIONAL = {
    "colorama",
    "dotenv",
    "h11",
    "httptools",
    "prometheus_client",
    "qh3",
    "redis",
    "setproctitle",
    "trio",
    "uvloop",
    "watchfiles",
    "websockets",
    "wsproto",
    "yaml",
}

#: Files that import when they must, so that `import licorne` and the start of the server stay cheap; each says
#: so where it does.
LAZY = (
    "licorne",
    "licorne.cli",
    "licorne.launch",
    "licorne.server.",
    "licorne.supervisor.",
    "licorne.config.",
    "licorne.logs.setup",
)

#: The choosers, which import an adapter of ours together with the library that it adapts.
CHOOSERS = {
    "licorne.engine.http1.parser",
    "licorne.engine.websocket.codec",
    "licorne.engine.negotiate",
    "licorne.broadcast.backends",
}


def part_of(module: str) -> str:
    """Return the key of ARROWS that a module falls under."""
    return max((key for key in ARROWS if module == key or module.startswith(f"{key}.")), key=len)


def own_imports(source: Source, *, is_chosen_too: bool = True) -> Iterator[tuple[str, str]]:
    """Yield the modules of ours that a file imports, each with the place; a chooser's adapters are its choice."""
    for found in source.imports:
        is_chosen = found.is_lazy and source.name in CHOOSERS
        if found.target.split(".")[0] == "licorne" and (is_chosen_too or not is_chosen):
            yield found.target, f"{source.where}:{found.line} imports {found.target}"


def test_imports_follow_the_arrows() -> None:
    offenders = []
    for source in SOURCES:
        part = part_of(source.name)
        for target, place in own_imports(source):
            other = part_of(target)
            allowed = other == part or other in ARROWS[part] or target in ARROWS[part]
            if not allowed and not (target == "licorne" and source.name.startswith("licorne.server")):
                offenders.append(f"{place}, and {part} may import only {', '.join(ARROWS[part]) or 'nothing of ours'}")
    complain("imports follow the arrows, also under TYPE_CHECKING and in a .pxd", offenders)


def test_imports_in_the_server_follow_the_arrows_of_its_folders() -> None:
    offenders = []
    for source in SOURCES:
        folder = max((name for name in FOLDERS if f"{source.name}.".startswith(f"{name}.")), key=len, default=None)
        for target, place in own_imports(source) if folder else ():
            other = max((name for name in FOLDERS if f"{target}.".startswith(f"{name}.")), key=len, default=None)
            if other not in (None, "licorne.server", folder) and not {other, target} & set(FOLDERS[folder]):
                offenders.append(f"{place}, and {folder} may import only {', '.join(FOLDERS[folder]) or 'no folder'}")
    complain("imports in the server follow the arrows of its folders", offenders)


def test_the_root_of_the_engine_imports_downwards() -> None:
    ranks = {f"licorne.engine.{name}": rank for rank, names in enumerate(ENGINE_RANKS) for name in names}
    roots = [source for source in SOURCES if re.fullmatch(r"licorne\.engine\.\w+", source.name)]
    modules = [source for source in roots if source.path.stem != "__init__"]
    complain("each module in the root of the engine has a rank here", {m.where for m in modules if m.name not in ranks})
    offenders = []
    for source in modules:
        for target, place in own_imports(source):
            if target in ranks and ranks[target] > ranks[source.name]:
                offenders.append(place)
    complain("in the root of the engine: " + " < ".join(", ".join(sorted(names)) for names in ENGINE_RANKS), offenders)


def test_imports_make_no_cycle() -> None:
    graph = {
        source.name: {target for target, _ in own_imports(source, is_chosen_too=False)} - {source.name}
        for source in SOURCES
    }
    complain("imports make no cycle", [" -> ".join(cycle) for cycle in cycles_in(graph)])


def cycles_in(graph: dict[str, set[str]]) -> Iterator[list[str]]:
    """Yield a cycle for each module from which one is reached."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> Iterator[list[str]]:
        if node in path:
            yield [*path[path.index(node) :], node]
        elif node not in done:
            for target in sorted(graph.get(node, ())):
                yield from visit(target, [*path, node])
            done.add(node)

    for node in graph:
        yield from visit(node, [])


def test_only_the_worker_introduces_drivers_to_asgi() -> None:
    offenders = []
    for source in SOURCES:
        parts = {part_of(target) for target, _ in own_imports(source)}
        if {"licorne.drivers", "licorne.asgi"} <= parts and source.name != "licorne.server.worker":
            offenders.append(source.where)
    complain("server/worker.py is the only file that imports both drivers and asgi", offenders)


def test_imports_inside_functions_are_optional_or_documented() -> None:
    offenders = []
    for source in SOURCES:
        is_lazy_file = any(source.name == name or (name[-1] == "." and source.name.startswith(name)) for name in LAZY)
        is_chooser = source.name in CHOOSERS
        for found in source.imports:
            is_adapter = is_chooser and found.target.startswith("licorne.")
            if found.is_lazy and not (is_lazy_file or is_adapter or found.target.split(".")[0] in OPTIONAL):
                offenders.append(f"{source.where}:{found.line} imports {found.target}")
    complain("a function imports only an optional package (a chooser: our adapter), but where LAZY says", offenders)


def test_no_star_import_no_global_no_import_of_cython() -> None:
    offenders = []
    for source in SOURCES:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Global):
                offenders.append(f"{source.where}:{node.lineno} global: modules hold constants only")
            if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
                offenders.append(f"{source.where}:{node.lineno} import *")
            if isinstance(node, ast.Import) and any(alias.name == "cython" for alias in node.names):
                offenders.append(f"{source.where}:{node.lineno} import cython")
    complain("no `import *`, no `global`, no `import cython` (types are the .pxd's)", offenders)


# --- sizes --------------------------------------------------------------------------------------------------


def test_files_are_small() -> None:
    lengths = {source.where: source.text.count("\n") for source in SOURCES if source.name not in GENERATED}
    complain(
        "no file has more than 450 lines",
        [f"{where}: {length}" for where, length in lengths.items() if length > 450],
    )
    full = [length for where, length in lengths.items() if not where.endswith("__init__.py")]
    complain("the median file has at most 160 lines", over(statistics.median(full), 160))
    complain("nine files of ten have at most 320 lines", over(percentile_90(full), 320))


def test_functions_are_small() -> None:
    offenders = []
    lengths = []
    for source in SOURCES:
        for function in source.functions:
            lengths.append(function.length)
            if function.length > 60:
                offenders.append(f"{source.where}:{function.node.lineno} {function.name}: {function.length}")
    complain("no function has more than 60 lines, docstring not counted", offenders)
    complain("the median function has at most 10 lines", over(statistics.median(lengths), 10))
    complain("nine functions of ten have at most 28 lines", over(percentile_90(lengths), 28))


def over(measure: float, cap: float) -> list[str]:
    """Return the measure as an offender when it is over its cap."""
    return [f"it has {measure}"] if measure > cap else []


def percentile_90(lengths: list[int]) -> float:
    """Return the length that nine of ten do not exceed."""
    return statistics.quantiles(lengths, n=10, method="inclusive")[-1]


def test_classes_hold_few_attributes() -> None:
    offenders = []
    for source in SOURCES:
        for found in source.classes:
            names = attributes_of(found)
            if len(names) > 14 and f"{source.name}.{found.name}" not in TABLES:
                offenders.append(f"{source.where}:{found.node.lineno} {found.name}: {len(names)}")
    complain("no class has more than 14 attributes", offenders)


def attributes_of(found: Definition) -> set[str]:
    """Return the attributes of a class: its slots, its annotated fields and what its methods assign to self."""
    names = set(slots_of(found) or ())
    for node in ast.walk(found.node):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
            names.add(node.attr)
    for statement in found.node.body:
        if isinstance(statement, ast.AnnAssign) and "ClassVar" not in ast.unparse(statement.annotation):
            names.add(ast.unparse(statement.target))
    return names


def test_constructors_take_few_parameters() -> None:
    offenders = []
    for source in SOURCES:
        for function in source.functions:
            count = len(parameters_of(function)) - 1
            if function.node.name == "__init__" and count > 6:
                offenders.append(f"{source.where}:{function.node.lineno} {function.name}: {count}")
    complain("no constructor takes more than 6 parameters", offenders)


def parameters_of(function: Definition) -> list[str]:
    """Return the names of a function's parameters."""
    assert not isinstance(function.node, ast.ClassDef)
    given = function.node.args
    single = [argument for argument in (given.vararg, given.kwarg) if argument]
    return [argument.arg for argument in [*given.posonlyargs, *given.args, *given.kwonlyargs, *single]]


def test_blocks_are_not_nested_deeply() -> None:
    offenders = []
    for source in SOURCES:
        deep = [function for function in source.functions if function.nesting > 4]
        offenders += [f"{source.where}:{found.node.lineno} {found.name}: {found.nesting}" for found in deep]
    complain("no block lies deeper than 4", offenders)


# --- names and words ----------------------------------------------------------------------------------------

FORBIDDEN_WORDS = {"manager", "helper", "helpers", "util", "utils", "common", "misc", "impl", "core"}
FORBIDDEN_STARTS = ("handle_", "process_", "do_")
#: Names that are not ours to choose: Uvicorn's for a signal's callback, logging's, the system's for a dead process,
#: Falcon's for the lifespan.
GIVEN_NAMES = {"handle_exit", "handleError", "core_dumps", "process_startup", "process_shutdown"}


def test_names_keep_to_the_vocabulary() -> None:
    offenders = []
    for source in EVERYWHERE:
        for name, line in names_defined(source):
            words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}
            is_forbidden = words & FORBIDDEN_WORDS or name.lstrip("_").startswith(FORBIDDEN_STARTS)
            if is_forbidden and name not in GIVEN_NAMES:
                offenders.append(f"{source.where}:{line} {name}")
    complain(f"not in a name: {', '.join(sorted(FORBIDDEN_WORDS))}, {', '.join(FORBIDDEN_STARTS)}", offenders)


def names_defined(source: Source) -> Iterator[tuple[str, int]]:
    """Yield every name that a file defines, the file's own first."""
    yield source.path.stem, 1
    for found in source.definitions:
        yield found.node.name, found.node.lineno
        if not isinstance(found.node, ast.ClassDef):
            yield from ((name, found.node.lineno) for name in parameters_of(found))
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield (node.id if isinstance(node, ast.Name) else node.attr), node.lineno


def test_every_module_opens_with_a_docstring() -> None:
    offenders = [source.where for source in EVERYWHERE if not ast.get_docstring(source.tree)]
    complain("every Python file says in a docstring what it is for", offenders)


def test_every_public_name_has_a_docstring() -> None:
    offenders = []
    for source in SOURCES:
        public = [found for found in source.definitions if found.name in exported_names(source)]
        bare = [found for found in public if not ast.get_docstring(found.node)]
        offenders += [f"{source.where}:{found.node.lineno} {found.name}" for found in bare]
    complain("every function and class in __all__ has a docstring", offenders)


def exported_names(source: Source) -> set[str]:
    """Return the names in `__all__`."""
    for statement in source.tree.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
            return set(ast.literal_eval(statement.value))
    return set()


def test_no_unfinished_business() -> None:
    marks = re.compile(r"#.*\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX"]) + r")\b")
    offenders = []
    for source in EVERYWHERE:
        for number, line in enumerate(source.text.splitlines(), 1):
            if marks.search(line):
                offenders.append(f"{source.where}:{number}")
    complain("what is left to do is an issue, not a comment", offenders)


def test_tracked_files_name_no_machine() -> None:
    machine = re.compile(rb"(?<![\w.:/])/(?:root|work|home/\w+|tmp|Users/\w+)/[\w.]")
    offenders = []
    for path in tracked_files():
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            if machine.search(line):
                offenders.append(f"{path.relative_to(ROOT)}:{number}")
    complain("no file holds a path of one machine", offenders)


# --- what is promised ---------------------------------------------------------------------------------------


def test_the_public_names_are_these() -> None:
    assert sorted(licorne.__all__) == ["ClientDisconnected", "Config", "Server", "__version__", "run", "serve"]
    for name in licorne.__all__:
        assert getattr(licorne, name) is not None


def test_the_version_is_said_once() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'\nversion = "{licorne.__version__}"\n' in project
