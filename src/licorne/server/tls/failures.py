"""Failures: says in the log whose TLS handshakes failed and why, without letting them flood it.

A scanner causes as many as it likes: one line is written in a second, with how many others there were.
"""

import logging
import ssl
from typing import Any

from licorne.server.tls.faults import reason_of

__all__ = ["HandshakeFailures"]

_WINDOW_SECONDS = 1.0
#: The alerts of a client that will not have the certificate it was shown (RFC 8446 §6.2).
_DISTRUST = {"bad certificate", "unsupported certificate", "certificate expired", "certificate unknown", "unknown ca"}


class HandshakeFailures:
    """Log failures at a bounded rate."""

    __slots__ = ("_last", "_left_out", "_logger", "_window_ends")

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        #: The failure that the next line tells of; None if there is none.
        self._last: str | None = None
        self._left_out = 0
        self._window_ends = 0.0

    def take(self, error: Exception, peer: Any) -> None:
        """Take note of one failure: why, and the address of the peer."""
        if self._last is None:
            self._last = f"{describe_failure(error)}, from {_name(peer)}"
        else:
            self._left_out += 1

    def take_plain(self, peer: Any) -> None:
        """Take note of a peer that spoke plain HTTP."""
        self.take(ValueError("plain HTTP was spoken, and was answered 400"), peer)

    def tick(self, now: float) -> None:
        """Take the time in seconds: write a line if it is time for one."""
        if now >= self._window_ends and self._last is not None:
            self._window_ends = now + _WINDOW_SECONDS
            self.flush()

    def flush(self) -> None:
        """Write what there is; called at the end, too."""
        if self._last is not None:
            others = f"; {self._left_out} more failed since the last line" if self._left_out else ""
            self._logger.warning("TLS handshake failed (%s)%s", self._last, others)
        self._last, self._left_out = None, 0


def describe_failure(error: Exception) -> str:
    """Return why a handshake failed, in a few words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the client's certificate is refused: {error.verify_message}"
    reason = reason_of(error)
    if reason == "peer did not return a certificate":
        return "the client has no certificate, and ssl_cert_reqs asks for one"
    alert = reason.removeprefix("alert ")
    if alert in _DISTRUST:
        return f"the client does not trust the certificate: {alert}"
    return reason if alert == reason else f"the client has refused: {alert}"


def _name(peer: Any) -> str:
    return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) and len(peer) > 1 else "a UNIX socket"
