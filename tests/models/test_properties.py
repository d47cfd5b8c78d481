"""What must hold for every life of every dossier (design 4, rules R1, R4)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from models.actions import Given, HandOver
from models.events import Event, EventType
from models.lateness import Holder, Lateness, percent_shares
from models.submission import DossierStart
from tests.models.lives_of_dossiers import OFFICIALS, SECOND, Life, effort, facts, gaps, lives, seen, starts
from tests.models.office import ADMIN, AGENCY, CODE, Office, hours, step

Choices = list[tuple[timedelta, int, int]]
AFTERWARDS = timedelta(days=9)


@effort(120)
@given(starts(), lives, st.randoms(use_true_random=False))
def test_the_order_of_arrival_never_changes_the_facts(start: DossierStart, life: Choices, order: Any) -> None:
    """R1. What is refused for what is not known yet is sent again; what only makes sense together, together."""
    lived = Life(start)
    lived.lead(life)
    end = lived.now + AFTERWARDS
    lived.live_to(end)
    pieced = Life(start)
    pieced.jump_to(end)
    waiting = list(lived.accepted)
    order.shuffle(waiting)
    while waiting:
        refused = [each for each in waiting if not pieced.accept(each)]
        if len(refused) == len(waiting):
            assert pieced.accept(*refused)
            break
        waiting = refused
    assert seen(pieced.dossier, end) == seen(lived.dossier, end)
    assert facts(pieced.dossier, end) == facts(lived.dossier, end)


def told(events: list[Event]) -> list[tuple[Any, ...]]:
    """What was told and of which instant; when a hearing ends depends on when it began."""
    return [
        (e.type, e.at, e.subject, e.data.get("rung")) for e in events if e.type is not EventType.PUBLISHED
    ]


@effort(100)
@given(starts(), lives)
def test_it_does_not_matter_how_often_it_wakes(start: DossierStart, life: Choices) -> None:
    """Design 4.7: a timer late, or one for everything, tells the same."""
    lived, slept = Life(start), Life(start)
    lived.lead(life)
    slept.lead(life, wakes=False)
    assert slept.accepted == lived.accepted
    end = lived.now + AFTERWARDS
    lived.live_to(end)
    slept.jump_to(end)
    assert told(slept.events) == told(lived.events)
    assert seen(slept.dossier, end) == seen(lived.dossier, end)
    assert facts(slept.dossier, end) == facts(lived.dossier, end)


@effort(80)
@given(starts(), lives, lives, st.booleans())
def test_a_worker_that_was_down_for_days(
    start: DossierStart, before: Choices, during: Choices, late: bool
) -> None:
    """What people did meanwhile is handed in afterwards; the timer may ring before or after that."""
    lived, down = Life(start), Life(start)
    lived.lead(before)
    down.lead(before)
    known = len(lived.accepted)
    lived.lead(during)
    end = lived.now + AFTERWARDS
    lived.live_to(end)
    if late:
        down.jump_to(end)
    down.now = end
    for each in lived.accepted[known:]:
        assert down.accept(each)
    down.jump_to(end)
    assert seen(down.dossier, end) == seen(lived.dossier, end)
    assert facts(down.dossier, end) == facts(lived.dossier, end)


def hand_over(when: Any, to: str) -> Given:
    return Given(
        action=HandOver(at=when, step="work", official=to, of_agency=AGENCY, reason="sổ tay"), by=ADMIN
    )


@effort(60)
@given(
    st.lists(st.tuples(gaps, st.sampled_from(OFFICIALS)), max_size=4),
    st.timedeltas(SECOND, timedelta(hours=3)),
    st.sampled_from(OFFICIALS),
)
def test_a_hand_over_in_the_last_minutes_moves_only_those(
    earlier: list[tuple[timedelta, str]], before: timedelta, to: str
) -> None:
    """R4, design 4.5."""
    office = Office(steps=(step("work", 1, hours(12), "A"),))
    shares = []
    for last in (False, True):
        life = Life(office.start)
        due = life.dossier.view(life.now).steps[0].due_at
        assert due is not None
        moment = due - timedelta(seconds=int(before.total_seconds()))
        when = life.now
        for gap, official in earlier:
            when += gap
            if when < moment:
                life.live_to(when)
                assert life.accept(hand_over(when, official))
        if last:
            life.live_to(moment)
            assert life.accept(hand_over(moment, to))
        life.live_to(due + SECOND)
        (late,) = [each for each in life.dossier.latenesses(life.now) if each.step == "work"]
        shares.append({share.official: share.minutes for share in late.shares})
    without, with_ = shares
    for official in OFFICIALS:
        moved = abs(with_.get(official, 0) - without.get(official, 0))
        assert moved <= before.total_seconds() / 60 + 0.01


@effort(100)
@given(
    st.lists(
        st.tuples(st.timedeltas(SECOND, timedelta(minutes=70)), st.sampled_from(OFFICIALS)),
        min_size=1,
        max_size=5,
    ),
    st.randoms(use_true_random=False),
)
def test_hand_overs_told_afterwards_name_whom_they_would_have_named(
    changes: list[tuple[timedelta, str]], order: Any
) -> None:
    """R1, R9: the naming told at first is told anew, until it is the one of who arrived in time."""
    office = Office(steps=(step("work", 1, hours(6), "A"),))
    lived, told_late = Life(office.start), Life(office.start)
    for gap, official in changes:
        lived.live_to(lived.now + gap)
        lived.accept(hand_over(lived.now, official))
    end = lived.now + timedelta(days=2)
    lived.live_to(end)
    told_late.live_to(end)
    waiting = list(lived.accepted)
    order.shuffle(waiting)
    for each in waiting:
        assert told_late.accept(each)
    named = [
        Lateness.model_validate([e for e in life.events if e.subject == f"{CODE}:work:1"][-1].data)
        for life in (lived, told_late)
    ]
    assert (named[0].official, named[0].shares) == (named[1].official, named[1].shares)


@effort(200)
@given(
    st.dictionaries(
        st.sampled_from([Holder(AGENCY, name) for name in "ABCDEFG"]), st.integers(0, 10**6), min_size=1
    )
)
def test_shares_sum_to_a_hundred(seconds: dict[Holder, int]) -> None:
    """R4: to two decimals, the largest first, and nobody is off by a whole hundredth."""
    shares = percent_shares(seconds)
    assert sum(Decimal(str(share.share)) for share in shares) == 100
    if total := sum(seconds.values()):
        by = {share.official: share.share for share in shares}
        assert all(abs(by[h.official] - 100 * held / total) < 0.01 for h, held in seconds.items())
        assert [seconds[Holder(AGENCY, s.official)] for s in shares] == sorted(seconds.values(), reverse=True)
