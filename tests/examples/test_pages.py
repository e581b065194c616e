"""The pages for users: what they show runs, what they name exists, and what they list is complete."""

import ast
import re
from pathlib import Path

import pytest

from licorne.config.options import LIMITS, OPTIONS, TIMEOUTS
from tests.examples.pages import blocks_of, code_spans_of, headings_of, links_of, pages
from tests.examples.playing import PagePlayer
from tests.support.source import ROOT, complain, sources

#: Pages that are generated from the table of options, with an example for each of its texts.
GENERATED = {ROOT / "docs/reference/options.md"}
PLAYED = [page for page in pages() if page not in GENERATED and any(blocks_of(page.read_text(encoding="utf-8")))]
KEYS = {option.key for option in OPTIONS}
FLAGS = {flag for option in OPTIONS for flag in (option.flag, option.opposite, *option.flags)}
COMMAND_FLAGS = {"--config", "--show-config", "--completion", "--version", "--help"}
KEY_SHAPE = re.compile(r"(?:limit|timeout)-[a-z0-9-]+|min-body-[a-z-]+|\w+-high-water")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PLAYED, ids=name_of)
def test_what_a_page_shows_runs_and_prints_what_it_says(page: Path, tmp_path: Path) -> None:
    with PagePlayer(tmp_path) as player:
        for block in blocks_of(page.read_text(encoding="utf-8")):
            player.play(block)


def test_python_in_pages_is_python() -> None:
    for page in pages():
        for block in blocks_of(page.read_text(encoding="utf-8")):
            if block.language == "python":
                ast.parse(block.text, filename=name_of(page))


def test_links_lead_somewhere() -> None:
    broken = []
    for page in pages():
        for link in links_of(page.read_text(encoding="utf-8")):
            path, _, heading = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if ":" not in link and not is_there(target, heading):
                broken.append(f"{name_of(page)}: {link}")
    complain("every link within the project leads to a file, and to a heading of it", broken)


def is_there(target: Path, heading: str) -> bool:
    """Tell whether a file, and a heading of it, exist."""
    return target.exists() and (not heading or heading in headings_of(target.read_text(encoding="utf-8")))


def test_flags_and_options_that_pages_name_exist() -> None:
    unknown = []
    for page in set(pages()) - GENERATED:
        for code in code_spans_of(page.read_text(encoding="utf-8")):
            own = code if code.startswith(("--", "licorne ")) else ""
            flags = re.findall(r"(?<!\S)--[a-z][a-z0-9-]*", own)
            unknown += [f"{name_of(page)}: {flag}" for flag in flags if flag not in FLAGS | COMMAND_FLAGS]
            if KEY_SHAPE.fullmatch(code) and code not in KEYS:
                unknown.append(f"{name_of(page)}: {code}")
    complain("every flag and option in a page exists", unknown)


def test_the_page_of_limits_has_every_limit_with_its_default() -> None:
    text = (ROOT / "docs/reference/limits.md").read_text(encoding="utf-8")
    others = [option for option in OPTIONS if option.name == "backlog" or option.name.startswith("h2_")]
    wanted = [*others, *(option for option in OPTIONS if option.group in (LIMITS, TIMEOUTS))]
    missing = [
        f"{option.key}: {option.shown_default}"
        for option in wanted
        if not re.search(rf"^\| `{option.key}` \| {re.escape(option.shown_default)}\b", text, re.MULTILINE)
    ]
    complain("docs/reference/limits.md has a row for each limit and clock, with its default", missing)


def test_the_page_of_refused_requests_has_every_reason() -> None:
    text = (ROOT / "docs/howto/refused-requests.md").read_text(encoding="utf-8")
    shown = set(code_spans_of(text))
    reasons = {reason for source in sources() for reason in reasons_in(source.tree)}
    complain("docs/howto/refused-requests.md explains every reason", sorted(reasons - shown))
    first_column = set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE))
    complain("docs/howto/refused-requests.md explains no reason that is no more", sorted(first_column - reasons))


def reasons_in(tree: ast.AST) -> set[str]:
    """Return the reasons of the answers that a file can give, with "…" for what is filled in."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and len(node.args) == 2]
    made = [node.args[1] for node in calls if ast.unparse(node.func) == "RemoteProtocolError"]
    return {text for reason in made if (text := text_of(reason))}


def text_of(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else ""
