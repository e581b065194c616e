"""Kinds of values that name something: addresses, header fields, files, levels, applications.

Rules: those of values.py.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from licorne.config.values import Kind, Whole

__all__ = [
    "AppTarget",
    "Bind",
    "Binds",
    "Directory",
    "Headers",
    "Host",
    "Level",
    "LogConfig",
    "Origins",
    "Path",
    "RootPath",
]


@dataclass(frozen=True, slots=True)
class Bind:
    """Be one address to listen on: `host` and `port`, or `path` of a UNIX socket, or `fd` of an open socket.

    `systemd` is the name of sockets that systemd passes, empty for all of them. An empty host is every interface.
    What does not apply is None.
    """

    host: str | None = None
    port: int | None = None
    path: str | None = None
    fd: int | None = None
    systemd: str | None = None

    def __str__(self) -> str:
        """Return the text that stands for it in an option."""
        if self.systemd is not None:
            return f"fd://systemd:{self.systemd}" if self.systemd else "fd://systemd"
        if self.fd is not None:
            return f"fd://{self.fd}"
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if self.host and ":" in self.host else f"{self.host}:{self.port}"


class Binds(Kind):
    """Take a list of addresses; in one text they are parted by commas."""

    __slots__ = ()

    metavar = "ADDRESS"
    is_repeatable = True
    PORT: Final = Whole(0, 65535)

    def parse(self, text: str) -> tuple[Bind, ...]:
        return self.accept(part for part in text.split(",") if part.strip())

    def accept(self, value: object) -> tuple[Bind, ...]:
        if value is None:
            return ()
        if not isinstance(value, Iterable) or isinstance(value, Mapping | bytes):
            raise ValueError(f"must be a list, each of it {self.describe()}")
        return tuple(item if isinstance(item, Bind) else self.parse_one(item) for item in value)

    def parse_one(self, text: object) -> Bind:
        """Read one address."""
        if not isinstance(text, str):
            raise ValueError(f"must be {self.describe()}")
        text = text.strip()
        if text.startswith("unix:") and len(text) > len("unix:"):
            return Bind(path=re.sub("^//+", "/", text.removeprefix("unix:")))
        if match := re.fullmatch(r"fd://([0-9]+)", text):
            return Bind(fd=int(match[1]))
        if match := re.fullmatch(r"fd://systemd(?::([^:\s]+))?", text):
            return Bind(systemd=match[1] or "")
        match = re.fullmatch(r"(?:\[([^\[\]]+)\]|([^:/\[\]\s]*)):([0-9]+)", text)
        if match is None:
            raise ValueError(f"must be {self.describe()}")
        return Bind(host=match[1] or match[2], port=self._port(match[3]))

    def _port(self, digits: str) -> int:
        try:
            return self.PORT.parse(digits)
        except ValueError as error:
            raise ValueError(f"port {error}") from None

    def write(self, value: tuple[Bind, ...]) -> str:
        return ",".join(map(str, value))

    def describe(self) -> str:
        return "host:port, [IPv6 address]:port, unix:path, fd://number or fd://systemd"


class Headers(Kind):
    """Take a list of header fields, each "name: value"; in one text they are parted by line ends."""

    __slots__ = ()

    metavar = "NAME:VALUE"
    is_repeatable = True
    TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 §5.6.2
    #: They frame a message or govern its connection: no list can know their value for every response.
    REFUSED: Final = {"connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}

    def parse(self, text: str) -> tuple[tuple[str, str], ...]:
        return self.accept(line for line in text.splitlines() if line.strip())

    def accept(self, value: object) -> tuple[tuple[str, str], ...]:
        if value is None:
            return ()
        if isinstance(value, Mapping):
            value = value.items()
        if not isinstance(value, Iterable) or isinstance(value, bytes):
            raise ValueError(f"must be a list, each of it {self.describe()}")
        return tuple(self.parse_one(item) for item in value)

    def parse_one(self, item: object) -> tuple[str, str]:
        """Read one field from "name: value" or a pair of texts."""
        if isinstance(item, str):
            name, colon, content = item.partition(":")
            item = (name, content) if colon else None
        match item:
            case (str(name), str(content)) | [str(name), str(content)]:
                return self._checked(name, content.strip(" \t"))
        raise ValueError(f"must be {self.describe()}")

    def _checked(self, name: str, content: str) -> tuple[str, str]:
        if not self.TOKEN.fullmatch(name):
            raise ValueError(f"must have a header name of letters, digits and hyphens, not {name!r}")
        if name.lower() in self.REFUSED:
            raise ValueError(f"must not set {name}, which licorne works out for each response")
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", content) or any(character > "\xff" for character in content):
            raise ValueError("must have a header value of printable Latin-1 characters")
        return name, content

    def write(self, value: tuple[tuple[str, str], ...]) -> str:
        return "\n".join(f"{name}: {content}" for name, content in value)

    def describe(self) -> str:
        return '"name: value"'


class Origins(Kind):
    """Take a list of origins, each as a browser sends it, or "*" for all; in one text they are parted by commas."""

    __slots__ = ()

    metavar = "ORIGIN"
    is_repeatable = True
    # RFC 6454 §6.1. A page without an origin of its own, such as a file, sends "null".
    FORM: Final = re.compile(
        r"\*|null|[a-z][a-z0-9+.\-]*://(?:\[[0-9a-f:.]+\]|[^\s/?#@:\[\]]+)(?::[0-9]{1,5})?", re.IGNORECASE | re.ASCII
    )

    def parse(self, text: str) -> tuple[str, ...]:
        return self.accept(part for part in text.split(",") if part.strip())

    def accept(self, value: object) -> tuple[str, ...]:
        if value is None:
            return ()
        if not isinstance(value, Iterable) or isinstance(value, Mapping | bytes):
            raise ValueError(f"must be a list, each of it {self.describe()}")
        return tuple(part for item in value for part in self.parse_one(item))

    def parse_one(self, item: object) -> Iterable[str]:
        """Read one origin, or several that are parted by commas."""
        parts = [part.strip() for part in item.split(",")] if isinstance(item, str) else [""]
        for part in parts:
            if not self.FORM.fullmatch(part) or not part.isascii():
                raise ValueError(f"must be {self.describe()}")
        return parts

    def write(self, value: tuple[str, ...]) -> str:
        return ",".join(value)

    def describe(self) -> str:
        return 'an origin such as "https://example.org", without a path, or "*"'


class Host(Kind):
    """Take a host name or address without a port."""

    __slots__ = ()

    def parse(self, text: str) -> str:
        host = text.removeprefix("[").removesuffix("]")
        if host.count(":") == 1 or not re.fullmatch(r"[^\s/\[\]]*", host):
            raise ValueError(f"must be {self.describe()}")
        return host

    def describe(self) -> str:
        return "a host name or address without a port (use port, or bind)"


class RootPath(Kind):
    """Take the path that a proxy puts the application under; it ends without a slash."""

    __slots__ = ()

    def parse(self, text: str) -> str:
        if text and not text.startswith("/"):
            raise ValueError(f"must be {self.describe()}")
        return text.rstrip("/")

    def describe(self) -> str:
        return 'empty or a path that begins with "/"'


class Path(Kind):
    """Take the path of a file; it must be there when `must_exist` says so."""

    __slots__ = ("must_exist",)

    metavar = "FILE"

    def __init__(self, must_exist: bool = False, absent: str | None = None) -> None:
        super().__init__(absent)
        self.must_exist = must_exist

    def parse(self, text: str) -> str:
        if self.must_exist and not os.path.isfile(text):
            raise ValueError(f"must be a file, but {_why_not(text)}")
        return text

    def accept(self, value: object) -> Any:
        if isinstance(value, os.PathLike):
            return self.parse(os.fsdecode(value))
        raise ValueError(f"must be {self.describe()}")

    def describe(self) -> str:
        return "the path of a file"


class Directory(Path):
    """Take the path of a directory that is there; empty is the current one."""

    __slots__ = ()

    metavar = "DIRECTORY"

    def parse(self, text: str) -> str:
        if text and not os.path.isdir(text):
            raise ValueError(f"must be a directory, but {_why_not(text)}")
        return text

    def accept(self, value: object) -> Any:
        return "" if value is None else super().accept(value)

    def describe(self) -> str:
        return "the path of a directory"


def _why_not(path: str) -> str:
    if not os.path.exists(path):
        return "there is none of this name"
    if os.path.isdir(path):
        return "this is a directory"
    return "this is a file" if os.path.isfile(path) else "this is neither a file nor a directory"


class LogConfig(Path):
    """Take a file of logging configuration or, as a native value, what `logging.config` reads."""

    __slots__ = ()

    def accept(self, value: object) -> Any:
        if isinstance(value, Mapping) or hasattr(value, "sections") or hasattr(value, "readline"):
            return value
        return super().accept(value)

    def describe(self) -> str:
        return "the path of a .json, .yaml or .ini file, a dict, a RawConfigParser or an open file"


class Level(Kind):
    """Take the name or the number of a logging level."""

    __slots__ = ()

    metavar = "LEVEL"
    NAMES: Final = ("critical", "error", "warning", "info", "debug", "trace")
    #: What `logging` takes too.
    SYNONYMS: Final = {"warn": "warning", "fatal": "critical"}

    def parse(self, text: str) -> str | int:
        name = self.SYNONYMS.get(text.lower(), text.lower())
        if name in self.NAMES:
            return name
        if text.isascii() and text.isdigit():
            return int(text)
        raise ValueError(f"must be {self.describe()}")

    def accept(self, value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        raise ValueError(f"must be {self.describe()}")

    def describe(self) -> str:
        return f"{', '.join(self.NAMES)} or a number"

    def choices(self) -> tuple[str, ...]:
        return self.NAMES


class AppTarget(Kind):
    """Take "module:attribute", "module" or, as a native value, the application itself."""

    __slots__ = ()

    metavar = "APP"

    def parse(self, text: str) -> str:
        path, colon, attribute = text.partition(":")
        if path.endswith(".py") or "/" in path or "\\" in path:
            folder, name = os.path.split(path.replace("\\", "/"))
            advice = f"{name.removesuffix('.py')}{colon}{attribute}" + (f" with --app-dir {folder}" if folder else "")
            raise ValueError(f"must name a module rather than a file (try {advice})")
        if not re.fullmatch(r"\w+(\.\w+)*(:\w+(\.\w+)*)?", text):
            raise ValueError(f"must be {self.describe()}")
        return text

    def accept(self, value: object) -> Any:
        if callable(value):
            return value
        raise ValueError(f"must be {self.describe()}, or an ASGI application")

    def describe(self) -> str:
        return '"module:attribute" or "module"'
