"""Why this date: the narration of a deadline, from the very clock that arms the timer (design 4.9)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from models.budget import Model, Unit
from models.calendar import Line, LineKind, WorkingCalendar
from models.calendar_lines import as_minutes, hundredths
from models.clock import Clock
from models.instants import Instant
from models.lateness import minutes
from models.state import State
from models.views import StepState

COUNTED = (LineKind.COUNTED, LineKind.WORKED_SWAP)
WAITING = {
    "supplement": "waiting for papers from the applicant",
    "payment": "waiting for the applicant's payment",
}
INTAKE = "intake: after the cut-off or outside office hours the clock starts at the next opening"
EARLIER = "counted on the clock before this one, which is kept on record"
SUSPENDED = "suspended: the dossier was sent back to an earlier step"
NOTES = {
    "extended": (LineKind.EXTENDED, "extension granted: the budget grows by these minutes"),
    "rework": (LineKind.REWORK, "sent back: half of the step's budget is added once"),
    "restart": (
        LineKind.POLICY,
        "papers complete: a new clock with the full budget (Decree 61/2018, art. 19(4))",
    ),
}


class Why(Model):
    """Where it has a due instant, minutes of ``counted`` and ``worked_swap`` lines sum to ``budget_minutes``.

    The budget of a missed deadline is what it was then: an extension granted later does not move it.
    """

    subject: str
    start: Instant | None
    clock_start: Instant | None
    amount: Decimal
    unit: Unit
    budget_minutes: float | None
    due_at: Instant | None
    confirmed: bool
    lines: tuple[Line, ...]


def narrate(state: State, step_key: str | None, now: datetime) -> Why:
    """Narrate the deadline of a step, or (None) of the promise, from its start to its due instant."""
    if step_key is None:
        clock, budget = state.promise, state.start.rules.total
        start: datetime | None = state.start.accepted_at
        due = clock.last_due if state.closed_at is not None else clock.due(state.calendar)
    else:
        step = state.step(step_key)
        clock, budget, start = step.clock, step.plan.budget, step.started_at
        due = (
            clock.last_due
            if step.state in (StepState.DONE, StepState.CANCELLED)
            else clock.due(state.calendar)
        )
    until = now if due is None else due
    runs = _runs_until(clock, until, is_due=due is not None)
    lines = [] if start is None or clock.limit is None else _lines(state, step_key, start, runs, until)
    first = runs[0][0] if runs else None
    return Why(
        subject=f"{state.start.code}:{step_key or 'promise'}",
        start=start,
        clock_start=first,
        amount=budget.amount,
        unit=budget.unit,
        budget_minutes=None if clock.limit is None else minutes(clock.limit),
        due_at=due,
        confirmed=first is None or state.calendar.confirmed(first, until),
        lines=tuple(lines),
    )


def _runs_until(clock: Clock, until: datetime, *, is_due: bool) -> list[tuple[datetime, datetime]]:
    """When the clock ran; the run in which it is (or would have been) due is followed to the due instant."""
    runs = list(clock.runs)
    if clock.run_start is not None:
        runs.append((clock.run_start, max(until, clock.run_start)))
    runs = [(start, min(end, until)) for start, end in runs if start <= until]
    if runs and is_due:
        runs[-1] = (runs[-1][0], until)
    return [(start, end) for start, end in runs if start < end]


def _lines(
    state: State, step: str | None, start: datetime, runs: list[tuple[datetime, datetime]], until: datetime
) -> list[Line]:
    """Every instant from ``start`` to ``until`` is told once; what was added has lines of no length."""
    lines: list[Line] = []
    at = start
    for number, (begin, end) in enumerate(runs):
        lines.extend(_standstill(state, step, at, begin, first=number == 0))
        lines.extend(state.calendar.narrate(begin, end))
        at = end
    lines.extend(_standstill(state, step, at, until, first=not runs))
    lines.extend(_notes(state, step, until))
    ordered = sorted(lines, key=lambda line: (line.start, line.end))
    return list(_rounded_together(ordered, state.calendar))


def _standstill(
    state: State, step: str | None, begin: datetime, end: datetime, *, first: bool
) -> Iterator[Line]:
    """Why the clock did not run from ``begin`` to ``end``; ``first``: it had not run before."""
    at = begin
    for pause in state.pauses:
        start, stop = max(pause.start, at), min(pause.end or end, end)
        if start < stop:
            yield from _unpaused(state, step, at, start, first=first)
            yield _line(start, stop, LineKind.PAUSED, WAITING[pause.kind])
            at = stop
    yield from _unpaused(state, step, at, end, first=first)


def _unpaused(
    state: State, step: str | None, begin: datetime, end: datetime, *, first: bool
) -> Iterator[Line]:
    if begin < end:
        restarts = [at for at, subject, kind, _ in state.notes if subject == step and kind == "restart"]
        earlier = bool(restarts) and begin < restarts[-1]
        if first and not earlier:
            yield from state.calendar.narrate_intake(begin, end, INTAKE)
        else:
            yield _line(begin, end, LineKind.POLICY, EARLIER if first else SUSPENDED)


def _notes(state: State, step: str | None, until: datetime) -> Iterator[Line]:
    for at, subject, kind, seconds in state.notes:
        if subject == step and at <= until:
            yield _line(at, at, *NOTES[kind], seconds)


def _rounded_together(lines: list[Line], calendar: WorkingCalendar) -> Iterator[Line]:
    """Minutes of two decimals that sum to the whole, however often the clock stopped."""
    seconds = 0
    for line in lines:
        if line.kind in COUNTED:
            before, seconds = hundredths(seconds), seconds + calendar.working_time(line.start, line.end)
            yield line.model_copy(update={"minutes": as_minutes(hundredths(seconds) - before)})
        else:
            yield line


def _line(start: datetime, end: datetime, kind: LineKind, text: str, seconds: int = 0) -> Line:
    return Line(start=start, end=end, minutes=minutes(seconds), kind=kind, text=text, source=None)
