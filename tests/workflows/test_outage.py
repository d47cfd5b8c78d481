"""The store out of reach: what was told waits for it, in order, and is written exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, Engine, event
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from models.errors import Unavailable
from store.database import open_database
from store.journal import Journal
from store.rebuild import check
from tests.workflows.conftest import strict_sandbox
from tests.workflows.lives import act, begin, due_in, eventually, kinds, late, outbox, start_of
from worker import build_worker


class Store:
    """An engine of the worker's own, which can be made to refuse every transaction."""

    def __init__(self, url: str) -> None:
        self.engine = open_database(url)
        self.reachable, self.refused = True, 0
        event.listen(self.engine, "begin", self._begin)

    def _begin(self, _connection: Connection) -> None:
        if not self.reachable:
            self.refused += 1
            raise Unavailable("the database is out of reach")


@pytest.fixture
def store(engine: Engine) -> Store:
    return Store(str(engine.url))


@pytest.fixture
async def worker(dev: WorkflowEnvironment, store: Store) -> AsyncIterator[Worker]:
    journal = Journal(store.engine, "test")
    journal.start()
    async with build_worker(dev.client, journal, CollectorRegistry(), runner=strict_sandbox()) as worker:
        yield worker
    await asyncio.to_thread(journal.close)
    store.engine.dispose()


async def test_lateness_waits_for_the_store_and_is_written_once(
    dev: WorkflowEnvironment, engine: Engine, store: Store, worker: Worker
) -> None:
    start = due_in(1)
    handle = await begin(dev.client, start)
    await eventually(lambda: bool(kinds(engine, start.code)))
    store.reachable = False
    await eventually(lambda: store.refused >= 3)  # twice as a local activity, then as a regular one
    assert late(engine, start.code) == []
    store.reachable = True
    await eventually(lambda: bool(late(engine, start.code)))
    events = (await handle.fetch_history()).events
    scheduled = [each for each in events if each.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED]
    assert len(scheduled) == 1
    assert len(events) < 40  # retries leave no events
    assert kinds(engine, start.code).count("recorded") == 1
    assert [out.sequence for out in outbox(engine, start.code)] == [1, 2, 3]
    assert check(engine) == []


async def test_actions_during_an_outage_are_answered_after_it_in_order(
    dev: WorkflowEnvironment, engine: Engine, store: Store, worker: Worker
) -> None:
    start = start_of(datetime.now(UTC))
    handle = await begin(dev.client, start)
    await eventually(lambda: bool(kinds(engine, start.code)))
    store.reachable = False
    answers = [
        asyncio.create_task(act(handle, "hand_over", step="receive", official=official)) for official in "BCD"
    ]
    await eventually(lambda: store.refused >= 3)
    assert not any(answer.done() for answer in answers)
    assert (await handle.query("state"))["sequence"] == 5  # the workflow is the truth; the store lags behind
    store.reachable = True
    receipts = await asyncio.gather(*answers)
    assert sorted(receipt["sequence"] for receipt in receipts) == [3, 4, 5]
    assert kinds(engine, start.code)[2:] == ["handed_over"] * 3
    assert check(engine) == []
