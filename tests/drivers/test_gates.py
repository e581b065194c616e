"""Gates: who waits is let through as a future would do it, or at once where the loop has called the driver.

The engine here does nothing but open gates when it is given bytes, and hand out what tasks queued. `Scene.read` has
the loop call the link, as it does when bytes arrive.
"""

import asyncio
import contextvars
import gc
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from licorne.drivers.asyncio import AsyncioRuntime
from licorne.drivers.base import DriverOptions
from licorne.engine.connection import Closing, Connection
from licorne.engine.exchange import Exchange
from licorne.engine.limits import Limits
from licorne.link import Gate, Service
from tests.support.stage import GET, LOOPS, POST, Receive, Scope, Send, Stage, hello

#: Tasks in Python, which implementations without C use.
PythonTask: Any = asyncio.tasks._PyTask  # type: ignore[attr-defined]


class Engine(Connection):
    """Open gates when bytes come."""

    def __init__(self) -> None:
        super().__init__()
        self.on_data: list[Callable[[], object]] = []
        self.out: list[bytes] = []
        self.told_at = 0.0

    def start(self, now: float) -> None:
        """Do nothing."""

    def receive_data(self, data: bytes, now: float) -> None:
        """Do what the test wants to happen during a read."""
        self.told_at = now
        calls, self.on_data = self.on_data, []
        for call in calls:
            call()

    def lost(self) -> None:
        """Do nothing."""

    def next_exchange(self, now: float) -> Exchange | None:
        """Have none."""
        return None

    def data_to_send(self) -> list[bytes]:
        """Hand out what was queued."""
        out, self.out = self.out, []
        return out

    def pending_bytes(self) -> int:
        """Count what was queued."""
        return sum(map(len, self.out))

    def wants_data(self) -> bool:
        """Read on."""
        return True


class Transport(asyncio.Transport):
    """Remember what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.has_closed = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Have no limits."""

    def write(self, data: Any) -> None:
        """Remember."""
        self.writes.append(bytes(data))

    def close(self) -> None:
        """Remember."""
        self.has_closed = True

    def is_closing(self) -> bool:
        """Tell what was remembered."""
        return self.has_closed


class Wire:
    """Hold one link, its engine and its transport."""

    def __init__(self, runtime: AsyncioRuntime) -> None:
        self.link = runtime.protocol_factory()
        self.transport = Transport()
        self.link.connection_made(self.transport)
        self.engine: Any = self.link.connection

    def send(self, data: bytes) -> None:
        """Send, as an application does."""
        self.engine.out.append(data)
        self.link.pump()


class Scene:
    """Hold a loop, a link, and what happened, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.runtime = AsyncioRuntime(loop, Limits(), DriverOptions(), Engine, Service())
        self.wire = Wire(self.runtime)
        self.events: list[Any] = []
        self.errors: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: self.errors.append(context))

    def gate(self) -> Gate:
        """Return a new gate."""
        return self.wire.link.gate()

    async def read(self, *calls: Callable[[], object]) -> None:
        """Have the loop give the link a read during which `calls` are made; return when that is over."""
        over = self.loop.create_future()

        def give() -> None:
            self.wire.engine.on_data = list(calls)
            self.events.append("read")
            try:
                self.wire.link.data_received(b"x")
            except Exception as error:
                self.events.append(error)
            self.events.append("read is over")
            over.set_result(None)

        self.loop.call_soon(give)
        await over

    async def settle(self) -> None:
        """Let everything happen that can."""
        for _ in range(5):
            await asyncio.sleep(0)

    async def waits(self, gate: Gate, name: str) -> None:
        """Wait at a gate and tell when that is over."""
        await gate.wait()
        self.events.append(name)


Play = Callable[[Scene], Coroutine[Any, Any, None]]


def loop_factory(kind: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes loops of a kind."""
    if kind == "uvloop":
        import uvloop

        return uvloop.new_event_loop  # type: ignore[no-any-return]
    return asyncio.new_event_loop


Perform = Callable[[Play], Scene]


@pytest.fixture(params=[(loop, tasks, debug) for loop in LOOPS for tasks in ("C", "Python") for debug in (0, 1)])
def perform(request: pytest.FixtureRequest) -> Perform:
    """Return what runs a scene on a loop, with tasks of a kind, in debug mode or not; no error may be left."""
    kind, tasks, debug = request.param

    def new_loop() -> asyncio.AbstractEventLoop:
        loop = loop_factory(kind)()
        if tasks == "Python":
            loop.set_task_factory(lambda of, coroutine, **options: PythonTask(coroutine, loop=of, **options))
        return loop

    async def whole(play: Play) -> Scene:
        scene = Scene(asyncio.get_running_loop())
        await play(scene)
        await scene.settle()
        return scene

    def run(play: Play) -> Scene:
        with asyncio.Runner(loop_factory=new_loop, debug=bool(debug)) as runner:
            scene = runner.run(whole(play))
        assert scene.errors == []
        return scene

    return run


# --- at once, or in the next turn ---------------------------------------------------------------------------


def test_task_goes_on_before_the_read_is_over(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        gate = scene.gate()
        task = scene.loop.create_task(scene.waits(gate, "through"))
        await scene.settle()
        await scene.read(gate.open, lambda: scene.events.append("engine is done"))
        await task

    assert perform(play).events == ["read", "engine is done", "through", "read is over"]


def test_replies_of_several_tasks_leave_in_one_write_in_the_order_of_their_gates(perform: Perform) -> None:
    async def reply(scene: Scene, gate: Gate, data: bytes) -> None:
        await gate.wait()
        scene.wire.send(data)
        scene.wire.send(b".")

    async def play(scene: Scene) -> None:
        gates = [scene.gate() for _ in range(3)]
        tasks = [scene.loop.create_task(reply(scene, gates[at], b"%d" % at)) for at in range(3)]
        await scene.settle()
        await scene.read(gates[2].open, lambda: scene.wire.engine.out.append(b"pong "), gates[0].open, gates[1].open)
        assert all(task.done() for task in tasks)

    assert perform(play).wire.transport.writes == [b"pong 2.0.1."]


def test_all_who_wait_at_one_gate_are_let_through(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        gate = scene.gate()
        for name in range(12):
            scene.loop.create_task(scene.waits(gate, name))  # type: ignore[arg-type]
        await scene.settle()
        await scene.read(gate.open)

    assert perform(play).events == ["read", *range(12), "read is over"]


def test_read_after_read_lets_the_same_task_through_each_time(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        gates = [scene.gate()]

        async def echo() -> None:
            for count in range(5):
                await gates[-1].wait()
                gates.append(scene.gate())
                scene.wire.send(b"%d" % count)

        task = scene.loop.create_task(echo())
        await scene.settle()
        for _ in range(5):
            await scene.read(gates[-1].open)
        assert task.done()

    assert perform(play).wire.transport.writes == [b"0", b"1", b"2", b"3", b"4"]


def test_gate_opened_by_a_task_lets_others_through_in_the_next_turn(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        gate = scene.gate()
        scene.loop.create_task(scene.waits(gate, "through"))
        await scene.settle()
        scene.loop.call_soon(scene.events.append, "was ready before")
        gate.open()
        scene.events.append("opener goes on")
        await scene.settle()

    assert perform(play).events == ["opener goes on", "was ready before", "through"]


def test_gate_opened_by_the_loop_outside_a_read_lets_through_in_the_next_turn(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        gate = scene.gate()

        def call() -> None:
            gate.open()
            scene.events.append("call is over")

        scene.loop.create_task(scene.waits(gate, "through"))
        await scene.settle()
        scene.loop.call_soon(call)
        await scene.settle()

    assert perform(play).events == ["call is over", "through"]


def test_gate_opened_again_does_nothing(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        gate = scene.gate()
        scene.loop.create_task(scene.waits(gate, "through"))
        await scene.settle()
        await scene.read(gate.open, gate.open)
        await scene.read(gate.open)

    assert perform(play).events.count("through") == 1


def test_open_gate_needs_no_turn(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        gate = scene.gate()
        gate.open()
        scene.loop.call_soon(scene.events.append, "next turn")
        for _ in range(3):
            await gate.wait()
        scene.events.append("through")

    assert perform(play).events == ["through", "next turn"]


def test_gate_opened_between_wait_and_await_needs_no_turn(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        gate = scene.gate()
        waiting = gate.wait()
        await scene.read(gate.open)
        scene.loop.call_soon(scene.events.append, "next turn")
        await waiting
        scene.events.append("through")

    assert perform(play).events == ["read", "read is over", "through", "next turn"]


def test_turn_ends_after_all_that_is_ready(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        scene.loop.call_soon(scene.events.append, "was ready before")
        await scene.wire.link.turn()
        scene.events.append("turn is over")

    assert perform(play).events == ["was ready before", "turn is over"]


def test_read_given_from_within_a_task_steps_nobody_inside_it(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        gate = scene.gate()
        scene.loop.create_task(scene.waits(gate, "through"))
        await scene.settle()
        scene.wire.engine.on_data = [gate.open]
        scene.wire.link.data_received(b"x")
        scene.events.append("read is over")
        await scene.settle()

    assert perform(play).events == ["read is over", "through"]


# --- what a stepped task may do -----------------------------------------------------------------------------


def test_stepped_task_is_the_current_one_and_nobody_is_after_it(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        gate = scene.gate()

        async def who() -> None:
            await gate.wait()
            scene.events.append(asyncio.current_task() is task)

        task = scene.loop.create_task(who())
        await scene.settle()
        last = scene.gate()
        scene.loop.create_task(scene.waits(last, "last"))
        await scene.settle()

        def after() -> None:
            scene.events.append(asyncio.current_task(scene.loop))

        scene.loop.call_soon(lambda: None)
        await scene.read(gate.open, last.open, after)

    assert perform(play).events == ["read", None, True, "last", "read is over"]


def test_stepped_task_runs_in_its_own_context(perform: Perform) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    async def play(scene: Scene) -> None:
        gate = scene.gate()

        async def sees() -> None:
            variable.set("the task's")
            await gate.wait()
            scene.events.append(variable.get())
            variable.set("the task's, later")
            await asyncio.sleep(0)
            scene.events.append(variable.get())

        scene.loop.create_task(sees())
        await scene.settle()
        context = contextvars.Context()
        context.run(variable.set, "the reader's")
        scene.wire.engine.on_data = [gate.open]

        def give() -> None:
            scene.wire.link.data_received(b"x")
            scene.events.append(variable.get())

        scene.loop.call_soon(give, context=context)
        await scene.settle()

    assert perform(play).events == ["the task's", "the reader's", "the task's, later"]


def test_stepped_task_that_opens_other_gates_is_not_entered_again(perform: Perform) -> None:
    """Gates of its own link, of another one, and one that it waits at itself afterwards."""

    async def play(scene: Scene) -> None:
        first, second, own = scene.gate(), scene.gate(), scene.gate()
        other = Wire(scene.runtime).link.gate()
        scene.loop.create_task(scene.waits(second, "second"))
        scene.loop.create_task(scene.waits(other, "other link"))

        async def opens() -> None:
            await first.wait()
            for gate in (second, other, own):
                gate.open()
            scene.events.append("has opened")
            await own.wait()
            scene.events.append("passed its own")

        scene.loop.create_task(opens())
        await scene.settle()
        await scene.read(first.open)
        await scene.settle()

    assert perform(play).events == ["read", "has opened", "passed its own", "read is over", "second", "other link"]


def test_stepped_task_that_gives_another_link_a_read_steps_nobody_inside_it(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        first = scene.gate()
        other = Wire(scene.runtime)
        second = other.link.gate()
        other.engine.on_data = [second.open]
        scene.loop.create_task(scene.waits(second, "other link"))

        async def gives() -> None:
            await first.wait()
            other.link.data_received(b"x")
            scene.events.append("has given")

        scene.loop.create_task(gives())
        await scene.settle()
        await scene.read(first.open)
        await scene.settle()

    assert perform(play).events == ["read", "has given", "read is over", "other link"]


def test_stepped_task_that_gives_its_own_link_a_read_loses_nobody(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        first, second, third = scene.gate(), scene.gate(), scene.gate()
        scene.loop.create_task(scene.waits(second, "second"))
        scene.loop.create_task(scene.waits(third, "third"))

        async def gives() -> None:
            await first.wait()
            scene.wire.engine.on_data = [second.open]
            scene.wire.link.data_received(b"x")
            scene.wire.send(b"sent")
            scene.events.append("has given")

        scene.loop.create_task(gives())
        await scene.settle()
        await scene.read(first.open, third.open)
        await scene.settle()

    scene = perform(play)
    assert scene.events == ["read", "has given", "third", "read is over", "second"]
    assert scene.wire.transport.writes == [b"sent"]


def test_stepped_task_may_close_the_connection(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        gate, late = scene.gate(), scene.gate()

        async def closes() -> None:
            await gate.wait()
            scene.wire.engine.closing = Closing.FLUSH
            scene.wire.send(b"bye")

        scene.loop.create_task(closes())
        scene.loop.create_task(scene.waits(late, "late"))
        await scene.settle()
        await scene.read(gate.open, late.open)

    scene = perform(play)
    assert scene.events == ["read", "late", "read is over"]
    assert scene.wire.transport.writes == [b"bye"]
    assert scene.wire.transport.has_closed


def test_stepped_task_may_cancel_another_that_is_let_through_with_it(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        first, second = scene.gate(), scene.gate()
        victim = scene.loop.create_task(scene.waits(second, "never"))

        async def cancels() -> None:
            await first.wait()
            assert victim.cancel()

        scene.loop.create_task(cancels())
        await scene.settle()
        await scene.read(first.open, second.open)
        await scene.settle()
        assert victim.cancelled()

    assert perform(play).events == ["read", "read is over"]


# --- what a stepped task raises -----------------------------------------------------------------------------


class Stop(BaseException):
    """Be neither an Exception nor one of those that end a loop."""


@pytest.mark.parametrize("kind", [ValueError, Stop, SystemExit, KeyboardInterrupt, asyncio.CancelledError])
def test_what_a_stepped_task_raises_stays_in_it(perform: Perform, kind: type[BaseException]) -> None:
    async def play(scene: Scene) -> None:
        gate, second = scene.gate(), scene.gate()

        async def fails() -> None:
            await gate.wait()
            scene.wire.send(b"sent before")
            raise kind("told")

        task = scene.loop.create_task(fails())
        scene.loop.create_task(scene.waits(second, "second"))
        await scene.settle()
        await scene.read(gate.open, second.open)
        assert task.done()
        if kind is asyncio.CancelledError:
            assert task.cancelled()
        else:
            assert type(task.exception()) is kind

    scene = perform(play)
    assert scene.events == ["read", "second", "read is over"]
    assert scene.wire.transport.writes == [b"sent before"]


def test_engine_that_fails_leaves_nobody_waiting(perform: Perform) -> None:
    fault = RuntimeError("a fault of the engine")

    def fail() -> None:
        raise fault

    async def play(scene: Scene) -> None:
        gate = scene.gate()
        scene.loop.create_task(scene.waits(gate, "through"))
        await scene.settle()
        await scene.read(gate.open, fail)
        await scene.read(lambda: None)

    events = perform(play).events
    assert events == ["read", "through", fault, "read is over", "read", "read is over"]


@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt])
async def test_application_that_fails_in_a_step_is_answered_for(stage: Stage, kind: type[BaseException]) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            await receive()
            raise kind("told")
        await hello(scope, receive, send)

    peer = await stage.connect(app)
    peer.send(POST)
    await stage.until(lambda: stage.running() == 1)
    peer.send(b"body!")
    assert (await peer.answer()).status == 500
    assert len(stage.take_log()) == 1
    other = await stage.connect()
    other.send(GET)
    assert (await other.answer()).status == 200


# --- as a future --------------------------------------------------------------------------------------------

#: Makes a pair: a new awaitable, and what ends it.
Ways = Callable[[], tuple[Awaitable[Any], Callable[[], object]]]


async def outcome_of(awaitable: Awaitable[Any]) -> Any:
    """Return how something ended, in words."""
    try:
        return ("result", await awaitable)
    except (Exception, asyncio.CancelledError) as error:
        return (type(error).__name__, error.args)


async def end_soon(loop: asyncio.AbstractEventLoop, end: Callable[[], object]) -> None:
    """End a wait after a few turns."""
    for _ in range(3):
        await asyncio.sleep(0)
    end()
    for _ in range(3):
        await asyncio.sleep(0)


async def cancelled_while_waiting(new: Ways) -> Any:
    waiting, end = new()
    task = asyncio.ensure_future(outcome_of(waiting))
    await asyncio.sleep(0)
    assert task.cancel("because")
    result = await task
    end()
    await asyncio.sleep(0)
    return result, task.cancelling(), task.cancelled()


async def cancelled_and_not_caught(new: Ways) -> Any:
    waiting, _ = new()

    async def waits() -> None:
        await waiting

    task = asyncio.ensure_future(waits())
    await asyncio.sleep(0)
    task.cancel()
    return await outcome_of(task), task.cancelled()


async def cancelled_between_the_opening_and_the_turn(new: Ways) -> Any:
    waiting, end = new()
    task = asyncio.ensure_future(outcome_of(waiting))
    await asyncio.sleep(0)
    end()
    assert task.cancel("late")
    return await task


async def cancelled_twice(new: Ways) -> Any:
    waiting, _ = new()
    task = asyncio.ensure_future(outcome_of(waiting))
    await asyncio.sleep(0)
    return task.cancel("first"), task.cancel("second"), await task


async def cancelled_before_it_waits(new: Ways) -> Any:
    waiting, _ = new()
    task = asyncio.ensure_future(outcome_of(waiting))
    task.cancel()
    return await outcome_of(task)


async def waits_again_after_a_cancellation(new: Ways) -> Any:
    (first, _), (second, end) = new(), new()

    async def stubborn() -> Any:
        return [await outcome_of(first), await outcome_of(second)]

    task = asyncio.ensure_future(stubborn())
    await asyncio.sleep(0)
    task.cancel("once")
    await end_soon(task.get_loop(), end)
    return await task, task.uncancel()


async def wait_for_that_ends(new: Ways) -> Any:
    waiting, end = new()
    task = asyncio.ensure_future(outcome_of(asyncio.wait_for(waiting, 5)))
    await end_soon(task.get_loop(), end)
    return await task


async def wait_for_that_times_out(new: Ways) -> Any:
    waiting, end = new()
    result = await outcome_of(asyncio.wait_for(waiting, 0.001))
    end()
    return result


async def wait_for_no_time(new: Ways) -> Any:
    return await outcome_of(asyncio.wait_for(new()[0], 0))


async def wait_for_that_is_cancelled(new: Ways) -> Any:
    task = asyncio.ensure_future(outcome_of(asyncio.wait_for(new()[0], 5)))
    await asyncio.sleep(0)
    task.cancel()
    return await task


async def timeout_that_passes(new: Ways) -> Any:
    waiting, _ = new()

    async def waits() -> None:
        async with asyncio.timeout(0.001):
            await waiting

    return await outcome_of(waits())


async def timeout_that_does_not_pass(new: Ways) -> Any:
    waiting, end = new()

    async def waits() -> str:
        async with asyncio.timeout(5):
            await waiting
        return "in time"

    task = asyncio.ensure_future(outcome_of(waits()))
    await end_soon(task.get_loop(), end)
    return await task


async def shield_keeps_the_wait(new: Ways) -> Any:
    waiting, end = new()
    inner = asyncio.ensure_future(waiting)
    task = asyncio.ensure_future(outcome_of(asyncio.shield(inner)))
    await asyncio.sleep(0)
    task.cancel()
    result = await task
    state = inner.done()
    await end_soon(task.get_loop(), end)
    return result, state, inner.done(), inner.cancelled()


async def shield_that_ends(new: Ways) -> Any:
    waiting, end = new()
    task = asyncio.ensure_future(outcome_of(asyncio.shield(waiting)))
    await end_soon(task.get_loop(), end)
    return await task


async def gather_of_two(new: Ways) -> Any:
    (first, end_first), (second, end_second) = new(), new()
    task = asyncio.ensure_future(outcome_of(asyncio.gather(first, second)))
    await end_soon(task.get_loop(), end_second)
    state = task.done()
    await end_soon(task.get_loop(), end_first)
    return state, await task


async def gather_with_one_cancelled(new: Ways) -> Any:
    async def waits() -> None:
        await new()[0]

    first, second = asyncio.ensure_future(waits()), asyncio.ensure_future(waits())
    told = asyncio.ensure_future(outcome_of(asyncio.gather(first, second)))
    kept = asyncio.ensure_future(outcome_of(asyncio.gather(first, return_exceptions=True)))
    await asyncio.sleep(0)
    first.cancel("gone")
    result = [await told, repr(await kept)]
    return result, second.cancel()


async def first_of_two(new: Ways) -> Any:
    (first, _), (second, end) = new(), new()
    tasks = [asyncio.ensure_future(outcome_of(waiting)) for waiting in (first, second)]
    asyncio.get_running_loop().call_soon(end)
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel("not wanted")
    return [await task for task in (*done, *pending)]


async def task_group_with_a_failure(new: Ways) -> Any:
    waiting, _ = new()
    ends = []

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("told")

    async def waits() -> None:
        try:
            await waiting
        except asyncio.CancelledError as error:
            ends.append(repr(error.args))
            raise

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(waits())
            group.create_task(fails())
    except* ValueError as group_of:
        ends.append(repr(group_of.exceptions))
    return ends


async def closed_while_waiting(new: Ways) -> Any:
    waiting, _ = new()
    ends = []

    async def waits() -> None:
        try:
            await waiting
        except GeneratorExit:
            ends.append("closed")
            raise

    coroutine = waits()
    coroutine.send(None)
    coroutine.close()
    return ends


async def thrown_into_while_waiting(new: Ways) -> Any:
    waiting, _ = new()
    coroutine = outcome_of(waiting)
    coroutine.send(None)
    with pytest.raises(StopIteration) as stopped:
        coroutine.throw(ValueError("told"))
    return stopped.value.value


async def passed_on_by_hand(new: Ways) -> Any:
    """Some frameworks wrap what is awaited: they send and throw themselves."""
    waiting, end = new()

    async def waits() -> None:
        await waiting

    class Wrapped:
        def __await__(self) -> Any:
            inner = waits()
            try:
                while True:
                    try:
                        step = inner.send(None)
                    except StopIteration as stop:
                        return ("passed", stop.value)
                    try:
                        yield step
                    except asyncio.CancelledError as error:
                        inner.throw(error)
            finally:
                inner.close()

    task = asyncio.ensure_future(outcome_of(Wrapped()))
    await end_soon(task.get_loop(), end)
    return await task


async def refused_to_tasks_of_another_loop(new: Ways) -> Any:
    waiting, _ = new()
    other = asyncio.new_event_loop()
    try:
        task: Any = asyncio.Task(outcome_of(waiting), loop=other)
        kind, (text,) = await asyncio.to_thread(other.run_until_complete, task)
        return kind, text.endswith("attached to a different loop")
    finally:
        other.close()


SCRIPTS = (
    cancelled_while_waiting,
    cancelled_and_not_caught,
    cancelled_between_the_opening_and_the_turn,
    cancelled_twice,
    cancelled_before_it_waits,
    waits_again_after_a_cancellation,
    wait_for_that_ends,
    wait_for_that_times_out,
    wait_for_no_time,
    wait_for_that_is_cancelled,
    timeout_that_passes,
    timeout_that_does_not_pass,
    shield_keeps_the_wait,
    shield_that_ends,
    gather_of_two,
    gather_with_one_cancelled,
    first_of_two,
    task_group_with_a_failure,
    closed_while_waiting,
    thrown_into_while_waiting,
    passed_on_by_hand,
    refused_to_tasks_of_another_loop,
)


#: There is no time between a read and its end.
NOT_IN_A_READ = (cancelled_between_the_opening_and_the_turn,)
PAIRS = [
    (script, opens)
    for script in SCRIPTS
    for opens in ("task", "read")
    if opens == "task" or script not in NOT_IN_A_READ
]


@pytest.mark.parametrize(("script", "opens"), PAIRS, ids=[f"{script.__name__}-{opens}" for script, opens in PAIRS])
def test_waiting_at_a_gate_ends_as_waiting_for_a_future(
    perform: Perform, script: Callable[[Ways], Coroutine[Any, Any, Any]], opens: str
) -> None:
    results: list[Any] = []

    async def play(scene: Scene) -> None:
        def new_future() -> tuple[Awaitable[Any], Callable[[], object]]:
            future = scene.loop.create_future()
            return future, lambda: future.done() or future.set_result(None)

        def new_wait() -> tuple[Awaitable[Any], Callable[[], object]]:
            gate = scene.gate()

            def give() -> None:
                scene.wire.engine.on_data = [gate.open]
                scene.wire.link.data_received(b"x")

            return gate.wait(), gate.open if opens == "task" else lambda: scene.loop.call_soon(give)

        for ways in (new_future, new_wait):
            result = await script(ways)
            await scene.settle()
            results.append(result)

    perform(play)
    expected, result = results
    assert result == expected


def test_task_made_by_an_application_may_wait(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        gate = scene.gate()

        async def parent() -> None:
            await scene.loop.create_task(scene.waits(gate, "child"))
            scene.events.append("parent")

        scene.loop.create_task(parent())
        await scene.settle()
        await scene.read(gate.open)
        await scene.settle()

    assert perform(play).events == ["read", "child", "read is over", "parent"]


def test_task_of_an_eager_factory_may_wait() -> None:
    """Python 3.11 has no such factory, and does the same with its own."""

    async def play() -> list[Any]:
        loop = asyncio.get_running_loop()
        scene = Scene(loop)
        loop.set_task_factory(getattr(asyncio, "eager_task_factory", None))
        gate = scene.gate()
        task = loop.create_task(scene.waits(gate, "through"))
        scene.events.append("made")
        await scene.settle()
        await scene.read(gate.open)
        assert task.done()
        return scene.events

    with asyncio.Runner() as runner:
        assert runner.run(play()) == ["made", "read", "through", "read is over"]


def cancelled_futures() -> int:
    """Return how many are alive, those included that other tests have left."""
    gc.collect()
    return sum(type(each) is asyncio.Future and each.cancelled() for each in gc.get_objects())


def test_cancelled_waits_do_not_pile_up(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        gate = scene.gate()
        scene.loop.create_task(scene.waits(gate, "through"))
        before = cancelled_futures()
        for _ in range(100):
            task = scene.loop.create_task(scene.waits(gate, "never"))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
        assert cancelled_futures() - before < 20
        await scene.read(gate.open)

    assert perform(play).events == ["read", "through", "read is over"]


def test_who_drives_a_coroutine_by_hand_sees_the_future_end(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        gate = scene.gate()
        coroutine = scene.waits(gate, "through")
        future: Any = coroutine.send(None)
        future.add_done_callback(lambda done: scene.events.append((done is future, done.result())))
        await scene.read(gate.open)
        with pytest.raises(StopIteration):
            coroutine.send(None)

    assert perform(play).events == ["read", (True, None), "read is over", "through"]


def test_task_that_waits_is_collected_with_its_gate(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        async def waits() -> None:
            await scene.gate().wait()

        task = scene.loop.create_task(waits())
        await scene.settle()
        seen = weakref.ref(task)
        task.cancel()
        await scene.settle()
        del task
        gc.collect()
        scene.events.append(seen())

    assert perform(play).events == [None]


def test_task_whose_context_is_entered_already_goes_on_in_the_next_turn(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        gate = scene.gate()
        context = contextvars.copy_context()
        task = scene.loop.create_task(scene.waits(gate, "through"), context=context)
        await scene.settle()
        scene.wire.engine.on_data = [gate.open]
        scene.loop.call_soon(scene.wire.link.data_received, b"x", context=context)
        await asyncio.wait_for(task, 5.0)

    assert perform(play).events == ["through"]


def test_read_of_who_waited_is_told_the_exact_time(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        scene.gate()
        scene.runtime.now = scene.loop.time() + 1.0
        before = scene.loop.time()
        await scene.read()
        assert before <= scene.wire.engine.told_at <= scene.loop.time()

    perform(play)
