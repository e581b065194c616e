"""Origins: where a value was set that an error is about, which the code that has used the value cannot know.

Rules: what stands in the command or the call itself is not explained to whoever has just written it.
"""

from typing import Final

from licorne.config.options import Config
from licorne.errors import AppLoadError, ConfigError, LicorneError, StartupError

__all__ = ["with_origin"]

#: What an error says that it could not load or call, and the option that has named it.
_NAMED_BY: Final = {"the event loop": "loop", "before_fork": "before_fork", "after_fork": "after_fork"}
_ON_THE_SPOT: Final = ("default", "argument APP", "keyword app")


def with_origin(error: LicorneError, config: Config) -> LicorneError:
    """Return an error that names where the value was set that it is about; the same one if it says so already."""
    if isinstance(error, StartupError):
        return _startup_error_with_origin(error, config)
    if not isinstance(error, ConfigError) or error.source or error.option not in config.sources:
        return error
    source = config.sources[error.option]
    return ConfigError(error.problem, option=error.option, value=error.value, source=source, hint=error.hint)


def _startup_error_with_origin(error: StartupError, config: Config) -> StartupError:
    names = _blamed(error, config)
    told = [f"{name} from {config.sources[name]}" for name in names if config.sources[name] not in _ON_THE_SPOT]
    if not told:
        return error
    told[0] = told[0].removeprefix("app ")
    found = type(error)(f"{error} ({', '.join(told)})")
    found.__cause__ = error.__cause__
    return found


def _blamed(error: StartupError, config: Config) -> tuple[str, ...]:
    """Return the options that have named what could not be used."""
    subject = str(error).removeprefix("cannot load ")
    for words, option in _NAMED_BY.items():
        if subject.startswith(words):
            return (option,)
    if not isinstance(error, AppLoadError):
        return ()
    return ("app", "factory") if config.factory and "factory" in subject else ("app",)
