"""A few live dossiers after a sample: deadlines within the next minute, so that one sees a timer fire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from cli.output import padded
from models.events import EventType
from models.instants import whole
from models.procedure import RungTo
from models.submission import Submission
from starter import Starter
from store.queries import OutEvent

PROCEDURE, AGENCY, STEP = "9.000001", "H13.1", "receive"
FIRST, SECOND = "TTHCC-01", "TTHCC-02"
BUDGET = timedelta(minutes=3)
"""Of the step, on a calendar that counts round the clock (catalogue/can-tho/procedures/demo.yaml)."""
IN_TIME, HANDED_OVER = "will be completed in time", "will be handed over just before"
PLAN = {IN_TIME: 25, HANDED_OVER: 30, "nobody touches it": 35, "nor this one": 40}
"""What becomes of each dossier, and seconds from now to the deadline of its first step."""
COMPLETED_AFTER, HANDED_OVER_AFTER, ALL_TOLD_AFTER = 5, 22, 61
SHOWN = {
    EventType.STEP_COMPLETED: "step completed",
    EventType.HANDED_OVER: "handed over",
    EventType.WARNED: "warning",
    EventType.ESCALATED: "escalation",
    EventType.RECORDED: "LATENESS recorded",
    EventType.PUBLISHED: "lateness published",
    EventType.SETTLED: "late step settled",
    EventType.CLOSED: "closed",
}
ADDRESSED = {RungTo.PARENT_HEAD.value: "head of the parent"}
WIDEST = max(map(len, SHOWN.values()))


async def show(starter: Starter, say: Callable[[str], None], options: str) -> None:
    """One dossier completed in time, one handed over in the last seconds, two left to their deadlines.

    ``options``: what the commands need that are recommended at the end.
    """
    zone = starter.catalogue.calendar_of(PROCEDURE).zone
    began = whole(datetime.now(UTC))

    async def at(seconds: int) -> None:
        left = began + timedelta(seconds=seconds) - datetime.now(UTC)
        await asyncio.sleep(max(0.0, left.total_seconds()))

    say(f"live demonstration: step '{STEP}' of {len(PLAN)} dossiers falls due within the next minute")
    codes = {}
    for fate, seconds in PLAN.items():
        due = began + timedelta(seconds=seconds)
        codes[fate] = await _submit(starter, due - BUDGET)
        say(f"{_clock(due, zone)}  {padded('is due', WIDEST)}  {codes[fate]}  {fate}")
    await at(COMPLETED_AFTER)
    await starter.act(codes[IN_TIME], {"action": "complete", "step": STEP, "official": FIRST})
    await at(HANDED_OVER_AFTER)
    await starter.act(codes[HANDED_OVER], {"action": "hand_over", "step": STEP, "official": SECOND})
    await at(ALL_TOLD_AFTER)
    say(f"live demonstration: all told. Try: danbiet why {codes[HANDED_OVER]} {STEP}{options}")
    say(f"                               Or: danbiet list --late{options}")


async def _submit(starter: Starter, at: datetime) -> str:
    receipt = await starter.submit(
        Submission(procedure=PROCEDURE, agency=AGENCY, at=at, assignees={STEP: FIRST}, channel="online")
    )
    return str(receipt["code"]) if isinstance(receipt, dict) else ""


def line(event: OutEvent, zone: ZoneInfo) -> str | None:
    """An event as one line for the terminal; None for those that are no news there."""
    if event.type not in SHOWN:
        return None
    told = [str(event.data["step"])] if event.data.get("step") else []
    if event.data.get("to"):
        told.append(f"to {ADDRESSED.get(str(event.data['to']), event.data['to'])}")
    if (named := _named(event.data)) is not None:
        told.append(named)
    at = datetime.fromisoformat(event.time)
    return f"{_clock(at, zone)}  {padded(SHOWN[event.type], WIDEST)}  {event.dossier}  {' '.join(told)}"


def _named(data: dict[str, JsonValue]) -> str | None:
    """Who answers, and for how much of the time where that is known."""
    person = data.get("official") or data.get("head") or data.get("agency")
    shares = data.get("shares")
    if isinstance(shares, list) and shares and isinstance(shares[0], dict):
        return f"{person} (held it {float(str(shares[0]['share'])):g} % of the time)"
    return None if person is None else str(person)


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M:%S}"
