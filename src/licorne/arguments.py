"""The command line, taken apart by click: help, completion, and what was asked for as a `Request`.

Flags come from the table of options. click is not told what values mean: they stay text, and `config` reads
them, so that a bad value reads the same wherever it came from.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import click
from click.core import ParameterSource
from click.shell_completion import BashComplete, CompletionItem, FishComplete, ShellComplete, ZshComplete

from licorne.config.options import OPTIONS
from licorne.config.table import Option, nearest
from licorne.config.targets import Directory, Path
from licorne.errors import ConfigError

__all__ = ["Request", "completion_script", "parse_arguments"]

PROGRAM: Final = "licorne"
CHECK: Final = "check"
CERT: Final = "cert"
COMPLETION_VARIABLE: Final = "_LICORNE_COMPLETE"
SHELLS: Final[dict[str, type[ShellComplete]]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}

HELP: Final = {"help_option_names": ["-h", "--help"]}
#: Flags of one letter that other commands have.
SHORT_FLAGS: Final = {"-V": "--version", "-p": "--port"}

SUMMARY: Final = """\
Serve the ASGI application APP, given as module:attribute (main:app) or as module.

licorne check APP loads the configuration and the application and serves nothing: the exit status tells the result.

licorne cert [HOST…] writes a certificate for development, by default for localhost, into the current directory.
"""
EPILOG: Final = (
    "Every option can also be set by a variable (LICORNE_PORT for --port) and in licorne.toml or the table "
    "[tool.licorne] of pyproject.toml. A flag wins over a variable, and a variable over a file."
)

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


@dataclass(frozen=True, slots=True)
class Request:
    """Hold what a command line asks for. `flags` says for each option the value and the flag that gave it."""

    flags: dict[str, tuple[object, str]]
    is_check: bool
    file: str | None
    #: "version", "config", or the shell for which a completion script is wanted.
    show: str | None
    #: The hosts that a certificate for development is wanted for, none for the usual ones; None if it is not wanted.
    hosts: tuple[str, ...] | None = None


def parse_arguments(arguments: Sequence[str]) -> Request | None:
    """Return what a command line asks for, or None when click has answered it. Raises ConfigError."""
    try:
        # Asked to complete a word, click does so here and exits.
        request = _command().main(list(arguments), PROGRAM, COMPLETION_VARIABLE, standalone_mode=False)
    except click.UsageError as error:
        raise ConfigError(_problem(error)) from None
    except click.Abort:  # click's word for Ctrl+C
        raise KeyboardInterrupt from None
    return request if isinstance(request, Request) else None


def completion_script(shell: str) -> str:
    """Return the script that makes a shell complete the command."""
    return SHELLS[shell](_command(), {}, PROGRAM, COMPLETION_VARIABLE).source()


def _problem(error: click.UsageError) -> str:
    if isinstance(error, click.NoSuchOption):
        return _unknown_flag(error.option_name)
    if isinstance(error, click.BadOptionUsage):
        verb = "needs a" if "requires" in error.message else "takes no"
        return f"flag {error.option_name} {verb} value"
    return " ".join(error.format_message().split()).rstrip(".")


def _unknown_flag(flag: str) -> str:
    own = [flag for parameter in _own_parameters() for flag in parameter.opts]
    flags = [flag for option in OPTIONS for flag in (*_flags(option), option.opposite) if flag]
    short = SHORT_FLAGS.get(flag)
    hint = f"; did you mean {short}?" if short else nearest(flag, [*flags, *own, "--help"], "--")
    return f"there is no flag {flag}{hint}"


def _refuse_commands(words: Sequence[str]) -> None:
    """Raise a UsageError about a first word that was meant as a command."""
    first, *rest = words
    if first in ("help", "version") and not rest:
        raise click.UsageError(f"there is no command {first}; use --{first} (an application is {first}:attribute)")
    if rest and first in ("run", "serve", "start"):
        raise click.UsageError(f"there is no command {first}; to serve an application, write: {PROGRAM} {rest[0]}")
    if rest and (hint := nearest(first, [CHECK, CERT])):
        raise click.UsageError(f"there is no command {first}{hint}")


class _Command(click.Command):
    """Show the options in the groups of the table, and return what was asked for instead of doing it."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(PROGRAM, "[check] APP [OPTIONS]")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = [option for option in OPTIONS if not option.is_argument]
        for group, members in groupby(options, key=lambda option: option.group):
            with formatter.section(group):
                formatter.write_dl([(_usage(option), _meaning(option)) for option in members])
        own = (*_own_parameters(), self.get_help_option(ctx))
        with formatter.section("Command"):
            formatter.write_dl([record for flag in own if flag and (record := flag.get_help_record(ctx))])

    def invoke(self, ctx: click.Context) -> Request:
        flags = {option.name: _given(ctx, option) for option in OPTIONS if _is_given(ctx, option)}
        words = list(ctx.params["words"])
        # Only the bare word is the command: an application of this name is `check:app`.
        is_check = words[:1] == [CHECK]
        if words[:1] == [CERT]:
            return Request(flags, False, ctx.params["config_file"], _shown(ctx), tuple(words[1:]))
        if is_check:
            words.pop(0)
        elif words:
            _refuse_commands(words)
        if words:
            flags["app"] = (words.pop(0), "argument APP")
        if words:
            raise click.UsageError(f"unexpected argument {words[0]!r} after the application {flags['app'][0]!r}")
        return Request(flags, is_check, ctx.params["config_file"], _shown(ctx))


def _command() -> click.Command:
    options: list[click.Parameter] = [_parameter(option) for option in OPTIONS if not option.is_argument]
    words = click.Argument(["words"], nargs=-1, metavar="APP", shell_complete=_complete_words)
    parameters = [words, *options, *_own_parameters()]
    return _Command(PROGRAM, params=parameters, help=SUMMARY, epilog=EPILOG, context_settings=HELP)


def _own_parameters() -> list[click.Option]:
    """Return the flags that are no options: they ask something of the command, not of the server."""
    return [
        click.Option(
            ["--config", "config_file"],
            metavar="FILE",
            shell_complete=_complete_type("file"),
            help="Read options from this TOML file instead of the one in the current directory.",
        ),
        click.Option(
            ["--show-config"], is_flag=True, help="Print every option with its value and where it came from, and exit."
        ),
        click.Option(
            ["--completion"],
            shell_complete=_complete_choices(list(SHELLS)),
            metavar="|".join(SHELLS),
            help="Print a script that completes the command in this shell, and exit.",
        ),
        click.Option(
            ["--version"], is_flag=True, help="Print which licorne, Python, build, loop and parser run, and exit."
        ),
    ]


def _shown(ctx: click.Context) -> str | None:
    if ctx.params["version"]:
        return "version"
    completion: str | None = ctx.params["completion"]
    if completion not in (None, *SHELLS):
        problem = f"must be {', '.join(SHELLS)}"
        raise ConfigError(problem, option="completion", value=completion, source="flag --completion")
    return "config" if ctx.params["show_config"] else completion


# --- one option ----------------------------------------------------------------------------------------------


def _parameter(option: Option) -> click.Option:
    if option.opposite:
        return click.Option([f"{option.flag}/{option.opposite}", option.name], default=None)
    return click.Option(
        [*_flags(option), option.name],
        multiple=option.kind.is_repeatable,
        shell_complete=_completion(option),
        type=click.UNPROCESSED,
    )


def _flags(option: Option) -> tuple[str, ...]:
    return option.flags or (option.flag,)


def _is_given(ctx: click.Context, option: Option) -> bool:
    return ctx.get_parameter_source(option.name) is ParameterSource.COMMANDLINE


def _given(ctx: click.Context, option: Option) -> tuple[object, str]:
    value = ctx.params[option.name]
    return value, f"flag {option.opposite if value is False else option.flag}"


def _usage(option: Option) -> str:
    if option.opposite:
        return f"{option.flag} / {option.opposite}"
    return f"{', '.join(sorted(_flags(option), key=len))} {option.kind.metavar}"


def _meaning(option: Option) -> str:
    default = option.shown_default
    return f"{option.help}  [{default}]" if default else option.help


# --- completion ----------------------------------------------------------------------------------------------


def _completion(option: Option) -> Complete | None:
    if isinstance(option.kind, Path):
        return _complete_type("dir" if isinstance(option.kind, Directory) else "file")
    return _complete_choices(option.kind.choices()) if option.kind.choices() else None


def _complete_type(kind: str) -> Complete:
    return lambda ctx, parameter, incomplete: [CompletionItem(incomplete, type=kind)]


def _complete_choices(words: Sequence[str]) -> Complete:
    return lambda ctx, parameter, incomplete: [CompletionItem(word) for word in words if word.startswith(incomplete)]


def _complete_words(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    modules = sorted(name.removesuffix(".py") for name in os.listdir() if name.endswith(".py"))
    words: tuple[Any, ...] = ctx.params.get("words") or ()
    return _complete_choices(modules if words else [CHECK, CERT, *modules])(ctx, parameter, incomplete)
