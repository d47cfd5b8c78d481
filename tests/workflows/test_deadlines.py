"""Dossiers on the real server with time skipping: deadlines, warnings, pauses, extensions, rework."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from models.calendar import WorkingCalendar
from models.instants import iso
from models.procedure import Policies, Rung, RungOf, RungTo
from models.submission import DossierStart
from tests.models.office import OTHER, THIRD, VN, ZONE, days, hours, step
from tests.workflows.lives import FIVE_STEPS, ONE_STEP, Life, eventually, outbox, start_of, told

pytestmark = pytest.mark.usefixtures("skipping_worker")
HOUR = timedelta(hours=1)


class Begins:
    """Begins lives on the time-skipping server, now."""

    def __init__(self, env: WorkflowEnvironment, engine: Engine) -> None:
        self.env, self.engine = env, engine

    async def __call__(self, **fields: Any) -> Life:
        return await self.of(start_of(datetime.now(UTC), **fields))

    async def of(self, start: DossierStart) -> Life:
        return await Life.begin(self.env, self.engine, start)


@pytest.fixture
def begins(skipping: WorkflowEnvironment, engine: Engine, skipping_worker: Worker) -> Begins:
    return Begins(skipping, engine)


async def test_on_time_life(begins: Begins) -> None:
    life = await begins(steps=FIVE_STEPS)
    for number, each in enumerate(FIVE_STEPS, 1):
        receipt = await life.act("complete", life.after(minutes=30 * number), step=each.key)
    await life.handle.result()
    assert receipt["status"] == "processed"
    assert life.kinds == [
        "accepted",
        *["step_started", "step_completed"] * 5,
        "closed",
    ]
    assert life.late == []
    assert [event.sequence for event in told(life.engine, life.code)] == list(range(1, 13))


async def test_missed_step_is_recorded_once_with_its_true_due_instant(begins: Begins) -> None:
    life = await begins()
    await life.pass_to(life.after(hours=2, minutes=59))
    await life.pass_to(life.after(hours=10))
    (lateness,) = life.late
    assert (lateness.step, lateness.official, lateness.due_at) == ("receive", "A", life.after(hours=2))
    assert timedelta(seconds=1) <= lateness.recorded_at - lateness.due_at <= timedelta(seconds=5)
    (out,) = [out for out in outbox(life.engine, life.code) if out.type.is_disclosure]
    cloud = out.cloud_event()
    assert cloud["type"] == "vn.danbiet.disclosure.recorded"
    assert cloud["subject"] == lateness.id
    assert cloud["id"] == f"{life.code}/{out.sequence}"
    assert cloud["source"] == "/danbiet/test"
    assert cloud["time"] == iso(lateness.due_at, ZONE)
    assert cloud["data"]["due_at"] == iso(lateness.due_at, ZONE)  # type: ignore[index,call-overload]


async def test_deadline_is_the_calendars_on_real_working_days(begins: Begins) -> None:
    """Weeks with holidays and swapped days pass in a moment; the engine arms what the calendar says."""
    start = start_of(datetime.now(UTC), steps=ONE_STEP, total=days(12), calendar=VN)
    calendar = WorkingCalendar.of(VN)
    due = calendar.due(calendar.intake(start.accepted_at), 12 * calendar.day_seconds)
    life = await begins.of(start)
    await life.pass_to(due - timedelta(seconds=3))
    assert [each.step for each in life.late] == ["work"]
    await life.pass_to(due)
    promise = next(each for each in life.late if each.step is None)
    assert promise.due_at == due
    assert (promise.agency, promise.official) == (start.rules.agency, None)


async def test_promise_lateness_names_the_agency_and_nobody(begins: Begins) -> None:
    life = await begins(steps=(step("work", 1, hours(0), "A"),), total=hours(4))
    await life.pass_to(life.after(hours=4))
    (lateness,) = life.late
    assert (lateness.step, lateness.official, lateness.head) == (None, None, "HEAD-2")
    assert lateness.due_at == life.after(hours=4)


async def test_warning_and_rungs_are_told_once_each(begins: Begins) -> None:
    ladder = (
        Rung(key="half", of=RungOf.STEP, to=RungTo.HOLDER, percent=50),
        Rung(key="soon", of=RungOf.PROMISE, to=RungTo.HEAD, before=hours(1)),
        Rung(key="late", of=RungOf.STEP, to=RungTo.PARENT_HEAD, after=hours(1)),
    )
    life = await begins(steps=ONE_STEP, total=hours(8), policies=Policies(ladder=ladder))
    for passed in (0.9, 1, 1.1, 3, 3.1, 7, 7.5, 20):
        await life.pass_to(life.after(hours=passed))
    rungs = [
        (event.data["rung"], event.data["official"], event.at)
        for event in told(life.engine, life.code)
        if event.type.endswith(("warned", "escalated"))
    ]
    assert rungs == [
        ("half", "A", life.after(hours=1)),
        ("late", "HEAD-0", life.after(hours=3)),
        ("soon", "HEAD-2", life.after(hours=7)),
    ]


async def test_pause_disarms_and_resume_arms_with_what_remains(begins: Begins) -> None:
    life = await begins()
    receipt = await life.act("request_supplement", life.after(hours=1), text="giấy tờ còn thiếu")
    assert (receipt["status"], receipt["due_at"]) == ("paused", None)
    await life.pass_to(life.after(days=10))
    assert life.late == []
    receipt = await life.act("supplement_received", life.after(days=10, hours=1))
    resumed = (await life.state())["steps"][0]
    assert receipt["status"] == "running"
    again = datetime.fromisoformat(resumed["due_at"])
    assert again - life.after(days=10, hours=2) < timedelta(seconds=10)  # an hour of the two is left
    await life.pass_to(again)
    assert [each.due_at for each in life.late] == [again]
    assert life.late[0].overrun_minutes < 1


async def test_extension_moves_the_deadline_but_not_the_original(begins: Begins) -> None:
    life = await begins(steps=ONE_STEP, total=days(2))
    receipt = await life.act("extend", life.after(hours=1), amount=1, unit="working_days", reason="phức tạp")
    assert receipt["due_at"] == iso(life.after(hours=24), ZONE)
    await life.pass_to(life.after(hours=9, minutes=50))
    assert life.late == []
    await life.pass_to(life.after(hours=10))
    assert [each.due_at for each in life.late] == [life.after(hours=10)]
    assert (await life.state())["original_due_at"] == iso(life.after(hours=16), ZONE)


async def test_sent_back_step_goes_on_with_what_it_has_left(begins: Begins) -> None:
    life = await begins()
    await life.act("complete", life.after(minutes=30), step="receive")
    await life.act("send_back", life.after(hours=1), step="receive", reason="thiếu")
    sent_back = told(life.engine, life.code)[-1]
    assert sent_back.type.endswith("sent_back")
    due = sent_back.at + timedelta(minutes=90 + 60)  # left of two hours, and half of them for the rework
    await life.pass_to(due - timedelta(seconds=10))
    assert life.late == []
    await life.pass_to(due)
    (lateness,) = life.late
    assert abs(lateness.due_at - due) < timedelta(
        seconds=5
    )  # the first completion was some ms after 30 minutes
    await life.act("complete", life.after(hours=4), step="receive")
    await life.act("complete", life.after(hours=4, minutes=10), step="appraise")
    assert [each.step for each in life.late] == ["receive"]


async def test_parallel_steps_each_have_their_own_deadline(begins: Begins) -> None:
    steps = (
        step("roads", 1, hours(2), "R", OTHER),
        step("water", 1, hours(4), "W", THIRD),
        step("permit", 2, hours(1), "P"),
    )
    life = await begins(steps=steps)
    await life.pass_to(life.after(hours=2))
    assert [(each.step, each.agency, each.due_at) for each in life.late] == [
        ("roads", OTHER, life.after(hours=2))
    ]
    await life.act("complete", life.after(hours=3), step="roads")
    await life.act("complete", life.after(hours=3, minutes=30), step="water")
    assert [each["state"] for each in (await life.state())["steps"]] == ["done", "done", "running"]
    await life.act("complete", life.after(hours=4), step="permit")
    assert [each.step for each in life.late] == ["roads"]
    assert 60 <= life.late[0].overrun_minutes < 61


async def test_jitter_delays_the_firing_and_never_the_recorded_instant(begins: Begins) -> None:
    life = await begins(steps=ONE_STEP, jitter_seconds=600)
    await life.pass_to(life.after(hours=2, minutes=9))
    assert life.late == []
    await life.pass_to(life.after(hours=2, minutes=10, seconds=2))
    await eventually(lambda: bool(life.late))
    (lateness,) = life.late
    assert lateness.due_at == life.after(hours=2)
    assert lateness.recorded_at >= life.after(hours=2, minutes=10)


async def test_action_within_the_jitter_finds_the_deadline_passed(begins: Begins) -> None:
    life = await begins(steps=ONE_STEP, jitter_seconds=600)
    await life.act("complete", life.after(hours=2, minutes=5), step="work")
    assert [each.due_at for each in life.late] == [life.after(hours=2)]
    assert 5 <= life.late[0].overrun_minutes <= 5.1


async def test_many_dossiers_pass_their_deadlines_at_once(begins: Begins) -> None:
    lives = [await begins(steps=ONE_STEP) for _ in range(10)]
    for life in lives:
        await life.pass_to(life.after(hours=2))
    await eventually(lambda: all(life.kinds.count("recorded") == 1 for life in lives))
