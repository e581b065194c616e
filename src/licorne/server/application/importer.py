"""Importer: turns "module:attribute", or an object, into an ASGI 3 callable and says what it found.

What is not ASGI 3 is adapted; the adapters are imported when they are needed, for most applications need none.

Rules: a module that does not exist is one line with the nearest name; whatever the user's own code raises is
kept as `AppLoadError.__cause__`, with a traceback that begins in the user's file. Nothing is called to find
out what it is (interface.py reads signatures), except a factory, and that once.
"""

import difflib
import importlib
import logging
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType, TracebackType
from typing import Any, Literal

from licorne.asgi.asgi2 import Asgi2Adapter
from licorne.errors import AppLoadError
from licorne.server.application.interface import (
    Interface,
    advice_about,
    classify,
    is_coroutine_function,
    is_plainly_an_application,
    missing_arguments,
    parameters_of,
)

__all__ = ["InterfaceName", "LoadedApp", "add_to_path", "import_object", "load_app"]

InterfaceName = Literal["asgi3", "asgi2", "wsgi", "messaging"]

logger = logging.getLogger("licorne.error")

_USUAL_NAMES = ("app", "application")
_USUAL_FACTORY_NAMES = ("create_app", "make_app")


@dataclass(frozen=True, slots=True)
class LoadedApp:
    """Hold an application that is ready to be called as ASGI 3, and what was found on the way."""

    app: Callable[..., Any]
    name: str
    interface: InterfaceName
    is_from_factory: bool = False

    @property
    def asgi_version(self) -> str:
        """Return what the scope's `asgi["version"]` says to this application."""
        return "2.0" if self.interface == "asgi2" else "3.0"

    def __str__(self) -> str:
        made = " made by a factory" if self.is_from_factory else ""
        return f"{self.name} ({self.interface}{made})"


def load_app(
    target: str | Callable[..., Any] | None,
    *,
    factory: bool = False,
    interface: str = "auto",
    app_dir: str = "",
    wsgi_threads: int | None = None,
    is_multiprocess: bool = False,
) -> LoadedApp:
    """Import, make and adapt the application that `target` names or is."""
    if target is None:
        raise AppLoadError('no application was given: name one as "module:attribute", for example main:app')
    found: Any = target
    name = _name_of(target)
    if isinstance(target, str):
        add_to_path(app_dir)
        found, name = _find(target, factory)
    made, is_from_factory = _make(found, name, factory)
    kind = _interface_of(made, name, interface)
    app = _adapted(made, kind, wsgi_threads, is_multiprocess)
    return LoadedApp(app, name, kind, is_from_factory)


def add_to_path(app_dir: str) -> None:
    """Let modules be found in `app_dir`, or in the current directory when it is empty."""
    if app_dir:
        folder = os.path.abspath(app_dir)
        if sys.path[:1] != [folder]:
            sys.path.insert(0, folder)
    elif os.getcwd() not in sys.path and "" not in sys.path:
        # Behind the first entry: that is the running script's own directory, which must win.
        sys.path.insert(1, os.getcwd())


def import_object(target: str, subject: str = "") -> Any:
    """Return what "module:attribute" names. Raises AppLoadError, which speaks of `subject`."""
    module_name, _, attributes = target.partition(":")
    found: Any = _import(module_name, subject or target, is_application=not subject)
    for attribute in attributes.split("."):
        found = _attribute(found, attribute, subject or target)
    return found


# --- finding -------------------------------------------------------------------------------------------------


def _find(target: str, factory: bool) -> tuple[Any, str]:
    if ":" in target:
        return import_object(target), target
    return _choose(_import(target, target), factory)


def _import(module_name: str, subject: str, is_application: bool = True) -> ModuleType:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if not _is_about(error, module_name):
            raise _user_failure(error, f"cannot load {subject}") from error
    except Exception as error:
        raise _user_failure(error, f"cannot load {subject}") from error
    # What lies in the user's folders may be the application that was meant, but not another thing.
    missing = _no_such_module(module_name) if is_application else f'there is no module "{module_name}"'
    raise AppLoadError(f"cannot load {subject}: {missing}")


def _is_about(error: ModuleNotFoundError, module_name: str) -> bool:
    """Tell whether it is the named module that is missing, and not one that the user's code imports."""
    is_named = error.name is not None and f"{module_name}.".startswith(f"{error.name}.")
    return is_named and _user_traceback(error.__traceback__) is None


def _no_such_module(module_name: str) -> str:
    package_name, _, last = module_name.rpartition(".")
    package = sys.modules.get(package_name) if package_name else None
    if package is not None and not hasattr(package, "__path__"):
        return f'"{package_name}" is a module and not a package; an attribute is named as {package_name}:{last}'
    folders = list(package.__path__) if package is not None else _user_folders()
    names = [f"{package_name}.{n}".lstrip(".") for n in _modules_in(folders)]
    return f'there is no module "{module_name}"{_in_folders(folders)}{_nearest(module_name, names)}'


def _user_folders() -> list[str]:
    """Return the first places that are searched: where the user's own modules are."""
    standard = os.path.dirname(os.path.abspath(os.__file__))
    own = [os.path.abspath(p) for p in sys.path if os.path.isdir(p or ".")]
    here = [p for p in own if not p.startswith((standard, sys.prefix, sys.base_prefix))]
    return list(dict.fromkeys(here)) or [os.getcwd()]


def _modules_in(folders: Iterable[str]) -> list[str]:
    entries = [entry for folder in folders for entry in _entries(folder)]
    return sorted({entry.removesuffix(".py") for entry in entries if entry.removesuffix(".py").isidentifier()})


def _entries(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _in_folders(folders: list[str]) -> str:
    return f" in {folders[0]}" if len(folders) == 1 else f" in any of {', '.join(folders)}"


def _attribute(owner: Any, attribute: str, subject: str) -> Any:
    try:
        return getattr(owner, attribute)
    except AttributeError as error:
        if _user_traceback(error.__traceback__) is not None:
            raise _user_failure(error, f"cannot load {subject}") from error
    except Exception as error:
        raise _user_failure(error, f"cannot load {subject}") from error
    where = _place_of(owner)
    raise AppLoadError(f'cannot load {subject}: there is no "{attribute}" in {where}{_nearest(attribute, dir(owner))}')


def _place_of(owner: Any) -> str:
    if not isinstance(owner, ModuleType):
        return f"an object of type {type(owner).__name__}"
    file = getattr(owner, "__file__", None)
    return f"module {owner.__name__} ({file})" if file else f"module {owner.__name__}"


def _nearest(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


def _choose(module: ModuleType, factory: bool) -> tuple[Any, str]:
    """Find the application of a module that was named without an attribute."""
    usual = (*_USUAL_FACTORY_NAMES, *_USUAL_NAMES) if factory else _USUAL_NAMES
    names = [name for name in usual if callable(getattr(module, name, None))][:1]
    if not names and not factory:
        names = [name for name, value in vars(module).items() if _is_own_app(name, value, module)]
    if len(names) != 1:
        raise AppLoadError(f"cannot choose an application in {_place_of(module)}: {_why_no_choice(module, names)}")
    found = f"{module.__name__}:{names[0]}"
    logger.info("Using %s as the application.", found)
    return getattr(module, names[0]), found


def _is_own_app(name: str, value: object, module: ModuleType) -> bool:
    if name.startswith("_") or not is_plainly_an_application(value):
        return False
    # A class or function that was imported is a building block; an instance is this module's own.
    is_named = isinstance(getattr(value, "__name__", None), str)
    return not is_named or getattr(value, "__module__", None) == module.__name__


def _why_no_choice(module: ModuleType, names: list[str]) -> str:
    if names:
        return f"there are {', '.join(sorted(names))}; say which, as {module.__name__}:{min(names)}"
    return f"it has no app, no application and no other ASGI callable; name one, as {module.__name__}:attribute"


# --- making --------------------------------------------------------------------------------------------------


def _make(found: Any, name: str, factory: bool) -> tuple[Any, bool]:
    if factory:
        return _call_factory(found, name), True
    if classify(found) is not Interface.FACTORY:
        return found, False
    logger.warning("%s is an application factory: calling it. Please say so with --factory.", name)
    return _call_factory(found, name), True


def _call_factory(found: Any, name: str) -> Any:
    if not callable(found):
        raise AppLoadError(f"{name} is no factory: an object of type {type(found).__name__} cannot be called")
    missing = missing_arguments(found)
    if missing:
        raise AppLoadError(
            f"{name} is no factory: a factory is called without arguments, and this one asks for {missing}"
        )
    try:
        made = found()
    except Exception as error:
        raise _user_failure(error, f"the factory {name} failed") from error
    if hasattr(made, "close") and hasattr(made, "__await__"):
        made.close()
        raise AppLoadError(f"the factory {name} is a coroutine function; a factory is an ordinary function")
    return made


def _adapted(made: Any, kind: InterfaceName, wsgi_threads: int | None, is_multiprocess: bool) -> Callable[..., Any]:
    if kind == "asgi2":
        return Asgi2Adapter(made)
    if kind == "wsgi":
        from licorne.adapters.wsgi import DEFAULT_THREADS, WsgiToAsgi

        return WsgiToAsgi(made, wsgi_threads or DEFAULT_THREADS, is_multiprocess=is_multiprocess)
    if kind == "messaging":
        from licorne.adapters.messaging import MessagingToAsgi

        return MessagingToAsgi(made)
    found: Callable[..., Any] = made
    return found


def _interface_of(made: Any, name: str, interface: str) -> InterfaceName:
    if not callable(made):
        raise AppLoadError(
            f"{name} is not an ASGI application: an object of type {type(made).__name__} cannot be called"
        )
    kind = Interface(interface) if interface != "auto" else classify(made)
    if kind is Interface.NONE or kind is Interface.FACTORY:
        asked = f"it takes {parameters_of(made)}, and ASGI calls it with (scope, receive, send)"
        raise AppLoadError(f"{name} is not an ASGI application: {asked}{advice_about(made)}")
    if kind is Interface.WSGI and is_coroutine_function(made):
        raise AppLoadError(f"{name} is not a WSGI application: it is a coroutine function, which WSGI does not await")
    found: InterfaceName = kind.value
    return found


def _name_of(target: Any) -> str:
    if isinstance(target, str):
        return target
    own = getattr(target, "__qualname__", None)
    if isinstance(own, str):
        return f"{getattr(target, '__module__', None) or '?'}:{own}"
    return f"an object of {type(target).__module__}.{type(target).__qualname__}"


# --- failures of the user's code -----------------------------------------------------------------------------


def _user_failure(error: Exception, what: str) -> AppLoadError:
    """Return the error to raise from `error`, which keeps of its traceback what is the user's."""
    error.__traceback__ = _user_traceback(error.__traceback__)
    return AppLoadError(f"{what}: {type(error).__name__}: {_first_line(error)}".rstrip(": "))


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")


def _user_traceback(traceback: TracebackType | None) -> TracebackType | None:
    while traceback is not None and _is_ours(traceback):
        traceback = traceback.tb_next
    return traceback


def _is_ours(traceback: TracebackType) -> bool:
    file = traceback.tb_frame.f_code.co_filename
    return file == __file__ or file == importlib.__file__ or file.startswith("<frozen importlib")
