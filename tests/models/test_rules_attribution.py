"""Rules R3 and R4 by their own examples: who holds, and whom a lateness names."""

from __future__ import annotations

import pytest

from models.budget import Budget, Unit
from models.errors import Code, Refusal
from models.lateness import Lateness
from tests.models.office import (
    AGENCY,
    OTHER,
    THIRD,
    Office,
    days,
    hours,
    local,
    logged,
    official,
    step,
)

ONE = (step("work", 1, hours(4), "A"),)


def shares(late: Lateness) -> list[tuple[str, str | None, float, float]]:
    return [(s.agency, s.official, s.minutes, s.share) for s in late.shares]


def only_step(office: Office) -> Lateness:
    (late,) = [late for late in office.late if late.step is not None]
    return late


def test_the_largest_holder_is_named() -> None:
    office = Office(steps=ONE, total=days(2))
    office.act("hand_over", "04-01 10:55", step="work", official="B")
    office.pass_to("04-01 14:30")
    late = only_step(office)
    assert late.official == "A"
    assert local(late.due_at) == "04-01 13:00" or local(late.due_at) == "04-01 14:00"


def test_handing_over_in_the_last_minutes_moves_only_those() -> None:
    office = Office(steps=ONE, total=days(2))  # due 14:00: 08-11 and 13-14
    office.act("hand_over", "04-01 13:53", step="work", official="B")
    office.pass_to("04-01 15:00")
    late = only_step(office)
    assert shares(late) == [(AGENCY, "A", 233, 97.08), (AGENCY, "B", 7, 2.92)]
    assert late.official == "A"
    assert [(h.official, h.minutes) for h in late.after] == [("B", 60)]


def test_a_tie_names_who_held_last() -> None:
    office = Office(steps=ONE, total=days(2))
    office.act("hand_over", "04-01 10:00", step="work", official="B")
    office.pass_to("04-01 15:00")
    assert (only_step(office).official, shares(only_step(office))[0][1]) == ("B", "B")


def test_a_tie_names_who_held_last_also_where_nothing_counted_then() -> None:
    office = Office(steps=ONE, total=days(2))
    office.act("hand_over", "04-01 10:00", step="work", official="B")
    office.act("request_supplement", "04-01 14:00")  # at the due instant: not missed
    office.act("hand_over", "04-01 14:30", step="work", official="A")
    office.act("supplement_received", "04-01 15:00")  # due again at once
    office.pass_to("04-01 15:30")
    late = only_step(office)
    assert (local(late.due_at), late.official) == ("04-01 15:00", "A")
    assert shares(late) == [(AGENCY, "A", 120, 50.0), (AGENCY, "B", 120, 50.0)]


def test_a_tie_passes_over_who_took_it_at_the_due_instant() -> None:
    office = Office(steps=ONE, total=days(2))
    office.act("hand_over", "04-01 10:00", step="work", official="B")
    office.act("request_supplement", "04-01 14:00")
    office.act("supplement_received", "04-01 15:00")
    office.act("hand_over", "04-01 15:00", step="work", official="A")
    office.pass_to("04-01 15:30")
    assert only_step(office).official == "B"


def test_a_hand_over_at_the_due_instant_is_after_it() -> None:
    office = Office(steps=ONE, total=days(2))
    office.act("hand_over", "04-01 10:00", step="work", official="B")
    office.act("hand_over", "04-01 14:00", step="work", official="A")
    office.pass_to("04-01 15:00")
    late = only_step(office)
    assert late.official == "B"
    assert [(h.official, h.minutes) for h in late.after] == [("A", 60)]


def test_the_queue_is_named_as_its_agency() -> None:
    office = Office(steps=(step("work", 1, hours(4), None),), total=days(2))
    office.act("hand_over", "04-01 13:30", step="work", official="B", by=official("B"))  # claims it
    office.pass_to("04-01 15:00")
    late = only_step(office)
    assert (late.agency, late.official, late.head) == (AGENCY, None, "HEAD-2")
    assert shares(late) == [(AGENCY, None, 210, 87.5), (AGENCY, "B", 30, 12.5)]


def test_three_equal_thirds_sum_to_a_hundred() -> None:
    office = Office("04-01 07:00", steps=(step("work", 1, hours(3), "A"),), total=days(2))
    office.act("hand_over", "04-01 08:00", step="work", official="B")
    office.act("hand_over", "04-01 09:00", step="work", official="C")
    office.pass_to("04-01 11:00")
    late = only_step(office)
    assert late.official == "C"
    assert sorted(s.share for s in late.shares) == [33.33, 33.33, 33.34]
    assert round(sum(s.share for s in late.shares), 2) == 100


def test_transfer_moves_the_step_and_no_clock() -> None:
    office = Office(steps=ONE, total=days(2))
    office.act("transfer", "04-01 10:30", step="work", agency=OTHER, roster={"worker": "X"}, head="HEAD-3")
    assert (office.step("work").agency, office.step("work").official) == (OTHER, "X")
    assert office.due("work") == "04-01 14:00"
    assert office.view.agency == AGENCY
    office.pass_to("04-01 15:00")
    late = only_step(office)
    assert (late.agency, late.official) == (AGENCY, "A")  # where the named holder held, not where it is now
    assert [(h.agency, h.official, h.minutes) for h in late.after] == [(OTHER, "X", 60)]


def test_transfer_of_the_dossier_takes_unfinished_steps_along() -> None:
    steps = (
        step("a", 1, hours(1), "A"),
        step("b", 2, hours(8), "B"),
        step("c", 3, hours(1), "C", agency=THIRD),
    )
    office = Office(steps=steps, total=days(2))
    office.act("complete", "04-01 08:30", step="a")
    office.act("transfer", "04-01 13:00", agency=OTHER, head="HEAD-3")
    view = office.view
    assert view.agency == OTHER
    assert [(s.agency, s.official) for s in view.steps] == [(AGENCY, "A"), (OTHER, None), (THIRD, "C")]
    office.pass_to("04-03 09:00")
    step_late, promise = office.late
    assert (step_late.agency, step_late.official, step_late.head) == (OTHER, None, "HEAD-3")
    # the promise: competent for 180 minutes was the first, for 780 the second
    assert (promise.agency, promise.official, promise.step) == (OTHER, None, None)


def test_hand_over_stays_in_the_agency() -> None:
    office = Office(steps=ONE)
    with pytest.raises(Refusal) as refusal:
        office.act("hand_over", "04-01 09:00", step="work", official="X", of_agency=OTHER)
    assert refusal.value.code == Code.ILLEGAL_ACTION


def test_promise_shares_come_from_overdue_steps() -> None:
    steps = (step("a", 1, hours(2), "A"), step("b", 2, hours(2), "B", agency=OTHER))
    office = Office(steps=steps, total=days(1))  # promise due 2 April 08:00
    office.act("complete", "04-01 14:00", step="a")  # overdue 10:00-14:00: 120 minutes
    office.pass_to("04-02 09:00")  # b due 16:00, overdue 120 minutes up to 08:00
    promise = next(late for late in office.late if late.step is None)
    assert shares(promise) == [(AGENCY, None, 120, 50), (OTHER, None, 120, 50)]
    assert (promise.agency, promise.head) == (AGENCY, "HEAD-2")


def test_promise_without_overdue_steps_is_the_agencys() -> None:
    office = Office(steps=(step("a", 1, hours(16), "A"),), total=days(1))
    office.pass_to("04-02 08:30")
    promise = next(late for late in office.late if late.step is None)
    assert [(s.agency, s.share) for s in promise.shares] == [(AGENCY, 100)]


def test_steps_before_the_promise_at_one_instant() -> None:
    office = Office(steps=(step("a", 1, hours(8), "A"),), total=days(1))
    office.pass_to("04-02 08:30")
    assert [late.step for late in office.late] == ["a", None]


def test_parallel_steps_each_name_their_own() -> None:
    steps = (
        step("site", 1, hours(1), "S"),
        step("x", 2, hours(2), "X", agency=OTHER),
        step("y", 2, hours(1), "Y", agency=THIRD),
    )
    office = Office(steps=steps, total=days(2))
    office.act("complete", "04-01 08:30", step="site")
    office.act("complete", "04-01 10:00", step="x")
    office.act("complete", "04-01 10:00", step="y")
    late = only_step(office)
    assert (late.agency, late.official, late.overrun_minutes) == (THIRD, "Y", 30)


def test_complete_by_another_leaves_the_holdings() -> None:
    """From a log another than the holder may complete; the holder is still named."""
    office = Office(
        steps=ONE,
        total=days(2),
        given=(logged("complete", "04-01 15:00", step="work", official="Z"),),
        now="04-02 09:00",
    )
    assert only_step(office).official == "A"
    assert office.step("work").official == "A"


def test_late_hand_over_changes_the_naming_before_publication() -> None:
    office = Office(steps=ONE, total=days(2))
    office.pass_to("04-01 14:30")
    first = only_step(office)
    told = office.act(
        "hand_over", "04-01 08:10", arrives="04-01 14:40", step="work", official="B", reason="sổ giao việc"
    )
    assert "vn.danbiet.disclosure.recorded" in [event.type for event in told]
    late = only_step(office)
    assert (late.id, late.official, late.state) == (first.id, "B", "recorded")
    assert late.recorded_at > first.recorded_at
    assert late.window_closes_at is not None
    assert first.window_closes_at is not None
    assert late.window_closes_at > first.window_closes_at


def test_zero_share_of_a_clock_without_time() -> None:
    """A same-day step that begins after the office has closed is due at the next day's close, not at once."""
    same_day = Budget(amount=0, unit=Unit.CALENDAR_DAYS)
    office = Office(steps=(step("a", 1, hours(16), "A"), step("b", 2, same_day, "B")), total=days(5))
    office.act("complete", "04-01 18:00", step="a")
    assert office.due("b") == "04-02 17:00"
