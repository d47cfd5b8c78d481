"""From a dossier's state to what people and the store see of it (interfaces: Dossier; rules R8, R12)."""

from __future__ import annotations

from datetime import datetime

from models.instants import whole
from models.lateness import LatenessState, minutes
from models.state import State, StepRun
from models.telling import Told
from models.views import DossierView, Overdue, PortalStatus, Run, Snapshot, Status, StepState, StepView


def view_of(state: State, told: Told, now: datetime) -> DossierView:
    """The dossier as of ``now``: clocks read, nothing passed that the engine has not passed."""
    start, calendar = state.start, state.calendar
    due = promise_due(state)
    late = {
        record.lateness.step
        for record in told.records
        if record.lateness.step is not None and not record.gone and record.state is not LatenessState.ANNULLED
    }
    horizon = state.promise.last_due or due or state.original_due_at or state.clock_start
    return DossierView(
        code=start.code,
        procedure=start.rules.procedure,
        procedure_version=start.rules.procedure_version,
        agency=state.agency,
        status=state.status,
        portal_status=_portal_status(state),
        submitted_at=start.submitted_at,
        accepted_at=start.accepted_at,
        clock_start=state.clock_start,
        due_at=due,
        original_due_at=state.original_due_at,
        closed_at=state.closed_at,
        steps=tuple(_step_view(step, state, now, late=step.key in late) for step in state.steps),
        latenesses=tuple(record.lateness.id for record in told.records),
        sequence=told.sequence,
        confirmed=calendar.confirmed(state.clock_start, max(horizon, due or horizon)),
    )


def snapshot_of(state: State, told: Told, now: datetime) -> Snapshot:
    """The dossier as the store keeps it; ``now`` with its fractions: the start of the task that tells it."""
    return Snapshot(
        view=view_of(state, told, whole(now)),
        told_at=now,
        zone=str(state.calendar.zone),
        next_deadline_at=state.nearest_deadline(),
        promise_due_at=_judged_due(state),
        pauses=tuple(state.pauses),
        supplements=state.supplements,
        secret_hash=state.start.secret_hash,
        extended_at=state.extended_at,
        overdue=_overdue(state, told),
    )


def _overdue(state: State, told: Told) -> tuple[Overdue, ...]:
    misses = {miss.key: miss for miss in state.misses}
    return tuple(
        Overdue(
            lateness=record.lateness.id,
            ended_at=state.ended_at(miss),
            runs=tuple(Run(start=start, end=end) for start, end in state.clock_of(miss).runs_after_due()),
        )
        for record in told.records
        if not record.gone and (miss := misses.get(record.fact)) is not None
    )


def promise_due(state: State) -> datetime | None:
    """A running promise has a due instant, a closed one keeps its last, a paused one has none (rules R8)."""
    if state.closed_at is not None:
        return state.promise.last_due
    return state.promise.due(state.calendar) if state.promise.is_running else None


def _judged_due(state: State) -> datetime | None:
    """The due instant that totals compare the closing with: one that a pause left open had not passed (rules R5)."""
    promise, calendar = state.promise, state.calendar
    due = promise_due(state) or promise.last_due
    if due is None or promise.limit is None or state.closed_at is None or promise.missed_at is not None:
        return due
    return max(due, calendar.due(state.closed_at, promise.limit - promise.consumed))


def _step_view(step: StepRun, state: State, now: datetime, *, late: bool) -> StepView:
    clock = step.clock
    match step.state:
        case StepState.RUNNING:
            due = clock.due(state.calendar)
        case StepState.DONE | StepState.CANCELLED:
            due = clock.last_due
        case _:
            due = None
    return StepView(
        key=step.key,
        stage=step.plan.stage,
        name=step.plan.name,
        agency=step.agency,
        official=clock.holder.official,
        state=step.state,
        budget_minutes=None if clock.budget is None else minutes(clock.budget),
        consumed_minutes=minutes(clock.consumed_at(now, state.calendar)),
        started_at=step.started_at,
        due_at=due,
        completed_at=step.completed_at,
        late=late,
    )


def _portal_status(state: State) -> PortalStatus:
    match state.status:
        case Status.RUNNING:
            return PortalStatus.RUNNING
        case Status.PAUSED:
            payment = state.pause is not None and state.pause.kind == "payment"
            return PortalStatus.PAYMENT if payment else PortalStatus.SUPPLEMENT
        case status:
            return PortalStatus[status.name]
