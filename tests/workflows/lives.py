"""Helpers of the workflow tests: starts without a catalogue, a clock that never rests, actions in one line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any

from sqlalchemy import Engine
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from models.actions import Actor, Given, Role, parse_action
from models.budget import Budget
from models.calendar import CalendarData
from models.catalogue import Agency, Catalogue, Official
from models.dossier import Dossier, Request
from models.events import Event
from models.instants import whole
from models.lateness import Lateness
from models.procedure import Policies, Procedure, Stage, Step
from models.rules import PlannedStep, Rules
from models.submission import FLOW, DossierStart
from store import queries
from tests.models.office import AGENCY, FOUR_STEPS, HEADS, PARENTS, days, hours, step
from workflows.attributes import attributes_of
from workflows.names import ACT, LATENESSES, STATE, TASK_QUEUE, WORKFLOW, workflow_id

_numbers = count(1)
ADMIN = Actor(name="admin", role=Role.ADMIN)
ALWAYS = CalendarData(
    name="always",
    zone="Asia/Ho_Chi_Minh",
    cutoff=time(23, 59, 59),
    week=("00:00-24:00",) * 7,
    covers_from=date(2020, 1, 1),
    covers_until=date(2120, 12, 31),
    confirmed_until=date(2120, 12, 31),
)
"""Open day and night: deadlines do not depend on the hour at which a test runs. A working day is 8 hours."""
ONE_STEP = (step("work", 1, hours(2), "A"),)
FIVE_STEPS = (*FOUR_STEPS, step("archive", 5, hours(4), "D"))


def new_code() -> str:
    return f"H13.2-260101-{next(_numbers):05d}"


def start_of(
    accepted: datetime,
    *,
    steps: tuple[PlannedStep, ...] = FOUR_STEPS,
    total: Budget | None = None,
    policies: Policies | None = None,
    calendar: CalendarData = ALWAYS,
    **fields: Any,
) -> DossierStart:
    fields.setdefault("code", new_code())
    fields.setdefault("flow", FLOW)
    return DossierStart(
        rules=Rules(
            procedure="2.000908",
            procedure_version="1",
            agency=AGENCY,
            total=total or days(3),
            steps=steps,
            policies=policies or Policies(),
            calendar=calendar.slice(date(2026, 1, 1)),
            heads=HEADS,
            parents=PARENTS,
        ),
        accepted_at=whole(accepted),
        **fields,
    )


def due_in(seconds: float, **fields: Any) -> DossierStart:
    """A start whose only step is due so many seconds from now."""
    accepted = datetime.now(UTC) + timedelta(seconds=seconds) - timedelta(hours=2)
    return start_of(accepted, **{"steps": ONE_STEP, "total": days(1), **fields})


async def begin(
    client: Client, start: DossierStart, *, task_timeout: timedelta | None = None
) -> WorkflowHandle[Any, Any]:
    """Start the workflow as the starter does: with its search attributes.

    ``task_timeout``: when Temporal gives up a worker that died over a task (by default after 10 s).
    """
    dossier = Dossier(start)
    dossier.begin(datetime.now(UTC))
    attributes = attributes_of(dossier.record([], datetime.now(UTC)).snapshot, dossier.late_count)
    return await client.start_workflow(
        WORKFLOW,
        start,
        id=workflow_id(start.code),
        task_queue=TASK_QUEUE,
        task_timeout=task_timeout,
        search_attributes=attributes,
    )


def given(action: str, when: datetime, *, by: Actor = ADMIN, id: str | None = None, **fields: Any) -> Given:
    if action == "hand_over":
        fields.setdefault("of_agency", AGENCY)
    return Given(action=parse_action({"action": action, "at": when, **fields}), by=by, id=id)


def request(action: str, when: datetime, *, id: str | None = None, **fields: Any) -> Request:
    return Request(given=(given(action, when, id=id, **fields),), id=id)


async def act(
    handle: WorkflowHandle[Any, Any], action: str, when: datetime | None = None, **fields: Any
) -> Any:
    """Send one action, by the admin unless said otherwise; without ``when`` it happened now."""
    told = request(action, when or datetime.now(UTC), **fields)
    return await handle.execute_update(ACT, told, id=told.id)


def kinds(engine: Engine, code: str) -> list[str]:
    """What was told of a dossier, by short names: 'accepted', 'recorded', ..."""
    return [event.type.rsplit(".", 1)[1] for event in queries.events(engine, code)]


def told(engine: Engine, code: str) -> list[Event]:
    return queries.events(engine, code)


def outbox(engine: Engine, code: str) -> list[queries.OutEvent]:
    return [out for out in queries.outbox_after(engine, 0, 500) if out.dossier == code]


def late(engine: Engine, code: str) -> list[Lateness]:
    return queries.latenesses(engine, dossier=code)


async def eventually(holds: Callable[[], bool], seconds: float = 15) -> None:
    """Wait until ``holds``; a test that waits in vain fails here."""
    end = asyncio.get_running_loop().time() + seconds
    while not holds():
        assert asyncio.get_running_loop().time() < end, "it did not come to pass in time"
        await asyncio.sleep(0.02)


@dataclass
class Life:
    """One dossier on the time-skipping server. Its clock is its own: others do not notice when it skips."""

    env: WorkflowEnvironment
    engine: Engine
    start: DossierStart
    handle: WorkflowHandle[Any, Any]

    @classmethod
    async def begin(cls, env: WorkflowEnvironment, engine: Engine, start: DossierStart) -> Life:
        with env.with_time_skipping_disabled():  # unbounded skipping would run past every deadline at once
            handle = await begin(env.client, start)
        life = cls(env, engine, start, handle)
        await eventually(lambda: bool(life.kinds))
        return life

    @property
    def code(self) -> str:
        return self.start.code

    @property
    def kinds(self) -> list[str]:
        return kinds(self.engine, self.code)

    @property
    def late(self) -> list[Lateness]:
        return late(self.engine, self.code)

    def after(self, **time: float) -> datetime:
        """An instant so long after the acceptance."""
        return self.start.accepted_at + timedelta(**time)

    async def now(self) -> datetime:
        return await self.env.get_current_time(self.handle)

    async def pass_to(self, instant: datetime) -> None:
        """Let time pass to a second after ``instant`` (timers fire then), or to the workflow's end.

        The server's clock is there at once; what the workflow has told by then takes a moment to be in the store.
        """
        await self.env.fast_forward(self.handle, instant + timedelta(seconds=1.5) - await self.now())
        told = (await self.state())["sequence"]
        await eventually(lambda: len(self.kinds) >= told)

    async def act(self, action: str, when: datetime | None = None, **fields: Any) -> Any:
        """Time passes to ``when`` (None: no further), and the action happens and arrives then."""
        now = await self.now()
        if when is not None and when > now:
            await self.pass_to(when)
            now = await self.now()
        return await act(self.handle, action, when or now, **fields)

    async def state(self) -> Any:
        return await self.handle.query(STATE)

    async def latenesses(self) -> Any:
        return await self.handle.query(LATENESSES)


def office_catalogue(*, window: Budget | None = None) -> Catalogue:
    """A catalogue of one procedure with five steps in one agency, on the clock that never rests."""
    stages = tuple(
        Stage(steps=(Step(key=each.key, name=each.name, role=each.role, budget=each.budget),))
        for each in FIVE_STEPS
    )
    procedure = Procedure(
        code="2.000908",
        version="1",
        name="Sao lục",
        total=days(3),
        stages=stages,
        calendar="always",
        policies=Policies(explanation_window=window or days(3), backdate_limit_minutes=5),
    )
    people = {"HEAD-2", *(each.official or "" for each in FIVE_STEPS)}
    return Catalogue(
        agencies={
            "H13": Agency(code="H13", name="City", head="HEAD-0"),
            AGENCY: Agency(code=AGENCY, name="Office", parent="H13", head="HEAD-2"),
        },
        officials={
            "HEAD-0": Official(id="HEAD-0", name="Head of the city", position="head", agency="H13"),
            **{each: Official(id=each, name=each, position="clerk", agency=AGENCY) for each in people},
        },
        procedures={procedure.code: procedure},
        roster={AGENCY: {each.role: each.official or "" for each in FIVE_STEPS}},
        calendars={"always": ALWAYS},
    )
