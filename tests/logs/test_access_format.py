"""`access_log_format`: presets, atoms in braces, atoms with letters, and what is refused."""

import base64
import io
import json
import logging
import os
import re
from pathlib import Path

import pytest

from licorne.engine.exchange import Exchange
from licorne.errors import ConfigError
from licorne.logs import atoms
from licorne.logs.template import JSON_FIELDS, LETTERS, compile_template

from .scenes import exchange, line_of, link, logs_to, opened

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "log-fields.md"


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("{client} {client_host} {client_port}", "127.0.0.1:54321 127.0.0.1 54321"),
        ("{method} {target} {path} {query}", "GET /x?y=1 /x y=1"),
        ("{scheme} {version} {status} {phrase} {bytes}", "http 1.1 200 OK 5"),
        ("{duration_s} {duration_ms} {duration_us}", "0.012500 12.500 12500"),
        ("{header:User-Agent} {header:x-none}", "curl/8 -"),
        ("{response_header:content-type}", "text/plain"),
        ("{host} {user_agent} {referer} {request_id} {user}", "example.org curl/8 - - -"),
        ("{outcome} {pid}", "complete PID"),
        ("{{{method}}} 100%", "{GET} 100%"),
        ("%(h)s %(l)s %(u)s %(r)s %(s)s", "127.0.0.1 - - GET /x?y=1 HTTP/1.1 200"),
        ("%(m)s %(U)s %(q)s %(H)s %(b)s %(B)s", "GET /x y=1 HTTP/1.1 5 5"),
        ("%(f)s %(a)s %(p)s", "- curl/8 <PID>"),
        ("%(T)s %(D)s %(M)s %(L)s %(D)d", "0 12500 12 0.012500 12500"),
        ("%({Host}i)s %({content-type}o)s %({LICORNE_TEST_LOG}e)s", "example.org text/plain deep\\x0ablue"),
        ("%(st)s %(S)s %(R)s %(Uq)s 100%%", "OK http GET /x HTTP/1.1 /x?y=1 100%"),
        ("café {method}", "café GET"),
    ],
)
def test_atoms(template: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LICORNE_TEST_LOG", "deep\nblue")
    # The identity of this process stands in no test's name: workers would disagree on what the tests are.
    assert line_of(template, seconds=0.0125) == line.replace("PID", str(os.getpid())) + "\n"


def test_every_letter_of_gunicorn_is_known() -> None:
    assert set("hlutrsbBfaTDLMmUqHp") <= set(LETTERS)


def test_absent_values_are_dashes_in_text_and_null_in_json() -> None:
    facts = {"headers": [], "response_headers": None, "target": b"/", "peer": link(None)}
    assert line_of("{client} {client_host} {client_port} {query} {request_id}", **facts) == "- - - - -\n"
    found = json.loads(line_of("json", **facts))
    assert found["client_host"] is found["client_port"] is found["query"] is found["user_agent"] is None


def test_an_empty_body_is_a_dash_for_b_and_0_elsewhere() -> None:
    assert line_of("%(b)s %(B)s {bytes}".replace("{bytes}", ""), bytes_sent=0) == "- 0 \n"
    assert line_of("{bytes}", bytes_sent=0) == "0\n"


def test_fields_that_come_twice_are_joined() -> None:
    assert line_of("{header:a}", headers=[(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]) == "1, 3\n"


def test_the_request_id_is_the_applications_else_the_requests() -> None:
    asked = [(b"x-request-id", b"asked")]
    assert line_of("{request_id}", headers=asked) == "asked\n"
    assert line_of("{request_id}", headers=asked, response_headers=[(b"X-Request-ID", b"given")]) == "given\n"


def test_the_user_is_the_one_of_basic_credentials() -> None:
    credentials = b"Basic " + base64.b64encode(b'al"ice:secret')
    assert line_of("%(u)s", headers=[(b"authorization", credentials)]) == 'al\\"ice\n'
    assert line_of("%(u)s", headers=[(b"authorization", b"Basic a")]) == "-\n"
    assert line_of("%(u)s", headers=[(b"authorization", b"Bearer abc")]) == "-\n"


def test_a_response_that_was_cut_is_aborted() -> None:
    assert line_of("{outcome}", is_aborted=True) == "aborted\n"
    assert line_of("{status} {outcome}", status=0) == "499 aborted\n"


def test_json_is_an_object_with_the_documented_fields() -> None:
    found = json.loads(line_of("json", seconds=0.0125))
    assert list(found) == list(JSON_FIELDS)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found.pop("time"))
    assert found == {
        "client_host": "127.0.0.1",
        "client_port": 54321,
        "method": "GET",
        "path": "/x",
        "query": "y=1",
        "version": "1.1",
        "status": 200,
        "bytes": 5,
        "duration_ms": 12.5,
        "host": "example.org",
        "user_agent": "curl/8",
        "referer": None,
        "request_id": None,
        "outcome": "complete",
    }


def test_combined_is_the_combined_log_format() -> None:
    line = line_of("combined")
    assert re.fullmatch(
        r"127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "
        r'"GET /x\?y=1 HTTP/1\.1" 200 5 "-" "curl/8"\n',
        line,
    )
    assert line_of("common").count('"') == 2


def test_times_are_the_end_of_the_response() -> None:
    entry = atoms.Entry(clock=lambda: 1700000000.25)
    assert atoms.time_iso(entry) == b"2023-11-14T22:13:20.250Z"
    assert re.fullmatch(rb"\[1[45]/Nov/2023:\d\d:\d\d:20 [+-]\d{4}\]", atoms.time_clf(entry))


@pytest.mark.parametrize(
    ("template", "needs_time"),
    [
        ("{duration_ms}", True),
        ("{duration_s}", True),
        ("{duration_us}", True),
        ("%(T)s", True),
        ("%(D)s", True),
        ("%(L)s", True),
        ("%(M)s", True),
        ("json", True),
        ("combined", False),
        ("{status} {time}", False),
    ],
)
def test_time_is_taken_only_for_a_duration(template: str, needs_time: bool) -> None:
    with opened(template) as log:
        assert log.needs_time is needs_time


def test_the_default_line_needs_no_time() -> None:
    with opened() as log:
        assert log.needs_time is False


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{methd}", "unknown atom {methd}, got '{methd}'; did you mean 'method'?"),
        ("{zzz}", "unknown atom {zzz}"),
        ("{}", "unknown atom {}"),
        ("{header:}", "unknown atom {header:}"),
        ("{headers:a}", "did you mean 'header:name'?"),
        ("{method", "a lone '{'"),
        ("method}", "a lone '}'"),
        ("%(h)s %(z)s", "unknown atom %(z)s"),
        ("%({a}x)s", "unknown atom %({a}x)s"),
        ("%(h)s %d", "'%' that begins no atom"),
        ("%(h)", "'%' that begins no atom"),
        ("jsn", "did you mean 'json'?"),
        ("", "neither a preset"),
        ("no atoms", "neither a preset"),
    ],
)
def test_a_bad_template_is_refused_when_the_server_starts(template: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        compile_template(template)
    assert raised.value.option == "access_log_format"
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_users_handler_gets_the_rendered_line_and_the_same_args() -> None:
    with logs_to(io.StringIO()), opened("{method}!{status}") as log:
        stream = io.StringIO()
        logging.getLogger("licorne.access").addHandler(logging.StreamHandler(stream))
        records: list[logging.LogRecord] = []
        logging.getLogger("licorne.access").addFilter(lambda record: not records.append(record))
        log.log(exchange(), link(), 0.0, 0.0)
    assert stream.getvalue() == "GET!200\n"
    assert records[0].args == ("127.0.0.1:54321", "GET", "/x?y=1", "1.1", 200)
    assert records[0].getMessage() == "GET!200"


def test_a_template_writes_the_same_through_logging() -> None:
    stream = io.StringIO()
    with logs_to(stream) as handler, opened('{client} "{target}" café') as log:
        log.log(exchange(), link(), 0.0, 0.0)
        handler.addFilter(lambda record: True)
        log.log(exchange(), link(), 0.0, 0.0)
    first, second = stream.getvalue().splitlines()
    assert first == second == '127.0.0.1:54321 "/x?y=1" café'


def test_exchanges_have_what_lines_are_made_of() -> None:
    for name in ("method", "target", "http_version", "headers", "status", "response_headers", "bytes_sent"):
        assert hasattr(Exchange, name)
    assert hasattr(Exchange, "is_aborted")
    assert hasattr(Exchange, "head")


def test_every_atom_is_documented() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in (*atoms.TEXTS, *atoms.NUMBERS):
        assert f"`{{{name}}}`" in page
    for letters in LETTERS:
        assert f"`%({letters})s`" in page
    for name in JSON_FIELDS:
        assert f"| `{name}` |" in page
