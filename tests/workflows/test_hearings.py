"""From recorded to published or excused, on the real server with time skipping: weeks of hearing in a moment."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from models.actions import Actor, Role
from models.procedure import Policies
from models.submission import Heard
from tests.models.office import days, hours
from tests.workflows.lives import ONE_STEP, Life, given, outbox, start_of

BOSS = Actor(name="HEAD-0", role=Role.SUPERVISOR)
WINDOW = Policies(explanation_window=hours(24))


@pytest.fixture
async def life(skipping: WorkflowEnvironment, engine: Engine, skipping_worker: Worker) -> Life:
    """A dossier whose only step was due two hours after the acceptance, and was not done."""
    start = start_of(datetime.now(UTC), steps=ONE_STEP, total=days(6), policies=WINDOW)
    life = await Life.begin(skipping, engine, start)
    await life.pass_to(life.after(hours=2))
    return life


async def ended(life: Life) -> bool:
    status = (await life.handle.describe()).status
    return status is not None and status.name == "COMPLETED"


async def test_window_closes_and_it_publishes_by_itself(life: Life) -> None:
    (lateness,) = life.late
    closes = lateness.window_closes_at
    assert closes is not None
    assert closes - lateness.recorded_at == timedelta(hours=24)
    await life.pass_to(closes - timedelta(seconds=10))
    assert life.late[0].state == "recorded"
    await life.pass_to(closes)
    (published,) = life.late
    assert published.state == "published"
    assert published.published_at is not None
    assert timedelta() < published.published_at - closes <= timedelta(seconds=5)
    disclosures = [
        out.type.rsplit(".", 1)[1] for out in outbox(life.engine, life.code) if out.type.is_disclosure
    ]
    assert disclosures == ["recorded", "published"]


async def test_dossier_stays_open_until_its_hearings_are_over(life: Life) -> None:
    await life.act("complete", life.after(hours=3), step="work")
    assert life.kinds[-1] == "closed"
    assert not await ended(life)
    await life.act("explain", life.after(hours=5), official="A", lateness=life.late[0].id, text="mất điện")
    closes = life.late[0].window_closes_at
    assert closes is not None
    await life.pass_to(closes)
    await life.handle.result()
    (lateness,) = life.late
    assert (lateness.state, lateness.explanation) == ("published", "mất điện")
    assert life.kinds[-2:] == ["explained", "published"]


async def test_excused_is_never_published(life: Life) -> None:
    decision = {"decision": "excused", "cause": "objective", "reason": "mất điện toàn phường"}
    await life.act("review", life.after(hours=4), by=BOSS, lateness=life.late[0].id, **decision)
    await life.pass_to(life.after(days=1, hours=16))
    assert (life.late[0].state, life.late[0].published_at) == ("excused", None)
    await life.act("complete", life.after(days=1, hours=20), step="work")
    await life.handle.result()
    assert "published" not in life.kinds
    assert life.late[0].state == "excused"


async def test_review_ends_the_wait_of_a_closed_dossier(life: Life) -> None:
    await life.act("complete", life.after(hours=3), step="work")
    decision = {"decision": "excused", "cause": "objective", "reason": "mất điện"}
    await life.act("review", life.after(hours=4), by=BOSS, lateness=life.late[0].id, **decision)
    await asyncio.wait_for(life.handle.result(), 10)
    assert life.kinds[-1] == "excused"


async def test_naming_that_changes_before_publication_opens_a_new_hearing(life: Life) -> None:
    first = life.late[0]
    when = life.after(minutes=10)
    await life.act(
        "hand_over", life.after(hours=5), step="work", official="B"
    )  # after the deadline: names nobody
    assert life.late[0].official == "A"
    receipt = await life.handle.execute_update(
        "act",
        {
            "given": [
                given("hand_over", when, step="work", official="B", reason="sổ giao nhận").model_dump(
                    mode="json"
                )
            ]
        },
    )
    (again,) = life.late
    assert receipt["events"][-1]["type"].endswith("recorded")
    assert (again.id, again.official, again.due_at) == (first.id, "B", first.due_at)
    assert again.window_closes_at is not None
    assert first.window_closes_at is not None
    assert again.window_closes_at > first.window_closes_at


async def test_history_judged_elsewhere_is_published_at_once(
    skipping: WorkflowEnvironment, engine: Engine, skipping_worker: Worker
) -> None:
    """A start with all its known actions, long ago: one call, no wait, and the workflow has ended."""
    accepted = datetime.now(UTC) - timedelta(days=30)
    log = Actor(name="log", role=Role.LOG)
    start = start_of(
        accepted,
        steps=ONE_STEP,
        given=(
            given("complete", accepted + timedelta(hours=5), by=log, id="row-2", step="work"),
            given("deliver", accepted + timedelta(hours=6), by=log, id="row-3"),
        ),
        imported=True,
        heard=Heard(by="HEAD-0", reason="họp kiểm điểm"),
        row="row-1",
    )
    life = await Life.begin(skipping, engine, start)
    await life.handle.result()
    (lateness,) = life.late
    assert (lateness.state, lateness.overrun_minutes) == ("published", 180)
    assert lateness.heard_by == "HEAD-0: họp kiểm điểm"
    assert life.kinds[-1] == "published"
    assert life.kinds.count("delivered") == 1
