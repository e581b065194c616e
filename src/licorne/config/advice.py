"""Advice: what is worth a warning in a configuration that is not wrong."""

from collections.abc import Iterable, Iterator

from licorne.config.options import OPTIONS, Config

__all__ = ["advice"]

_OF_TLS = (
    *("ssl_keyfile_password", "ssl_min_version", "ssl_version", "ssl_ciphers", "ssl_cert_reqs", "ssl_ca_certs"),
    "timeout_tls_handshake",
)
_OF_HTTP2 = tuple(row.name for row in OPTIONS if row.name.startswith(("h2_", "h2c_")))
_OF_RELOADING = ("reload_dirs", "reload_includes", "reload_excludes", "reload_delay")


def advice(config: Config) -> Iterator[str]:
    """Yield a line for each option that has no effect beside the others."""
    given = [name for name in _OF_RELOADING if not config.sources[name].startswith("default")]
    if given and not config.reload:
        yield f"{given[0]} has no effect without reload (from {config.sources[given[0]]})"
    if config.reload and config.workers not in (None, 1):
        yield '"workers" flag is ignored when reloading is enabled.'
    if config.reload and config.preload:
        yield '"preload" flag is ignored when reloading is enabled.'
    for name in ("before_fork", "after_fork"):
        if getattr(config, name) is not None and not config.preload:
            yield f"{name} has no effect without preload: workers are not forked (from {config.sources[name]})"
    if not config.redirect_http_bind:
        yield from _useless(config, ("redirect_https_port",), "without redirect_http_bind")
    if not (config.ssl_certfile or config.ssl_sni or config.ssl_context_factory):
        yield from _useless(config, _OF_TLS, "without ssl_certfile")
    if not config.speaks_http2:
        yield from _useless(config, _OF_HTTP2, "without HTTP/2")
    if not config.proxy_headers:
        yield from _useless(config, ("forwarded_headers",), "without proxy_headers")


def _useless(config: Config, names: Iterable[str], why: str) -> Iterator[str]:
    """Yield a line for each of these options that somebody has set."""
    for name in names:
        if not config.sources[name].startswith("default"):
            yield f"{name} has no effect {why} (from {config.sources[name]})"
