"""How time passes for a dossier: deadlines are missed, ladder rungs are reached (rules R1, R4, R8, R12)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from models.calendar import WorkingCalendar
from models.clock import Clock
from models.events import EventType
from models.instants import iso
from models.lateness import Holder, Share, minutes, percent_shares
from models.procedure import Rung, RungOf, RungTo
from models.state import Fact, Miss, State

DEADLINE, RUNG = 0, 1
"""At equal instants: deadlines, then warnings and rungs (rules R1)."""


class Threshold(NamedTuple):
    """A point a running clock will reach; sorts in the order in which thresholds pass."""

    at: datetime
    kind: int
    order: int
    ladder: int
    step: str | None
    clock_no: int


def advance(state: State, until: datetime) -> None:
    """Pass every deadline and rung before ``until``; what falls exactly on it has not passed yet."""
    for threshold in sorted(t for t in thresholds(state) if t.at < until):
        clock = _clock(state, threshold)
        if threshold.kind == DEADLINE:
            _miss(state, threshold, clock)
        else:
            _reach(state, threshold, clock)
    state.cursor = max(state.cursor, until)


def next_threshold(state: State) -> datetime | None:
    return min((t.at for t in thresholds(state)), default=None)


def thresholds(state: State) -> Iterator[Threshold]:
    """All points ahead of the running clocks: the deadline not yet missed, the rungs not yet reached."""
    ladder = state.start.rules.policies.ladder
    for order, step, number, clock in state.running_clocks():
        if clock.limit is None:
            continue
        if clock.missed_at is None and (due := clock.due(state.calendar)) is not None:
            yield Threshold(due, DEADLINE, order, 0, step, number)
        of = RungOf.PROMISE if step is None else RungOf.STEP
        for place, rung in enumerate(ladder):
            if rung.of is not of or rung.key in clock.rungs:
                continue
            position = rung_position(rung, clock.limit, state.calendar)
            if position > 0 and (at := clock.reaches(position, state.calendar)) is not None:
                yield Threshold(at, RUNG, order, place, step, number)


def rung_position(rung: Rung, limit: int, calendar: WorkingCalendar) -> int:
    """The working seconds a clock of this limit has consumed when it reaches the rung; 0 or less: never."""
    if rung.before is not None:
        return limit - calendar.seconds(rung.before)
    if rung.after is not None:
        return limit + calendar.seconds(rung.after)
    return limit * (rung.percent or 0) // 100


def settled(state: State, step: str | None, at: datetime) -> None:
    """Tell each miss of the step (None: the promise) that its work has ended at ``at``."""
    for miss in state.misses:
        if miss.step == step:
            overrun = sum(state.clock_of(miss).after.values())
            state.facts.append(
                Fact(
                    f"settled:{miss.key}:{iso(at, state.calendar.zone)}",
                    at,
                    EventType.SETTLED,
                    {},
                    mark=str(overrun),
                    miss=miss,
                )
            )


def _clock(state: State, threshold: Threshold) -> Clock:
    clocks = state.promises if threshold.step is None else state.step(threshold.step).clocks
    return clocks[threshold.clock_no - 1]


def _miss(state: State, threshold: Threshold, clock: Clock) -> None:
    due = threshold.at
    clock.miss(due, state.calendar)
    if threshold.step is None:
        named, shares = clock.named(), _promise_shares(state, clock, due)
    else:
        named, shares = clock.named(), percent_shares(clock.held_ordered() or {clock.holder: 0})
    miss = Miss(threshold.step, threshold.clock_no, due, named, shares)
    state.misses.append(miss)
    state.facts.append(Fact(f"miss:{miss.key}", due, EventType.RECORDED, {}, miss=miss))


def _promise_shares(state: State, clock: Clock, due: datetime) -> tuple[Share, ...]:
    """By agency, from the working minutes that steps were overdue up to the promise's due (rules R4).

    After a restart, from its working minutes alone: shares count the new clock (rules R5).
    """
    overdue = {
        Holder(agency): seconds - state.overdue_before.get(agency, 0)
        for agency, seconds in state.overdue(due).items()
        if seconds > state.overdue_before.get(agency, 0)
    }
    if overdue:
        return percent_shares(overdue)
    named = clock.named()
    consumed = sum(clock.held.values())
    return (Share(agency=named.agency, official=None, minutes=minutes(consumed), share=100.0),)


def _reach(state: State, threshold: Threshold, clock: Clock) -> None:
    rung = state.start.rules.policies.ladder[threshold.ladder]
    clock.rungs.add(rung.key)
    agency = clock.holder.agency
    holder = _working_on(state, threshold, clock) if rung.to is RungTo.HOLDER else clock.holder
    subject = threshold.step or "promise"
    due = clock.due(state.calendar)
    state.facts.append(
        Fact(
            f"rung:{subject}#{threshold.clock_no}:{rung.key}",
            threshold.at,
            EventType.WARNED if rung.is_warning else EventType.ESCALATED,
            {
                "dossier": state.start.code,
                "procedure": state.start.rules.procedure,
                "agency": agency,
                "step": threshold.step,
                "rung": rung.key,
                "to": rung.to.value,
                "official": _addressed(state, rung.to, holder),
                "due_at": None if due is None else iso(due, state.calendar.zone),
            },
        )
    )


def _working_on(state: State, threshold: Threshold, clock: Clock) -> Holder:
    """The holder of the step; of the promise, who has the first of the steps that run."""
    if threshold.step is None:
        return next((step.clock.holder for step in state.active_steps()), clock.holder)
    return clock.holder


def _addressed(state: State, to: RungTo, holder: Holder) -> str | None:
    """The official a rung speaks to; a queue is spoken to through its head."""
    head = state.heads.get(holder.agency)
    match to:
        case RungTo.HOLDER:
            return holder.official or head
        case RungTo.HEAD:
            return head
        case RungTo.PARENT_HEAD:
            return state.heads.get(state.parents.get(holder.agency, ""), head)
