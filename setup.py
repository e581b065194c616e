"""Compile the hot modules when it can be done; `pyproject.toml` says everything else.

A module of COMPILED is an ordinary `x.py` with an `x.pxd` beside it. Both are always installed; the compiled
`x.so` lies next to them and Python prefers it. All of COMPILED is compiled, or nothing is: modules reach each
other through C, so a mixture would not import.

    LICORNE_PURE=1          do not compile
    LICORNE_REQUIRE_EXT=1   fail where the default is to go on without compiling
    LICORNE_DEBUG_EXT=1     compile without optimisation, with debug symbols and C assertions
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

SOURCES = Path("src")

#: The modules that have a `.pxd`, as paths below `src/licorne` without suffix. `engine/_bytes` is not among
#: them: its `.pxd` holds C bodies that are inlined into the others.
COMPILED = (
    "link",
    "engine/headers",
    "engine/framing",
    "engine/target",
    "engine/received",
    "engine/sink",
    "engine/tunnel",
    "engine/defaults",
    "engine/response_fields",
    "engine/exchange",
    "engine/connection",
    "engine/negotiate",
    "engine/http1/connection",
    "engine/http1/upgrading",
    "engine/http1/known",
    "engine/http1/pace",
    "engine/http1/request",
    "engine/http1/response",
    "engine/http1/parser",
    "engine/http1/native",
    "engine/http1/chunked",
    "engine/http1/writer",
    "engine/pseudo",
    "engine/http2/frames",
    "engine/http2/hpack/huffman",
    "engine/http2/hpack/table",
    "engine/http2/hpack/decoder",
    "engine/http2/hpack/encoder",
    "engine/http2/heads",
    "engine/http2/windows",
    "engine/http2/clock",
    "engine/http2/guard",
    "engine/http2/scheduler",
    "engine/http2/response",
    "engine/http2/stream",
    "engine/http2/streams",
    "engine/http2/outgoing",
    "engine/http2/uploads",
    "engine/http2/intake",
    "engine/http2/control",
    "engine/http2/incoming",
    "engine/http2/connection",
    "engine/websocket/codec",
    "engine/websocket/native",
    "engine/websocket/deflate",
    "engine/websocket/messages",
    "engine/websocket/gathering",
    "engine/websocket/controls",
    "engine/websocket/incoming",
    "engine/websocket/outgoing",
    "engine/websocket/clock",
    "engine/websocket/facts",
    "engine/websocket/session",
    "asgi/forwarded",
    "asgi/front",
    "asgi/cycle",
    "asgi/scope",
    "asgi/shared",
    "asgi/http",
    "asgi/websocket",
    "asgi/run",
    "drivers/tasks",
    "drivers/base",
    "drivers/gates",
    "drivers/link",
    "drivers/asyncio",
    "drivers/sweep",
    "drivers/tls",
    "logs/access",
)

#: Byte loops run over C pointers, which nothing checks. All other indexing and attribute access keeps Python's
#: checks, so that both builds behave alike and a mistake is an exception rather than a crash. Measured on a whole
#: exchange of the engine, switching them off gains less than two per cent.
DIRECTIVES = {
    "language_level": 3,
    "annotation_typing": False,
    # Methods are called as builtins are: a third cheaper than through a function object of Cython's.
    "binding": False,
    "boundscheck": True,
    "wraparound": True,
    "nonecheck": True,
    "initializedcheck": False,
}


def is_set(variable: str) -> bool:
    """Tell whether an environment variable switches something on."""
    return os.environ.get(variable, "").strip().lower() in {"1", "true", "yes", "on"}


def compiler_arguments() -> list[str]:
    """Return the C compiler's arguments. The result must run on any machine of this kind: no -march."""
    if sys.platform == "win32":
        return ["/Od", "/Zi"] if is_set("LICORNE_DEBUG_EXT") else ["/O2"]
    return ["-O0", "-g", "-UNDEBUG"] if is_set("LICORNE_DEBUG_EXT") else ["-O3", "-g0", "-fno-plt"]


def present_modules() -> list[str]:
    """Return those of COMPILED whose `.py` and `.pxd` are both there."""
    package = SOURCES / "licorne"
    return [name for name in COMPILED if all((package / f"{name}{suffix}").is_file() for suffix in (".py", ".pxd"))]


def declared_extensions() -> list[Extension]:
    """Name the extensions without translating them yet, since most commands of setuptools need no more."""
    if is_set("LICORNE_PURE") or sys.implementation.name != "cpython":
        return []
    return [
        Extension(
            "licorne." + name.replace("/", "."),
            [str(SOURCES / "licorne" / f"{name}.py")],
            extra_compile_args=compiler_arguments(),
        )
        for name in present_modules()
    ]


def translate(extensions: list[Extension]) -> None:
    """Turn Python into C, in `build/cython`: interpreters share it, and what did not change is not done again."""
    from Cython.Build import cythonize

    debug = "-debug" if is_set("LICORNE_DEBUG_EXT") else ""
    translated = cythonize(
        extensions,
        build_dir=f"build/cython{debug}",
        include_path=[str(SOURCES)],
        compiler_directives=DIRECTIVES,
        nthreads=min(2, os.cpu_count() or 1),
        quiet=True,
    )
    by_name = {extension.name: extension for extension in translated}
    for extension in extensions:
        extension.sources = by_name[extension.name].sources


class BuildPython(build_py):
    """Copy the sources, and forget the copies of sources that are no more."""

    def run(self) -> None:
        super().run()
        copied = {Path(name).resolve() for name in self.get_outputs(include_bytecode=False)}
        for path in Path(self.build_lib, "licorne").rglob("*"):
            if path.suffix in {".py", ".pxd"} and path.resolve() not in copied:
                path.unlink()


class BuildExtensions(build_ext):
    """Translate and compile all, or leave no trace of having tried."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or min(2, os.cpu_count() or 1)

    def run(self) -> None:
        self.remove_compiled(keep={self.get_ext_filename(extension.name) for extension in self.extensions or ()})
        try:
            if self.extensions:
                translate(self.extensions)
            super().run()
        except (Exception, SystemExit) as error:
            if is_set("LICORNE_REQUIRE_EXT"):
                raise
            self.remove_compiled(keep=set())
            self.extensions = []
            print(f"licorne: not compiled, installed as pure Python instead, which is slower ({one_line(error)})")

    def remove_compiled(self, keep: set[str]) -> None:
        """Remove compiled modules from where this build puts them."""
        root = Path(SOURCES if self.inplace else self.build_lib)
        suffix = Path(self.get_ext_filename("x")).suffixes
        for path in (root / "licorne").rglob("*" + "".join(suffix)):
            if str(path.relative_to(root)) not in keep:
                path.unlink()


def one_line(error: BaseException) -> str:
    """Return the first line of an error that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip(" -^\n")]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


setup(ext_modules=declared_extensions(), cmdclass={"build_py": BuildPython, "build_ext": BuildExtensions})
