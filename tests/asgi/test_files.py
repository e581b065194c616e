"""`pathsend` and `zerocopysend`: whole files and parts of them, closed in every case, never cut without a sign."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from licorne.errors import LocalProtocolError
from tests.support.peer import Peer
from tests.support.stage import GET, Receive, Scope, Send, Stage

IS_FOR_HTTP2 = True

CONTENT = bytes(range(256)) * 2000
START = {"type": "http.response.start", "status": 200, "headers": []}
WITH_LENGTH = {**START, "headers": [(b"content-length", b"%d" % len(CONTENT))]}
HEAD = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\n\r\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a file with CONTENT."""
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture(autouse=True)
def no_file_left_open() -> Any:
    """Fail if a test leaves more files open than it found."""
    before = open_files()
    yield
    assert open_files() <= before


def open_files() -> set[str]:
    """Return the regular files that this process has open."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        target = os.readlink(f"/proc/self/fd/{name}") if os.path.lexists(f"/proc/self/fd/{name}") else ""
        if target.startswith("/") and Path(target).name in ("file", "fifo"):
            found.add(f"{name} {target}")
    return found


def sending(*messages: dict[str, Any], caught: list[BaseException] | None = None) -> Any:
    """Make an application that sends messages; with `caught`, what is raised is kept and the next one sent."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            try:
                await send(message)
            except BaseException as error:
                if caught is None:
                    raise
                caught.append(error)

    return app


def pathsend(path: Any) -> dict[str, Any]:
    """Return the message that sends a path."""
    return {"type": "http.response.pathsend", "path": path}


def zerocopysend(file: Any, **others: Any) -> dict[str, Any]:
    """Return the message that sends an open file."""
    return {"type": "http.response.zerocopysend", "file": file, **others}


async def ask(stage: Stage, app: Any, request: bytes = GET) -> Peer:
    """Return a peer that has sent a request."""
    peer = await stage.connect(app)
    peer.send(request)
    return peer


# --- pathsend -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [START, WITH_LENGTH], ids=["length-found", "length-given"])
async def test_path(stage: Stage, path: Path, start: dict[str, Any]) -> None:
    peer = await ask(stage, sending(start, pathsend(str(path))), GET + GET)
    for answer in await peer.answers("GET", "GET"):
        assert answer.fields == [(b"content-length", b"%d" % len(CONTENT))]
        assert answer.body == CONTENT


@pytest.mark.parametrize("kind", [str, os.fsencode, Path], ids=["str", "bytes", "path"])
async def test_path_of_every_type(stage: Stage, path: Path, kind: Any) -> None:
    peer = await ask(stage, sending(START, pathsend(kind(path))))
    assert (await peer.answer()).body == CONTENT


async def test_path_for_head(stage: Stage, path: Path) -> None:
    peer = await ask(stage, sending(WITH_LENGTH, pathsend(path)), HEAD + HEAD)
    for answer in await peer.answers("HEAD", "HEAD"):
        assert answer.fields == [(b"content-length", b"%d" % len(CONTENT))]


@pytest.mark.http1
async def test_path_for_http10(stage: Stage, path: Path) -> None:
    peer = await ask(stage, sending(START, pathsend(path)), OLD)
    head, _, body = (await peer.rest()).partition(b"\r\n\r\n")
    assert b"\r\ncontent-length: " in head
    assert body == CONTENT


async def test_empty_file(stage: Stage, path: Path) -> None:
    path.write_bytes(b"")
    peer = await ask(stage, sending(START, pathsend(path)), GET + GET)
    for answer in await peer.answers("GET", "GET"):
        assert answer.fields == [(b"content-length", b"0")]


async def test_path_after_a_piece_of_body(stage: Stage, path: Path) -> None:
    piece = {"type": "http.response.body", "body": b"before", "more_body": True}
    peer = await ask(stage, sending(START, piece, pathsend(path)), GET + GET)
    for answer in await peer.answers("GET", "GET"):
        assert answer.body == b"before" + CONTENT


@pytest.mark.parametrize("kind", ["missing", "relative", "directory", "fifo", "none", "too-long"])
async def test_wrong_path_raises_and_leaves_the_way_free(stage: Stage, path: Path, kind: str) -> None:
    if kind == "fifo":
        os.mkfifo(path.parent / "fifo")
    wrong: Any = {
        "missing": path.parent / "missing",
        "relative": "file",
        "directory": path.parent,
        "fifo": path.parent / "fifo",
        "none": None,
        "too-long": "/" + 5000 * "a",
    }[kind]
    caught: list[BaseException] = []
    peer = await ask(stage, sending(START, pathsend(wrong), pathsend(path), caught=caught))
    assert (await peer.answer()).body == CONTENT
    (error,) = caught
    assert isinstance(error, LocalProtocolError | OSError | TypeError)


async def test_path_before_the_start_is_not_opened(stage: Stage, path: Path) -> None:
    caught: list[BaseException] = []
    peer = await ask(stage, sending(pathsend(path), START, pathsend(path), caught=caught))
    assert (await peer.answer()).body == CONTENT
    assert isinstance(caught[0], LocalProtocolError)


async def test_path_of_another_length_than_promised(stage: Stage, path: Path) -> None:
    start = {**START, "headers": [(b"content-length", b"5")]}
    peer = await ask(stage, sending(start, pathsend(path)))
    assert (await peer.answer()).status == 500
    (record,) = stage.take_log()
    assert "longer than Content-Length" in str(record.exc_info and record.exc_info[1])


async def test_send_that_is_never_awaited_opens_nothing(stage: Stage, path: Path) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        waiting: Any = send(pathsend(path))
        waiting.close()
        await send({"type": "http.response.body", "body": b"ok"})

    peer = await ask(stage, app)
    assert (await peer.answer()).body == b"ok"


# --- zerocopysend -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("others", "part"),
    [
        pytest.param({}, CONTENT, id="whole"),
        pytest.param({"offset": 10}, CONTENT[10:], id="offset"),
        pytest.param({"count": 10}, CONTENT[:10], id="count"),
        pytest.param({"offset": 10, "count": 300_000}, CONTENT[10:300_010], id="both"),
        pytest.param({"offset": None, "count": None}, CONTENT, id="none"),
        pytest.param({"offset": len(CONTENT)}, b"", id="at-the-end"),
        pytest.param({"count": 0}, b"", id="nothing"),
    ],
)
@pytest.mark.parametrize("buffering", [0, -1], ids=["raw", "buffered"])
async def test_parts_of_a_file(stage: Stage, path: Path, others: dict[str, Any], part: bytes, buffering: int) -> None:
    with open(path, "rb", buffering=buffering) as file:
        peer = await ask(stage, sending(START, zerocopysend(file, **others)))
        answer = await peer.answer()
        assert answer.body == part
        assert answer.fields == [(b"content-length", b"%d" % len(part))]
        assert not file.closed


async def test_without_an_offset_the_position_moves_on(stage: Stage, path: Path) -> None:
    with path.open("rb") as file:
        file.seek(5)
        messages = [zerocopysend(file, count=10, more_body=True), zerocopysend(file, count=10, more_body=True)]
        peer = await ask(stage, sending(START, *messages, zerocopysend(file, offset=0, count=1)))
        assert (await peer.answer()).body == CONTENT[5:25] + CONTENT[:1]
        assert file.tell() == 25


async def test_files_and_bodies_take_turns(stage: Stage, path: Path) -> None:
    with path.open("rb") as file:
        piece = {"type": "http.response.body", "body": b"--", "more_body": True}
        part = zerocopysend(file, offset=0, more_body=True)
        app = sending(START, piece, part, piece, part, {"type": "http.response.body", "body": b"--"})
        peer = await ask(stage, app, GET + GET)
        for answer in await peer.answers("GET", "GET"):
            assert answer.body == b"--" + CONTENT + b"--" + CONTENT + b"--"


async def test_file_with_trailers(stage: Stage, path: Path) -> None:
    trailers = {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]}
    peer = await ask(
        stage,
        sending({**START, "trailers": True}, pathsend(path), trailers),
        GET.replace(b"Host", b"TE: trailers\r\nHost"),
    )
    answer = await peer.answer()
    assert answer.body == CONTENT
    assert answer.fields[-1] == (b"x-sum", b"1")


@pytest.mark.parametrize("kind", ["past-the-end", "negative", "no-file", "closed", "missing"])
async def test_wrong_file_raises_and_leaves_the_way_free(stage: Stage, path: Path, kind: str) -> None:
    with path.open("rb") as file, path.open("rb") as closed:
        closed.close()
        wrong: dict[str, Any] = {
            "past-the-end": zerocopysend(file, offset=0, count=len(CONTENT) + 1),
            "negative": zerocopysend(file, offset=-1, count=1),
            "no-file": zerocopysend(b"bytes"),
            "closed": zerocopysend(closed),
            "missing": {"type": "http.response.zerocopysend"},
        }[kind]
        caught: list[BaseException] = []
        peer = await ask(stage, sending(START, wrong, zerocopysend(file, offset=0), caught=caught))
        assert (await peer.answer()).body == CONTENT
        assert isinstance(caught[0], LocalProtocolError | KeyError)


# --- in the middle ------------------------------------------------------------------------------------------


@pytest.mark.http1
@pytest.mark.parametrize("hides", [False, True], ids=["raises", "hides-it"])
@pytest.mark.parametrize("has_length", [False, True], ids=["no-length", "length"])
async def test_file_that_shrinks_cuts_the_connection(stage: Stage, path: Path, hides: bool, has_length: bool) -> None:
    caught: list[BaseException] = []
    path.write_bytes(40 * CONTENT)
    size = 40 * len(CONTENT)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**START, "headers": [(b"content-length", b"%d" % size)] if has_length else []})
        with path.open("rb") as file:
            waiting: Any = send(zerocopysend(file, offset=0, count=size, more_body=True))
            step = waiting.send(None)  # now it is announced
            os.truncate(path, 1000)
            try:
                await resumed(waiting, step)
            except OSError as error:
                caught.append(error)
                if not hides:
                    raise
        try:
            await send({"type": "http.response.body", "body": b""})
        except LocalProtocolError as error:
            caught.append(error)

    peer = await ask(stage, app, GET + GET)
    sent = await peer.rest()
    assert sent.count(b"HTTP/1.1") <= 1
    assert not sent.endswith(b"0\r\n\r\n")
    assert len(sent) < size
    assert len(caught) == 1 + hides
    assert len(stage.take_log()) == (not hides)


class resumed:  # noqa: N801 - reads as the verb that it is
    """Await a coroutine that has been started, from its first step on."""

    def __init__(self, coroutine: Any, step: Any) -> None:
        self.coroutine = coroutine
        self.step = step

    def __await__(self) -> Any:
        step = self.step
        while True:
            try:
                yield step
            except BaseException as error:
                step = self.coroutine.throw(error)
            else:
                try:
                    step = self.coroutine.send(None)
                except StopIteration:
                    return


async def test_client_that_leaves_in_the_middle(stage: Stage, path: Path) -> None:
    path.write_bytes(40 * CONTENT)
    caught: list[BaseException] = []
    app = sending({**START, "status": 200}, pathsend(path), caught=caught)
    peer = await stage.connect(app)
    if stage.kind != "memory":
        peer.transport.pause_reading()
    peer.send(GET)
    await stage.until(lambda: bool(stage.running()) and bool(open_files()))
    await asyncio.sleep(0)
    peer.reset()
    await stage.until(lambda: not stage.running())
    assert all(isinstance(error, OSError) for error in caught)
    assert len(caught) == 1


async def test_application_that_is_cancelled_in_the_middle(stage: Stage, path: Path) -> None:
    path.write_bytes(40 * CONTENT)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        task = asyncio.ensure_future(send(pathsend(path)))
        await asyncio.sleep(0)
        assert open_files()
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()

    peer = await ask(stage, app, GET + GET)
    sent = await peer.rest()
    assert sent.count(b"HTTP/1.1") <= 1
    assert len(sent) < 40 * len(CONTENT)


async def test_nothing_else_is_sent_while_a_file_is(stage: Stage, path: Path) -> None:
    caught: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        task = asyncio.ensure_future(send(pathsend(path)))
        await asyncio.sleep(0)
        for message in ({"type": "http.response.body", "body": b"x", "more_body": True}, pathsend(path)):
            try:
                await send(message)
            except LocalProtocolError as error:
                caught.append(error)
        await task

    peer = await ask(stage, app, GET + GET)
    for answer in await peer.answers("GET", "GET"):
        assert answer.body == CONTENT
    assert len(caught) == 4


async def test_early_hints_before_a_file(stage: Stage, path: Path) -> None:
    hint = {"type": "http.response.early_hint", "links": [b"</a>"]}
    peer = await ask(stage, sending(hint, START, pathsend(path)))
    assert (await peer.answer()).body == CONTENT
