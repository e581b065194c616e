"""Kinds of values that say how TLS is spoken: certificates by host name, passwords, what is asked of clients.

Rules: those of values.py. A password shows itself to nobody: neither `--show-config` nor an error line has it.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from licorne.config.values import Kind

__all__ = ["Demand", "NamedCertificate", "Password", "Secret", "ServerNames", "TlsVersion"]

_MASK: Final = "********"


class Password(str):
    """Be a password; what shows it to people shows stars."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return stars."""
        return repr(_MASK)


class Secret(Kind):
    """Take a password, or "@" and the path of a file that holds it in its first line."""

    __slots__ = ()

    metavar = "PASSWORD"

    def read(self, value: object) -> Any:
        """Return the password; blanks around it are its own."""
        if value is None or isinstance(value, Password):
            return value
        if isinstance(value, str) and value.lower() == self.absent:
            return None
        if isinstance(value, bytes | bytearray):
            return Password(bytes(value).decode("utf-8", "surrogateescape"))
        if not isinstance(value, str):
            raise ValueError(f"must be {self.describe()}")
        return Password(_first_line(value[1:]) if value.startswith("@") else value)

    def write(self, value: Password) -> str:
        return _MASK

    def describe(self) -> str:
        return 'text, or "@" and the path of a file that holds it'


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.readline().rstrip("\r\n")
    except OSError as error:
        raise ValueError(f'after "@" must be a file that can be read ({error.strerror or error})') from None


class Demand(Kind):
    """Take what is asked of clients: no certificate, one if they have it, or one from each; or ssl's numbers for it."""

    __slots__ = ()

    metavar = "none|optional|required"
    WORDS: Final = ("none", "optional", "required")

    def parse(self, text: str) -> str:
        word = text.lower().removeprefix("cert_")
        if word in ("0", "1", "2"):
            return self.WORDS[int(word)]
        if word in self.WORDS:
            return word
        raise ValueError(f"must be {self.describe()}")

    def accept(self, value: object) -> str:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(self.WORDS):
            return self.WORDS[value]
        raise ValueError(f"must be {self.describe()}")

    def describe(self) -> str:
        return "none, optional or required (0, 1 or 2)"

    def choices(self) -> tuple[str, ...]:
        return self.WORDS


class TlsVersion(Kind):
    """Take "auto", or the number of a PROTOCOL constant of ssl, as Uvicorn does."""

    __slots__ = ()

    metavar = "auto|INTEGER"
    #: PROTOCOL_TLS, PROTOCOL_TLS_SERVER, and the one for TLS 1.2 alone.
    NUMBERS: Final = {2: "auto", 17: "auto", 5: "1.2"}
    OLD: Final = (0, 1, 3, 4)

    def parse(self, text: str) -> str:
        if text.lower() in ("auto", "1.2"):
            return text.lower()
        return self.accept(int(text)) if re.fullmatch(r"[0-9]{1,3}", text) else self.accept(text)

    def accept(self, value: object) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            if value in self.NUMBERS:
                return self.NUMBERS[int(value)]
            if value in self.OLD:
                raise ValueError("must not be a version before TLS 1.2, which is not safe any more")
        raise ValueError(f"must be {self.describe()}")

    def describe(self) -> str:
        return 'auto, 17 (PROTOCOL_TLS_SERVER) or 5 (PROTOCOL_TLSv1_2); ssl_min_version says "1.2" or "1.3"'


@dataclass(frozen=True, slots=True)
class NamedCertificate:
    """Be the certificate of one host name, which may begin with "*."; without `keyfile`, the key is in `certfile`."""

    host: str
    certfile: str
    keyfile: str | None = None

    def __str__(self) -> str:
        """Return the text that stands for it in an option."""
        return f"{self.host}={self.certfile}" + (f",{self.keyfile}" if self.keyfile else "")


class ServerNames(Kind):
    """Take a list of certificates, each "host=certificate,key"; in one text they are parted by semicolons."""

    __slots__ = ()

    metavar = "HOST=CERT,KEY"
    is_repeatable = True
    LABEL: Final = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
    HOST: Final = re.compile(rf"(?:\*\.)?{LABEL}(?:\.{LABEL})*")

    def parse(self, text: str) -> tuple[NamedCertificate, ...]:
        return self.accept(part for part in text.split(";") if part.strip())

    def accept(self, value: object) -> tuple[NamedCertificate, ...]:
        if value is None:
            return ()
        if isinstance(value, Mapping):
            value = [(host, files) for host, files in value.items()]
        if not isinstance(value, Iterable) or isinstance(value, bytes):
            raise ValueError(f"must be a list, each of it {self.describe()}")
        found = tuple(item if isinstance(item, NamedCertificate) else self.parse_one(item) for item in value)
        self._refuse_doubled([one.host for one in found])
        return found

    def parse_one(self, item: object) -> NamedCertificate:
        """Read one from "host=certificate,key" or a pair of the host and its files."""
        if isinstance(item, str):
            host, equals, text = item.strip().partition("=")
            item = (host, text) if equals else None
        match item:
            case (str(host), str(files)):
                return self._checked(host, [part.strip() for part in files.split(",")])
            case (str(host), list(files) | tuple(files)) if all(isinstance(each, str | os.PathLike) for each in files):
                return self._checked(host, [os.fsdecode(each) for each in files])
        raise ValueError(f"must be {self.describe()}")

    def _checked(self, host: str, files: list[str]) -> NamedCertificate:
        name = _ascii(host.strip().rstrip(".").lower())
        if not self.HOST.fullmatch(name):
            raise ValueError(f"must have a host name such as example.org or *.example.org, not {host!r}")
        if len(files) > 2 or not all(files):
            raise ValueError(f"must be {self.describe()}")
        for path in files:
            if not os.path.isfile(path):
                raise ValueError(f"must name files that are there, and there is no {path!r}")
        return NamedCertificate(name, *files)

    def _refuse_doubled(self, hosts: list[str]) -> None:
        doubled = next((host for host in hosts if hosts.count(host) > 1), None)
        if doubled is not None:
            raise ValueError(f"must name a host once, and names {doubled!r} twice")

    def write(self, value: tuple[NamedCertificate, ...]) -> str:
        return ";".join(map(str, value))

    def describe(self) -> str:
        return '"host=certificate,key", such as "*.example.org=cert.pem,key.pem"'


def _ascii(host: str) -> str:
    """Return a name as clients send it (RFC 5891)."""
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return ""
