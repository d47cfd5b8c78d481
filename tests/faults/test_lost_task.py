"""A worker that dies after it has recorded and before Temporal has heard of it: the workflow is the truth.

The task is given out anew. Its messages may then come in another order, later, or not at all: whatever the workflow
makes of them, the store must come to say the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from temporalio.exceptions import TemporalError

from models.procedure import Policies
from store.rebuild import check
from tests.faults.processes import Server, WorkerProcess
from tests.models.office import hours
from tests.workflows.lives import act, begin, due_in, eventually, kinds, late, start_of, told
from workflows.names import STATE

LOST_TASK = "the journal keeps what a lost workflow task told, though the workflow went on differently"
SOON = timedelta(seconds=2)
AT_ONCE = Policies(explanation_window=hours(0), backdate_limit_minutes=0)


async def gone(process: WorkerProcess) -> None:
    await eventually(lambda: not process.is_running, 30)


async def test_lateness_recorded_before_the_crash_is_not_recorded_again(
    server: Server, worker: WorkerProcess, engine: Engine
) -> None:
    start = due_in(3)
    worker.start("recorded")
    handle = await begin(await server.client(), start, task_timeout=SOON)
    await gone(worker)
    assert len(late(engine, start.code)) == 1
    worker.start()
    await act(handle, "complete", step="work")
    assert kinds(engine, start.code)[2:] == ["recorded", "step_completed", "settled", "closed"]
    assert late(engine, start.code)[0].due_at == start.accepted_at + timedelta(hours=2)
    assert check(engine) == []


async def test_action_recorded_before_the_crash_is_answered_after_it(
    server: Server, worker: WorkerProcess, engine: Engine
) -> None:
    start = start_of(datetime.now(UTC))
    worker.start("step_completed")
    handle = await begin(await server.client(), start, task_timeout=SOON)
    answer = asyncio.create_task(act(handle, "complete", step="receive"))
    await gone(worker)
    worker.start()
    assert (await answer)["sequence"] == 4
    assert kinds(engine, start.code) == ["accepted", "step_started", "step_completed", "step_started"]


async def test_publication_recorded_before_the_crash_does_not_stop_the_dossier(
    server: Server, worker: WorkerProcess, engine: Engine
) -> None:
    """It is published some seconds later than the journal says; then life must go on."""
    start = due_in(3, policies=AT_ONCE)
    worker.start("published")
    handle = await begin(await server.client(), start, task_timeout=SOON)
    await gone(worker)
    worker.start()
    await asyncio.wait_for(act(handle, "complete", step="work", reason="no backdating at all"), 15)
    told_since = kinds(engine, start.code)[2:]
    assert sorted(told_since) == ["closed", "published", "recorded", "settled", "step_completed"]
    assert check(engine) == []


async def test_action_recorded_before_the_crash_and_lost_by_temporal_leaves_no_trace(
    server: Server, worker: WorkerProcess, engine: Engine
) -> None:
    """Worker and server die; who acted gave up and got no answer. The deadline passes: it was not done."""
    start = due_in(8)
    worker.start("step_completed")
    handle = await begin(await server.client(), start, task_timeout=SOON)
    await eventually(lambda: bool(kinds(engine, start.code)))
    answer = asyncio.create_task(act(handle, "complete", step="work"))
    await gone(worker)
    server.kill()
    answer.cancel()
    with contextlib.suppress(asyncio.CancelledError, TemporalError):
        await answer
    server.start()
    worker.start()
    await eventually(lambda: bool(late(engine, start.code)), 25)
    state = await (await server.client()).get_workflow_handle(handle.id).query(STATE)
    assert state["status"] == "running"
    assert [event.sequence for event in told(engine, start.code)] == list(range(1, state["sequence"] + 1))
    assert kinds(engine, start.code) == ["accepted", "step_started", "recorded"]
    assert check(engine) == []
