"""Relays on the real server: events reach real receivers, each dossier in order, whatever another receiver does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.delivering import Delivering
from models import delivery
from models.delivery import new_subscriber
from store import webhooks
from store.journal import Journal
from tests.delivery.receiver import Answering, Receiver, Seen, receiving, status
from tests.store.samples import record
from tests.workflows.conftest import strict_sandbox
from tests.workflows.lives import eventually
from worker import build_worker
from workflows.names import TASK_QUEUE, relay_id
from workflows.relay import ensure_relays


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def relaying(
    dev: WorkflowEnvironment,
    engine: Engine,
    journal: Journal,
    registry: CollectorRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Worker]:
    monkeypatch.setattr(delivery, "FIRST_RETRY", timedelta(seconds=1))
    delivering = Delivering(engine, registry, private=True, settled=timedelta(), linger=timedelta(seconds=2))
    async with build_worker(
        dev.client, journal, registry, delivering=delivering, runner=strict_sandbox()
    ) as worker:
        yield worker


async def subscribe(client: Client, engine: Engine, name: str, url: str) -> None:
    webhooks.add(engine, new_subscriber(name, url, public=False, types=None), datetime.now(UTC))
    await ensure_relays(client, [name], task_queue=TASK_QUEUE)


async def unsubscribe(client: Client, engine: Engine, *names: str) -> None:
    for name in names:
        webhooks.remove(engine, name)
    for name in names:
        await asyncio.wait_for(client.get_workflow_handle(relay_id(name)).result(), 20)


def tell(engine: Engine, code: str, first: int, last: int) -> list[str]:
    Journal(engine, "test").record_now([record(code, first, last)])
    return [f"{code}/{number}" for number in range(first, last + 1)]


def sample(registry: CollectorRegistry, outcome: str) -> float:
    return registry.get_sample_value("danbiet_deliveries_total", {"outcome": outcome}) or 0


async def test_events_arrive_in_order_though_one_is_refused_first(
    dev: WorkflowEnvironment, relaying: Worker, engine: Engine, registry: CollectorRegistry
) -> None:
    taken: list[str] = []
    refused: list[str] = []

    def moody(handler: Answering, seen: Seen) -> None:
        id_ = seen.event["id"]
        if id_ == "MOODY-A/2" and len(refused) < 2:
            refused.append(id_)
            handler.say(500)
        else:
            taken.append(id_)
            handler.say(204)

    with receiving(moody) as receiver:
        await subscribe(dev.client, engine, "moody", receiver.url)
        expected = tell(engine, "MOODY-A", 1, 4) + tell(engine, "MOODY-B", 1, 4)
        await eventually(lambda: len(taken) >= len(expected), 30)
        assert [each for each in taken if "-A/" in each] == expected[:4]
        assert [each for each in taken if "-B/" in each] == expected[4:]
        assert taken.index("MOODY-B/4") < taken.index("MOODY-A/2")  # the other dossier went on
        await eventually(lambda: sample(registry, "delivered") == 8)
        assert sample(registry, "failed") == 2
        await unsubscribe(dev.client, engine, "moody")


async def test_a_receiver_that_hangs_holds_up_no_other(
    dev: WorkflowEnvironment, relaying: Worker, engine: Engine
) -> None:
    def hang(handler: Answering, _seen: Seen) -> None:
        time.sleep(5)
        handler.say(204)

    with receiving(hang) as stuck, receiving() as receiver:
        await subscribe(dev.client, engine, "stuck", stuck.url)
        await subscribe(dev.client, engine, "quick", receiver.url)
        tell(engine, "STUCK", 1, 1)
        await eventually(lambda: bool(stuck.seen), 20)
        more = tell(engine, "STUCK", 2, 6)
        await eventually(lambda: set(more) <= set(receiver.ids))
        assert stuck.ids == ["STUCK/1"]
        await unsubscribe(dev.client, engine, "quick", "stuck")


async def test_a_removed_webhook_ends_its_relay_and_may_come_back(
    dev: WorkflowEnvironment, relaying: Worker, engine: Engine
) -> None:
    with receiving() as receiver:
        await subscribe(dev.client, engine, "again", receiver.url)
        first = tell(engine, "AGAIN", 1, 1)
        await eventually(lambda: receiver.ids == first, 20)
        webhooks.remove(engine, "again")
        await subscribe(dev.client, engine, "again", receiver.url)  # before its relay has noticed, or after
        second = tell(engine, "AGAIN", 2, 2)
        await eventually(lambda: receiver.ids == first + second, 20)
        await unsubscribe(dev.client, engine, "again")
        description = await dev.client.get_workflow_handle(relay_id("again")).describe()
        assert description.status is WorkflowExecutionStatus.COMPLETED


async def test_a_disabled_webhook_is_served_again_after_a_replay(
    dev: WorkflowEnvironment, relaying: Worker, engine: Engine
) -> None:
    def state() -> str:
        return webhooks.standings(engine)[0].subscriber.state

    with receiving(status(410)) as receiver:
        await subscribe(dev.client, engine, "gone", receiver.url)
        tell(engine, "GONE", 1, 2)
        await eventually(lambda: state() == "disabled", 20)
        assert receiver.ids == ["GONE/1"]
        reopen(receiver)
        webhooks.replay(engine, "gone", datetime.now(UTC))
        await eventually(lambda: receiver.ids == ["GONE/1", "GONE/1", "GONE/2"], 20)
        await unsubscribe(dev.client, engine, "gone")


def reopen(receiver: Receiver) -> None:
    receiver.answer = status(200)
