"""Contexts: what TLS is spoken with, made from the options.

Without other orders: TLS 1.2 and 1.3; of TLS 1.2 only ciphers with forward secrecy that authenticate what they
encrypt, which is also what HTTP/2 allows (RFC 9113 §9.2.2); no compression, no renegotiation.

Rules: what cannot be used is a ConfigError of one line that names the option. No file is written, and nothing is asked
of the terminal here.
"""

import os
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from licorne.config.encryption import NamedCertificate
from licorne.config.options import OPTIONS, Config
from licorne.errors import ConfigError
from licorne.server.tls.faults import first_certificate, is_locked, why_ca_fails, why_certificate_fails
from licorne.server.tls.names import serve_by_name

__all__ = ["alpn_of", "certificates_of", "files_of", "has_tls", "new_context", "with_absolute_files"]

_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
_DEMANDS: Final = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_NOTHING: Final = ("", 0)


class ServingContext(ssl.SSLContext):
    """Know the certificate that is shown to clients, which ssl does not tell."""

    #: In PEM.
    certificate: str | None = None


def has_tls(config: Config) -> bool:
    """Tell whether the configuration asks for TLS; raise ConfigError when it does so by halves."""
    if config.ssl_certfile or config.ssl_sni or config.ssl_context_factory is not None:
        return True
    if config.ssl_keyfile:
        raise ConfigError("needs ssl_certfile too", **_blame(config, "ssl_keyfile"))
    if config.redirect_http_bind:
        raise ConfigError("needs ssl_certfile, to have somewhere to lead to", **_blame(config, "redirect_http_bind"))
    return False


def files_of(config: Config) -> tuple[str, ...]:
    """Return the files that contexts are made from."""
    named = [path for one in config.ssl_sni for path in (one.certfile, one.keyfile)]
    return tuple(path for path in (config.ssl_certfile, config.ssl_keyfile, config.ssl_ca_certs, *named) if path)


def with_absolute_files(config: Config) -> Config:
    """Return a configuration whose files are found from any directory: an application may go to another."""
    names = ("ssl_certfile", "ssl_keyfile", "ssl_ca_certs", "ssl_keylog_file")
    found: dict[str, Any] = {name: os.path.abspath(path) for name in names if (path := getattr(config, name))}
    found["ssl_sni"] = tuple(_absolute(one) for one in config.ssl_sni)
    return replace(config, **found)


def _absolute(one: NamedCertificate) -> NamedCertificate:
    keyfile = os.path.abspath(one.keyfile) if one.keyfile else None
    return NamedCertificate(one.host, os.path.abspath(one.certfile), keyfile)


def certificates_of(config: Config) -> tuple[str, ...]:
    """Return the files of the certificates that clients are shown."""
    main = (config.ssl_certfile,) if config.ssl_certfile else ()
    return (*main, *(one.certfile for one in config.ssl_sni))


def alpn_of(config: Config) -> list[str]:
    """Return the protocols that are offered, the best first (RFC 7301)."""
    return ["h2", "http/1.1"] if config.speaks_http2 else ["http/1.1"]


def new_context(config: Config, call: Callable[[Any], Any] = lambda factory: factory) -> ssl.SSLContext:
    """Return a context for new connections; `call` finds the factory that an option names.

    Raises ConfigError.
    """
    if config.ssl_context_factory is not None:
        return _context_of_factory(config, call(config.ssl_context_factory))
    return _default_context(config)


def _context_of_factory(config: Config, factory: Callable[..., Any]) -> ssl.SSLContext:
    try:
        found = factory(config, lambda: _default_context(config))
    except ConfigError:
        raise
    except Exception as error:
        problem = f"failed with {type(error).__name__}: {error}"
        raise ConfigError(problem, **_blame(config, "ssl_context_factory")) from error
    if not isinstance(found, ssl.SSLContext):
        problem = f"must return an ssl.SSLContext, and returned a {type(found).__name__}"
        raise ConfigError(problem, **_blame(config, "ssl_context_factory"))
    return found


def _default_context(config: Config) -> ssl.SSLContext:
    if not config.ssl_certfile and not config.ssl_sni:
        raise ConfigError("needs ssl_certfile for the usual context", **_blame(config, "ssl_context_factory"))
    named = {one.host: _context_with(config, one, "ssl_sni") for one in config.ssl_sni}
    if config.ssl_certfile:
        main = NamedCertificate("", config.ssl_certfile, config.ssl_keyfile)
        context = _context_with(config, main, "ssl_certfile")
    else:
        context = next(iter(named.values()))  # for clients that name no host, or one that is not known
    serve_by_name(context, named)
    return context


def _context_with(config: Config, files: NamedCertificate, option: str) -> ssl.SSLContext:
    context = ServingContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    # All ciphers are good; the client knows for which of them it has hardware.
    context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    _limit_versions(config, context)
    _choose_ciphers(config, context)
    context.set_alpn_protocols(alpn_of(config))
    _load_certificate(config, context, files, option)
    context.certificate = first_certificate(files.certfile)
    _ask_clients(config, context)
    if config.ssl_keylog_file:
        _write_keys(config, context)
    return context


def _limit_versions(config: Config, context: ssl.SSLContext) -> None:
    is_new = config.ssl_min_version == "1.3"
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if is_new else ssl.TLSVersion.TLSv1_2
    if config.ssl_version == "1.2":
        if is_new:
            raise ConfigError("is TLS 1.2 alone, and ssl_min_version excludes it", **_blame(config, "ssl_version"))
        context.maximum_version = ssl.TLSVersion.TLSv1_2


def _choose_ciphers(config: Config, context: ssl.SSLContext) -> None:
    try:
        context.set_ciphers(config.ssl_ciphers or _CIPHERS)
    except ssl.SSLError:
        problem = "must name ciphers of TLS 1.2 that OpenSSL has, such as ECDHE+AESGCM (openssl ciphers lists them)"
        raise ConfigError(problem, **_blame(config, "ssl_ciphers")) from None


def _load_certificate(config: Config, context: ssl.SSLContext, files: NamedCertificate, option: str) -> None:
    _refuse_pipe(config, files.certfile, option)
    _refuse_pipe(config, files.keyfile, "ssl_sni" if option == "ssl_sni" else "ssl_keyfile")
    password = config.ssl_keyfile_password
    if password is None and is_locked(files.keyfile or files.certfile):
        problem = "is needed, since the private key is encrypted"
        raise ConfigError(f"ssl_keyfile_password {problem} ({files.keyfile or files.certfile})")
    try:
        context.load_cert_chain(files.certfile, files.keyfile, str(password or ""))
    except (OSError, ValueError) as error:
        name, problem = why_certificate_fails(error, files, option, has_password=password is not None)
        raise ConfigError(problem, **_blame(config, name)) from None


def _refuse_pipe(config: Config, path: str | None, option: str) -> None:
    """Refuse what has taken the place of a file, and would have the worker wait until somebody writes into it."""
    if path and _is_pipe(path):
        raise ConfigError(f"must be a file, and {path} is a pipe", **_blame(config, option))


def _is_pipe(path: str) -> bool:
    try:
        return Path(path).is_fifo()
    except OSError:  # it cannot be reached, which is said in other words
        return False


def _ask_clients(config: Config, context: ssl.SSLContext) -> None:
    context.verify_mode = _DEMANDS[config.ssl_cert_reqs]
    _refuse_pipe(config, config.ssl_ca_certs, "ssl_ca_certs")
    if config.ssl_ca_certs:
        try:
            context.load_verify_locations(config.ssl_ca_certs)
        except (OSError, ValueError) as error:
            raise ConfigError(why_ca_fails(error), **_blame(config, "ssl_ca_certs")) from None
    elif config.ssl_cert_reqs != "none":
        problem = "needs ssl_ca_certs, because no client's certificate is trusted without"
        raise ConfigError(problem, **_blame(config, "ssl_cert_reqs"))


def _write_keys(config: Config, context: ssl.SSLContext) -> None:
    try:
        context.keylog_filename = str(config.ssl_keylog_file)
    except OSError as error:
        problem = f"must be a file that can be written ({error.strerror or error})"
        raise ConfigError(problem, **_blame(config, "ssl_keylog_file")) from None


def _blame(config: Config, name: str) -> dict[str, Any]:
    """Return what a ConfigError says of an option."""
    kind = next(row.kind for row in OPTIONS if row.name == name)
    return {"option": name, "value": kind.show(getattr(config, name)), "source": config.sources[name]}
