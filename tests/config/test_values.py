"""Kinds of values: what each reads, what it refuses and how, and that it reads what it shows."""

from pathlib import Path as FilePath

import pytest

from licorne.config.targets import AppTarget, Bind, Binds, Headers, Host, Level, LogConfig, Origins, RootPath
from licorne.config.values import Choice, DurationKind, Kind, SizeKind, Switch, Text, Whole, literal

DURATION = DurationKind()
SIZE = SizeKind()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", 5.0),
        ("500ms", 0.5),
        ("2m", 120.0),
        ("1h", 3600.0),
        ("1d", 86400.0),
        ("1.5s", 1.5),
        ("7", 7.0),
        ("3 S", 3.0),
    ],
)
def test_duration_is_read_with_its_unit(text: str, seconds: float) -> None:
    assert DURATION.read(text) == seconds


@pytest.mark.parametrize("value", [0, 0.0, "0", "off", "None", None])
def test_no_limit_is_written_as_zero_off_or_none(value: object) -> None:
    assert DURATION.read(value) == 0.0
    assert SIZE.read(value) == 0


@pytest.mark.parametrize(
    "value", ["soon", "5x", "-1s", "1e3", "", "5s5s", "inf", -1, True, float("inf"), float("nan"), []]
)
def test_what_is_no_duration_is_refused_with_examples(value: object) -> None:
    with pytest.raises(ValueError, match='must be a duration such as "5s"'):
        DURATION.read(value)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64KiB", 65536),
        ("16k", 16384),
        ("1MB", 1_000_000),
        ("1M", 1 << 20),
        ("2GiB", 2 << 30),
        ("512", 512),
        ("0.5k", 512),
    ],
)
def test_size_is_read_with_its_unit(text: str, size: int) -> None:
    assert SIZE.read(text) == size
    assert isinstance(SIZE.read(text), int)


@pytest.mark.parametrize("value", ["big", "5 stones", -1, "-1", True])
def test_what_is_no_size_is_refused_with_examples(value: object) -> None:
    with pytest.raises(ValueError, match='must be a size such as "64KiB"'):
        SIZE.read(value)


def test_a_part_of_a_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="whole number of bytes"):
        SIZE.read("0.3")


@pytest.mark.parametrize("kind", [SIZE, Whole(), Whole(1)])
@pytest.mark.parametrize("value", [str(10**23), 10**23, "9007199254740992"])
def test_a_number_that_compiled_code_could_not_compute_with_is_refused(kind: Kind, value: object) -> None:
    assert kind.read("9007199254740991") == 2**53 - 1
    with pytest.raises(ValueError, match="must be less than 9007199254740992"):
        kind.read(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[(DURATION, value) for value in (0.0, 0.0015, 0.25, 1.0, 1.5, 60.0, 75.0, 3600.0, 1e9, 1 / 3)],
        *[(SIZE, value) for value in (0, 1, 500, 1000, 1024, 65536, 10**6, 1 << 30, (1 << 40) + 1)],
        *[(Switch(absent="auto"), value) for value in (True, False, None)],
        *[(Whole(absent="none"), value) for value in (0, 17, None)],
        *[(Level(absent="default"), value) for value in ("trace", 7, None)],
        (Headers(), (("a", "b: c"), ("D", ""))),
        (Binds(), (Bind(host="", port=1), Bind(host="::1", port=2), Bind(path="/x y"), Bind(fd=3))),
        (Origins(), ("https://a", "http://[::1]:80", "null", "*")),
        (Choice("a", "b", has_import=True), "m.n:f"),
        (RootPath(), "/api"),
    ],
)
def test_a_kind_reads_what_it_shows(kind: Kind, value: object) -> None:
    assert kind.read(kind.show(value)) == value
    assert kind.read(value) == value


@pytest.mark.parametrize("text", ["true", "YES", "on", "1"])
def test_a_switch_has_words_for_yes(text: str) -> None:
    assert Switch().read(text) is True


@pytest.mark.parametrize("text", ["false", "No", "off", "0"])
def test_a_switch_has_words_for_no(text: str) -> None:
    assert Switch().read(text) is False


@pytest.mark.parametrize("value", ["maybe", 1, None])
def test_a_switch_refuses_other_words(value: object) -> None:
    with pytest.raises(ValueError, match="must be true or false"):
        Switch().read(value)


@pytest.mark.parametrize("value", ["http", "65536", -1, 65536, "1.0", 1.0, True, "٣", None])
def test_a_number_out_of_bounds_is_refused_with_its_bounds(value: object) -> None:
    with pytest.raises(ValueError, match="must be a whole number from 0 to 65535"):
        Whole(0, 65535).read(value)


def test_a_choice_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="must be auto, on or off"):
        Choice("auto", "on", "off").read("maybe")


@pytest.mark.parametrize("text", ["other", "a:", ":b", "a b:c"])
def test_a_choice_that_takes_an_import_refuses_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="must be auto, uvloop or module:attribute"):
        Choice("auto", "uvloop", has_import=True).read(text)


@pytest.mark.parametrize(
    ("text", "bind"),
    [
        ("127.0.0.1:80", Bind(host="127.0.0.1", port=80)),
        ("localhost:0", Bind(host="localhost", port=0)),
        (":8000", Bind(host="", port=8000)),
        ("[::1]:8000", Bind(host="::1", port=8000)),
        ("[fe80::1%eth0]:1", Bind(host="fe80::1%eth0", port=1)),
        ("unix:/run/app.sock", Bind(path="/run/app.sock")),
        ("unix:///run/app.sock", Bind(path="/run/app.sock")),
        ("unix:app.sock", Bind(path="app.sock")),
        ("fd://3", Bind(fd=3)),
    ],
)
def test_an_address_has_four_forms(text: str, bind: Bind) -> None:
    assert Binds().read([text]) == (bind,)
    assert Binds().read([str(bind)]) == (bind,)


def test_addresses_in_one_text_are_parted_by_commas() -> None:
    assert Binds().read(":1, unix:/x") == (Bind(host="", port=1), Bind(path="/x"))


@pytest.mark.parametrize(
    "text", ["localhost", "::1:8000", "1.2.3.4:http", "unix:", "fd://x", "http://a:1", "[::1]", "a b:1"]
)
def test_what_is_no_address_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(ValueError, match="must be host:port, "):
        Binds().read([text])


def test_a_port_of_an_address_has_bounds() -> None:
    with pytest.raises(ValueError, match="port must be a whole number from 0 to 65535"):
        Binds().read(["localhost:65536"])


@pytest.mark.parametrize("value", ["https://a, null", ["https://a", "null"], ("https://a,null",)])
def test_origins_are_a_list_or_parted_by_commas(value: object) -> None:
    assert Origins().read(value) == ("https://a", "null")


@pytest.mark.parametrize(
    "value",
    ["a", "https://", "https://a/", "https://a b", "https://u@a", "https://a:http", "//a", "https://ü", [1], 5, b"*"],
)
def test_what_is_no_origin_is_refused_with_an_example(value: object) -> None:
    with pytest.raises(ValueError, match=r'an origin such as "https://example\.org"'):
        Origins().read(value)


@pytest.mark.parametrize(
    "value", [["X-A: b", "X-C:d"], [("X-A", "b"), ["X-C", "d"]], {"X-A": "b", "X-C": "d"}, "X-A: b\nX-C:d"]
)
def test_headers_are_fields_or_pairs(value: object) -> None:
    assert Headers().read(value) == (("X-A", "b"), ("X-C", "d"))


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("no colon", 'must be "name: value"'),
        (5, 'must be "name: value"'),
        ("a b: c", "must have a header name of letters"),
        (": c", "must have a header name of letters"),
        (("a", "b\r\nc: d"), "must have a header value of printable"),
        (("a", "\u20ac"), "must have a header value of printable"),
        ("Content-Length: 3", "must not set Content-Length"),
        ("transfer-encoding: chunked", "must not set transfer-encoding"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused(field: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Headers().read([field])


@pytest.mark.parametrize(("text", "host"), [("::1", "::1"), ("[::1]", "::1"), ("0.0.0.0", "0.0.0.0"), ("", "")])
def test_a_host_may_stand_in_brackets(text: str, host: str) -> None:
    assert Host().read(text) == host


@pytest.mark.parametrize("text", ["localhost:8000", "http://a", "a b"])
def test_a_host_takes_no_port(text: str) -> None:
    with pytest.raises(ValueError, match="without a port"):
        Host().read(text)


@pytest.mark.parametrize(("text", "path"), [("", ""), ("/", ""), ("/api/", "/api"), ("/a/b", "/a/b")])
def test_a_root_path_ends_without_a_slash(text: str, path: str) -> None:
    assert RootPath().read(text) == path


def test_a_root_path_begins_with_a_slash() -> None:
    with pytest.raises(ValueError, match='begins with "/"'):
        RootPath().read("api")


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("main.py", r"\(try main\)"),
        ("main.py:app", r"\(try main:app\)"),
        ("src/main.py:app", r"\(try main:app with --app-dir src\)"),
        ("src/main:app", r"\(try main:app with --app-dir src\)"),
    ],
)
def test_a_file_in_place_of_a_module_is_refused_with_the_module(text: str, advice: str) -> None:
    with pytest.raises(ValueError, match=f"must name a module rather than a file {advice}"):
        AppTarget().read(text)


@pytest.mark.parametrize("value", ["", "main:", ":app", "main app", "main:app:x", 5])
def test_what_names_no_application_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match='must be "module:attribute" or "module"'):
        AppTarget().read(value)


def test_a_logging_configuration_is_a_file_that_is_there(tmp_path: FilePath) -> None:
    path = tmp_path / "logging.json"
    with pytest.raises(ValueError, match="there is none of this name"):
        LogConfig(must_exist=True).read(str(path))
    path.write_text("{}")
    assert LogConfig(must_exist=True).read(path) == str(path)
    assert LogConfig(must_exist=True).read({"version": 1}) == {"version": 1}


def test_text_is_taken_as_it_is() -> None:
    assert Text().read(" a ") == "a"


def test_a_toml_literal_says_the_same() -> None:
    import tomllib

    value = {"a": 'q"\\\n\x7f', "b": [1, True, 2.5, "é"], "c d": {}, "e": {"f": [{"g": False}]}}
    assert tomllib.loads(f"value = {literal(value)}")["value"] == value
