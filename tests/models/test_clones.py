"""Copies that a trial works on: of every field, and nothing that the trial changes is shared."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

from models.clock import Clock
from models.lateness import Holder
from models.state import StepRun
from models.views import StepState
from tests.models.office import at, hours, step

A, B = Holder("H13.2", "A"), Holder("H13.2", "B")


def clock() -> Clock:
    """No field has its default, nor the value of another field."""
    first = at("04-01 08:00")
    times = [first + timedelta(hours=n) for n in range(8)]
    return Clock(
        base=100,
        holder=A,
        extra=20,
        consumed=7,
        since=times[0],
        run_start=times[1],
        missed_at=times[2],
        last_due=times[3],
        held={A: 5},
        taken_at=times[4],
        last_held={B: times[5]},
        after={B: 2},
        runs=[(times[6], times[7])],
        rungs={"warning"},
    )


def run() -> StepRun:
    day = at("04-01 08:00")
    done = StepState.DONE
    return StepRun(step("work", 1, hours(2), "A"), "H13.3", [clock()], done, day, day + timedelta(1), True)


def test_a_clock_is_copied_whole() -> None:
    original, plain = clock(), Clock(None, B)
    copy = original.clone()
    for field in fields(Clock):
        assert getattr(copy, field.name) == getattr(original, field.name)
        assert getattr(copy, field.name) != getattr(plain, field.name)  # else it may have been left out


def test_a_step_is_copied_whole() -> None:
    original, plain = run(), StepRun(step("other", 2, hours(1), "B"), "H13.2", [])
    copy = original.clone()
    for field in fields(StepRun):
        assert getattr(copy, field.name) == getattr(original, field.name)
        assert getattr(copy, field.name) != getattr(plain, field.name)


def test_what_the_copy_does_leaves_the_original_as_it_was() -> None:
    original = run()
    copy = original.clone().clock
    copy.held[B] = 1
    copy.last_held.clear()
    copy.after.clear()
    copy.runs.clear()
    copy.rungs.clear()
    assert original == run()
