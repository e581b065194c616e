"""Occupant: a command line is short and says what is served and where."""

import pytest

from licorne.server.listening.occupant import shown_command

LONG = [f"--header=x-{number}:some-value" for number in range(10)]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["/opt/shop/bin/python3", "/opt/shop/bin/licorne", "main:app"], "python3 licorne main:app"),
        (["nginx: master process /usr/sbin/nginx"], "nginx: master process /usr/sbin/nginx"),
        (["licorne", "main:app", "--app-dir=/srv/shop/app", "--uds", "/run/a.sock"], None),
        (["python", "licorne", "main:app", *LONG, "--port", "8000"], None),
        (["python", "-c", "import socket\n" + "y" * 60], f"python -c import socket?{'y' * 26}..."),
        (["", ""], ""),
    ],
)
def test_a_command_line_keeps_its_program_and_its_end(words: list[str], line: str | None) -> None:
    shown = shown_command(words)
    assert len(shown) <= 130
    if line is not None:
        assert shown == line
    elif "--uds" in words:
        assert shown == "licorne main:app --app-dir=app --uds a.sock"
    else:
        assert shown.startswith("python licorne main:app ... --header=")
        assert shown.endswith(" --port 8000")
