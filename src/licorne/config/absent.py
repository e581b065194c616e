"""Absent: options that users of Uvicorn know and licorne does not have yet, and what to do meanwhile.

Who writes one of them gets a line about it, not the name of an option that happens to look alike, and is refused:
a server that silently speaks no TLS is not what `--ssl-keyfile` asked for.

Rules: an option that licorne gets leaves this table when it enters the other one; a test compares them.
"""

from typing import Final

from licorne.errors import ConfigError

__all__ = ["ABSENT", "refuse_absent"]

_RELOAD: Final = "run it under a program that restarts it, as in: watchfiles 'licorne main:app'"
_WORKERS: Final = "start several licorne processes behind a proxy"
_TLS: Final = "let a proxy in front of it speak TLS"
_PROXY: Final = "it takes nothing from X-Forwarded headers; a middleware of the application can"

#: Name as a keyword → what to do without it.
ABSENT: Final[dict[str, str]] = {
    **dict.fromkeys(("reload", "reload_dir", "reload_dirs", "reload_include", "reload_includes"), _RELOAD),
    **dict.fromkeys(("reload_exclude", "reload_excludes", "reload_delay"), _RELOAD),
    **dict.fromkeys(("workers", "timeout_worker_healthcheck"), _WORKERS),
    **dict.fromkeys(("ssl_keyfile", "ssl_certfile", "ssl_keyfile_password", "ssl_version", "ssl_cert_reqs"), _TLS),
    **dict.fromkeys(("ssl_ca_certs", "ssl_ciphers", "ssl_context_factory"), _TLS),
    **dict.fromkeys(("proxy_headers", "no_proxy_headers", "forwarded_allow_ips"), _PROXY),
}


def refuse_absent(name: str, written: str, where: str = "") -> None:
    """Raise a ConfigError if `name` is in the table; `written` says how the user wrote it, `where` in which file."""
    advice = ABSENT.get(name.lower().lstrip("-").replace("-", "_"))
    if advice:
        raise ConfigError(f"{where}licorne has no {written} yet; {advice}")
