"""What a supervisor leaves to its successor, and what the successor makes of it."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from licorne.config.options import Config
from licorne.server.listening.listeners import Listener, open_listeners
from licorne.supervisor.inheritance import VARIABLE, Bequest, Inheritance, inherit


class Legacy:
    """Be an old and a new supervisor in one process: descriptors are doubled, as they are by a start of a process."""

    def __init__(self) -> None:
        self.opened: list[Listener] = []
        self.bound: list[str] = []
        self.reader, self.writer = os.pipe()

    def bind(self, config: Config) -> list[Listener]:
        """Bind what a configuration asks for."""
        listeners = open_listeners(config.bind)
        for listener in listeners:
            listener.listen(8)
        self.opened += listeners
        return listeners

    def leave(self, config: Config, sets: list[list[Listener]], health: list[Listener] | None = None) -> Inheritance:
        """Return what a successor finds."""
        double = {
            id(one): self.double(one) for one in dict.fromkeys(one for each in (*sets, health or []) for one in each)
        }
        left = Bequest(
            config, [[double[id(one)] for one in each] for each in sets], [double[id(h)] for h in health or []]
        )
        environ = {VARIABLE: left.encode(self.writer), "OTHER": "kept"}
        found = inherit(environ)
        for one in double.values():
            one.sock.detach()
        assert found is not None
        assert environ == {"OTHER": "kept"}
        return found

    def double(self, listener: Listener) -> Listener:
        """Return the same socket by another descriptor."""
        return Listener(listener.sock.dup(), listener.path, is_shared=listener.is_shared)

    def open_sets(self, config: Config, slots: int) -> list[list[Listener]]:
        """Bind anew, for all slots together."""
        self.bound += map(str, config.bind)
        fresh = open_listeners(config.bind)
        self.opened += fresh
        return [fresh] * slots

    def close(self) -> None:
        """Close everything."""
        for listener in self.opened:
            listener.close()
        os.close(self.reader)


@pytest.fixture
def legacy() -> Iterator[Legacy]:
    made = Legacy()
    yield made
    made.close()


def config_of(*binds: str, **options: Any) -> Config:
    """Return a configuration that listens there."""
    return Config("main:app", bind=",".join(binds), **options)


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def names_of(sets: list[list[Listener]]) -> list[list[Any]]:
    """Return the addresses of each slot."""
    return [[listener.sock.getsockname() for listener in listeners] for listeners in sets]


def close_all(*sets: list[Listener]) -> None:
    """Close what was adopted."""
    for listener in {id(one): one for each in sets for one in each}.values():
        listener.close()


def test_the_same_addresses_are_taken_over_whatever_they_are(legacy: Legacy) -> None:
    config = config_of("127.0.0.1:0")
    old = legacy.bind(config)
    sets = legacy.leave(config, [old, old]).adopt(config, 3, legacy.open_sets)
    assert names_of(sets) == [[old[0].sock.getsockname()]] * 3
    assert sets[0][0] is sets[2][0]
    assert not legacy.bound
    close_all(*sets)


def test_sockets_of_each_worker_go_to_the_new_workers_and_none_is_lost(legacy: Legacy) -> None:
    config = config_of("127.0.0.1:0")
    old = [legacy.bind(config) for _ in range(3)]
    names = {each[0].sock.getsockname() for each in old}
    for slots in (2, 3, 5):
        sets = legacy.leave(config, old).adopt(config, slots, legacy.open_sets)
        assert len(sets) == slots
        assert all(sets)
        assert {name for each in names_of(sets) for name in each} == names
        close_all(*sets)


def test_an_address_that_is_new_is_bound_and_one_that_is_gone_is_closed(legacy: Legacy) -> None:
    stays, goes, comes = free_port(), free_port(), free_port()
    before = config_of(f"127.0.0.1:{stays}", f"127.0.0.1:{goes}")
    old = legacy.bind(before)
    after = config_of(f"127.0.0.1:{comes}", f"127.0.0.1:{stays}")
    sets = legacy.leave(before, [old, old]).adopt(after, 2, legacy.open_sets)
    assert names_of(sets) == [[("127.0.0.1", stays), ("127.0.0.1", comes)]] * 2
    assert legacy.bound == [f"127.0.0.1:{comes}"]
    close_all(*sets)


def test_a_path_is_the_successors_when_it_has_said_so(legacy: Legacy, tmp_path: Path) -> None:
    path = tmp_path / "licorne.sock"
    config = config_of(f"unix:{path}")
    old = legacy.bind(config)
    given_up = legacy.leave(config, [old])
    close_all(*given_up.adopt(config, 1, legacy.open_sets))
    assert path.exists(), "a successor that fails leaves it alone"

    inheritance = legacy.leave(config, [old])
    sets = inheritance.adopt(config_of(f"unix:{path}", "127.0.0.1:0"), 1, legacy.open_sets)
    inheritance.finish()
    assert os.read(legacy.reader, 64)
    old[0].give_up_path()
    old[0].close()
    assert path.exists()
    close_all(*sets)
    assert not path.exists()


def test_the_listeners_for_health_are_taken_over_too(legacy: Legacy) -> None:
    config = config_of("127.0.0.1:0", health_bind="127.0.0.1:0")
    health = open_listeners(config.health_bind)
    legacy.opened += health
    old = legacy.bind(config)
    inheritance = legacy.leave(config, [old], health)
    adopted = inheritance.adopt_health(config, open_listeners)
    assert names_of([adopted]) == names_of([health])
    close_all(adopted, *inheritance.adopt(config, 1, legacy.open_sets))


def test_sockets_that_nobody_wants_any_more_are_closed(legacy: Legacy) -> None:
    config = config_of("127.0.0.1:0", health_bind="127.0.0.1:0")
    health = open_listeners(config.health_bind)
    legacy.opened += health
    inheritance = legacy.leave(config, [legacy.bind(config)], health)
    assert inheritance.adopt_health(config_of("127.0.0.1:0"), open_listeners) == []
    close_all(*inheritance.adopt(config, 1, legacy.open_sets))


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "{}", "[]", '{"pipe": 1}', '{"pipe": 99, "serving": {"asked": "", "sets": [[[1, null, false]]]}}'],
)
def test_what_was_not_meant_for_this_process_is_ignored(text: str) -> None:
    environ = {VARIABLE: text}
    assert inherit(environ) is None
    assert environ == {}


def test_a_successor_whose_predecessor_is_dead_goes_on(legacy: Legacy) -> None:
    config = config_of("127.0.0.1:0")
    inheritance = legacy.leave(config, [legacy.bind(config)])
    sets = inheritance.adopt(config, 1, legacy.open_sets)
    os.close(legacy.reader)
    inheritance.finish()
    inheritance.finish()
    legacy.reader = os.open(os.devnull, os.O_RDONLY)
    close_all(*sets)
