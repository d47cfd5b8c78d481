"""What a dossier costs Temporal: events and bytes of its history, and the size of its input (design 7)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from pydantic_core import to_json
from sqlalchemy import Engine
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from models.submission import FLOW, Applicant, DossierStart
from store.catalogue_files import read_catalogue
from store.journal import Journal
from tests.workflows.conftest import strict_sandbox
from tests.workflows.lives import FIVE_STEPS, act, begin, eventually, kinds, start_of
from worker import build_worker

CAN_THO = Path(__file__).parents[2] / "catalogue" / "can-tho"


async def test_on_time_dossier_of_five_steps_is_small(
    dev: WorkflowEnvironment, dev_worker: Worker, engine: Engine
) -> None:
    start = start_of(datetime.now(UTC), steps=FIVE_STEPS)
    handle = await begin(dev.client, start)
    await eventually(lambda: bool(kinds(engine, start.code)))
    for step in FIVE_STEPS:
        await act(handle, "complete", step=step.key)
    await handle.result()
    history = await handle.fetch_history()
    names = [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events]
    size = sum(event.ByteSize() for event in history.events)
    assert len(names) <= 50, names
    assert size <= 20_000
    assert kinds(engine, start.code).count("step_completed") == 5
    assert names.count("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES") == 5  # one a step, none at the start
    assert names.count("TIMER_STARTED") == 5
    assert names.count("TIMER_CANCELED") == 4  # the last one ends with the workflow


@pytest.mark.parametrize(("flow", "calls"), [(1, 2), (FLOW, 1)], ids=["begun before", "begun now"])
async def test_records_that_wait_are_written_in_one_call(
    dev: WorkflowEnvironment, journal: Journal, engine: Engine, flow: int, calls: int
) -> None:
    """The beginning and an action that came before any worker: one task, and one call since flow 2."""
    start = start_of(datetime.now(UTC), flow=flow)
    handle = await begin(dev.client, start)
    message = asyncio.create_task(act(handle, "complete", step="receive"))
    await asyncio.sleep(0.5)
    async with build_worker(dev.client, journal, CollectorRegistry(), runner=strict_sandbox()):
        receipt = await message
        names = [event.event_type for event in (await handle.fetch_history()).events]
    assert receipt["sequence"] == 4
    assert names.count(EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED) == 1
    assert names.count(EventType.EVENT_TYPE_MARKER_RECORDED) == calls
    assert kinds(engine, start.code) == ["accepted", "step_started", "step_completed", "step_started"]


async def test_actions_that_move_no_deadline_leave_the_timer_alone(
    dev: WorkflowEnvironment, dev_worker: Worker
) -> None:
    start = start_of(datetime.now(UTC))
    handle = await begin(dev.client, start)
    for official in ("B", "C", "D"):
        await act(handle, "hand_over", step="receive", official=official)
    history = await handle.fetch_history()
    timers = [
        event
        for event in history.events
        if event.event_type in (EventType.EVENT_TYPE_TIMER_STARTED, EventType.EVENT_TYPE_TIMER_CANCELED)
    ]
    assert len(timers) == 1


def test_every_procedure_of_the_catalogue_starts_with_less_than_6_kb() -> None:
    catalogue = read_catalogue(CAN_THO)
    accepted = datetime(2024, 1, 2, 3, tzinfo=UTC)  # the longest slice of the calendar
    sizes = {}
    for procedure in catalogue.procedures:
        agency = catalogue.offers.get(procedure, tuple(catalogue.agencies))[0]
        rules = catalogue.rules_for(procedure, agency, accepted_at=accepted, assignees={})
        start = DossierStart(
            code="H13.2-240102-00001",
            rules=rules,
            accepted_at=accepted,
            applicant=Applicant(name="Nguyễn Thị Thử Nghiệm", phone="0" * 10, id_number="0" * 12),
            secret_hash="0" * 64,
            content="0" * 64,
        )
        sizes[procedure] = len(to_json(start))
    assert sizes
    assert max(sizes.values()) < 6_000, sizes
