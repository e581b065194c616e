"""Http1Connection as conversations: what the corpus cannot say, because it depends on the application or on time."""

from collections.abc import Callable

import pytest

from licorne.engine.connection import NEVER, Closing
from licorne.errors import ClientDisconnected, LocalProtocolError
from tests.engine.http1.conftest import Connect
from tests.support.http1 import read_answers
from tests.support.play import (
    NOTHING,
    Playbook,
    abort,
    answer,
    end_of_stream,
    inform,
    lose,
    play,
    read,
    retire,
    shutdown,
    start,
    trail,
    wait,
    write,
)

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
EXPECTING = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
OK_CLOSE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def refusal_of(book: Playbook) -> int:
    """Take what was sent since the last `<<` as one refusal; return its status."""
    sent, book.out = book.out, b""
    (refusal,) = read_answers(sent, [], True)
    assert (b"connection", b"close") in refusal.fields
    return refusal.status


def raises(error: type[Exception], step: Callable[[Playbook], object]) -> Callable[[Playbook], object]:
    """Make a step that must fail so."""

    def failing(book: Playbook) -> None:
        with pytest.raises(error):
            step(book)

    return failing


# --- one exchange after the other ---------------------------------------------------------------------------


def test_second_request_is_not_given_before_the_first_is_answered(connect: Connect) -> None:
    book = play(connect()) >> GET + GET
    assert len(book.exchanges) == 1
    book >> answer(200, b"ok") << OK
    assert len(book.exchanges) == 2
    book >> answer(200, b"ok") << OK << Closing.OPEN


def test_second_request_is_not_even_checked_before_the_first_is_answered(connect: Connect) -> None:
    book = play(connect()) >> GET + b"\x00rubbish\r\n" << NOTHING << Closing.OPEN
    book >> answer(200, b"ok")
    assert book.out.startswith(OK + b"HTTP/1.1 400 ")
    book << book.out << Closing.LINGER


def test_answer_given_before_the_body_has_come_swallows_the_body(connect: Connect) -> None:
    book = play(connect()) >> POST >> answer(200, b"ok") << OK << Closing.OPEN
    book >> b"hello" + GET >> answer(200, b"ok") << OK << Closing.OPEN
    assert len(book.exchanges) == 2


def test_swallowed_body_that_never_comes_closes_after_its_time(connect: Connect) -> None:
    play(connect()) >> POST >> answer(200, b"ok") << OK >> wait(0.9) << Closing.OPEN >> wait(0.2) << Closing.LINGER


def test_body_too_long_to_swallow_closes_at_once(connect: Connect) -> None:
    long = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
    book = play(connect()) >> long >> answer(200, b"ok") << Closing.LINGER
    assert len(read_answers(book.out, ["POST"], True)) == 1


def test_chunked_body_too_long_to_swallow_closes_when_it_is(connect: Connect) -> None:
    book = play(connect(max_discard_bytes=1000)) >> CHUNKED >> answer(200, b"ok") << OK << Closing.OPEN
    for _ in range(20):
        book >> b"64\r\n" + 100 * b"x" + b"\r\n"
    book << NOTHING << Closing.LINGER


def test_nothing_is_read_after_a_refusal(connect: Connect) -> None:
    book = play(connect()) >> b"GET / HTTP/1.1\r\n\r\n"
    assert refusal_of(book) == 400
    book >> GET >> GET << NOTHING << Closing.LINGER
    assert book.exchanges == []


def test_nothing_is_read_after_close(connect: Connect) -> None:
    book = play(connect()) >> b"GET / HTTP/1.0\r\n\r\n" >> answer(200, b"ok") << OK_CLOSE
    assert book.connection.closing != Closing.OPEN
    book >> GET << NOTHING
    assert len(book.exchanges) == 1


def test_lingering_has_an_end_in_time(connect: Connect) -> None:
    book = play(connect()) >> b"GET / HTTP/1.1\r\n\r\n" << Closing.LINGER
    book >> wait(4.9) << Closing.LINGER >> wait(0.2) << Closing.FLUSH


def test_lingering_has_an_end_in_bytes(connect: Connect) -> None:
    book = play(connect(max_discard_bytes=1024)) >> b"GET / HTTP/1.1\r\n\r\n" << Closing.LINGER
    # Far more than what is discarded to keep a connection: it was sent before the answer could be seen.
    book >> 64 * 1024 * b"x" << Closing.LINGER >> b"x" << Closing.FLUSH


def test_lingering_ends_with_the_stream(connect: Connect) -> None:
    play(connect()) >> b"GET / HTTP/1.1\r\n\r\n" << Closing.LINGER >> end_of_stream << Closing.FLUSH


# --- Expect: 100-continue -----------------------------------------------------------------------------------


def test_continue_is_sent_when_the_application_first_reads(connect: Connect) -> None:
    book = play(connect()) >> EXPECTING << NOTHING
    book >> read(b"") << CONTINUE >> read(b"") << NOTHING
    book >> b"hello" >> read(b"hello") << NOTHING >> answer(200, b"ok") << OK << Closing.OPEN


def test_continue_is_not_sent_when_the_body_is_there(connect: Connect) -> None:
    play(connect()) >> EXPECTING + b"hello" >> read(b"hello") << NOTHING >> answer(200, b"ok") << OK << Closing.OPEN


def test_continue_is_not_sent_when_the_body_has_begun(connect: Connect) -> None:
    play(connect()) >> EXPECTING + b"he" >> read(b"he") << NOTHING >> b"llo" >> read(b"llo") << NOTHING


def test_continue_is_not_sent_after_the_response_has_begun(connect: Connect) -> None:
    book = play(connect()) >> EXPECTING >> start(200) >> write(b"o")
    sent = book.out
    book << sent >> read(b"") << NOTHING


def test_continue_is_not_sent_to_http10(connect: Connect) -> None:
    old = b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    play(connect()) >> old >> read(b"") << NOTHING


def test_answer_without_continue_closes_since_the_body_may_or_may_not_come(connect: Connect) -> None:
    book = play(connect()) >> EXPECTING >> answer(200, b"ok") << Closing.LINGER
    assert len(read_answers(book.out, ["POST"], True)) == 1
    book >> b"hello" + GET
    assert len(book.exchanges) == 1


def test_answer_after_continue_swallows_the_body(connect: Connect) -> None:
    book = play(connect()) >> EXPECTING >> read(b"") << CONTINUE >> answer(200, b"ok") << OK << Closing.OPEN
    book >> b"hello" + GET >> answer(200, b"ok") << OK << Closing.OPEN


# --- clocks -------------------------------------------------------------------------------------------------


def test_connection_without_a_byte_is_closed_in_silence(connect: Connect) -> None:
    play(connect()) >> wait(9.9) << Closing.OPEN >> wait(0.2) << NOTHING << Closing.FLUSH


def test_head_that_drips_is_answered_408_however_often_it_drips(connect: Connect) -> None:
    book = play(connect())
    for byte in GET[:18]:
        book >> bytes([byte]) >> wait(0.5)
    book << NOTHING << Closing.OPEN >> wait(1.1) << Closing.LINGER
    assert refusal_of(book) == 408


def test_second_head_has_its_own_clock(connect: Connect) -> None:
    book = play(connect()) >> GET >> wait(8) >> answer(200, b"ok") << OK >> wait(8) >> GET[:5] >> wait(9.9)
    book << NOTHING << Closing.OPEN >> wait(0.2) << Closing.LINGER
    assert refusal_of(book) == 408


def test_idle_connection_is_closed_in_silence(connect: Connect) -> None:
    book = play(connect()) >> GET >> answer(200, b"ok") << OK
    book >> wait(74.9) << Closing.OPEN >> wait(0.2) << NOTHING << Closing.FLUSH


def test_body_that_stops_is_answered_408(connect: Connect) -> None:
    book = play(connect()) >> POST + b"he" >> read(b"he") >> wait(29.9) << NOTHING << Closing.OPEN
    book >> wait(0.2) << Closing.LINGER
    assert refusal_of(book) == 408
    assert book.exchange.is_disconnected


def test_body_may_come_slowly_within_its_rate(connect: Connect) -> None:
    book = play(connect(min_body_rate=1, body_rate_grace=10)) >> POST.replace(b"5", b"50", 1)
    for _ in range(40):
        book >> b"xx" >> read(b"xx") >> wait(1.0)
        if book.exchange.body.has_ended:
            break
    book << NOTHING << Closing.OPEN


def test_body_that_comes_too_slowly_is_answered_408(connect: Connect) -> None:
    book = play(connect(min_body_rate=10, body_rate_grace=10)) >> POST.replace(b"5", b"500", 1)
    for _ in range(12):
        book >> b"x" >> wait(1.0)
        book.exchange.take_body()
    assert refusal_of(book) == 408


def test_slow_application_is_not_blamed_on_the_client(connect: Connect) -> None:
    book = play(connect(high_water_bytes=4)) >> POST.replace(b"5", b"50", 1) + b"hello"
    assert not book.connection.wants_data()
    book >> wait(1000) << NOTHING << Closing.OPEN
    book >> read(b"hello")
    assert book.connection.wants_data()
    book >> wait(29.9) << Closing.OPEN >> wait(0.2) << Closing.LINGER


def test_application_has_all_the_time_it_wants(connect: Connect) -> None:
    book = play(connect()) >> GET
    assert book.connection.deadline == NEVER
    book >> wait(10000) << NOTHING << Closing.OPEN >> answer(200, b"ok") << OK << Closing.OPEN


def test_no_clock_runs_when_its_limit_is_zero(connect: Connect) -> None:
    none = dict.fromkeys(("head_timeout", "body_timeout", "min_body_rate", "keep_alive_timeout"), 0.0)
    book = play(connect(**none)) >> wait(10**6) >> GET[:9] >> wait(10**6) >> GET[9:] >> answer(200, b"ok") << OK
    book >> wait(10**6) >> POST >> wait(10**6) >> b"hello" >> wait(10**6) >> answer(200, b"ok") << OK << Closing.OPEN


# --- reading ahead ------------------------------------------------------------------------------------------


def test_unread_body_is_bounded(connect: Connect) -> None:
    book = play(connect(high_water_bytes=1000)) >> POST.replace(b"5", b"100000", 1)
    taken = 0
    while book.connection.wants_data():
        book >> 100 * b"x"
        taken += 100
    assert taken == 1000
    book.exchange.take_body()
    assert book.connection.wants_data()


def test_pipelined_requests_are_bounded(connect: Connect) -> None:
    book = play(connect(high_water_bytes=1000)) >> GET
    taken = 0
    while book.connection.wants_data():
        book >> GET
        taken += len(GET)
    assert taken <= 1000 + len(GET)
    assert len(book.exchanges) == 1


# --- the end of the stream ----------------------------------------------------------------------------------


def test_half_close_while_the_application_works_is_told_and_the_answer_is_sent(connect: Connect) -> None:
    book = play(connect()) >> GET >> end_of_stream << NOTHING << Closing.OPEN
    assert book.exchange.is_leaving
    assert not book.exchange.is_disconnected
    book >> answer(200, b"ok") << Closing.FLUSH
    assert len(read_answers(book.out, ["GET"], True)) == 1


def test_requests_pipelined_before_the_half_close_are_answered(connect: Connect) -> None:
    book = play(connect()) >> GET + GET >> end_of_stream >> answer(200, b"ok") >> answer(200, b"ok") << Closing.FLUSH
    assert len(read_answers(book.out, ["GET", "GET"], True)) == 2


def test_half_a_request_pipelined_before_the_half_close_is_dropped_at_once(connect: Connect) -> None:
    book = play(connect()) >> GET + GET[:9] >> end_of_stream >> answer(200, b"ok") << Closing.FLUSH
    assert len(read_answers(book.out, ["GET"], True)) == 1


def test_half_close_while_a_body_is_swallowed_closes_at_once(connect: Connect) -> None:
    book = play(connect()) >> POST >> answer(200, b"ok") << OK >> end_of_stream << NOTHING
    assert book.connection.closing in (Closing.LINGER, Closing.FLUSH)


def test_lost_transport_disconnects_the_exchange(connect: Connect) -> None:
    book = play(connect()) >> POST >> lose << NOTHING << Closing.ABORT
    assert book.exchange.is_disconnected
    book >> raises(ClientDisconnected, start(200))


def test_lost_transport_in_the_middle_of_an_answer(connect: Connect) -> None:
    book = play(connect()) >> GET >> start(200) >> write(b"he") >> lose
    book >> raises(ClientDisconnected, write(b"llo", True))


def test_lost_transport_after_the_answer_is_no_disconnect(connect: Connect) -> None:
    book = play(connect()) >> GET >> answer(200, b"ok") << OK >> lose << Closing.ABORT
    assert not book.exchange.is_disconnected


# --- answers ------------------------------------------------------------------------------------------------


def test_broken_body_in_the_middle_of_an_answer_cuts_the_connection(connect: Connect) -> None:
    book = play(connect()) >> CHUNKED >> start(200) >> write(b"he")
    sent = book.out
    book << sent >> b"rubbish\r\n" << NOTHING << Closing.ABORT
    assert book.exchange.is_disconnected


def test_broken_body_after_the_answer_closes_without_another(connect: Connect) -> None:
    play(connect()) >> CHUNKED >> answer(200, b"ok") << OK >> b"rubbish\r\n" << NOTHING << Closing.LINGER


def test_broken_body_before_the_answer_is_refused_and_the_application_told(connect: Connect) -> None:
    book = play(connect()) >> CHUNKED >> b"rubbish\r\n" << Closing.LINGER
    assert refusal_of(book) == 400
    book >> raises(ClientDisconnected, start(200))


def test_chunked_answer_given_up_in_the_middle_lacks_its_last_chunk(connect: Connect) -> None:
    book = play(connect()) >> GET >> start(200) >> write(b"he") >> abort
    assert not book.out.endswith(b"0\r\n\r\n")
    assert book.connection.closing in (Closing.FLUSH, Closing.ABORT)


def test_answer_given_up_that_would_end_with_the_connection_is_cut(connect: Connect) -> None:
    # RFC 9112 §8: an orderly end would make it look whole.
    play(connect()) >> b"GET / HTTP/1.0\r\n\r\n" >> start(200) >> write(b"he") >> abort << Closing.ABORT


def test_answer_shorter_than_its_length_raises(connect: Connect) -> None:
    book = play(connect()) >> GET >> start(200, [(b"content-length", b"5")]) >> write(b"he")
    book >> raises(LocalProtocolError, write(b"l", True))


def test_answer_longer_than_its_length_raises_and_sends_nothing_of_it(connect: Connect) -> None:
    book = play(connect()) >> GET >> start(200, [(b"content-length", b"3")]) >> write(b"he")
    sent = book.out
    book << sent >> raises(LocalProtocolError, write(b"llo", True)) << NOTHING


def test_applications_close_is_obeyed(connect: Connect) -> None:
    book = play(connect()) >> GET >> answer(200, b"ok", [(b"connection", b"close")]) << OK_CLOSE
    assert book.connection.closing != Closing.OPEN


def test_applications_framing_never_reaches_the_wire(connect: Connect) -> None:
    fields = [(b"Transfer-Encoding", b"gzip"), (b"Connection", b"x"), (b"Keep-Alive", b"y"), (b"Upgrade", b"z")]
    play(connect()) >> GET >> answer(200, b"ok", fields) << OK << Closing.OPEN


@pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"a\r\nb", b"a\x00", b"\xe9", b"a\n"])
def test_name_that_would_split_the_answer_raises(connect: Connect, name: bytes) -> None:
    play(connect()) >> GET >> raises(LocalProtocolError, start(200, [(name, b"x")])) << NOTHING


@pytest.mark.parametrize("value", [b"a\r\nb: c", b"a\nb", b"a\rb", b"a\x00b", b"\r\n", b"\x7f", b"\x0b"])
def test_value_that_would_split_the_answer_raises(connect: Connect, value: bytes) -> None:
    play(connect()) >> GET >> raises(LocalProtocolError, start(200, [(b"x", value)])) << NOTHING


def test_failed_start_leaves_the_way_free_for_another(connect: Connect) -> None:
    book = play(connect()) >> GET >> raises(LocalProtocolError, start(200, [(b"a b", b"x")]))
    book >> answer(200, b"ok") << OK << Closing.OPEN


def test_early_hints_come_before_the_answer(connect: Connect) -> None:
    book = play(connect()) >> GET >> inform(103, [(b"link", b"</x>; rel=preload")])
    book << b"HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n" >> answer(200, b"ok") << OK


def test_early_hints_are_not_sent_to_http10(connect: Connect) -> None:
    play(connect()) >> b"GET / HTTP/1.0\r\n\r\n" >> inform(103, [(b"link", b"</x>")]) << NOTHING


def test_trailers_without_the_clients_consent_are_left_out(connect: Connect) -> None:
    book = play(connect()) >> GET >> start(200, (), True) >> write(b"ok", True) >> trail([(b"x-sum", b"1")])
    book << b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" << Closing.OPEN


def test_request_limit_is_told_with_the_last_answer(connect: Connect) -> None:
    book = play(connect(max_requests=2)) >> GET >> answer(200, b"ok") << OK
    book >> GET >> answer(200, b"ok") << OK_CLOSE
    assert book.connection.closing != Closing.OPEN


# --- graceful end -------------------------------------------------------------------------------------------


def test_shutdown_closes_an_idle_connection_soon(connect: Connect) -> None:
    play(connect()) >> GET >> answer(200, b"ok") << OK >> shutdown >> wait(1) << NOTHING << Closing.FLUSH


def test_shutdown_lets_the_running_request_finish(connect: Connect) -> None:
    book = play(connect()) >> GET >> shutdown >> wait(5) << NOTHING << Closing.OPEN >> answer(200, b"ok") << OK_CLOSE
    assert book.connection.closing != Closing.OPEN


def test_shutdown_lets_a_request_that_has_begun_arrive(connect: Connect) -> None:
    book = play(connect()) >> GET[:9] >> shutdown >> wait(1) >> GET[9:] >> answer(200, b"ok") << OK_CLOSE
    assert book.connection.closing != Closing.OPEN


def test_shutdown_lets_a_body_arrive(connect: Connect) -> None:
    book = play(connect()) >> POST >> shutdown >> wait(1) >> b"hello" >> answer(200, b"ok") << OK_CLOSE
    assert book.connection.closing != Closing.OPEN


def test_shutdown_in_the_middle_of_an_answer_closes_after_it(connect: Connect) -> None:
    book = play(connect()) >> GET >> start(200) >> write(b"he") >> shutdown >> write(b"llo", True)
    assert book.connection.closing != Closing.OPEN
    assert len(read_answers(book.out, ["GET"], True)) == 1


def test_a_retired_connection_stays_open_until_its_next_answer(connect: Connect) -> None:
    book = play(connect()) >> GET >> answer(200, b"ok") << OK >> retire >> wait(2) << NOTHING << Closing.OPEN
    book >> GET >> answer(200, b"ok") << OK_CLOSE << Closing.LINGER


def test_a_retired_connection_makes_the_running_answer_its_last(connect: Connect) -> None:
    play(connect()) >> GET >> retire >> answer(200, b"ok") << OK_CLOSE << Closing.LINGER


def test_a_connection_retired_in_an_answer_closes_after_the_next(connect: Connect) -> None:
    book = play(connect()) >> GET >> start(200) >> write(b"he") >> retire >> write(b"llo", True)
    assert book.connection.closing == Closing.OPEN
    book.out = b""
    book >> GET >> answer(200, b"ok") << OK_CLOSE << Closing.LINGER


def test_a_connection_may_be_retired_before_its_first_request_and_twice(connect: Connect) -> None:
    play(connect()) >> retire >> retire >> GET >> answer(200, b"ok") << OK_CLOSE << Closing.LINGER


def test_a_retired_connection_answers_only_the_first_of_pipelined_requests(connect: Connect) -> None:
    book = play(connect()) >> retire >> GET + GET >> answer(200, b"ok") << OK_CLOSE << Closing.LINGER
    assert len(book.exchanges) == 1


def test_a_retired_connection_that_shuts_down_closes_soon(connect: Connect) -> None:
    play(connect()) >> GET >> answer(200, b"ok") << OK >> retire >> shutdown >> wait(1) << NOTHING << Closing.FLUSH


# --- what attackers found -----------------------------------------------------------------------------------


def test_blanks_before_a_chunk_extension_count_as_extension(connect: Connect) -> None:
    connection = connect()
    connection.start(0.0)
    connection.receive_data(CHUNKED + (b"1" + b" " * 4000 + b";a\r\nh\r\n") * 6, 0.0)
    assert connection.refusal is not None
    assert connection.refusal.status == 400


def test_reset_content_has_no_content(connect: Connect) -> None:
    connection = connect()
    connection.start(0.0)
    connection.receive_data(GET, 0.0)
    exchange = connection.next_exchange(0.0)
    assert exchange is not None
    exchange.start_response(205, [(b"content-length", b"3")])
    exchange.write(b"abc", True)
    assert b"".join(connection.data_to_send()) == b"HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n"


def test_head_is_not_told_a_length_that_nobody_knows(connect: Connect) -> None:
    connection = connect()
    connection.start(0.0)
    connection.receive_data(GET.replace(b"GET", b"HEAD"), 0.0)
    exchange = connection.next_exchange(0.0)
    assert exchange is not None
    exchange.start_response(200, [])
    exchange.write(b"", True)
    assert b"".join(connection.data_to_send()) == b"HTTP/1.1 200 OK\r\n\r\n"
