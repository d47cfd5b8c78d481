"""The fold: how each action, and time itself, changes a dossier. Reads like rules R1 to R8.

``apply`` checks first and changes after: a refused action leaves the state as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from models import refusals
from models.actions import (
    ClockAction,
    Complete,
    Deliver,
    Extend,
    Given,
    HandOver,
    PaymentReceived,
    Refuse,
    RequestPayment,
    RequestSupplement,
    Role,
    SendBack,
    Stop,
    SupplementReceived,
    Transfer,
    Withdraw,
)
from models.allowed import check_completes, check_first_row, check_holds, check_open, check_override
from models.clock import Clock
from models.errors import Code, Refusal
from models.events import EventType
from models.lateness import Holder, minutes
from models.passing import advance, settled
from models.procedure import Supplement
from models.state import State, StepRun, clock_base
from models.trail import Trail, local, tell
from models.views import Pause, Status, StepState

PAUSES = {RequestSupplement: "supplement", RequestPayment: "payment"}
RESUMES = {SupplementReceived: "supplement", PaymentReceived: "payment"}
CLOSINGS = {Refuse: Status.REFUSED, Withdraw: Status.WITHDRAWN, Stop: Status.STOPPED}
ENDING = {Refuse: refusals.REFUSE, Withdraw: refusals.WITHDRAW, Stop: refusals.STOP}
COUNTER_MAY = (SupplementReceived, PaymentReceived, Withdraw, Deliver)


def open_dossier(state: State) -> None:
    """Tell that the dossier was accepted, and begin its first stage."""
    start = state.start
    due = state.promise.due(state.calendar)
    tell(
        state,
        f"action:{start.row or 'submit'}",
        start.accepted_at,
        EventType.ACCEPTED,
        action=start.row,
        by=start.by,
        channel=start.channel,
        clock_start=local(state, state.clock_start),
        due_at=None if due is None else local(state, due),
    )
    _begin_stage(state, start.accepted_at)


def apply(state: State, given: Given, index: int) -> None:
    """Pass every deadline before the action's instant, then let the action happen (design 3, event time).

    ``index``: the action's place in the order of acceptance. Raises :class:`Refusal`; the state may then have
    advanced in time, but the action has changed nothing.
    """
    action = given.action
    assert isinstance(action, ClockAction)  # noqa: S101 - hearing actions are no part of the fold
    if action.at < state.start.accepted_at:
        accepted = local(state, state.start.accepted_at)
        raise Refusal(
            Code.TOO_EARLY,
            refusals.BEFORE_ACCEPTANCE,
            at=local(state, action.at),
            dossier=state.start.code,
            since=accepted,
        )
    advance(state, action.at)
    check_open(state, action)
    check_first_row(state, given, index)
    handler = _HANDLERS[type(action)]
    handler(state, action, Trail(given, index))


def _complete(state: State, action: Complete, trail: Trail) -> None:
    step = state.step(action.step)
    match step.state:
        case StepState.DONE:
            done = local(state, step.completed_at or action.at)
            raise Refusal(Code.ALREADY_DONE, refusals.STEP_COMPLETED, step=step.key, at=done)
        case StepState.PENDING:
            raise Refusal(Code.TOO_EARLY, refusals.STEP_NOT_BEGUN, step=step.key)
    check_completes(step, trail)
    step.clock.stop(action.at, state.calendar)
    step.state, step.completed_at = StepState.DONE, action.at
    holder = step.clock.holder
    trail.tell(
        state,
        EventType.STEP_COMPLETED,
        action.at,
        step=step.key,
        agency=step.agency,
        official=holder.official,
    )
    settled(state, step.key, action.at)
    if all(s.state is StepState.DONE for s in state.steps if s.plan.stage == state.stage):
        _next_stage(state, action.at, trail)


def _next_stage(state: State, at: datetime, trail: Trail) -> None:
    last = max(step.plan.stage for step in state.steps)
    while state.stage < last:
        state.stage += 1
        if _begin_stage(state, at):
            return
    _close(state, at, Status.PROCESSED, trail)


def _begin_stage(state: State, at: datetime) -> bool:
    """Start what is pending in the stage; clocks go on with what they have left."""
    pending = [s for s in state.steps if s.plan.stage == state.stage and s.state is StepState.PENDING]
    for step in pending:
        _run(state, step, at)
    return bool(pending)


def _run(state: State, step: StepRun, at: datetime) -> None:
    begin = max(at, state.not_before)
    step.state, step.completed_at = StepState.RUNNING, None
    if step.clock.base is None:
        step.clock.base = clock_base(step.plan.budget, begin, state.calendar)
    step.clock.start(begin)
    if step.started_at is None:
        step.started_at = at
        holder = step.clock.holder
        due = step.clock.due(state.calendar)
        tell(
            state,
            f"started:{step.key}",
            at,
            EventType.STEP_STARTED,
            f" {holder.official}" if step.key in state.first_rows.held else "",
            step=step.key,
            agency=step.agency,
            official=holder.official,
            due_at=None if due is None else local(state, due),
        )


def _hand_over(state: State, action: HandOver, trail: Trail) -> None:
    step = state.step(action.step)
    if not step.is_unfinished:
        raise Refusal(Code.ALREADY_DONE, refusals.NOTHING_TO_HAND_OVER, step=step.key, state=step.state.value)
    if action.of_agency != step.agency:
        raise Refusal(
            Code.ILLEGAL_ACTION,
            refusals.OF_ANOTHER_UNIT,
            who=action.official,
            unit=str(action.of_agency),
            step=step.key,
            other_unit=step.agency,
        )
    holder = step.clock.holder
    claims = holder.official is None and action.official == trail.by.name
    if not claims:
        check_holds(state, trail, refusals.HAND_OVER, step)
    step.clock.pass_to(Holder(step.agency, action.official), action.at, state.calendar)
    trail.tell(
        state,
        EventType.HANDED_OVER,
        action.at,
        step=step.key,
        agency=step.agency,
        official=action.official,
        from_agency=holder.agency,
        from_official=holder.official,
    )


def _transfer(state: State, action: Transfer, trail: Trail) -> None:
    if action.step is None:
        if action.agency == state.agency:
            facts = {"dossier": state.start.code, "unit": action.agency}
            raise Refusal(Code.ALREADY_DONE, refusals.WITH_UNIT, **facts)
        check_holds(state, trail, refusals.TRANSFER)
        moved = [s for s in state.steps if s.agency == state.agency and s.is_unfinished]
        state.agency = action.agency
        state.promise.pass_to(Holder(action.agency), action.at, state.calendar)
    else:
        step = state.step(action.step)
        if not step.is_unfinished:
            facts = {"step": step.key, "state": step.state.value}
            raise Refusal(Code.ALREADY_DONE, refusals.NOTHING_TO_TRANSFER, **facts)
        if action.agency == step.agency:
            raise Refusal(Code.ALREADY_DONE, refusals.STEP_WITH_UNIT, step=step.key, unit=action.agency)
        check_holds(state, trail, refusals.TRANSFER, step)
        moved = [step]
    for step in moved:
        step.agency = action.agency
        default = action.roster.get(step.plan.role)
        official = state.first_rows.holder(step.key, trail.index, default)
        step.clock.pass_to(Holder(action.agency, official), action.at, state.calendar)
    if action.head is not None:
        state.heads[action.agency] = action.head
    if action.parent is not None:
        state.parents[action.agency] = action.parent
    trail.tell(
        state,
        EventType.HANDED_OVER,
        action.at,
        step=action.step,
        agency=action.agency,
        official=None,
        steps=[step.key for step in moved],
    )


def _pause(state: State, action: RequestSupplement | RequestPayment, trail: Trail) -> None:
    check_holds(state, trail, refusals.PAUSE)
    kind = PAUSES[type(action)]
    for step in state.active_steps():
        step.clock.stop(action.at, state.calendar)
        step.state = StepState.PAUSED
    state.promise.stop(action.at, state.calendar)
    state.pauses.append(Pause(kind=kind, start=action.at, end=None))
    state.status = Status.PAUSED
    state.supplements += kind == "supplement"
    trail.tell(
        state,
        EventType.PAUSED,
        action.at,
        kind=kind,
        text=action.text,
        repeated=kind == "supplement" and state.supplements > 1,
    )


def _resume(state: State, action: SupplementReceived | PaymentReceived, trail: Trail) -> None:
    kind = RESUMES[type(action)]
    pause = state.pause
    if pause is None:
        raise Refusal(Code.ILLEGAL_ACTION, refusals.NOT_PAUSED, dossier=state.start.code)
    if pause.kind != kind:
        raise Refusal(
            Code.ILLEGAL_ACTION,
            refusals.OTHER_PAUSE,
            dossier=state.start.code,
            kind=pause.kind,
            action=action.action,
        )
    restart = kind == "supplement" and state.start.rules.policies.supplement is Supplement.RESTART
    if trail.by.role is Role.OFFICIAL:
        check_override(trail, refusals.RESUME)
    state.pauses[-1] = Pause(kind=kind, start=pause.start, end=action.at)
    state.status = Status.RUNNING
    if restart:
        _restart(state, action.at)
    begin = max(action.at, state.not_before)
    state.promise.start(begin)
    for step in state.active_steps():
        step.state = StepState.RUNNING
        step.clock.start(begin)
    due = state.promise.due(state.calendar)
    trail.tell(
        state,
        EventType.RESUMED,
        action.at,
        kind=kind,
        text=action.text,
        restarted=restart,
        due_at=None if due is None else local(state, due),
    )


def _restart(state: State, at: datetime) -> None:
    """Policy ``restart``: new clocks with the full budget beside the old ones, from normalised intake (R5)."""
    state.not_before = state.calendar.intake(at)
    state.notes.append((at, None, "restart", 0))
    state.overdue_before = state.overdue(at)
    total = clock_base(state.start.rules.total, state.not_before, state.calendar)
    state.promises.append(Clock(total, state.promise.holder, extra=state.promise.extra))
    for step in state.active_steps():
        base = clock_base(step.plan.budget, state.not_before, state.calendar)
        step.clocks.append(Clock(base, step.clock.holder, extra=step.clock.extra))
        state.notes.append((at, step.key, "restart", 0))


def _extend(state: State, action: Extend, trail: Trail) -> None:
    check_holds(state, trail, refusals.EXTEND)
    calendar, promise, code = state.calendar, state.promise, state.start.code
    if state.extended_at is not None:
        raise Refusal(Code.ALREADY_DONE, refusals.EXTENDED_BEFORE, dossier=code)
    step = _step_to_extend(state, action)
    if promise.budget is None:
        raise Refusal(Code.ILLEGAL_ACTION, refusals.NO_DEADLINE, dossier=code)
    if action.amount.amount == 0:
        raise Refusal(Code.INVALID, refusals.NO_AMOUNT)
    left = promise.budget - promise.consumed_at(action.at, calendar)
    if promise.missed_at is not None or left < calendar.day_seconds:
        raise Refusal(
            Code.TOO_LATE,
            refusals.EXTENDED_TOO_LATE,
            dossier=code,
            left=minutes(0 if promise.missed_at else left),
            needed=minutes(calendar.day_seconds),
        )
    if action.amount.unit.is_working:
        added = calendar.seconds(action.amount)
    else:
        due = calendar.due(max(action.at, promise.since or action.at), left)
        added = calendar.working_time(due, calendar.end_of(action.amount, due))
    state.extended_at = action.at
    for clock in (promise, step.clock):
        clock.extend(added, action.at, calendar)
    state.notes += [(action.at, None, "extended", added), (action.at, step.key, "extended", added)]
    due_at = promise.due(calendar)
    trail.tell(
        state,
        EventType.EXTENDED,
        action.at,
        step=step.key,
        minutes=minutes(added),
        due_at=None if due_at is None else local(state, due_at),
    )


def _step_to_extend(state: State, action: Extend) -> StepRun:
    active = state.active_steps()
    if action.step is not None:
        step = state.step(action.step)
        if step not in active:
            raise Refusal(Code.ILLEGAL_ACTION, refusals.NOT_ACTIVE, step=step.key, state=step.state.value)
        return step
    if len(active) != 1:
        keys = ", ".join(step.key for step in active)
        raise Refusal(Code.INVALID, refusals.SEVERAL_RUN, steps=keys)
    return active[0]


def _send_back(state: State, action: SendBack, trail: Trail) -> None:
    target = state.step(action.step)
    if target.plan.stage >= state.stage:
        raise Refusal(Code.ILLEGAL_ACTION, refusals.NOT_EARLIER, step=target.key)
    check_holds(state, trail, refusals.SEND_BACK)
    for step in state.steps:
        if target.plan.stage < step.plan.stage < state.stage:
            step.state, step.completed_at = StepState.PENDING, None
        elif step.plan.stage == state.stage and step.is_active:
            step.clock.stop(action.at, state.calendar)
            step.state = StepState.PENDING
    if not target.reworked:
        target.reworked = True
        if target.clock.base is not None:
            allowance = target.clock.base // 2
            target.clock.extend(allowance, action.at, state.calendar)
            state.notes.append((action.at, target.key, "rework", allowance))
    state.stage = target.plan.stage
    trail.tell(state, EventType.SENT_BACK, action.at, step=target.key, official=target.clock.holder.official)
    _run(state, target, action.at)


def _close_early(state: State, action: Refuse | Withdraw | Stop, trail: Trail) -> None:
    if not (trail.by.role is Role.COUNTER and isinstance(action, COUNTER_MAY)):
        check_holds(state, trail, ENDING[type(action)])
    _close(state, action.at, CLOSINGS[type(action)], trail)


def _close(state: State, at: datetime, status: Status, trail: Trail) -> None:
    """The first closing ends the promise and cancels what is unfinished (rules R8)."""
    state.closed_at, state.status = at, status
    state.promise.stop(at, state.calendar)
    if state.pause is not None:
        state.pauses[-1] = Pause(kind=state.pause.kind, start=state.pause.start, end=at)
    for step in state.steps:
        if step.is_unfinished:
            step.clock.stop(at, state.calendar)
            step.state = StepState.CANCELLED
            settled(state, step.key, at)
    settled(state, None, at)
    if status is Status.PROCESSED:  # follows from a completion, which is told under the action's own key
        tell(state, "closed", at, EventType.CLOSED, by=trail.actor, status=status.value)
    else:
        trail.tell(state, EventType.CLOSED, at, status=status.value)


def _deliver(state: State, action: Deliver, trail: Trail) -> None:
    if trail.by.role is Role.OFFICIAL:
        check_override(trail, refusals.DELIVER)
    state.status = Status.DELIVERED
    trail.tell(state, EventType.DELIVERED, action.at)


_HANDLERS: dict[type, Callable[[State, Any, Trail], None]] = {
    Complete: _complete,
    HandOver: _hand_over,
    Transfer: _transfer,
    RequestSupplement: _pause,
    RequestPayment: _pause,
    SupplementReceived: _resume,
    PaymentReceived: _resume,
    Extend: _extend,
    SendBack: _send_back,
    Refuse: _close_early,
    Withdraw: _close_early,
    Stop: _close_early,
    Deliver: _deliver,
}
