"""Flags and variables: what the command makes of them for run(), without serving."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import uvicorn
from uvicorn.config import LOGGING_CONFIG


def parameters_of(
    monkeypatch: pytest.MonkeyPatch, *arguments: str, variables: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return what run() is called with."""
    found: dict[str, Any] = {}

    def run(app: str, **parameters: Any) -> None:
        found.update(parameters, app=app)

    monkeypatch.setattr(sys.modules["uvicorn.main"], "run", run)
    result = CliRunner().invoke(uvicorn.main, ["main:app", *arguments], env=variables or {})
    assert result.exit_code == 0, result.output
    return found


def test_without_flags_everything_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    found = parameters_of(monkeypatch)
    assert (found["app"], found["app_dir"], found["headers"], found["workers"]) == ("main:app", "", [], None)
    assert found["log_config"] is LOGGING_CONFIG
    assert (found["reload_dirs"], found["reload_includes"], found["reload_excludes"]) == (None, None, None)


def test_a_header_is_parted_at_its_first_colon_and_keeps_its_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    found = parameters_of(monkeypatch, "--header", "A: b:c", "--header", "D:")
    assert found["headers"] == [("A", " b:c"), ("D", "")]


def test_variables_of_lists_have_the_names_of_parameters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("a", "b")]
    for path in paths:
        Path(path).mkdir()
    variables = {"UVICORN_RELOAD_DIRS": os.pathsep.join(paths), "UVICORN_RELOAD_INCLUDES": "*.a *.b"}
    found = parameters_of(monkeypatch, variables=variables)
    assert (found["reload_dirs"], found["reload_includes"]) == (paths, ["*.a", "*.b"])


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        *(("WORKERS", "3", 3), ("RELOAD", "true", True), ("ACCESS_LOG", "false", False), ("USE_COLORS", "0", False)),
        *(("WS_PER_MESSAGE_DEFLATE", "no", False), ("WS_PING_INTERVAL", "1.5", 1.5), ("LOG_LEVEL", "trace", "trace")),
        *(("SSL_CERT_REQS", "2", 2), ("FORWARDED_ALLOW_IPS", "*", "*"), ("RESET_CONTEXTVARS", "1", True)),
    ],
)
def test_every_variable_is_named_after_its_parameter(
    name: str, text: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert parameters_of(monkeypatch, variables={f"UVICORN_{name}": text})[name.lower()] == value


def test_a_flag_wins_over_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parameters_of(monkeypatch, "--port", "1", variables={"UVICORN_PORT": "2"})["port"] == 1


@pytest.mark.parametrize("text", ["true", "false"])
def test_deflate_takes_a_value(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parameters_of(monkeypatch, "--ws-per-message-deflate", text)["ws_per_message_deflate"] is (text == "true")


@pytest.mark.parametrize("name", ["none", "zuvloop", "mine:loop"])
def test_loops_and_protocols_may_be_names_of_ones_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = parameters_of(monkeypatch, "--loop", name, "--http", name, "--ws", name)
    assert (found["loop"], found["http"], found["ws"]) == (name, name, name)
