from __future__ import annotations

import itertools

import pytest

from normlaws.errors import InputError
from normlaws.tracking.schedule import Schedule


def recorded(schedule: Schedule, asked) -> list[int]:
    found = []
    for step in asked:
        if schedule.due(step):
            found.append(step)
            schedule.passed(step)
    return found


def test_log_spaced_steps_grow_by_the_ratio():
    steps = recorded(Schedule(growth=1.5), range(10_000))
    assert steps[:4] == [0, 1, 2, 3]
    assert all(later <= 1.5 * earlier + 1 for earlier, later in itertools.pairwise(steps))
    assert len(steps) < 30


def test_chosen_steps_are_taken_as_a_set_that_holds_zero():
    assert recorded(Schedule([40, 3, 3, 7]), range(100)) == [0, 3, 7, 40]


def test_a_loop_that_asks_rarely_records_at_the_next_occasion():
    assert recorded(Schedule([1, 2, 11, 25]), range(0, 100, 10)) == [0, 10, 20, 30]


@pytest.mark.parametrize("steps", [[-1], [0.5]])
def test_steps_are_whole_numbers(steps):
    with pytest.raises(InputError, match="whole numbers from 0, got"):
        Schedule(steps)


def test_growth_is_above_one():
    with pytest.raises(InputError, match="above 1, got 1"):
        Schedule(growth=1)
