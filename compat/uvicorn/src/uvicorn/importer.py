"""Import what "module:attribute" names, and say in Uvicorn's words what is wrong with it."""

import importlib
from typing import Any

__all__ = ["ImportFromStringError", "import_from_string"]


class ImportFromStringError(Exception):
    """Say why nothing can be imported under a name."""


def import_from_string(import_str: Any) -> Any:
    """Return what `import_str` names, or itself if it is no text.

    Raises:
        ImportFromStringError: it is malformed, or there is no such module or attribute. What the module raises itself
            when it is imported is passed on.
    """
    if not isinstance(import_str, str):
        return import_str
    module_name, _, attributes = import_str.partition(":")
    if not module_name or not attributes:
        raise ImportFromStringError(f'Import string "{import_str}" must be in format "<module>:<attribute>".')
    found: Any = _module(module_name)
    for attribute in attributes.split("."):
        try:
            found = getattr(found, attribute)
        except AttributeError:
            raise ImportFromStringError(f'Attribute "{attributes}" not found in module "{module_name}".') from None
    return found


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:  # of what the module imports itself
            raise
        raise ImportFromStringError(f'Could not import module "{name}".') from None
