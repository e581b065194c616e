"""Launch: from options to a running server, and from its end to an exit status.

`run()` is for programs: it prints what is wrong and exits, as the command does. `serve()` is for coroutines: it
raises. Both read every source of options. The command launches the configuration that it has made itself.

Exit status: 0 after a server that served; 2 for a bad option; 3 when it never served. A single process that was told
to stop by SIGTERM ends by that signal (the server raises it again), which a shell shows as 143; a supervisor ends
with 0.
"""

import errno
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import replace
from typing import Any

from licorne.config.advice import advice
from licorne.config.options import Config
from licorne.config.processors import worker_count
from licorne.config.sources import load
from licorne.errors import EXIT_STARTUP, ConfigError, LicorneError, StartupError
from licorne.failures import report
from licorne.server import worker
from licorne.server.application.origins import with_origin
from licorne.server.loops import refuse_running_loop
from licorne.server.premises.single import SingleProcess
from licorne.server.signals import Terminated, die_of, insisting
from licorne.server.standard import occupy_standard_descriptors
from licorne.server.tls.entering import tls_advice
from licorne.server.tls.passwords import Passwords
from licorne.server.watching.abort import Abort
from licorne.server.worker import Server
from licorne.waiting import hold_signals, release_signals

__all__ = ["check", "is_supervised", "launch", "rereading", "run", "serve"]

logger = logging.getLogger("licorne.error")

#: The system has no descriptor, process or memory left.
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)

App = str | Callable[..., Any] | Config | None


def run(app: App = None, **options: Any) -> None:
    """Serve an application until the process is told to stop; exit with status 2 or 3 if that cannot be done."""
    refuse_running_loop()
    _refuse_inside_worker()
    environ = dict(os.environ)
    waiting = hold_signals()
    try:
        config = _config_of(app, options, os.environ)
    except ConfigError as error:
        release_signals(waiting)
        sys.exit(report(error))
    if status := launch(config, rereading(lambda fresh: _config_of(app, options, fresh), environ), waiting):
        sys.exit(status)


async def serve(app: App = None, **options: Any) -> None:
    """Serve an application in the running event loop until the process is told to stop."""
    await Server(_config_of(app, options, os.environ)).serve()


def launch(config: Config, reread: Callable[[], Config] | None = None, waiting: Iterable[int] | None = None) -> int:
    """Serve what a configuration says; return the exit status.

    `reread` reads it anew from the same sources. `waiting` is what hold_signals() has returned if it was called.
    """
    occupy_standard_descriptors()
    passwords = Passwords()
    try:
        config, read = passwords.complete(config), reread
        reread = None if read is None else (lambda: passwords.complete(read()))
        with insisting():
            if is_supervised(config):
                return _launch_supervised(config, reread)
            release_signals(waiting)
            return _launch_single(config)
    except ConfigError as error:
        return report(error)
    except Terminated:
        return die_of(signal.SIGTERM)
    finally:
        release_signals(waiting)


def is_supervised(config: Config) -> bool:
    """Tell whether a configuration asks for a supervisor, be it with one worker."""
    if config.preload or config.reload or config.health_bind or config.user is not None or config.group is not None:
        return True
    # A program that gives an application object and asks for one worker gets what it did before there were more.
    return config.workers is not None and (isinstance(config.app, str) or worker_count(config) > 1)


def rereading(read: Callable[[MutableMapping[str, str]], Config], environ: Mapping[str, str]) -> Callable[[], Config]:
    """Return what reads a configuration anew, given the environment as it was before an env file was added to it."""
    added = {name: None for name in os.environ if name not in environ}

    def reread() -> Config:
        fresh = {name: text for name, text in os.environ.items() if name not in added}
        config = read(fresh)
        for name in added.keys() - fresh.keys():
            os.environ.pop(name, None)
        added.update(dict.fromkeys(fresh.keys() - os.environ.keys()))
        os.environ.update(fresh)
        return config

    return reread


def _refuse_inside_worker() -> None:
    # Nobody else imports it. Each worker would start workers of its own, which would do the same.
    if "licorne.server.attached.entry" in sys.modules:
        problem = "run() was called while a worker imports the application"
        raise RuntimeError(f"{problem}; put the call under: if __name__ == '__main__'")


def _launch_supervised(config: Config, reread: Callable[[], Config] | None) -> int:
    # Imported here: one process, which most are, needs none of its loop.
    from licorne.supervisor.supervise import supervise

    try:
        if not isinstance(config.app, str) and not (config.preload and not config.reload):
            raise StartupError("You must pass the application as an import string to enable 'reload' or 'workers'.")
        return supervise(config, reread)
    except KeyboardInterrupt:
        return EXIT_STARTUP  # while the application was imported
    except LicorneError as error:
        return report(with_origin(error, config))
    except OSError as error:
        if error.errno not in _EXHAUSTED:
            raise
        return report(StartupError(f"cannot start: {error.strerror}; see ulimit -n and -u"))


def _launch_single(config: Config) -> int:
    server: Server | None = None
    try:
        with SingleProcess(config) as premises:
            server = Server(config)
            server.companions.append(premises)
            for line in (*advice(config), *tls_advice(config)):
                logger.warning("%s", line)
            with Abort(config.core_dumps, limit=config.timeout_worker_healthcheck) as abort:
                abort.follow(server.companions)
                server.run()
    except KeyboardInterrupt:
        pass  # the server has stopped in good order, and raised the signal again for whoever is above it
    except LicorneError as error:
        return report(with_origin(error, config))
    return 0 if server is not None and server.started else EXIT_STARTUP


def check(config: Config) -> int:
    """Load what a configuration names, serve nothing; return the exit status."""
    try:
        loaded = worker.check(Passwords().complete(config))
    except LicorneError as error:
        return report(with_origin(error, config))
    print(f"OK: {loaded} and its configuration can be served")
    return 0


def _config_of(app: App, options: dict[str, Any], environ: MutableMapping[str, str]) -> Config:
    keywords = options if app is None else {"app": app, **options}
    config = app if isinstance(app, Config) else load(keywords=keywords, environ=environ)
    if config.app is None:
        raise ConfigError("no application given; pass one, or set LICORNE_APP, or app in licorne.toml")
    if config is not app or not options:
        return config
    sources = {**config.sources, **{name: f"keyword {name}" for name in options}}
    return replace(config, **options, sources=sources)
