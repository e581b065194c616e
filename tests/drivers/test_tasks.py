"""LinkTasks is a mapping of tasks to cycles, however many there are."""

import random
from typing import Any

import pytest

from licorne.drivers.tasks import LinkTasks
from licorne.link import Cycle


def test_tasks_are_kept_and_handed_over_as_a_dict_does() -> None:
    chance = random.Random(3)
    tasks, expected = LinkTasks(), dict[Any, Cycle]()
    known = [object() for _ in range(5)]
    for _ in range(500):
        task = chance.choice(known)
        if task in expected:
            assert tasks.take(task) is expected.pop(task)
        else:
            expected[task] = Cycle()
            tasks.add(task, expected[task])
        assert len(tasks) == len(expected)
        assert bool(tasks) is bool(expected)
        assert set(tasks) == set(expected)
        assert all((each in tasks) is (each in expected) for each in known)
        assert all(tasks[each] is cycle for each, cycle in expected.items())


def test_a_task_that_is_not_known_has_no_cycle() -> None:
    tasks = LinkTasks()
    assert tasks.take(object()) is None
    with pytest.raises(KeyError):
        tasks[object()]
    with pytest.raises(KeyError):
        tasks[None]
