"""The decisions about workers, with time passed in: who is started, told, killed, and when."""

import signal

import pytest

from licorne.server.attached.messages import Drain, Draining, Failed, Log, Message, Pace, Ready, Retiring, Stop, Tick
from licorne.supervisor.actions import Action, End, Say, Show, Signal, Spawn, Tell
from licorne.supervisor.fleet import Fleet, FleetOptions

TICK = Tick(4, 3, 2, 182 * 1024 * 1024)
READY = Ready()
DEATH = (
    "Child process [1001] died (SIGKILL); last heard of with 3 request(s) running, 4 connection(s) open, "
    "2 response(s) given, 182 MiB"
)


class Play:
    """Play the supervisor of a fleet: pass time, and remember what is asked for."""

    def __init__(self, workers: int = 1, **options: object) -> None:
        self.now = 100.0
        self.fleet = Fleet(FleetOptions(workers, **options), self.now)  # type: ignore[arg-type]
        self.log: list[str] = []

    def take(self) -> list[Action]:
        """Return what is to be done but for the log."""
        actions = self.fleet.take_actions()
        for action in actions:
            if isinstance(action, Spawn):
                self.fleet.started(action.worker_id, 1000 + action.worker_id)
        for action in actions:
            match action:
                case Say("info" | "warning" | "error" | "critical", line) | Show(line):
                    self.log.append(line)
        return [action for action in actions if not isinstance(action, Say | Show)]

    def says(self, worker_id: int, *messages: Message) -> list[Action]:
        """Let a worker say something; return what is to be done."""
        for message in messages:
            self.fleet.message(worker_id, message, self.now)
        return self.take()

    def ready(self, *worker_ids: int) -> list[Action]:
        """Let workers be ready."""
        return [action for worker_id in worker_ids for action in self.says(worker_id, READY)]

    def exits(self, worker_id: int, status: int = 0) -> list[Action]:
        """Let a worker end."""
        self.fleet.exited(worker_id, status, self.now)
        return self.take()

    def passes(self, seconds: float, *ticking: int) -> list[Action]:
        """Let time pass in steps of at most a second, in which some workers tick."""
        end, actions = self.now + seconds, []
        while self.now < end:
            self.now = min(end, self.now + 1.0)
            for worker_id in ticking:
                self.fleet.message(worker_id, TICK, self.now)
            self.fleet.tick(self.now)
            actions += self.take()
        return actions


def started(workers: int, **options: object) -> Play:
    """Return a fleet whose workers have been ready for a long time; they are 1 to `workers`."""
    play = Play(workers, **options)
    assert play.take() == [Spawn(n + 1, n, 0) for n in range(workers)]
    everybody = range(1, workers + 1)
    assert play.ready(*everybody) == []
    assert play.passes(20, *everybody) == []
    return play


def drains(worker_id: int, reason: str) -> Tell:
    """Return the action that tells a worker to drain."""
    paces = {"shutdown": Pace.DELAYED, "reload": Pace.HASTY}
    return Tell(worker_id, Drain(reason, paces.get(reason, Pace.PROMPT)))


# --- starting ------------------------------------------------------------------------------------------------


def test_all_workers_start_at_once_and_the_fleet_is_started_when_all_were_ready() -> None:
    play = Play(2)
    assert play.take() == [Spawn(1, 0, 0), Spawn(2, 1, 0)]
    play.ready(2)
    assert (play.fleet.state, play.fleet.status().ready, play.fleet.status().is_started) == ("starting", 1, False)
    play.ready(1)
    assert (play.fleet.state, play.fleet.status().ready, play.fleet.status().is_started) == ("ready", 2, True)


def test_a_worker_may_take_as_long_to_start_as_it_needs() -> None:
    play = Play(1)
    play.take()
    assert play.passes(3600) == []
    assert play.fleet.deadline() == float("inf")


def test_when_no_worker_starts_the_fleet_ends_with_3_and_the_error_is_shown_once() -> None:
    play = Play(2)
    play.take()
    play.says(1, Failed("cannot load main:app"))
    play.exits(1, 3)
    play.says(2, Failed("cannot load main:app"))
    assert play.exits(2, 3) == [End(3)]
    assert play.log.count("cannot load main:app") == 1
    assert "Child process [1002] failed to start (exit status 3)" in play.log


def test_a_second_try_is_announced_only_when_there_is_to_be_one() -> None:
    play = Play(2)
    play.take()
    play.exits(1, 3)
    assert play.log == ["Child process [1001] failed to start (exit status 3)"]
    play.ready(2)
    play.passes(0.5)
    play.exits(3, 3)
    assert play.log[-1] == "Worker 1 has failed to start 2 times in a row; it is started again in 1 s"


def test_a_worker_that_fails_beside_another_is_started_again_with_growing_delay() -> None:
    play = Play(2)
    play.take()
    play.ready(1)
    for worker_id, delay in ((2, 0.5), (3, 1.0), (4, 2.0), (5, 4.0), (6, 8.0), (7, 16.0), (8, 30.0), (9, 30.0)):
        play.says(worker_id, Failed("the database is away"))
        assert play.exits(worker_id, 3) == []
        assert play.fleet.deadline() <= play.now + delay
        assert play.passes(delay - 0.01, 1) == []
        assert play.passes(0.01, 1) == [Spawn(worker_id + 1, 1, 0)]
    assert play.log.count("the database is away") == 1
    assert "Worker 2 has failed to start 5 times in a row; it is started again in 8 s" in play.log


def test_stopped_while_a_slot_never_came_up_it_ends_with_3() -> None:
    play = Play(2)
    play.take()
    play.ready(1)
    play.exits(2, 1)
    play.fleet.stop(play.now)
    assert play.exits(1) == [drains(1, "shutdown"), End(3)]


def test_stopped_while_the_successors_of_workers_that_served_do_not_start_it_ends_with_3() -> None:
    play = started(1)
    assert play.exits(1, -9) == [Spawn(2, 0, 0)]
    play.exits(2, 3)
    play.fleet.stop(play.now)
    assert play.take() == [End(3)]


def test_stopped_after_a_worker_started_where_others_had_failed_to_it_ends_with_0() -> None:
    play = started(1)
    play.exits(1, -9)
    play.exits(2, 3)
    assert play.passes(1.0) == [Spawn(3, 0, 0)]
    play.ready(3)
    play.fleet.stop(play.now)
    assert play.exits(3) == [drains(3, "shutdown"), End(0)]


def test_stopped_while_new_workers_do_not_start_and_the_old_ones_serve_it_ends_with_0() -> None:
    play = started(1)
    play.fleet.restart(play.now)
    assert play.take() == [Spawn(2, 0, 1)]
    play.exits(2, 3)
    play.fleet.stop(play.now)
    assert play.exits(1) == [drains(1, "shutdown"), End(0)]


def test_what_all_workers_log_of_a_start_that_fails_is_logged_once() -> None:
    play = Play(2)
    play.take()
    for worker_id in (1, 2):
        play.fleet.message(worker_id, Log("ERROR", "Exception in 'lifespan' protocol"), play.now)
    said = [action for action in play.fleet.take_actions() if isinstance(action, Say)]
    assert said == [Say("error", "Exception in 'lifespan' protocol")]


# --- dying ---------------------------------------------------------------------------------------------------


def test_the_news_of_a_death_tells_what_the_worker_was_doing() -> None:
    play = started(1)
    play.exits(1, -9)
    assert play.log == [DEATH]


def test_a_worker_that_dies_is_replaced_at_once_in_its_slot() -> None:
    play = started(2)
    assert play.exits(2, -9) == [Spawn(3, 1, 0)]
    assert any(line.startswith("Child process [1002] died (SIGKILL)") for line in play.log)
    assert play.fleet.state == "degraded"
    play.ready(3)
    assert play.fleet.state == "ready"


def test_workers_that_die_young_are_replaced_more_and_more_slowly() -> None:
    play = started(1)
    assert play.exits(1, -11) == [Spawn(2, 0, 0)]
    for worker_id, delay in ((2, 0.0), (3, 0.5), (4, 1.0), (5, 2.0)):
        play.ready(worker_id)
        spawned = play.exits(worker_id, 1)
        if delay:
            assert spawned == []
            assert play.passes(delay - 0.01) == []
            spawned = play.passes(0.01)
        assert spawned == [Spawn(worker_id + 1, 0, 0)]
    assert "Worker 1 has ended within 5 s of its start 4 times in a row; it is started again in 2 s" in play.log


def test_a_long_life_ends_a_row_of_failures() -> None:
    play = started(1)
    play.exits(1, 1)
    for worker_id in (2, 3):
        play.ready(worker_id)
        play.exits(worker_id, 1)
        play.passes(2)
    play.ready(4)
    play.passes(6, 4)
    assert play.exits(4, 1) == [Spawn(5, 0, 0)]


def test_a_worker_that_drains_by_itself_is_replaced_before_it_has_ended() -> None:
    play = started(1)
    # It may not know of that, if the application has written into its channel.
    assert play.says(1, Draining("SIGTERM")) == [Tell(1, Drain("SIGTERM", Pace.DELAYED)), Spawn(2, 0, 0)]
    play.ready(2)
    assert play.exits(1, 0) == []
    assert play.log[-1] == "Terminated child process [1001]"


def test_a_worker_that_nobody_can_hear_any_more_is_killed() -> None:
    play = started(1)
    play.fleet.closed(1, play.now)
    assert play.passes(5) == [Signal(1, signal.SIGKILL)]
    assert play.exits(1, -9) == [Spawn(2, 0, 0)]


# --- recycling -----------------------------------------------------------------------------------------------


def test_a_worker_that_retires_serves_until_its_successor_is_ready() -> None:
    play = started(1)
    assert play.says(1, Retiring("1000 requests")) == [Spawn(2, 0, 0)]
    assert play.says(1, Retiring("1001 requests")) == []
    assert play.fleet.status().ready == 1
    assert play.ready(2) == [drains(1, "replaced")]
    assert play.fleet.status().ready == 1
    assert play.exits(1, 0) == []


def test_a_successor_that_does_not_start_is_tried_again_while_the_old_one_serves() -> None:
    play = started(1)
    play.says(1, Retiring("memory"))
    assert play.exits(2, 3) == []
    assert play.passes(0.5, 1) == [Spawn(3, 0, 0)]
    assert play.ready(3) == [drains(1, "replaced")]


def test_a_retiring_worker_that_dies_is_followed_by_the_successor_that_starts() -> None:
    play = started(1)
    play.says(1, Retiring("memory"))
    assert play.exits(1, -9) == []
    assert play.ready(2) == []
    assert play.fleet.status().ready == 1


# --- restarting ----------------------------------------------------------------------------------------------


def test_a_restart_goes_slot_by_slot_and_the_new_one_is_ready_before_the_old_one_drains() -> None:
    play = started(2)
    play.fleet.restart(play.now)
    assert play.take() == [Spawn(3, 0, 1)]
    assert play.fleet.state == "reloading"
    assert play.passes(100, 1, 2) == []
    assert play.ready(3) == [drains(1, "replaced"), Spawn(4, 1, 1)]
    assert play.fleet.status().ready == 2
    assert play.ready(4) == [drains(2, "replaced")]
    assert play.fleet.state == "ready"


def test_a_restart_whose_first_worker_fails_is_given_up_and_keeps_the_old_configuration() -> None:
    play = started(2)
    play.fleet.restart(play.now)
    play.take()
    assert play.exits(3, 3) == []
    assert play.fleet.state == "ready"
    assert any(line.startswith("The restart is given up") for line in play.log)
    assert play.exits(2, -9) == [Spawn(4, 1, 0)]


def test_a_restart_during_a_restart_begins_anew() -> None:
    play = started(2)
    play.fleet.restart(play.now)
    play.take()
    play.fleet.restart(play.now)
    assert play.take() == [drains(3, "replaced"), Signal(3, signal.SIGTERM), Spawn(4, 0, 2)]
    assert play.exits(3, -15) == []
    assert play.ready(4) == [drains(1, "replaced"), Spawn(5, 1, 2)]
    assert play.ready(5) == [drains(2, "replaced")]
    assert play.fleet.state == "ready"


def test_a_restart_during_the_first_start_does_not_keep_the_first_workers_from_serving() -> None:
    play = Play(1)
    play.take()
    play.fleet.restart(play.now)
    assert play.take() == [Spawn(2, 0, 1)]
    assert play.ready(1) == []
    assert play.ready(2) == [drains(1, "replaced")]


def test_a_worker_that_dies_during_a_restart_is_replaced_by_a_new_one() -> None:
    play = started(2)
    play.fleet.restart(play.now)
    play.take()
    assert play.exits(2, -9) == [Spawn(4, 1, 1)]
    assert play.ready(3) == [drains(1, "replaced")]
    assert play.ready(4) == []
    assert play.fleet.state == "ready"


def test_a_restart_may_change_the_number_of_workers() -> None:
    play = started(2)
    play.fleet.restart(play.now, FleetOptions(1))
    assert play.take() == [drains(2, "scaled down"), Spawn(3, 0, 1)]


# --- scaling, pausing ----------------------------------------------------------------------------------------


def test_one_more_worker_and_one_fewer() -> None:
    play = started(1)
    play.fleet.scale(+1, play.now)
    assert play.take() == [Spawn(2, 1, 0)]
    play.ready(2)
    play.fleet.scale(-1, play.now)
    assert play.take() == [drains(2, "scaled down")]
    play.fleet.scale(-1, play.now)
    assert play.take() == []
    play.exits(2, 0)
    assert play.fleet.state == "ready"


def test_one_more_worker_takes_the_place_of_one_that_still_drains() -> None:
    play = started(2)
    play.fleet.scale(-1, play.now)
    play.fleet.scale(+1, play.now)
    assert play.take() == [drains(2, "scaled down"), Spawn(3, 1, 0)]
    assert play.exits(2, 0) == []


def test_paused_it_has_no_workers_until_it_is_restarted() -> None:
    play = started(2)
    play.fleet.pause(play.now)
    assert play.take() == [drains(1, "paused"), drains(2, "paused")]
    assert play.exits(1) == play.exits(2) == play.passes(60) == []
    play.fleet.restart(play.now)
    assert play.take() == [Spawn(3, 0, 1), Spawn(4, 1, 1)]
    play.ready(3, 4)
    assert play.fleet.state == "ready"


def test_paused_it_can_be_stopped() -> None:
    play = started(1)
    play.fleet.pause(play.now)
    play.exits(1)
    play.fleet.stop(play.now)
    assert play.take() == [End(0)]


# --- watching ------------------------------------------------------------------------------------------------


def test_a_silent_worker_is_warned_of_at_a_fifth_and_killed_at_the_limit() -> None:
    play = started(2)
    assert play.passes(29, 1) == []
    assert play.log == ["Child process [1002] has not answered for 6.0 s"]
    assert play.passes(1, 1) == [Signal(2, signal.SIGABRT), Spawn(3, 1, 0)]
    assert play.log[-1] == "Child process [1002] is killed: it has not answered for 30.0 s"
    assert play.passes(1, 1) == []
    assert play.passes(1, 1) == [Signal(2, signal.SIGKILL)]
    assert play.exits(2, -6) == []
    assert play.log[-1].startswith("Child process [1002] died (SIGABRT)")


def test_a_worker_that_answers_again_is_said_to_and_may_be_silent_anew() -> None:
    play = started(1)
    play.passes(10)
    assert not play.fleet.has_actions
    play.fleet.message(1, TICK, play.now + 1)
    assert play.fleet.has_actions  # although a tick alone is none
    play.passes(1, 1)
    assert play.log[-1] == "Child process [1001] answers again, after 11.0 s"
    assert play.passes(29) == []


def test_words_of_a_thread_are_no_ticks() -> None:
    play = started(1)
    for _ in range(30):
        play.passes(1)
        play.says(1, Retiring("memory"))
    assert play.log[-1].startswith("Child process [1001] is killed")


def test_a_draining_worker_is_watched_by_its_ticks_alone() -> None:
    play = started(1, graceful=0)
    play.fleet.stop(play.now)
    play.take()
    assert play.passes(600, 1) == []
    assert play.passes(30)[-1] == Signal(1, signal.SIGABRT)


def test_with_no_healthcheck_nobody_is_judged() -> None:
    play = started(1, healthcheck=0)
    assert play.passes(1000) == []
    assert play.fleet.deadline() == float("inf")


def test_time_in_which_the_supervisor_stood_still_counts_against_nobody() -> None:
    play = started(1)
    play.now += 3600
    play.fleet.tick(play.now)
    assert play.take() == []
    assert play.passes(23) == []
    assert play.passes(1)[0] == Signal(1, signal.SIGABRT)


# --- stopping ------------------------------------------------------------------------------------------------


def test_a_stop_lets_all_drain_and_ends_when_the_last_has() -> None:
    play = started(2)
    play.fleet.stop(play.now)
    play.fleet.stop(play.now)
    assert play.take() == [drains(1, "shutdown"), drains(2, "shutdown")]
    assert play.fleet.state == "stopping"
    assert play.exits(2) == []
    assert play.exits(1) == [End(0)]


def test_what_has_not_ended_long_after_its_bound_is_killed() -> None:
    play = started(1, graceful=10, drain_delay=2)
    play.fleet.stop(play.now)
    play.take()
    assert play.passes(16.9, 1) == []
    assert play.passes(0.1, 1) == [Signal(1, signal.SIGKILL)]
    assert play.exits(1, -9) == [End(0)]


def test_without_a_bound_it_waits_and_says_so() -> None:
    play = started(1, graceful=0)
    play.fleet.stop(play.now)
    assert play.take() == [drains(1, "shutdown")]
    assert play.passes(95, 1) == []
    assert play.log[-3:] == ["Waiting for child process [1001] (CTRL+C to force quit)"] * 3


def test_a_second_interrupt_ends_at_once_and_a_third_kills() -> None:
    play = started(1)
    play.fleet.stop(play.now)
    play.take()
    play.fleet.force(play.now)
    assert play.take() == [Tell(1, Stop())]
    assert play.passes(1, 1) == []
    play.fleet.force(play.now)
    assert play.passes(0.1, 1) == [Signal(1, signal.SIGKILL)]


def test_a_second_interrupt_skips_the_delay_if_there_is_one() -> None:
    play = started(1, drain_delay=20)
    play.fleet.stop(play.now)
    assert play.take() == [Tell(1, Drain("shutdown", Pace.DELAYED))]
    play.fleet.force(play.now)
    assert play.take() == [Tell(1, Drain("shutdown", Pace.PROMPT))]
    play.fleet.force(play.now)
    assert play.take() == [Tell(1, Stop())]


def test_a_worker_that_is_told_at_once_is_killed_after_5_s() -> None:
    play = started(1, graceful=0)
    play.fleet.stop(play.now)
    play.fleet.force(play.now)
    play.take()
    assert play.passes(4.9, 1) == []
    assert play.passes(0.1, 1) == [Signal(1, signal.SIGKILL)]


def test_a_stop_during_a_restart_ends_the_successor_too() -> None:
    play = started(1)
    play.fleet.restart(play.now)
    play.take()
    play.fleet.stop(play.now)
    assert play.take() == [drains(1, "shutdown"), drains(2, "shutdown"), Signal(2, signal.SIGTERM)]
    assert play.ready(2) == []
    assert play.exits(1) == []
    assert play.exits(2, -15) == [End(0)]


@pytest.mark.parametrize("wish", ["restart", "reload", "pause"])
def test_while_it_stops_nothing_else_is_wanted(wish: str) -> None:
    play = started(1)
    play.fleet.stop(play.now)
    play.take()
    getattr(play.fleet, wish)(play.now)
    play.fleet.scale(1, play.now)
    assert play.take() == []
    assert play.exits(1) == [End(0)]


# --- following files -----------------------------------------------------------------------------------------


def test_a_reload_starts_the_successor_when_the_old_one_has_ended() -> None:
    play = started(1, is_reload=True)
    play.fleet.reload(play.now)
    assert play.take() == [drains(1, "reload")]
    play.fleet.reload(play.now)
    assert play.take() == []
    assert play.exits(1) == [Spawn(2, 0, 2)]


def test_a_reload_kills_who_does_not_end_within_5_s() -> None:
    play = started(1, is_reload=True)
    play.fleet.reload(play.now)
    play.take()
    assert play.passes(5, 1) == [Signal(1, signal.SIGKILL)]


def test_a_reload_while_the_worker_starts_begins_anew() -> None:
    play = Play(1, is_reload=True)
    play.take()
    play.fleet.reload(play.now)
    assert play.take() == [drains(1, "reload"), Signal(1, signal.SIGTERM)]
    assert play.passes(1) == [Signal(1, signal.SIGKILL)]
    assert play.exits(1, -9) == [Spawn(2, 0, 1)]


def test_a_worker_that_fails_waits_for_the_next_reload() -> None:
    play = Play(1, is_reload=True)
    play.take()
    for worker_id in (1, 2):
        play.says(worker_id, Failed("invalid syntax"))
        assert play.exits(worker_id, 3) == play.passes(100) == []
        play.fleet.reload(play.now)
        assert play.take() == [Spawn(worker_id + 1, 0, worker_id)]
    assert play.log.count("invalid syntax") == 2


def test_a_random_play_never_has_two_main_workers_and_always_ends() -> None:
    import random

    for seed in range(300):
        chance = random.Random(seed)
        play = Play(chance.choice((1, 2, 3)), graceful=chance.choice((0, 3)), is_reload=chance.random() < 0.2)
        alive: set[int] = set()
        status = None
        for step in range(120):
            for action in play.take():
                match action:
                    case Spawn(worker_id):
                        alive.add(worker_id)
                    case Signal(worker_id, signal.SIGKILL):
                        alive.discard(worker_id)
                        play.fleet.exited(worker_id, -9, play.now)
                    case End(code):
                        status = code
            fleet, now = play.fleet, play.now
            if step >= 100:
                fleet.stop(now) if step == 100 else fleet.force(now)
            wish = chance.choice(("restart", "reload", "pause", "scale", "ready", "exit", "retire", "drain", "pass"))
            somebody = chance.choice(sorted(alive)) if alive else 0
            match wish:
                case "restart" | "pause":
                    getattr(fleet, wish)(now)
                case "reload" if fleet.roster.options.is_reload:
                    fleet.reload(now)
                case "scale":
                    fleet.scale(chance.choice((1, -1)), now)
                case "ready":
                    fleet.message(somebody, READY, now)
                case "retire":
                    fleet.message(somebody, Retiring("x"), now)
                case "drain":
                    fleet.message(somebody, Draining("x"), now)
                case "exit" if somebody:
                    alive.discard(somebody)
                    fleet.exited(somebody, chance.choice((0, 1, -9)), now)
            play.now += chance.choice((0.0, 0.1, 1.0, 6.0))
            fleet.tick(play.now)
            assert fleet.deadline() > play.now, (seed, step)
            serving = [member for member in fleet.roster if member.is_serving]
            held = [m for slot in fleet.slots for m in (slot.main, slot.successor) if m is not None]
            assert sorted(m.worker_id for m in serving) == sorted(m.worker_id for m in held), (seed, step)
        assert status is not None, seed
