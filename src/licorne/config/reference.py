"""What the table says to people: the page docs/reference/options.md, and the answer to --show-config.

    python -m licorne.config.reference > docs/reference/options.md

A test compares the page with what this module makes.
"""

import sys
from collections.abc import Iterable
from itertools import groupby
from typing import Any, Final

from licorne.config.addresses import ADDRESSES
from licorne.config.options import OPTIONS, Config
from licorne.config.table import Option
from licorne.config.values import Whole, literal

__all__ = ["options_page", "show_config"]

PREFACE: Final = """\
# Options

<!-- Made by `python -m licorne.config.reference` from the table in src/licorne/config/options.py. -->

Every option can be set in five places. The first of them that sets it counts:

1. a keyword: `licorne.run("main:app", port=9000)`, `licorne.Config("main:app", port=9000)`
2. a flag: `licorne main:app --port 9000`
3. a variable: `LICORNE_PORT=9000`, also out of an env file (`--env-file`); an empty variable is not set
4. a file: `licorne.toml`, else the table `[tool.licorne]` of `pyproject.toml`, both of the current directory, or
   the file that `--config FILE` or `LICORNE_CONFIG` names
5. its default, which for `workers` is the variable `WEB_CONCURRENCY` if that is set

`Config(…)` reads keywords only; `run()`, `serve()` and the command read all five. `licorne --show-config` prints
every option with its value and where that came from, in a form that can be saved as `licorne.toml`.

In a file, an option may stand under its section or at the top; `-` and `_` are the same:

```toml
[server]
bind = ["127.0.0.1:8000", "unix:/run/app.sock"]

[timeouts]
timeout-keep-alive = "30s"
```

Where to listen is one question with four answers: `bind`, `uds`, `fd`, or `host` and `port`. The strongest place that
answers it decides alone: `--port 9000` is obeyed although a file says `bind`. Two answers in one place are an error.

## How values are written

| type | written as |
|---|---|
| BOOLEAN | `true`, `yes`, `on`, `1`, or `false`, `no`, `off`, `0`; as a flag, `--x` or `--no-x` where there is one |
| DURATION | `5s`, `500ms`, `2m`, `1h`; a bare number is seconds; `0`, `off` and `none` are no limit |
| SIZE | `64KiB`, `16k` (both binary), `1MB` (decimal); a bare number is bytes; `0`, `off` and `none` are no limit |
| ADDRESS | `host:port`, `[IPv6 address]:port`, `unix:path`, `fd://number`, `fd://systemd`; `:8000` is every interface |
| OCTAL | permissions as octal digits: `022`; in a file in quotes, since a bare number is decimal there |
| USER:GROUP | `www-data`, `www-data:www-data`, `:www-data`; names or numbers |
| MODULE:ATTRIBUTE | where something is imported from: `hooks:connect` |
| NAME:VALUE | a header field, `X-Frame-Options: DENY` |
| PEER | `10.0.0.1`, `10.0.0.0/8`, `2001:db8::/32`; `unix` is whoever comes by a UNIX socket, `*` is everybody |
| HOST | `example.org`, `*.example.org` for all names below it, `[::1]`, without a port; `*` is any |
| ORIGIN | `https://example.org`, with its port if it has one; `null` is a page without one, `*` is any |
| LEVEL | `critical`, `error`, `warning`, `info`, `debug`, `trace`, or a number |

A list is given by repeating the flag; in a variable, addresses, peers, hosts and origins are parted by commas, headers
by line ends, directories as in `PATH` and patterns by blanks; in a file it is an array. A keyword takes the text or the
native value: `timeout_keep_alive=5`, `headers=[("X-Frame-Options", "DENY")]`. The keyword `log_config` also takes a
dict, a `RawConfigParser` or an open file; an empty dict leaves logging as it is. `before_fork` and `after_fork` take
functions.
"""

APPENDIX: Final = """\
## Of the command alone

| flag | meaning |
|---|---|
| `--config FILE` | Read options from this TOML file instead of the one in the current directory. |
| `--show-config` | Print every option with its value and where it came from, and exit. |
| `--completion SHELL` | Print a script that completes the command in bash, zsh or fish, and exit. |
| `--version` | Print which licorne, Python, build, event loop and parser would run, and exit. |
| `--help` | Print the help, and exit. |

`licorne check APP` loads the configuration and the application, serves nothing, and tells the result by its exit
status: 0 is good, 2 is a bad option, 3 an application that cannot be served. It binds no address and does not run the
application's lifespan: both may still fail when it is served. (An application in a module called `check` is served as
`licorne check:app`.)

To complete the command in a shell, add one line to its start-up file:

| shell | file | line |
|---|---|---|
| bash | `~/.bashrc` | `eval "$(licorne --completion bash)"` |
| zsh | `~/.zshrc` | `eval "$(licorne --completion zsh)"` |
| fish | `~/.config/fish/config.fish` | `licorne --completion fish \\| source` |
"""


def options_page(options: Iterable[Option] = OPTIONS) -> str:
    """Return the reference page of all options."""
    sections = [_section(group, list(rows)) for group, rows in groupby(options, key=lambda option: option.group)]
    return "\n".join([PREFACE, *sections, APPENDIX])


def _section(group: str, options: list[Option]) -> str:
    head = (
        f"## {group}\n\nIn a file: `[{group.lower()}]`, or `[tool.licorne.{group.lower()}]` in `pyproject.toml`.\n\n"
        "| flag | variable | TOML key | type | default | meaning |\n|---|---|---|---|---|---|\n"
    )
    return head + "".join(map(_row, options))


def _row(option: Option) -> str:
    names = sorted((*option.flags, *(() if option.flags else (option.flag,))), reverse=True)
    flags = ", ".join(f"`{name}`" for name in (*names, option.opposite) if name)
    default = f"`{option.shown_default}`" if option.shown_default else "empty"
    cells = (flags, f"`{option.variable}`", f"`{option.key}`", _type(option), default, option.help)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _type(option: Option) -> str:
    kind = option.kind
    words = f"`{kind.metavar}`" if "|" in kind.metavar else kind.metavar
    if isinstance(kind, Whole) and kind.maximum is not None and kind.maximum < 2**31 - 1:
        words += f" {kind.minimum}–{kind.maximum}"  # noqa: RUF001 - a range in a text
    return words + (f" or `{kind.absent}`" if kind.absent else "") + (", several" if kind.is_repeatable else "")


def show_config(config: Config) -> str:
    """Return every option with its value and its source, as a TOML file that says the same."""
    rows = [(option, _line(option, config)) for option in OPTIONS]
    width = min(max(len(line) for _, line in rows), 48)
    blocks = []
    for section, group in groupby(rows, key=lambda row: row[0].section):
        lines = [f"{line:{width}}  # {config.sources[option.name]}" for option, line in group]
        blocks.append("\n".join([f"[{section}]", *lines]))
    return "\n\n".join(blocks)


def _line(option: Option, config: Config) -> str:
    line = f"{option.key} = {_literal(option, getattr(config, option.name))}"
    return f"# {line}" if _is_beside_the_point(option.name, config) else line


def _is_beside_the_point(name: str, config: Config) -> bool:
    """Tell whether an option says where to listen while others decide that: a file must not set both."""
    given = {other for names in ADDRESSES for other in names if not config.sources[other].startswith("default")}
    return any(name in names and given and not given.intersection(names) for names in ADDRESSES)


def _literal(option: Option, value: Any) -> str:
    if value is None or isinstance(value, float) or option.kind.metavar in ("SIZE", "OCTAL", "PASSWORD"):
        return literal(option.kind.show(value))
    if option.kind.is_repeatable:
        return literal([option.kind.show((item,)) for item in value])
    return literal(value)


if __name__ == "__main__":
    sys.stdout.write(options_page())
