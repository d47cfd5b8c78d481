"""The live demonstration: its dossiers fall due within a minute, and its lines say what happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from cli import live
from cli.root import PROJECT_ROOT
from models.events import EventType
from models.submission import Submission
from starter import Starter
from store.catalogue_files import read_catalogue
from store.queries import OutEvent

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


def event(type_: EventType, **data: object) -> OutEvent:
    return OutEvent.model_validate(
        {
            "position": 1,
            "id": "D-1/1",
            "type": type_,
            "source": "/danbiet/test",
            "subject": "D-1",
            "time": "2026-01-08T08:00:00+07:00",
            "dossier": "D-1",
            "sequence": 1,
            "data": data,
        }
    )


def test_the_demonstration_has_the_budget_it_counts_on() -> None:
    catalogue = read_catalogue(PROJECT_ROOT / "catalogue" / "can-tho")
    calendar = catalogue.calendar_of(live.PROCEDURE)
    (step,) = [step for step in catalogue.procedure(live.PROCEDURE).steps if step.key == live.STEP]
    for hours in range(0, 24 * 7, 5):
        now = datetime(2026, 11, 23, 4, 30, tzinfo=UTC) + timedelta(hours=hours)
        assert calendar.due(now, calendar.budget_seconds(step.budget, now)) == now + live.BUDGET
    midnight = datetime(2026, 11, 23, 16, 59, 59, tzinfo=UTC)
    assert calendar.intake(midnight) == midnight
    assert {catalogue.official(each).agency for each in (live.FIRST, live.SECOND)} == {live.AGENCY}
    assert max(live.PLAN.values()) < 60


def test_lines() -> None:
    late = event(
        EventType.RECORDED, step="receive", official="A-1", shares=[{"official": "A-1", "share": 95.5}]
    )
    assert (
        live.line(late, ZONE) == "08:00:00  LATENESS recorded   D-1  receive A-1 (held it 95.5 % of the time)"
    )
    queue = event(EventType.ESCALATED, step="receive", to="head", official=None, agency="H13")
    assert live.line(queue, ZONE) == "08:00:00  escalation          D-1  receive to head H13"
    up = event(EventType.ESCALATED, step="receive", to="parent_head", official="VP-00")
    assert str(live.line(up, ZONE)).endswith("receive to head of the parent VP-00")
    assert live.line(event(EventType.ACCEPTED), ZONE) is None


class Counter:
    """Takes down what the demonstration does, and when; the clock stands still."""

    catalogue = read_catalogue(PROJECT_ROOT / "catalogue" / "can-tho")

    def __init__(self) -> None:
        self.submitted: list[Submission] = []
        self.acted: list[tuple[str, dict[str, Any]]] = []

    async def submit(self, submission: Submission) -> dict[str, str]:
        self.submitted.append(submission)
        return {"code": f"D-{len(self.submitted)}"}

    async def act(self, code: str, fields: dict[str, Any]) -> None:
        self.acted.append((code, fields))


async def test_what_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds))

    counter, said = Counter(), list[str]()
    monkeypatch.setattr(live.asyncio, "sleep", sleep)
    await live.show(cast("Starter", counter), said.append, " --data there")
    due = [each.at + live.BUDGET - datetime.now(UTC) for each in counter.submitted if each.at]
    assert [round(left.total_seconds() / 5) * 5 for left in due] == [25, 30, 35, 40]
    assert [(code, fields["action"]) for code, fields in counter.acted] == [
        *(("D-1", "complete"), ("D-2", "hand_over"))
    ]
    assert [round(each / 5) * 5 for each in slept] == [5, 20, 60]
    assert said[-2].endswith("danbiet why D-2 receive --data there")
