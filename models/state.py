"""A dossier at an instant: the mutable state that the fold of its actions builds (rules R1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import JsonValue

from models import refusals
from models.budget import Budget
from models.calendar import WorkingCalendar
from models.clock import Clock
from models.errors import Code, Refusal
from models.events import EventType
from models.first_rows import FirstRows
from models.lateness import Holder, Share
from models.rules import PlannedStep
from models.submission import DossierStart
from models.views import Pause, Status, StepState


@dataclass(slots=True)
class StepRun:
    """A step of this dossier: its plan, where it stands, and its clocks (a restart opens a new one beside the old)."""

    plan: PlannedStep
    agency: str
    clocks: list[Clock]
    state: StepState = StepState.PENDING
    started_at: datetime | None = None
    completed_at: datetime | None = None
    reworked: bool = False
    """Has had its one rework allowance (rules R7)."""

    def clone(self) -> StepRun:
        clocks = [clock.clone() for clock in self.clocks]
        return StepRun(
            self.plan, self.agency, clocks, self.state, self.started_at, self.completed_at, self.reworked
        )

    @property
    def key(self) -> str:
        return self.plan.key

    @property
    def clock(self) -> Clock:
        return self.clocks[-1]

    @property
    def is_active(self) -> bool:
        return self.state in (StepState.RUNNING, StepState.PAUSED)

    @property
    def is_unfinished(self) -> bool:
        return self.is_active or self.state is StepState.PENDING


@dataclass(frozen=True, slots=True)
class Miss:
    """A deadline that passed: an immutable fact of this fold. ``step`` None: the promise."""

    step: str | None
    clock_no: int
    due_at: datetime
    named: Holder
    shares: tuple[Share, ...]

    @property
    def key(self) -> str:
        return f"{self.step or 'promise'}#{self.clock_no}"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something the fold concluded. ``key`` names it across folds; a changed ``mark`` is told anew."""

    key: str
    at: datetime
    type: EventType
    data: dict[str, JsonValue]
    mark: str = ""
    miss: Miss | None = None
    action: str | None = None
    by: str | None = None


@dataclass(slots=True)
class State:
    """All that the actions so far and the passing of time have made of the dossier, up to ``cursor``."""

    start: DossierStart
    calendar: WorkingCalendar
    clock_start: datetime
    not_before: datetime
    """No clock runs before this instant: the normalised intake, or that of a restart (rules R2, R5)."""
    cursor: datetime
    agency: str
    heads: dict[str, str]
    parents: dict[str, str]
    steps: list[StepRun]
    promises: list[Clock]
    original_due_at: datetime | None
    stage: int
    first_rows: FirstRows
    """Whom the actions of this fold show to have had the steps since they began."""
    status: Status = Status.RUNNING
    pauses: list[Pause] = field(default_factory=list)
    supplements: int = 0
    extended_at: datetime | None = None
    closed_at: datetime | None = None
    misses: list[Miss] = field(default_factory=list)
    overdue_before: dict[str, int] = field(default_factory=dict)
    """Overrun of steps by agency when the promise began anew: it makes no part of what the new one is missed by."""
    facts: list[Fact] = field(default_factory=list)
    """Concluded and not yet drained, in the order of the fold."""
    notes: list[tuple[datetime, str | None, str, int]] = field(default_factory=list)
    """For the narration: (instant, step or None, kind, seconds) of extensions, allowances, restarts."""

    def clone(self) -> State:
        return replace(
            self,
            heads=dict(self.heads),
            parents=dict(self.parents),
            steps=[step.clone() for step in self.steps],
            promises=[clock.clone() for clock in self.promises],
            pauses=list(self.pauses),
            misses=list(self.misses),
            overdue_before=dict(self.overdue_before),
            facts=list(self.facts),
            notes=list(self.notes),
        )

    @property
    def promise(self) -> Clock:
        return self.promises[-1]

    @property
    def pause(self) -> Pause | None:
        """The pause that is on now."""
        return self.pauses[-1] if self.pauses and self.pauses[-1].end is None else None

    def step(self, key: str) -> StepRun:
        for step in self.steps:
            if step.key == key:
                return step
        known = ", ".join(step.key for step in self.steps)
        raise Refusal(Code.INVALID, refusals.NO_STEP, step=key, dossier=self.start.code, steps=known)

    def active_steps(self) -> list[StepRun]:
        return [step for step in self.steps if step.is_active]

    def running_clocks(self) -> Iterator[tuple[int, str | None, int, Clock]]:
        """(catalogue order, step or None, number of the clock, clock) of all that run; the promise comes last."""
        for order, step in enumerate(self.steps):
            if step.clock.is_running:
                yield order, step.key, len(step.clocks), step.clock
        if self.promise.is_running:
            yield len(self.steps), None, len(self.promises), self.promise

    def overdue(self, at: datetime) -> dict[str, int]:
        """Working seconds that steps were overdue up to ``at``, by the agency that had them."""
        found: dict[str, int] = {}
        for step in self.steps:
            for clock in step.clocks:
                for holder, seconds in clock.after_at(at, self.calendar).items():
                    found[holder.agency] = found.get(holder.agency, 0) + seconds
        return found

    def clock_of(self, miss: Miss) -> Clock:
        clocks = self.promises if miss.step is None else self.step(miss.step).clocks
        return clocks[miss.clock_no - 1]

    def ended_at(self, miss: Miss) -> datetime | None:
        """When the late work ended: its completion, or the closing that cancelled it."""
        if miss.step is None:
            return self.closed_at
        step = self.step(miss.step)
        return self.closed_at if step.state is StepState.CANCELLED else step.completed_at

    def nearest_deadline(self) -> datetime | None:
        """The nearest running deadline that has not passed."""
        dues = [
            due
            for _, _, _, clock in self.running_clocks()
            if clock.missed_at is None and (due := clock.due(self.calendar)) is not None
        ]
        return min(dues, default=None)


def clock_base(budget: Budget, start: datetime, calendar: WorkingCalendar) -> int | None:
    """Working seconds of ``budget`` for a clock that starts at ``start``; None: no deadline (rules R2)."""
    return None if budget.is_zero else calendar.budget_seconds(budget, start)


def first_state(start: DossierStart, first_rows: FirstRows) -> State:
    """The dossier at the instant it was accepted: intake normalised, first stage begun (rules R2, R3)."""
    rules = start.rules
    calendar = WorkingCalendar.of(rules.calendar)
    received = start.received_at or start.accepted_at
    clock_start = calendar.intake(max(start.accepted_at, received))
    promise = Clock(clock_base(rules.total, clock_start, calendar), Holder(rules.agency))
    promise.start(clock_start)
    return State(
        start=start,
        calendar=calendar,
        clock_start=clock_start,
        not_before=clock_start,
        cursor=start.accepted_at,
        agency=rules.agency,
        heads=dict(rules.heads),
        parents=dict(rules.parents),
        steps=[_planned(plan, first_rows, calendar) for plan in rules.steps],
        promises=[promise],
        original_due_at=promise.due(calendar),
        stage=min(plan.stage for plan in rules.steps),
        first_rows=first_rows,
    )


def _planned(plan: PlannedStep, first_rows: FirstRows, calendar: WorkingCalendar) -> StepRun:
    working = plan.budget.unit.is_working and not plan.budget.is_zero
    base = calendar.seconds(plan.budget) if working else None
    holder = Holder(plan.agency, first_rows.holder(plan.key, None, plan.official))
    return StepRun(plan, plan.agency, [Clock(base, holder)])
