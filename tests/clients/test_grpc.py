"""grpcio, the client of most who speak gRPC, and an application of ours: every kind of call, in clear and over TLS."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from tests.clients.certificates import make_certificate
from tests.server.process import ServerProcess

APPS = Path(__file__).parent
DEADLINE_SECONDS = 60.0
MIB = 1024 * 1024
OPTIONS = [("grpc.max_receive_message_length", 64 * MIB), ("grpc.enable_http_proxy", 0)]


@pytest.fixture(scope="module", params=["clear", "tls"])
def channel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[grpc.Channel]:
    """Serve the application and connect."""
    arguments = ["grpc_app:app", "--port=0", "--no-access-log"]
    certificate = None
    if request.param == "tls":
        certificate = make_certificate(tmp_path_factory.mktemp("certificate"), "localhost")
        arguments += [f"--ssl-certfile={certificate}", f"--ssl-keyfile={certificate}"]
    with ServerProcess(*arguments, app_dir=APPS) as server:
        port = int(server.wait_for(r"Licorne running on https?://\S+:(\d+) ")[1])
        with connect(port, certificate) as channel:
            yield channel
        assert "Traceback" not in server.log, server.log


def connect(port: int, certificate: Path | None) -> grpc.Channel:
    """Open a channel."""
    if certificate is None:
        return grpc.insecure_channel(f"127.0.0.1:{port}", OPTIONS)
    named = [*OPTIONS, ("grpc.ssl_target_name_override", "localhost")]
    return grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(certificate.read_bytes()), named)


def unary(channel: grpc.Channel, method: str, message: bytes = b"") -> bytes:
    """Call with a message, and return the answer."""
    answer: bytes = channel.unary_unary(f"/check.Check/{method}")(message, timeout=DEADLINE_SECONDS)
    return answer


def test_one_message_is_answered_by_one(channel: grpc.Channel) -> None:
    assert unary(channel, "Unary", b"hello") == b"HELLO"
    assert unary(channel, "Unary", b"") == b""


def test_a_large_message_goes_both_ways(channel: grpc.Channel) -> None:
    message = b"x" * (8 * MIB)
    assert unary(channel, "Unary", message) == message.upper()


def test_an_answer_is_many_messages(channel: grpc.Channel) -> None:
    answers = channel.unary_stream("/check.Check/Count")(b"2000", timeout=DEADLINE_SECONDS)
    assert list(answers) == [str(number).encode() for number in range(2000)]


def test_a_request_is_many_messages(channel: grpc.Channel) -> None:
    messages = (b"x" * size for size in range(2000))
    answer = channel.stream_unary("/check.Check/Gather")(messages, timeout=DEADLINE_SECONDS)
    assert answer == str(sum(range(2000))).encode()


def test_both_sides_talk_at_the_same_time(channel: grpc.Channel) -> None:
    answered = threading.Semaphore(0)

    def ask() -> Iterator[bytes]:
        for number in range(200):
            yield f"message {number}".encode()
            # The next one is not sent before this one was answered.
            assert answered.acquire(timeout=DEADLINE_SECONDS)

    answers = channel.stream_stream("/check.Check/Talk")(ask(), timeout=DEADLINE_SECONDS)
    for number, answer in enumerate(answers):
        assert answer == f"MESSAGE {number}".encode()
        answered.release()
    assert number == 199


@pytest.mark.parametrize(
    ("method", "code", "text"),
    [
        ("Refuse", grpc.StatusCode.NOT_FOUND, "no such thing"),
        ("Break", grpc.StatusCode.DATA_LOSS, "the rest is lost"),
        ("Nonsense", grpc.StatusCode.UNIMPLEMENTED, "no such method"),
    ],
)
def test_a_failure_arrives_with_its_status(
    channel: grpc.Channel, method: str, code: grpc.StatusCode, text: str
) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        unary(channel, method, b"x")
    assert failure.value.code() == code
    assert failure.value.details() == text


def test_a_client_that_has_waited_enough_leaves_its_call_alone(channel: grpc.Channel) -> None:
    begun, left = int(unary(channel, "Waiting")), int(unary(channel, "Left"))
    call = channel.unary_unary("/check.Check/Wait").future(b"")
    wait_for_count(channel, "Waiting", begun + 1)
    call.cancel()
    assert call.code() == grpc.StatusCode.CANCELLED
    wait_for_count(channel, "Left", left + 1)


def wait_for_count(channel: grpc.Channel, method: str, expected: int) -> None:
    """Ask until the answer is this number."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while int(unary(channel, method)) != expected:
        assert time.monotonic() < deadline, f"{method} is not {expected}"


def test_many_calls_share_a_connection(channel: grpc.Channel) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = pool.map(lambda number: unary(channel, "Unary", b"call %d" % number), range(1000))
        assert list(answers) == [b"CALL %d" % number for number in range(1000)]
