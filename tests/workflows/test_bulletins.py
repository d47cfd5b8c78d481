"""The schedule that freezes each month's list, on the real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from temporalio.client import ScheduleBackfill, ScheduleHandle, ScheduleOverlapPolicy
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment
from temporalio.worker import Worker

from activities.compiling import Compiling
from cli.root import PROJECT_ROOT
from models.catalogue import Catalogue
from models.editions import FrozenMonth
from models.errors import Refusal
from store import editions
from store.catalogue_files import read_catalogue
from store.editions import Edition
from store.journal import Journal
from tests.workflows.conftest import strict_sandbox
from worker import build_worker
from workflows.names import BULLETIN_SCHEDULE, TASK_QUEUE
from workflows.schedules import ensure_schedule

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
PATIENCE = 30.0


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return read_catalogue(PROJECT_ROOT / "catalogue" / "can-tho")


@pytest.fixture
def told() -> list[Edition]:
    return []


@pytest.fixture
async def compiling_worker(
    dev: WorkflowEnvironment, engine: Engine, journal: Journal, catalogue: Catalogue, told: list[Edition]
) -> AsyncIterator[Worker]:
    compiling = Compiling(engine, catalogue, told.append)
    worker = build_worker(
        dev.client, journal, CollectorRegistry(), compiling=compiling, runner=strict_sandbox()
    )
    async with worker:
        yield worker


@pytest.fixture
async def schedule(dev: WorkflowEnvironment) -> AsyncIterator[ScheduleHandle]:
    await ensure_schedule(dev.client, ZONE, task_queue=TASK_QUEUE)
    handle = dev.client.get_schedule_handle(BULLETIN_SCHEDULE)
    yield handle
    await handle.delete()


async def runs(schedule: ScheduleHandle, number: int) -> list[str]:
    """Ids of the workflows that the schedule has started, once there are so many."""
    for _ in range(round(PATIENCE / 0.1)):
        started = (await schedule.describe()).info.recent_actions
        if len(started) >= number:
            break
        await asyncio.sleep(0.1)
    assert len(started) == number
    return [action.action.workflow_id for action in started]  # type: ignore[union-attr]


async def test_it_is_made_once_and_runs_on_the_15th_at_8_local(
    dev: WorkflowEnvironment, schedule: ScheduleHandle
) -> None:
    await schedule.pause(note="the operator's")
    await ensure_schedule(dev.client, ZONE, task_queue=TASK_QUEUE)
    found = await schedule.describe()
    assert found.schedule.state.paused
    assert found.schedule.policy.catchup_window == timedelta(days=365)
    times = [at.astimezone(ZONE) for at in found.info.next_action_times]
    assert times
    assert {(at.day, at.hour, at.minute) for at in times} == {(15, 8, 0)}


async def test_a_run_freezes_the_month_before_the_one_it_was_meant_for(
    dev: WorkflowEnvironment,
    schedule: ScheduleHandle,
    compiling_worker: Worker,
    engine: Engine,
    told: list[Edition],
) -> None:
    start, end = datetime(2025, 5, 15, 7, 59, tzinfo=ZONE), datetime(2025, 6, 15, 8, 1, tzinfo=ZONE)
    await schedule.backfill(
        ScheduleBackfill(start_at=start, end_at=end, overlap=ScheduleOverlapPolicy.BUFFER_ALL)
    )
    results = [
        FrozenMonth.model_validate(
            await asyncio.wait_for(dev.client.get_workflow_handle(id_).result(), PATIENCE)
        )
        for id_ in await runs(schedule, 2)
    ]
    assert sorted(each.period for each in results) == ["2025-04", "2025-05"]
    assert all(each.edition == 1 and each.restated == () for each in results)
    for each in results:
        kept = editions.latest(engine, each.period)
        assert kept is not None
        assert kept.sha256 == each.sha256
        assert json.loads(kept.content)["edition"] == 1
        assert kept in told


async def test_triggered_it_freezes_last_month(
    dev: WorkflowEnvironment, schedule: ScheduleHandle, compiling_worker: Worker, engine: Engine
) -> None:
    last = datetime.now(ZONE).replace(day=1) - timedelta(days=1)
    await schedule.trigger()
    (run,) = await runs(schedule, 1)
    await asyncio.wait_for(dev.client.get_workflow_handle(run).result(), PATIENCE)
    assert editions.latest(engine, f"{last:%Y-%m}") is not None


async def test_a_month_that_has_not_ended_is_refused_for_good(engine: Engine, catalogue: Catalogue) -> None:
    this = f"{datetime.now(ZONE):%Y-%m}"
    with pytest.raises((Refusal, ApplicationError), match="has not ended"):
        await ActivityEnvironment().run(Compiling(engine, catalogue).freeze, this)
    assert editions.latest(engine, this) is None
