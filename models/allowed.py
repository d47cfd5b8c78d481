"""What may be done with a dossier, when and by whom (rules R3, R5, R8, R13): a check refuses or changes nothing."""

from __future__ import annotations

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
    Role,
    SendBack,
    Stop,
    SupplementReceived,
    Transfer,
    Withdraw,
)
from models.errors import Code, Refusal
from models.state import State, StepRun
from models.trail import Trail, local
from models.views import Status

WHILE_PAUSED = (HandOver, Transfer, Extend, Refuse, Withdraw, Stop, SupplementReceived, PaymentReceived)


def check_open(state: State, action: ClockAction) -> None:
    code, name = state.start.code, action.action
    if isinstance(action, Deliver):
        if state.status is Status.DELIVERED:
            raise Refusal(Code.ALREADY_DONE, refusals.DELIVERED_ALREADY, dossier=code)
        if state.status is not Status.PROCESSED:
            raise Refusal(Code.TOO_EARLY, refusals.NOT_PROCESSED, dossier=code, status=state.status.value)
        return
    if state.closed_at is not None:
        raise Refusal(
            Code.ILLEGAL_ACTION,
            refusals.CLOSED,
            dossier=code,
            status=state.status.value,
            since=local(state, state.closed_at),
            action=name,
        )
    if state.pause is not None and not isinstance(action, WHILE_PAUSED):
        raise Refusal(
            Code.ILLEGAL_ACTION,
            refusals.PAUSED,
            dossier=code,
            since=local(state, state.pause.start),
            kind=state.pause.kind,
            action=name,
        )


def check_first_row(state: State, given: Given, index: int) -> None:
    """Whom the first row about a step shows to have had it was of an agency that has had the step (rules R3)."""
    action = given.action
    if index in state.first_rows.strangers and isinstance(action, Complete | Extend | SendBack):
        step = state.step(str(action.step))
        raise Refusal(
            Code.ILLEGAL_ACTION,
            refusals.OF_ANOTHER_UNIT,
            who=str(action.official),
            unit=str(given.of_agency),
            step=step.key,
            other_unit=step.agency,
        )


def check_override(trail: Trail, what: str) -> bool:
    """Whether the sender may act on others' steps; a counter may not at all, an official only on his or her own."""
    if trail.by.role is Role.COUNTER:
        raise Refusal(Code.FORBIDDEN, refusals.NOT_FOR_COUNTERS, what=what)
    if trail.by.role.may_override:
        return True
    if trail.official is not None and trail.official != trail.by.name:
        raise Refusal(Code.FORBIDDEN, refusals.NOT_IN_STEAD, who=trail.by.name, holder=trail.official)
    return False


def check_holds(state: State, trail: Trail, what: str, step: StepRun | None = None) -> None:
    """An official must hold the step, or (no step given) any active one."""
    if check_override(trail, what):
        return
    steps = [step] if step is not None else state.active_steps()
    if all(trail.actor != each.clock.holder.official for each in steps):
        facts = {"who": trail.actor, "dossier": state.start.code, "what": what}
        if step is None:
            raise Refusal(Code.NOT_HOLDER, refusals.HOLDS_NOTHING, **facts)
        raise Refusal(Code.NOT_HOLDER, refusals.HOLDS_NOT_STEP, step=step.key, **facts)


def check_completes(step: StepRun, trail: Trail) -> None:
    """The holder completes. Another only as a supervisor, in the holder's stead with a reason, or from a log (R3)."""
    holder = step.clock.holder
    if trail.by.role is Role.LOG:
        return
    if check_override(trail, refusals.COMPLETE):
        if trail.official in (None, holder.official) or holder.official is None or trail.reason:
            return
        raise Refusal(
            Code.NOT_HOLDER,
            refusals.STEAD_WITHOUT_REASON,
            who=trail.official,
            step=step.key,
            holder=holder.official,
        )
    facts = {"who": trail.actor, "step": step.key}
    if holder.official is None:
        raise Refusal(Code.NOT_HOLDER, refusals.QUEUE_HOLDS, unit=holder.agency, **facts)
    if trail.actor != holder.official:
        raise Refusal(Code.NOT_HOLDER, refusals.ANOTHER_HOLDS, holder=holder.official, **facts)
