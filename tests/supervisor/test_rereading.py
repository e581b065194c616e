"""Reading the configuration anew: from the same sources, and with what changed in an env file."""

import logging
import os
from pathlib import Path

import pytest

from licorne.config.options import Config
from licorne.config.sources import load
from licorne.errors import ConfigError
from licorne.launch import rereading
from licorne.supervisor.rereading import Configs, fleet_options_of


def test_an_env_file_is_read_anew_and_what_it_no_longer_sets_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "env"
    file.write_text("LICORNE_WORKERS=2\nCOLOUR=red\nSIZE=large\nHELD=no\n")
    for name in ("LICORNE_WORKERS", "COLOUR", "SIZE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("HELD", "yes")
    before = dict(os.environ)
    assert load(keywords={"env_file": str(file)}).workers == 2
    reread = rereading(lambda fresh: load(keywords={"env_file": str(file)}, environ=fresh), before)
    file.write_text("LICORNE_WORKERS=3\nCOLOUR=blue\n")
    assert reread().workers == 3
    assert (os.environ["COLOUR"], os.environ["HELD"], "SIZE" in os.environ) == ("blue", "yes", False)
    file.write_text("COLOUR=green\nSHAPE=round\n")
    assert reread().workers is None
    file.write_text("")
    reread()
    assert not {"COLOUR", "SHAPE", "LICORNE_WORKERS"} & set(os.environ)
    assert os.environ["HELD"] == "yes"


def test_each_generation_keeps_its_configuration() -> None:
    first, third = Config("main:app", workers=1), Config("main:app", workers=3)
    configs = Configs(first, lambda: third)
    configs.begin(3)
    assert configs[0] is configs[2] is first
    assert configs[3] is configs[7] is configs.current is third


def test_of_many_restarts_only_the_configurations_stay_of_which_a_worker_may_start() -> None:
    configs = Configs(first := Config("main:app"), lambda: Config("main:app"))
    for generation in range(1, 6):
        configs.begin(generation)
        configs.keep(0, generation)
    assert configs[0] is configs[4] is first
    assert configs[5] is configs.current is not first


def test_a_bad_configuration_changes_nothing_and_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Config:
        raise ConfigError("must be a whole number", option="workers", value="many", source="licorne.toml")

    first = Config("main:app", log_config={})
    configs = Configs(first, fail)
    with caplog.at_level(logging.ERROR, "licorne.error"):
        configs.begin(1)
    assert configs[1] is configs.current is first
    assert [record.getMessage() for record in caplog.records] == [
        "The configuration stays as it was: workers: must be a whole number, got 'many' (from licorne.toml)"
    ]


def test_what_cannot_change_is_named(caplog: pytest.LogCaptureFixture) -> None:
    configs = Configs(
        Config("main:app", log_config={}), lambda: Config("main:app", port=9000, workers=4, log_config={}, preload=True)
    )
    with caplog.at_level(logging.WARNING, "licorne.error"):
        configs.begin(1)
    assert [record.getMessage() for record in caplog.records] == [
        "Changed, but not before the next start of licorne: port, preload"
    ]


def test_a_fleet_is_as_large_and_patient_as_the_options_say() -> None:
    config = Config(
        "main:app", workers=5, timeout_worker_healthcheck=7, timeout_graceful_shutdown=11, drain_delay=3, reload=False
    )
    options = fleet_options_of(config)
    assert (options.workers, options.healthcheck, options.graceful, options.drain_delay) == (5, 7.0, 11.0, 3.0)
    assert fleet_options_of(Config("main:app", workers=5, reload=True)).workers == 1
