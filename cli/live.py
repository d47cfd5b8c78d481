"""A few live dossiers after a sample: deadlines within the next minute, so that one sees a timer fire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from models.events import EventType
from models.submission import Submission
from starter import Starter
from store.queries import OutEvent

PROCEDURE, AGENCY, STEP = "9.000001", "H13.1", "receive"
FIRST, SECOND = "TTHCC-01", "TTHCC-02"
BUDGET = timedelta(minutes=3)
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


async def show(starter: Starter, say: Callable[[str], None]) -> None:
    """One dossier completed in time, one handed over in the last seconds, one left to its deadline."""
    zone = starter.catalogue.calendar_of(PROCEDURE).zone
    codes = {}
    for name, seconds in (("in time", 25), ("handed over", 35), ("left alone", 45)):
        due = datetime.now(UTC) + timedelta(seconds=seconds)
        submission = Submission(procedure=PROCEDURE, agency=AGENCY, at=due - BUDGET, assignees={STEP: FIRST})
        receipt = await starter.submit(submission)
        assert isinstance(receipt, dict)  # noqa: S101 - a receipt is a mapping
        codes[name] = str(receipt["code"])
        say(f"live: {codes[name]} ({name}), step '{STEP}' due {due.astimezone(zone):%H:%M:%S}")
    await asyncio.sleep(10)
    await starter.act(codes["in time"], {"action": "complete", "step": STEP, "official": FIRST})
    await asyncio.sleep(17)
    await starter.act(codes["handed over"], {"action": "hand_over", "step": STEP, "official": SECOND})


def line(event: OutEvent, zone: ZoneInfo) -> str | None:
    """An event as one line for the terminal; None for those that are no news there."""
    if event.type not in SHOWN:
        return None
    at = datetime.fromisoformat(event.time).astimezone(zone)
    data = event.data
    official = data.get("official") or data.get("head") or data.get("agency") or ""
    step = data.get("step") or ""
    return f"{at:%H:%M:%S}  {SHOWN[event.type]:<20}  {event.dossier:<22}  {step!s:<10}  {official}"
