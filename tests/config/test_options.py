"""The table: its rules of style, and what `Config` promises."""

import pickle
import re
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from licorne.config.options import OPTIONS, Config
from licorne.config.targets import Bind
from licorne.errors import ConfigError

#: Uvicorn's name for it, kept for those who know it.
INHERITED_NAMES = {"h11_max_incomplete_event_size"}
#: Named for the token that stands in the Upgrade field.
TOKEN_NAMES = {"h2c_upgrade"}


def app() -> None:
    """Stand for an application."""


def test_a_name_is_words_joined_by_underscores() -> None:
    names = {option.name for option in OPTIONS} - INHERITED_NAMES - TOKEN_NAMES
    assert [name for name in names if not re.fullmatch(r"[a-z]+[0-9]?(_[a-z0-9]+)*", name)] == []


def test_a_help_text_is_one_sentence() -> None:
    bad = [option.name for option in OPTIONS if not re.fullmatch(r"[A-Z][^.!?\n]*(\.\w[^.!?\n]*)*\.", option.help)]
    # A point inside is that of a file's suffix, and never ends a sentence.
    bad += [option.name for option in OPTIONS if ". " in option.help]
    assert bad == []


def test_the_fields_are_the_table() -> None:
    assert [field.name for field in fields(Config)] == [*(option.name for option in OPTIONS), "sources"]


def test_names_that_follow_from_options_are_unique() -> None:
    for names in (
        [flag for option in OPTIONS for flag in (*(option.flags or (option.flag,)), option.opposite) if flag],
        [option.variable for option in OPTIONS],
        [option.key for option in OPTIONS],
    ):
        assert len(names) == len(set(names))


def test_options_of_a_group_stand_together() -> None:
    groups = [option.group for option in OPTIONS]
    assert groups == sorted(groups, key=groups.index)


def test_a_section_is_not_named_like_an_option() -> None:
    assert {option.section for option in OPTIONS}.isdisjoint(option.key for option in OPTIONS)


def test_a_default_stands_in_the_table_as_a_user_would_write_it() -> None:
    config = Config()
    for option in OPTIONS:
        assert option.kind.read(option.shown_default) == getattr(config, option.name), option.name
        assert config.sources[option.name] == "default"


def test_the_documented_defaults_hold() -> None:
    config = Config()
    assert (config.host, config.port, config.backlog) == ("127.0.0.1", 8000, 2048)
    assert (config.timeout_keep_alive, config.timeout_request_header, config.timeout_graceful_shutdown) == (75, 10, 30)
    assert (config.limit_request_line, config.limit_head_size, config.limit_header_count) == (16384, 65536, 100)
    assert (config.read_high_water, config.write_high_water) == (65536, 65536)


def test_the_application_is_the_only_positional_argument() -> None:
    assert Config("main:app", port=8001).app == "main:app"
    assert Config(app).app is app
    with pytest.raises(TypeError):
        Config("main:app", True)


def test_a_keyword_takes_text_and_native_values() -> None:
    config = Config(timeout_keep_alive="5s", timeout_linger=2, headers=[("k", "v")], bind=[":1"], limit_body_size="1k")
    assert (config.timeout_keep_alive, config.timeout_linger, config.limit_body_size) == (5.0, 2.0, 1024)
    assert (config.headers, config.bind) == ((("k", "v"),), (Bind(host="", port=1),))


def test_a_bad_keyword_is_named_with_its_value_and_source() -> None:
    with pytest.raises(ConfigError) as caught:
        Config(port=70000)
    assert str(caught.value) == "port: must be a whole number from 0 to 65535, got 70000 (from keyword port)"
    assert (caught.value.option, caught.value.value, caught.value.source) == ("port", 70000, "keyword port")


def test_an_unknown_keyword_has_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"^unknown option 'prot' \(from keyword prot\); did you mean port\?$"):
        Config(prot=1)


def test_a_level_may_be_named_as_logging_names_it() -> None:
    assert (Config(log_level="WARN").log_level, Config(log_level="fatal").log_level) == ("warning", "critical")


def test_the_source_of_a_keyword_is_remembered() -> None:
    assert Config(port=1).sources["port"] == "keyword port"


@pytest.mark.parametrize(
    "options",
    [{"bind": [":1"], "host": "::1"}, {"bind": [":1"], "port": 1}, {"uds": "/x", "fd": 3}, {"uds": "/x", "port": 1}],
)
def test_two_ways_to_say_where_to_listen_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="both say where to listen; use one of them"):
        Config(**options)


def test_none_does_not_say_where_to_listen() -> None:
    assert Config(uds=None, fd=None, bind=(), port=1).port == 1


def test_none_is_nothing_of_a_list_and_no_directory() -> None:
    config = Config(headers=None, bind=None, app_dir=None)
    assert (config.headers, config.bind, config.app_dir) == ((), (), "")
    assert set(config.sources.values()) == {"default"}


def test_a_config_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Config().port = 1


def test_a_config_can_be_copied_to_another_process() -> None:
    config = Config("main:app", bind=[":1", "unix:/x"], headers=["a: b"])
    copy = pickle.loads(pickle.dumps(config))
    assert copy == config
    assert copy.sources == config.sources


def test_a_config_can_be_replaced_in_part() -> None:
    assert replace(Config("main:app", port=1), timeout_linger="2s").timeout_linger == 2.0
