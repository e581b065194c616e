"""What the tests of the command share."""

from pathlib import Path

import pytest

from tests.config.commands import Command

APP = """
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})
"""


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Be in a directory with an application, main:app."""
    command = Command(tmp_path)
    command.write("main.py", APP)
    return command
