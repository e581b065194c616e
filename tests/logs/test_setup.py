"""`log_config`, `log_level`, `access_log`, `use_colors`, and what they do to the loggers."""

import configparser
import copy
import io
import json
import logging
import logging.config
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from licorne.errors import ConfigError
from licorne.logs import setup
from licorne.logs.formatters import AccessFormatter, ColourizedFormatter, DefaultFormatter, wants_colors

from .scenes import NAMES

INI = """
[loggers]
keys=root,error
[handlers]
keys=null
[formatters]
keys=
[logger_root]
handlers=null
[logger_error]
qualname=licorne.error
level=WARNING
handlers=null
[handler_null]
class=NullHandler
args=()
"""


def facts() -> list[Any]:
    """Return all that a configuration says about our loggers."""
    found: list[Any] = []
    for name in NAMES:
        logger = logging.getLogger(name)
        found.append((name, logger.level, logger.propagate, logger.disabled, len(logger.handlers)))
        for handler in logger.handlers:
            assert isinstance(handler, logging.StreamHandler)
            formatter: Any = handler.formatter
            found += [type(handler), handler.stream, handler.level, type(formatter), formatter._fmt]
            found.append(formatter.use_colors)
    return found


@pytest.mark.parametrize("use_colors", [None, True, False])
def test_by_hand_and_by_dict_config_are_the_same(use_colors: bool | None) -> None:
    setup.configure(copy.deepcopy(setup.LOGGING_CONFIG), use_colors=use_colors)
    by_dict = facts()
    setup.configure(use_colors=use_colors)
    assert facts() == by_dict


def test_the_loggers_are_uvicorns() -> None:
    setup.configure()
    assert [(n, logging.getLogger(n).getEffectiveLevel(), logging.getLogger(n).propagate) for n in NAMES] == [
        ("licorne", logging.INFO, False),
        ("licorne.error", logging.INFO, True),
        ("licorne.access", logging.INFO, False),
        ("licorne.asgi", logging.INFO, True),
    ]
    assert facts().count(sys.stderr) == facts().count(sys.stdout) == 1


def test_configuring_twice_leaves_one_handler_each() -> None:
    setup.configure()
    setup.configure()
    assert [len(logging.getLogger(name).handlers) for name in NAMES] == [1, 0, 1, 0]


def test_a_changed_logging_config_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(setup.LOGGING_CONFIG["formatters"]["access"], "fmt", "%(asctime)s %(request_line)s")
    setup.configure()
    (handler,) = logging.getLogger("licorne.access").handlers
    assert handler.formatter is not None
    assert handler.formatter._fmt == "%(asctime)s %(request_line)s"


def test_our_own_configuration_does_not_import_logging_config() -> None:
    program = (
        "import sys; from licorne.logs import setup, access; setup.configure(); access.AccessLog();"
        "print(sorted({'logging.config', 'json', 'asyncio', 'socketserver', 'yaml'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_an_empty_dict_leaves_logging_as_it_is() -> None:
    setup.configure()
    before = [(logging.getLogger(name).handlers, logging.getLogger(name).level) for name in NAMES]
    setup.configure({})
    assert [(logging.getLogger(name).handlers, logging.getLogger(name).level) for name in NAMES] == before


@pytest.mark.parametrize(
    ("level", "number"), [("critical", 50), ("ERROR", 40), ("info", 20), ("debug", 10), ("trace", 5), (13, 13)]
)
def test_the_level_is_set_on_the_three_loggers(level: str | int, number: int) -> None:
    setup.configure(log_level=level)
    assert [logging.getLogger(f"licorne.{n}").level for n in ("error", "access", "asgi")] == [number] * 3


def test_trace_is_the_name_of_level_5() -> None:
    setup.configure()
    assert logging.getLevelName(setup.TRACE_LOG_LEVEL) == "TRACE"


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"log_level: must be one of critical, .*, got 'loud'"):
        setup.configure(log_level="loud")


def test_no_access_log_empties_the_access_logger() -> None:
    setup.configure(access_log=False)
    assert logging.getLogger("licorne.access").handlers == []
    assert not logging.getLogger("licorne.access").hasHandlers()


def small_config() -> dict[str, Any]:
    """Return a configuration that leaves a trace."""
    return {"version": 1, "disable_existing_loggers": False, "loggers": {"licorne.asgi": {"level": 33}}}


@pytest.mark.parametrize("name", ["log.json", "log.yaml", "log.yml", "LOG.JSON"])
@pytest.mark.parametrize("is_path_like", [False, True])
def test_a_file_is_read_by_its_suffix(name: str, is_path_like: bool, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(json.dumps(small_config()))  # JSON is YAML
    setup.configure(path if is_path_like else str(path))
    assert logging.getLogger("licorne.asgi").level == 33


def test_any_other_file_is_an_ini_file(tmp_path: Path) -> None:
    path = tmp_path / "log.conf"
    path.write_text(INI)
    bystander = logging.getLogger("licorne_tests.bystander")
    setup.configure(str(path))
    assert logging.getLogger("licorne.error").level == logging.WARNING
    assert not bystander.disabled


def test_a_parser_and_an_open_file_are_taken() -> None:
    parser = configparser.RawConfigParser()
    parser.read_string(INI)
    for source in (parser, io.StringIO(INI)):
        logging.getLogger("licorne.error").setLevel(logging.DEBUG)
        setup.configure(source)
        assert logging.getLogger("licorne.error").level == logging.WARNING


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("log.json", "{", "cannot be read: Expecting property name"),
        ("log.json", "[1]", "must hold a mapping"),
        ("log.json", '{"version": 2}', "is not a logging configuration: Unsupported version"),
        ("log.yaml", "a: [", "cannot be read: while parsing"),
        ("log.ini", "[loggers]\n", "is not a logging configuration"),
        ("log.ini", "nothing", "is not a logging configuration"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(name: str, text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        setup.configure(str(path))
    assert raised.value.option == "log_config"
    assert raised.value.value == str(path)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["none.json", "none.yaml", "none.ini"])
def test_a_missing_file_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="log_config: "):
        setup.configure(str(tmp_path / name))


def test_a_bad_dict_says_its_cause() -> None:
    config = {"version": 1, "handlers": {"x": {"class": "no.such.Handler"}}, "root": {"handlers": ["x"]}}
    with pytest.raises(ConfigError, match=r"log_config: .*handler 'x'.*no"):
        setup.configure(config)


def test_yaml_without_pyyaml_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    path = tmp_path / "log.yaml"
    path.write_text("version: 1")
    with pytest.raises(ConfigError, match=r"log_config: needs PyYAML \(pip install 'licorne\[standard\]'\)"):
        setup.configure(str(path))


def test_use_colors_goes_into_a_dict_without_changing_it() -> None:
    config = copy.deepcopy(setup.LOGGING_CONFIG)
    before = copy.deepcopy(config)
    setup.configure(config, use_colors=True)
    assert config == before
    for name in ("licorne", "licorne.access"):
        formatter = logging.getLogger(name).handlers[0].formatter
        assert isinstance(formatter, ColourizedFormatter)
        assert formatter.use_colors is True


class Terminal(io.StringIO):
    """Be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("variables", "is_terminal", "expected"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colours_by_themselves(
    variables: dict[str, str], is_terminal: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert wants_colors(Terminal() if is_terminal else io.StringIO()) is expected


def test_each_formatter_looks_at_its_own_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert AccessFormatter().use_colors is True
    assert DefaultFormatter().use_colors is False


@pytest.mark.parametrize(
    ("level", "plain", "coloured"),
    [
        ("TRACE", "TRACE:    ", "\x1b[34mTRACE\x1b[0m:    "),
        ("DEBUG", "DEBUG:    ", "\x1b[36mDEBUG\x1b[0m:    "),
        ("INFO", "INFO:     ", "\x1b[32mINFO\x1b[0m:     "),
        ("WARNING", "WARNING:  ", "\x1b[33mWARNING\x1b[0m:  "),
        ("ERROR", "ERROR:    ", "\x1b[31mERROR\x1b[0m:    "),
        ("CRITICAL", "CRITICAL: ", "\x1b[91mCRITICAL\x1b[0m: "),
    ],
)
def test_the_prefix_has_nine_columns(level: str, plain: str, coloured: str) -> None:
    setup.configure()
    record = logging.makeLogRecord(
        {"levelname": level, "levelno": setup.LOG_LEVELS[level.lower()], "msg": "%s", "args": ("m",)}
    )
    for use_colors, prefix in ((False, plain), (True, coloured)):
        assert DefaultFormatter("%(levelprefix)s %(message)s", use_colors=use_colors).format(record) == prefix + "m"


def test_a_coloured_message_is_used_with_colours_only_and_the_record_stays() -> None:
    record = logging.makeLogRecord({"levelname": "INFO", "levelno": 20, "msg": "on %s", "args": ("x",)})
    record.color_message = "ON %s"
    assert DefaultFormatter("%(message)s", use_colors=True).format(record) == "ON x"
    assert DefaultFormatter("%(message)s", use_colors=False).format(record) == "on x"
    assert record.msg == "on %s"
    assert not hasattr(record, "levelprefix")
