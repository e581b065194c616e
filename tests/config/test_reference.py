"""The options page, and the answer to --show-config."""

import tomllib
from pathlib import Path

from licorne.config.options import OPTIONS, Config
from licorne.config.reference import options_page, show_config
from licorne.config.sources import load

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "options.md"


def test_the_options_page_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == options_page(), "run `make docs`"


def test_the_page_names_every_option_in_every_form() -> None:
    page = options_page()
    for option in OPTIONS:
        row = next(line for line in page.splitlines() if f"`{option.variable}`" in line)
        assert f"`{option.flag}`" in row
        assert f"`{option.key}`" in row
        assert option.help in row


def test_show_config_has_a_line_for_every_option_with_its_source() -> None:
    lines = [line for line in show_config(Config("main:app", port=1)).splitlines() if " = " in line]
    assert len(lines) == len(OPTIONS)
    assert [line.split("#")[-1].strip() for line in lines if line.startswith("port =")] == ["keyword port"]


def test_what_show_config_prints_can_be_saved_and_read(tmp_path: Path) -> None:
    config = Config(
        "main:app",
        bind=["127.0.0.1:0", "unix:/run/a \\ b.sock"],
        headers=[("X-Quote", 'a "b"')],
        timeout_linger=0.0015,
        limit_concurrency=5,
        log_config={"version": 1, "loggers": {"a.b": {"level": "INFO", "propagate": False}}},
        log_level="trace",
        use_colors=False,
    )
    path = tmp_path / "saved.toml"
    path.write_text(show_config(config), encoding="utf-8")
    assert load(file=str(path), environ={}) == config


def test_what_show_config_prints_of_the_defaults_is_valid() -> None:
    assert set(tomllib.loads(show_config(Config()))) == {option.section for option in OPTIONS}
