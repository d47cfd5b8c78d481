"""Long lives go on in new runs: nothing is lost, forgotten or told twice on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.delivering import Delivering
from models import delivery
from models.delivery import new_subscriber
from store import webhooks
from store.journal import Journal
from store.rebuild import check
from tests.delivery.receiver import receiving
from tests.store.samples import record
from tests.workflows.conftest import TEMPORAL, strict_sandbox
from tests.workflows.lives import act, begin, due_in, eventually, kinds, late, request, start_of, told
from worker import build_worker
from workflows.names import ACT, OFFICIAL, SEARCH_ATTRIBUTES, STATE, TASK_QUEUE, relay_id
from workflows.relay import ensure_relays

SHORT = 40
"""Events after which this server suggests a new run (by default: 4,096)."""


@pytest.fixture(scope="module")
async def short() -> AsyncIterator[WorkflowEnvironment]:
    env = await WorkflowEnvironment.start_local(
        dev_server_existing_path=TEMPORAL,
        data_converter=pydantic_data_converter,
        search_attributes=SEARCH_ATTRIBUTES,
        dev_server_log_level="never",
        dev_server_extra_args=["--dynamic-config-value", f"limit.historyCount.suggestContinueAsNew={SHORT}"],
    )
    async with env:
        yield env


@pytest.fixture
async def worker(short: WorkflowEnvironment, journal: Journal) -> AsyncIterator[Worker]:
    async with build_worker(short.client, journal, CollectorRegistry(), runner=strict_sandbox()) as worker:
        yield worker


async def runs(env: WorkflowEnvironment, workflow_id: str) -> int:
    """How many runs the dossier has had, by following the chain back from the last."""
    number, run_id = 0, None
    while run_id is None or run_id:
        handle = env.client.get_workflow_handle(workflow_id, run_id=run_id)
        history = await handle.fetch_history()
        run_id = history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
        assert len(history.events) < SHORT + 40
        number += 1
    return number


async def test_many_actions_over_several_runs(
    short: WorkflowEnvironment, engine: Engine, worker: Worker
) -> None:
    start = start_of(datetime.now(UTC))
    await begin(short.client, start)
    handle = short.client.get_workflow_handle(f"dossier/{start.code}")
    first = request("hand_over", datetime.now(UTC), id="first", step="receive", official="first")
    answer = await handle.execute_update(ACT, first, id="u1")
    officials = [f"B{number}" for number in range(32)]
    for each in range(0, len(officials), 4):  # four at once, so that some meet the change of runs
        now = datetime.now(UTC)  # of one instant, so that they stand in the order in which they are taken
        await asyncio.gather(
            *(
                act(handle, "hand_over", now, step="receive", official=official)
                for official in officials[each : each + 4]
            )
        )
    assert await runs(short, handle.id) >= 3
    events = told(engine, start.code)
    assert [event.sequence for event in events] == list(range(1, len(officials) + 4))
    handed = [event.data for event in events if event.type.endswith("handed_over")]
    assert [data["from_official"] for data in handed] == ["A", *(data["official"] for data in handed[:-1])]
    assert {data["official"] for data in handed} == {"first", *officials}
    assert await handle.execute_update(ACT, first, id="u2") == answer  # remembered across runs
    last = handed[-1]["official"]
    assert (await handle.query(STATE))["steps"][0]["official"] == last
    assert (await handle.describe()).typed_search_attributes.get(OFFICIAL) == [last]
    for step in ("receive", "appraise", "sign", "issue"):
        await act(handle, "complete", step=step)
    await asyncio.wait_for(handle.result(), 10)
    assert kinds(engine, start.code)[-1] == "closed"
    assert check(engine) == []


async def test_deadline_is_kept_across_runs(
    short: WorkflowEnvironment, engine: Engine, worker: Worker
) -> None:
    start = due_in(3)
    await begin(short.client, start)
    handle = short.client.get_workflow_handle(f"dossier/{start.code}")
    for number in range(8):
        await act(handle, "hand_over", step="work", official=f"B{number}")
    assert await runs(short, handle.id) >= 2
    await eventually(lambda: bool(late(engine, start.code)))
    (lateness,) = late(engine, start.code)
    assert lateness.due_at == start.accepted_at + timedelta(hours=2)
    assert lateness.official == "A"  # who had it nearly all the time, in the first run
    await act(handle, "complete", step="work")
    state = await handle.query(STATE)
    assert (state["status"], state["latenesses"]) == ("processed", [lateness.id])
    assert kinds(engine, start.code).count("recorded") == 1


async def test_settled_dossier_does_not_begin_another_run(
    short: WorkflowEnvironment, engine: Engine, worker: Worker
) -> None:
    start = start_of(datetime.now(UTC))
    handle = await short.client.start_workflow(
        "DossierWorkflow", start, id=f"dossier/{start.code}", task_queue=TASK_QUEUE
    )
    for number in range(3):
        await act(handle, "hand_over", step="receive", official=f"B{number}")
    await act(handle, "stop", reason="x")
    await asyncio.wait_for(handle.result(), 10)
    assert await runs(short, handle.id) == 1


async def test_a_relay_goes_on_in_new_runs(
    short: WorkflowEnvironment, engine: Engine, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "FIRST_RETRY", timedelta(seconds=1))
    quick = Delivering(
        engine, CollectorRegistry(), private=True, settled=timedelta(), linger=timedelta(milliseconds=50)
    )
    async with build_worker(
        short.client, journal, CollectorRegistry(), delivering=quick, runner=strict_sandbox()
    ):
        with receiving() as receiver:
            webhooks.add(
                engine, new_subscriber("long", receiver.url, public=False, types=None), datetime.now(UTC)
            )
            await ensure_relays(short.client, ["long"], task_queue=TASK_QUEUE)
            expected = []
            for number in range(1, 25):  # each tells the receiver something while runs come and go
                journal.record_now([record("LONG", number, number)])
                expected.append(f"LONG/{number}")
                await eventually(lambda: len(receiver.ids) >= len(expected), 20)
            assert await runs(short, relay_id("long")) >= 3
            assert receiver.ids == expected
            webhooks.remove(engine, "long")
            await asyncio.wait_for(short.client.get_workflow_handle(relay_id("long")).result(), 20)
