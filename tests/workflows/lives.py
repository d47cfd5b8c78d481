"""Helpers of the workflow tests: a catalogue-free start, and the way actions reach a running dossier."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import Engine
from temporalio.client import Client, WorkflowHandle

from models.actions import Actor, Given, Role, parse_action
from models.dossier import Request
from models.events import Event
from models.instants import whole
from models.procedure import Policies
from models.rules import PlannedStep, Rules
from models.submission import DossierStart
from store import queries
from tests.models.office import AGENCY, FOUR_STEPS, HEADS, PARENTS, VN, days
from workflows.names import ACT, TASK_QUEUE, WORKFLOW, workflow_id

_numbers = count(1)
ADMIN = Actor(name="admin", role=Role.ADMIN)


def start_of(
    accepted: datetime,
    *,
    steps: tuple[PlannedStep, ...] = FOUR_STEPS,
    policies: Policies | None = None,
    **fields: Any,
) -> DossierStart:
    return DossierStart(
        code=f"H13.2-260101-{next(_numbers):05d}",
        rules=Rules(
            procedure="2.000908",
            procedure_version="1",
            agency=AGENCY,
            total=days(1),
            steps=steps,
            policies=policies or Policies(),
            calendar=VN.slice(accepted.date()),
            heads=HEADS,
            parents=PARENTS,
        ),
        accepted_at=whole(accepted),
        **fields,
    )


async def begin(client: Client, start: DossierStart) -> WorkflowHandle[Any, Any]:
    return await client.start_workflow(WORKFLOW, start, id=workflow_id(start.code), task_queue=TASK_QUEUE)


async def act(handle: WorkflowHandle[Any, Any], action: str, when: datetime, **fields: Any) -> Any:
    given = Given(action=parse_action({"action": action, "at": when, **fields}), by=ADMIN)
    return await handle.execute_update(ACT, Request(given=(given,)))


def kinds(engine: Engine, code: str) -> list[str]:
    return [event.type.rsplit(".", 1)[1] for event in queries.events(engine, code)]


def told(engine: Engine, code: str) -> list[Event]:
    return queries.events(engine, code)
