"""Server and worker are killed again and again while 300 deadlines pass: each miss is recorded exactly once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError

from models.instants import whole
from models.submission import DossierStart
from store import queries
from store.rebuild import check
from tests.faults.processes import Server, WorkerProcess
from tests.workflows.lives import begin, due_in, eventually, request
from workflows.names import ACT, STATE, workflow_id

DOSSIERS = 300
SEED = 20250401
DEADLINES = (12.0, 30.0)
"""Seconds from the beginning between which all deadlines fall."""
KILLS = 6
PATIENCE = timedelta(seconds=75)
TASK_TIMEOUT = timedelta(seconds=5)
"""Twice as fast as by default, so that the test does not take twice as long."""
HOUR2 = timedelta(hours=2)


class Office:
    """Who holds the dossiers: half of them are completed in time, however often one must ask."""

    def __init__(self, client: Client, dice: random.Random) -> None:
        self.client, self.dice = client, dice
        self.repeated = 0

    async def complete(self, start: DossierStart) -> None:
        """Done at some instant before the deadline, sent then, and sent again until it is answered."""
        done = start.accepted_at + HOUR2 - timedelta(seconds=self.dice.uniform(2, 8))
        await asyncio.sleep(max(0.0, (done - datetime.now(UTC)).total_seconds()))
        said = request("complete", whole(done), step="work", id=f"{start.code}-done")
        handle = self.client.get_workflow_handle(workflow_id(start.code))
        while not await self._answered(handle, said):
            assert datetime.now(UTC) < done + PATIENCE, f"{start.code} never answered"
            self.repeated += 1
            await asyncio.sleep(0.5)

    async def _answered(self, handle: WorkflowHandle[object, object], said: object) -> bool:
        try:
            await handle.execute_update(ACT, said, id="done", rpc_timeout=timedelta(seconds=5))
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            return False
        except RPCError as error:
            # An ended workflow takes no update, nor tells the answer of one: then it was taken before.
            return "already completed" in error.message
        return True


async def havoc(dice: random.Random, server: Server, worker: WorkerProcess, begun: datetime) -> list[str]:
    """Kill the worker, the server, or both, at random instants; start them again after a moment."""
    killed = []
    for instant in sorted(dice.uniform(3, DEADLINES[1] + 1) for _ in range(KILLS)):
        left = begun + timedelta(seconds=instant) - datetime.now(UTC)
        await asyncio.sleep(max(0.0, left.total_seconds()))
        victims = dice.choice([[worker], [server], [server, worker]])
        for victim in victims:
            victim.kill()
        killed.append("+".join(type(victim).__name__ for victim in victims))
        await asyncio.sleep(dice.uniform(0.2, 1.0))
        for victim in victims:
            victim.start()
    return killed


@pytest.mark.timeout(240)
async def test_every_missed_deadline_is_recorded_exactly_once(
    server: Server, worker: WorkerProcess, engine: Engine
) -> None:
    dice = random.Random(SEED)  # noqa: S311 - the same havoc each time
    client = await server.client()
    begun = datetime.now(UTC)
    starts = []
    for _ in range(DOSSIERS):
        left = begun + timedelta(seconds=dice.uniform(*DEADLINES)) - datetime.now(UTC)
        starts.append(due_in(left.total_seconds()))
    for start in starts:
        await begin(client, start, task_timeout=TASK_TIMEOUT)
    worker.start()
    met, missed = starts[::2], starts[1::2]
    office = Office(client, dice)
    async with asyncio.TaskGroup() as group:
        killing = group.create_task(havoc(dice, server, worker, begun))
        for start in met:
            group.create_task(office.complete(start))
    codes = {start.code for start in missed}
    await eventually(lambda: codes <= {each.dossier for each in queries.latenesses(engine)}, 60)
    print(f"killed {killing.result()}; {office.repeated} messages repeated")

    latenesses = queries.latenesses(engine)
    stand = Counter(each.dossier for each in latenesses if each.state != "annulled")
    assert stand == Counter(codes)
    due = {start.code: start.accepted_at + HOUR2 for start in starts}
    assert all(each.due_at == due[each.dossier] for each in latenesses)
    outbox = queries.outbox_after(engine, 0, 100_000)
    recorded = Counter(out.dossier for out in outbox if out.type.endswith("disclosure.recorded"))
    annulled = Counter(out.dossier for out in outbox if out.type.endswith("disclosure.annulled"))
    assert recorded == stand + annulled  # told late through an outage: recorded, and annulled by the evidence
    assert {out.id for out in outbox} == {f"{out.dossier}/{out.sequence}" for out in outbox}
    assert len({out.id for out in outbox}) == len(outbox)
    assert check(engine) == []
    for start in starts:
        snapshot = queries.dossier(engine, start.code)
        assert snapshot is not None
        assert snapshot.view.status == ("running" if start.code in codes else "processed")
        state = await client.get_workflow_handle(workflow_id(start.code)).query(STATE)
        assert state["sequence"] == snapshot.view.sequence  # the workflow is the truth
