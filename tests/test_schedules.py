"""The notation of discriminator schedules: printed, parsed, and used for every row of the homework."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from gan_jax.errors import UserError
from gan_jax.schedules import MAX_STEPS, Phase, Schedule

cycles = st.lists(st.integers(1, MAX_STEPS), min_size=1, max_size=4).map(tuple)
schedules = st.lists(cycles, min_size=1, max_size=6).flatmap(
    lambda found: st.lists(st.integers(2, 500), min_size=len(found) - 1, max_size=len(found) - 1, unique=True).map(
        lambda starts: Schedule(tuple(Phase(*pair) for pair in zip([1, *sorted(starts)], found, strict=True)))
    )
)


@given(schedules)
def test_schedules_round_trip(schedule):
    assert Schedule.parse(str(schedule)) == schedule


@given(schedules, st.integers(1, 600))
def test_steps_are_those_of_the_phase(schedule, epoch):
    """The reference is a list built epoch by epoch."""
    table = []
    for phase, following in zip(schedule.phases, [*schedule.phases[1:], Phase(601, (1,))], strict=True):
        length = following.first_epoch - phase.first_epoch
        table += [phase.cycle[i % len(phase.cycle)] for i in range(length)]
    assert len(table) == 600
    assert schedule.steps(epoch) == table[epoch - 1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", [1] * 100),
        ("4", [4] * 100),
        ("1: 32, 2-: 1", [32] + [1] * 99),
        ("1: 16, 2-10: 8, 11-20: 4, 21-30: 2, 31-: 1", [16] + [8] * 9 + [4] * 10 + [2] * 10 + [1] * 70),
        ("1-50: 1, 51-: 1/2", [1] * 50 + [1, 2] * 25),
        (" 1-2 :3 ,3-: 1 / 2", [3, 3] + [1, 2] * 49),
    ],
)
def test_the_homeworks_rows(text, expected):
    schedule = Schedule.parse(text)
    assert [schedule.steps(epoch) for epoch in range(1, 101)] == expected


@pytest.mark.parametrize(
    "text",
    ["", "0", "-1", "x", "1.5", "1,2", "2: 4", "1: 4", "1-5: 4", "1-: 4, 5-: 1", "1: 4, 3-: 1", "1-5: 2, 5-: 1",
     "1 5: 3",     "1: 2, 2-1: 3, 2-: 4", "1001", "9" * 5000, "1/", "/2", "1-:", "1:2:3", "٣", "1\n2"],
)  # fmt: skip
def test_an_invalid_schedule_is_refused_in_one_line(text):
    with pytest.raises(UserError) as caught:
        Schedule.parse(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
