"""Deadlines against messages while workers come and go, in real time: no order may hide or invent a lateness."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from temporalio.testing import WorkflowEnvironment

from models.instants import whole
from models.submission import DossierStart
from store.journal import Journal
from tests.workflows.conftest import strict_sandbox
from tests.workflows.lives import act, begin, due_in, eventually, kinds, late, outbox
from worker import build_worker

Workers = Callable[[], AbstractAsyncContextManager[None]]


@pytest.fixture
def worker(dev: WorkflowEnvironment, engine: Engine) -> Workers:
    """A worker that can be stopped and started again, each time as a new process would: nothing cached."""

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        journal = Journal(engine, "test")
        journal.start()
        async with build_worker(dev.client, journal, CollectorRegistry(), runner=strict_sandbox()):
            yield
        await asyncio.to_thread(journal.close)

    return running


def due(start: DossierStart) -> datetime:
    return start.accepted_at + timedelta(hours=2)


async def until(instant: datetime) -> None:
    await asyncio.sleep(max(0.0, (instant - datetime.now(UTC)).total_seconds()))


async def test_deadline_that_passed_while_no_worker_ran(
    dev: WorkflowEnvironment, engine: Engine, worker: Workers
) -> None:
    start = due_in(2)
    async with worker():
        await begin(dev.client, start)
        await eventually(lambda: bool(kinds(engine, start.code)))
    await until(due(start) + timedelta(seconds=3))
    assert late(engine, start.code) == []
    async with worker():
        await eventually(lambda: bool(late(engine, start.code)))
    (lateness,) = late(engine, start.code)
    assert lateness.due_at == due(start)
    assert lateness.recorded_at >= due(start) + timedelta(seconds=3)


async def test_deadline_that_passed_before_any_worker_ran(
    dev: WorkflowEnvironment, engine: Engine, worker: Workers
) -> None:
    start = due_in(1)
    await begin(dev.client, start)
    await until(due(start) + timedelta(seconds=1))
    async with worker():
        await eventually(lambda: bool(late(engine, start.code)))
    assert [each.due_at for each in late(engine, start.code)] == [due(start)]
    assert kinds(engine, start.code) == ["accepted", "step_started", "recorded"]


async def test_message_after_the_deadline_while_workers_were_down(
    dev: WorkflowEnvironment, engine: Engine, worker: Workers
) -> None:
    """Timer and completion reach the worker in one task: the lateness is recorded, and its overrun is true."""
    start = due_in(2)
    async with worker():
        handle = await begin(dev.client, start)
        await eventually(lambda: bool(kinds(engine, start.code)))
    done = whole(due(start)) + timedelta(seconds=2)
    await until(done)
    message = asyncio.create_task(act(handle, "complete", done, step="work"))
    await asyncio.sleep(0.3)
    async with worker():
        await message
        await eventually(lambda: "closed" in kinds(engine, start.code))
    (lateness,) = late(engine, start.code)
    assert (lateness.due_at, lateness.completed_at) == (due(start), done)
    assert lateness.overrun_minutes == round(2 / 60, 2)
    told = kinds(engine, start.code)
    assert (told.count("recorded"), told.count("settled"), told.count("annulled")) == (1, 1, 0)


async def test_evidence_in_time_that_arrives_after_the_deadline(
    dev: WorkflowEnvironment, engine: Engine, worker: Workers
) -> None:
    """Done in time, told late, while workers were down: nobody is late in the end, whatever came first."""
    start = due_in(2)
    async with worker():
        handle = await begin(dev.client, start)
        await eventually(lambda: bool(kinds(engine, start.code)))
    await until(due(start) + timedelta(seconds=2))
    done = due(start) - timedelta(seconds=1)
    message = asyncio.create_task(act(handle, "complete", done, step="work"))
    await asyncio.sleep(0.3)
    async with worker():
        receipt = await message
        await asyncio.wait_for(handle.result(), 10)
    assert receipt["status"] == "processed"
    told = kinds(engine, start.code)
    assert told.count("recorded") == told.count("annulled") <= 1
    assert [each.state for each in late(engine, start.code)] in ([], ["annulled"])


async def test_plainly_late(dev: WorkflowEnvironment, engine: Engine, worker: Workers) -> None:
    start = due_in(1)
    async with worker():
        handle = await begin(dev.client, start)
        await eventually(lambda: bool(late(engine, start.code)))
        await act(handle, "complete", step="work")
    (lateness,) = late(engine, start.code)
    assert lateness.due_at == due(start)
    assert lateness.completed_at is not None
    assert lateness.completed_at > due(start)
    assert kinds(engine, start.code)[2:] == ["recorded", "step_completed", "settled", "closed"]


async def test_late_and_then_earlier_evidence_arrives(
    dev: WorkflowEnvironment, engine: Engine, worker: Workers
) -> None:
    start = due_in(1)
    async with worker():
        handle = await begin(dev.client, start)
        await eventually(lambda: bool(late(engine, start.code)))
        await act(handle, "complete", due(start) - timedelta(seconds=1), step="work")
        await asyncio.wait_for(handle.result(), 10)
    assert [each.state for each in late(engine, start.code)] == ["annulled"]
    disclosures = [out.type.rsplit(".", 1)[1] for out in outbox(engine, start.code) if out.type.is_disclosure]
    assert disclosures == ["recorded", "annulled"]


async def test_done_on_the_very_second_is_in_time(
    dev: WorkflowEnvironment, engine: Engine, worker: Workers
) -> None:
    start = due_in(1)
    async with worker():
        handle = await begin(dev.client, start)
        await eventually(lambda: bool(kinds(engine, start.code)))
        await until(due(start))
        await act(handle, "complete", due(start), step="work")
        await asyncio.wait_for(handle.result(), 10)
    assert late(engine, start.code) == []
