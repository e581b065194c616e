"""Workers: licorne inside gunicorn, as in `gunicorn -k licorne.workers.LicorneWorker main:app`.

    boot       a thread beats gunicorn's heart: an import or a start that takes long is no hang
    serving    the event loop beats it, so that a loop that stands still is found out
    draining   the loop too; once no request is left, a thread again: an end that takes long is no hang either

gunicorn's settings become licorne's options (`options_of`); a subclass sets others in CONFIG_KWARGS, and these win.

Rules: gunicorn owns the process, its signals and its log; of that, only what does not work with a loop is replaced.
Exit statuses are gunicorn's: 3 for a worker that cannot boot, 4 for an application that cannot be loaded.
"""

import contextlib
import enum
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any, ClassVar

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from licorne.config.options import Config
from licorne.errors import ConfigError, LicorneError
from licorne.logs.template import compile_template
from licorne.server.companion import Companion, Host
from licorne.server.watching.abort import Abort
from licorne.server.worker import Server
from licorne.trust import LOOPBACK

__all__ = ["LicorneWorker", "options_of"]

logger = logging.getLogger("licorne.error")

#: gunicorn kills at its bound; before that, what was cut is answered and the application ends.
_RESERVE_SHARE = 0.2
_MAX_RESERVE_SECONDS = 5.0
#: How often the heart beats within `Worker.timeout`, which is half of gunicorn's timeout.
_BEATS = 4
_LONGEST_BEAT_SECONDS = 1.0
#: How long a quick stop may take; then the process ends as it is.
_QUICK_SECONDS = 2.0


class LicorneWorker(Worker):  # type: ignore[misc]  # gunicorn has no types
    """Serve an ASGI application in a process of gunicorn's.

    CONFIG_KWARGS are options of licorne, by the names that `licorne.Config` takes.
    """

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.server: Server | None = None
        self._heart = _Heart(self)
        self._abort = Abort(bool(self.CONFIG_KWARGS.get("core_dumps", False)), self._call_abort_hook)

    def init_process(self) -> None:
        """Boot, then serve."""
        self._heart.start()
        super().init_process()

    def init_signals(self) -> None:
        """Take the signals by which gunicorn commands its workers."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGQUIT, self._stop_quickly)
        signal.signal(signal.SIGINT, self._stop_quickly)
        signal.signal(signal.SIGWINCH, self.handle_winch)
        signal.signal(signal.SIGUSR1, self.handle_usr1)
        self._abort.install()

    def load_wsgi(self) -> None:
        """Import the application; with gunicorn's reload, serve a page that says so when its syntax is wrong."""
        try:
            self.wsgi = self.app.wsgi()
        except SyntaxError as error:
            if not self.cfg.reload:
                raise
            self.log.exception(error)
            if self.reloader is not None and error.filename is not None:
                self.reloader.add_extra_file(error.filename)
            self.wsgi = _syntax_error_app

    def run(self) -> None:
        """Serve until gunicorn says stop, or the limit of requests is reached."""
        try:
            config = Config(self.wsgi, **options_of(self))
            _lend_handlers(self.log, config)
            self.server = server = _GunicornServer(config, self._heart)
            self._abort.follow(server.companions)
            if self.alive:
                server.run([listener.sock for listener in self.sockets])
        except LicorneError as error:
            self.log.error("licorne: %s", error)
            sys.exit(Arbiter.WORKER_BOOT_ERROR)
        if self.alive and not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.alive = False
        if self.server is not None:
            self.server.should_exit = True

    def _stop_quickly(self, number: int, frame: FrameType | None) -> None:
        self.alive = False
        self.cfg.worker_int(self)
        if self.server is None:
            sys.exit(0)
        self.server.force_exit = True
        self.server.should_exit = True
        timer = threading.Timer(_QUICK_SECONDS, os._exit, (0,))
        timer.daemon = True
        timer.start()

    def _call_abort_hook(self) -> None:
        self.alive = False
        self.cfg.worker_abort(self)


class _GunicornServer(Server):
    """Be a server whose process and addresses are gunicorn's."""

    def __init__(self, config: Config, heart: "_Heart") -> None:
        super().__init__(config)
        self.companions.append(heart)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the worker."""
        yield

    def announce(self) -> None:
        """Leave it to gunicorn to say where the server runs."""


class _Stage(enum.Enum):
    BOOT = "boot"
    SERVING = "serving"
    ENDING = "ending"
    ENDED = "ended"


class _Heart(Companion):
    """Beat as long as a worker is well, and stop it when gunicorn wants that or is gone."""

    def __init__(self, worker: LicorneWorker) -> None:
        self.interval = min(_LONGEST_BEAT_SECONDS, worker.timeout / _BEATS) if worker.timeout else _LONGEST_BEAT_SECONDS
        self._worker = worker
        self._server: Host | None = None
        self._stage = _Stage.BOOT
        self._ended_at = 0.0

    def start(self) -> None:
        """Begin to beat, in the process of the worker."""
        threading.Thread(target=self._beat, name="licorne-heart", daemon=True).start()

    def begun(self, server: Host) -> None:
        self._server = server

    def ready(self) -> None:
        self._worker.notify()
        self._stage = _Stage.SERVING

    def tick(self, now: float) -> None:
        self._worker.notify()
        server, worker = self._server, self._worker
        if server is None or server.orders.is_stop():
            return
        if worker.ppid != os.getppid():
            logger.info("gunicorn is gone. Shutting down.")
            server.orders.set_stop(True)
        elif not worker.alive:
            server.orders.set_stop(True)

    def drained(self) -> None:
        self._stage = _Stage.ENDING

    def ended(self) -> None:
        self._ended_at = time.monotonic()
        self._stage = _Stage.ENDED

    def _beat(self) -> None:
        """Beat where the loop cannot be asked to: it does not turn yet, not any more, or for nobody's request."""
        # ValueError: the worker's file is closed, it has ended.
        with contextlib.suppress(OSError, ValueError):
            while True:
                if self._is_well():
                    self._worker.notify()
                time.sleep(self.interval)

    def _is_well(self) -> bool:
        match self._stage:
            case _Stage.BOOT | _Stage.ENDING:
                return True
            case _Stage.SERVING:
                return False
            case _Stage.ENDED:  # a process that waits for ever for a thread of the application is to be ended
                return time.monotonic() < self._ended_at + float(self._worker.cfg.graceful_timeout)


def options_of(worker: LicorneWorker) -> dict[str, Any]:
    """Return the options that gunicorn's settings stand for, and those of CONFIG_KWARGS."""
    cfg = worker.cfg
    has_limit = worker.max_requests < sys.maxsize
    options: dict[str, Any] = {
        "log_config": {},
        "access_log": _is_access_logged(worker),
        "access_log_format": _access_format(cfg.access_log_format, worker.log),
        "backlog": cfg.backlog,
        "loop": getattr(cfg, "asgi_loop", "auto"),
        "lifespan": getattr(cfg, "asgi_lifespan", "auto"),
        "root_path": getattr(cfg, "root_path", "") or "",
        "limit_max_requests": worker.max_requests if has_limit else None,
        "limit_request_line": cfg.limit_request_line,
        "limit_header_count": cfg.limit_request_fields,
        "timeout_graceful_shutdown": _drain_bound(cfg.graceful_timeout),
        "timeout_worker_healthcheck": cfg.timeout,
        "forwarded_allow_ips": _named_peers(cfg.forwarded_allow_ips),
        "proxy_protocol": getattr(cfg, "proxy_protocol", False) not in (False, "off"),
        **(_tls(cfg) if cfg.is_ssl else {}),
        **_keep_alive(cfg.keepalive),
        **worker.CONFIG_KWARGS,
    }
    return options


def _named_peers(peers: Any) -> Any:
    """Return whom the setting names; None if it is gunicorn's own default, which is licorne's too."""
    names = peers.split(",") if isinstance(peers, str) else list(peers)
    return None if sorted(names) == sorted(LOOPBACK) else names


def _tls(cfg: Any) -> dict[str, Any]:
    return {
        "ssl_certfile": cfg.certfile,
        "ssl_keyfile": cfg.keyfile,
        "ssl_ca_certs": cfg.ca_certs,
        "ssl_cert_reqs": int(cfg.cert_reqs),
        "ssl_ciphers": cfg.ciphers,
    }


def _keep_alive(seconds: int) -> dict[str, Any]:
    return {"timeout_keep_alive": seconds} if seconds else {"limit_keep_alive_requests": 1}


def _drain_bound(seconds: float) -> float:
    """Return how long requests may run at a stop; 0 would be for ever."""
    return max(seconds - min(seconds * _RESERVE_SHARE, _MAX_RESERVE_SECONDS), 0.001)


def _is_access_logged(worker: LicorneWorker) -> bool:
    cfg = worker.cfg
    configured = cfg.accesslog or cfg.logconfig or cfg.logconfig_dict or getattr(cfg, "logconfig_json", None)
    return bool(configured or (cfg.syslog and not cfg.disable_redirect_access_to_syslog))


def _access_format(template: str, log: Any) -> str:
    try:
        compile_template(template)
    except ConfigError as error:
        log.warning("licorne: %s; the access log is written in the format called combined", error)
        return "combined"
    return template


def _lend_handlers(log: Any, config: Config) -> None:
    """Let gunicorn's handlers write what licorne logs, unless the logging configuration names licorne itself."""
    loggers = {"licorne": getattr(log, "error_log", None)}
    if config.access_log:
        loggers["licorne.access"] = getattr(log, "access_log", None)
    for name, source in loggers.items():
        found = logging.getLogger(name)
        if source is not None and not found.handlers:
            found.handlers = source.handlers
            found.setLevel(source.level)
            found.propagate = source.propagate


async def _syntax_error_app(scope: Any, receive: Any, send: Any) -> None:
    """Answer that there is nothing to serve; the error is in the log."""
    if scope["type"] != "http":
        raise RuntimeError("the application could not be imported")
    fields = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 500, "headers": fields})
    await send({"type": "http.response.body", "body": b"The application has a syntax error; see the log of gunicorn."})
