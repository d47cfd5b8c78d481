"""Why this date: the narration of a deadline, from the very clock that arms the timer (design 4.9)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from models.budget import Model, Unit
from models.calendar import Line, LineKind
from models.clock import Clock
from models.instants import Instant
from models.lateness import minutes
from models.state import State
from models.views import StepState


class Why(Model):
    """Minutes of ``counted`` and ``worked_swap`` lines sum to ``budget_minutes`` once it is due."""

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
    runs = _runs_until_due(clock, due, now)
    lines = [] if start is None or clock.budget is None else _lines(state, step_key, start, runs, due or now)
    first = runs[0][0] if runs else None
    return Why(
        subject=f"{state.start.code}:{step_key or 'promise'}",
        start=start,
        clock_start=first,
        amount=budget.amount,
        unit=budget.unit,
        budget_minutes=None if clock.budget is None else minutes(clock.budget),
        due_at=due,
        confirmed=first is None or state.calendar.confirmed(first, due or now),
        lines=tuple(lines),
    )


def _runs_until_due(clock: Clock, due: datetime | None, now: datetime) -> list[tuple[datetime, datetime]]:
    """When the clock ran; the run in which it is (or would have been) due is followed to the due instant."""
    runs = list(clock.runs)
    if clock.run_start is not None:
        runs.append((clock.run_start, max(now, clock.run_start)))
    if due is None:
        return runs
    runs = [(start, min(end, due)) for start, end in runs if start <= due]
    if runs:
        runs[-1] = (runs[-1][0], due)
    return runs


def _lines(
    state: State, step: str | None, start: datetime, runs: list[tuple[datetime, datetime]], until: datetime
) -> list[Line]:
    lines: list[Line] = []
    at = start
    for begin, end in runs:
        if begin > at:
            lines.extend(_standstill(state, at, begin, first=at == start))
        lines.extend(state.calendar.narrate(begin, end))
        at = end
    if state.pause is not None and until > at:
        lines.extend(_standstill(state, at, until, first=False))
    lines.extend(_notes(state, step, until))
    return sorted(lines, key=lambda line: line.start)


def _standstill(state: State, begin: datetime, end: datetime, *, first: bool) -> list[Line]:
    """Why the clock did not run from ``begin`` to ``end``."""
    pauses = [p for p in state.pauses if p.start < end and (p.end is None or p.end > begin)]
    if pauses:
        what = {
            "supplement": "waiting for papers from the applicant",
            "payment": "waiting for the applicant's payment",
        }
        return [_line(p.start, min(p.end or end, end), LineKind.PAUSED, what[p.kind]) for p in pauses]
    if first:
        text = "intake: after the cut-off or outside office hours the clock starts at the next opening"
        return [_line(begin, end, LineKind.POLICY, text)]
    return [_line(begin, end, LineKind.POLICY, "suspended: the dossier was sent back to an earlier step")]


def _notes(state: State, step: str | None, until: datetime) -> list[Line]:
    texts = {
        "extended": (LineKind.EXTENDED, "extension granted: the budget grows by these minutes"),
        "rework": (LineKind.REWORK, "sent back: half of the step's budget is added once"),
        "restart": (
            LineKind.POLICY,
            "papers complete: a new clock with the full budget (Decree 61/2018, art. 19(4))",
        ),
    }
    return [
        _line(at, at, texts[kind][0], texts[kind][1], seconds)
        for at, subject, kind, seconds in state.notes
        if subject == step and at <= until
    ]


def _line(start: datetime, end: datetime, kind: LineKind, text: str, seconds: int = 0) -> Line:
    return Line(start=start, end=end, minutes=minutes(seconds), kind=kind, text=text, source=None)
