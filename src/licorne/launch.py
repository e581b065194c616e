"""Launch: from options to a running server, and from its end to an exit status.

`run()` is for programs: it prints what is wrong and exits, as the command does. `serve()` is for coroutines: it
raises. Both read every source of options. The command launches the configuration that it has made itself.

Exit status: 0 after a server that served; 2 for a bad option; 3 when it never served. A server that was told to
stop by SIGTERM ends by that signal (the server raises it again), which a shell shows as 143.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from licorne.config.options import Config
from licorne.config.sources import load
from licorne.errors import EXIT_STARTUP, AppLoadError, ConfigError, LicorneError, StartupError
from licorne.failures import report
from licorne.server import worker
from licorne.server.loops import refuse_running_loop
from licorne.server.worker import Server

__all__ = ["check", "launch", "run", "serve"]

App = str | Callable[..., Any] | Config | None


def run(app: App = None, **options: Any) -> None:
    """Serve an application until the process is told to stop; exit with status 2 or 3 if that cannot be done."""
    refuse_running_loop()
    try:
        config = _config_of(app, options)
    except ConfigError as error:
        sys.exit(report(error))
    if status := launch(config):
        sys.exit(status)


async def serve(app: App = None, **options: Any) -> None:
    """Serve an application in the running event loop until the process is told to stop."""
    await Server(_config_of(app, options)).serve()


def launch(config: Config) -> int:
    """Serve what a configuration says; return the exit status."""
    server: Server | None = None
    try:
        server = Server(config)
        server.run()
    except KeyboardInterrupt:
        pass  # the server has stopped in good order, and raised the signal again for whoever is above it
    except LicorneError as error:
        return report(_with_source(error, config))
    return 0 if server is not None and server.started else EXIT_STARTUP


def check(config: Config) -> int:
    """Load what a configuration names, serve nothing; return the exit status."""
    try:
        loaded = worker.check(config)
    except LicorneError as error:
        return report(_with_source(error, config))
    print(f"OK: {loaded} and its configuration can be served")
    return 0


def _with_source(error: LicorneError, config: Config) -> LicorneError:
    """Return an error that names where a bad value came from, which the code that used the value could not know."""
    if isinstance(error, StartupError):
        return _load_error_with_sources(error, config)
    if not isinstance(error, ConfigError) or error.source or error.option not in config.sources:
        return error
    source = config.sources[error.option]
    return ConfigError(error.problem, option=error.option, value=error.value, source=source, hint=error.hint)


def _load_error_with_sources(error: StartupError, config: Config) -> StartupError:
    """Return an error that says who named the event loop or the application, unless that was on the spot."""
    names = _blamed(error, config)
    told = [f"{name} from {config.sources[name]}" for name in names if not _is_on_the_spot(config.sources[name])]
    if not told:
        return error
    told[0] = told[0].removeprefix("app ")
    found = type(error)(f"{error} ({', '.join(told)})")
    found.__cause__ = error.__cause__
    return found


def _blamed(error: StartupError, config: Config) -> tuple[str, ...]:
    text = str(error)
    if text.removeprefix("cannot load ").startswith("the event loop"):
        return ("loop",)
    if not isinstance(error, AppLoadError):
        return ()
    return ("app", "factory") if config.factory and "factory" in text else ("app",)


def _is_on_the_spot(source: str) -> bool:
    return source in ("default", "argument APP", "keyword app")


def _config_of(app: App, options: dict[str, Any]) -> Config:
    config = app if isinstance(app, Config) else load(keywords=options if app is None else {"app": app, **options})
    if config.app is None:
        raise ConfigError("no application given; pass one, or set LICORNE_APP, or app in licorne.toml")
    if config is not app or not options:
        return config
    sources = {**config.sources, **{name: f"keyword {name}" for name in options}}
    return replace(config, **options, sources=sources)
