"""Dossiers of five steps against the references, on one embedded server, alternating: on time, and the 17:00 storm."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, text
from temporalio.client import Client
from temporalio.common import TypedSearchAttributes
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.recording import Recording
from bench.references import Bare, Empty, nothing, passed, settle
from cli.embedded import OPTIONS
from models.actions import Actor, Complete, Given, Role
from models.budget import Budget, Unit
from models.calendar import CalendarData
from models.dossier import Dossier, Request
from models.instants import whole
from models.procedure import Policies
from models.rules import PlannedStep, Rules
from models.submission import FLOW, DossierStart
from store.database import open_database, reading, upgrade
from store.journal import Journal
from worker import settle_down
from workflows.attributes import attributes_of
from workflows.dossier import DossierWorkflow
from workflows.names import SEARCH_ATTRIBUTES, WORKFLOW, workflow_id

STEPS = 5
IN_FLIGHT = 64
CLERK = Actor(name="CD-01", role=Role.OFFICIAL)
END_OF_DAY = datetime.max.time().replace(microsecond=0)
ALWAYS = CalendarData(
    name="always",
    zone="Asia/Ho_Chi_Minh",
    day_minutes=1440,
    cutoff=END_OF_DAY,
    week=("00:00-24:00",) * 7,
    covers_from=date(2020, 1, 1),
    covers_until=date(2040, 1, 1),
    confirmed_until=date(2040, 1, 1),
)
"""Counts round the clock, so that deadlines fall when the benchmark wants them."""


@dataclass(frozen=True)
class Kind:
    """One of the three workflows that are compared."""

    name: str
    workflow: str
    queue: str


KINDS = (
    Kind("bare", "Bare", "bench-bare"),
    Kind("empty", "Empty", "bench-empty"),
    Kind("danbiet", WORKFLOW, "bench-ours"),
)


class Bench:
    """An embedded server on a file, a worker for each kind in this process, a store on a SQLite file."""

    def __init__(self, client: Client, engine: Engine) -> None:
        self.client, self.engine = client, engine
        self._run = 0

    async def on_time(self, kind: Kind, lives: int) -> float:
        """Lives of five steps a second: started, each step completed by an update, recorded, ended."""
        self._run += 1
        accepted = whole(datetime.now(UTC))
        starts = [
            start_of(f"{kind.name.upper()}.{self._run}-260101-{n:06d}", accepted, hours=100)
            for n in range(lives)
        ]
        began = time.perf_counter()
        await _in_flight([lambda s=start: self._life(kind, s) for start in starts])  # type: ignore[misc]
        return lives / (time.perf_counter() - began)

    async def _life(self, kind: Kind, start: DossierStart) -> None:
        ours = kind.workflow == WORKFLOW
        handle = await self.client.start_workflow(
            kind.workflow,
            args=[start] if ours else [start, None],
            id=workflow_id(start.code),
            task_queue=kind.queue,
            search_attributes=_first_attributes(start) if ours else None,
        )
        for step in start.rules.steps:
            action = Complete(step=step.key, at=whole(datetime.now(UTC)))
            await handle.execute_update("act", Request(given=(Given(action=action, by=CLERK),)))
        await handle.result()

    async def storm(self, kind: Kind, dossiers: int) -> float:
        """Deadlines a second when all fall at one instant, from that instant until the last one is recorded."""
        self._run += 1
        lead = 3 + dossiers / 60
        due = whole(datetime.now(UTC)) + timedelta(seconds=lead)
        accepted = due - timedelta(hours=1)
        starts = [
            start_of(f"{kind.name.upper()}.{self._run}-260101-{n:06d}", accepted, hours=1)
            for n in range(dossiers)
        ]
        fires = due.timestamp() + 1  # ours wakes a second after the instant: late means after it
        args = (lambda s: [s]) if kind.workflow == WORKFLOW else (lambda s: [s, fires])
        await _in_flight(
            [
                lambda s=start: self.client.start_workflow(  # type: ignore[misc]
                    kind.workflow, args=args(s), id=workflow_id(s.code), task_queue=kind.queue
                )
                for start in starts
            ]
        )
        if time.time() > fires:
            raise RuntimeError("the machine was too slow to start all dossiers before their deadline")
        before = self._passed(kind, self._run)
        while (count := self._passed(kind, self._run)) < dossiers:
            await asyncio.sleep(0.02)
            if time.time() > fires + 120:
                raise RuntimeError(f"only {count} of {dossiers} deadlines were recorded")
        assert before == 0
        return dossiers / (time.time() - fires)

    def _passed(self, kind: Kind, run: int) -> int:
        prefix = f"{kind.name.upper()}.{run}-"
        if kind.workflow != WORKFLOW:
            return sum(1 for each in passed if each.startswith(workflow_id(prefix)))
        with reading(self.engine) as connection:
            query = text("select count(*) from lateness where dossier like :prefix and step is not null")
            return int(connection.execute(query, {"prefix": f"{prefix}%"}).scalar_one())

    async def history(self) -> tuple[int, int]:
        """Events and bytes of an on-time five-step dossier's history."""
        self._run += 1
        start = start_of(f"HISTORY-260101-{self._run:06d}", whole(datetime.now(UTC)), hours=100)
        await self._life(KINDS[2], start)
        description = await self.client.get_workflow_handle(workflow_id(start.code)).describe()
        info = description.raw_description.workflow_execution_info
        return info.history_length, info.history_size_bytes


def start_of(code: str, accepted: datetime, *, hours: int) -> DossierStart:
    budget = Budget(amount=Decimal(hours), unit=Unit.WORKING_HOURS)
    steps = tuple(
        PlannedStep(
            key=f"step_{n}",
            stage=n,
            name=f"Bước {n}",
            role="clerk",
            agency="H13.2",
            official="CD-01",
            budget=budget,
        )
        for n in range(1, STEPS + 1)
    )
    return DossierStart(
        code=code,
        rules=Rules(
            procedure="2.000908",
            procedure_version="1",
            agency="H13.2",
            total=Budget(amount=Decimal(hours * STEPS), unit=Unit.WORKING_HOURS),
            steps=steps,
            policies=Policies(),
            calendar=ALWAYS,
            heads={"H13.2": "CD-00"},
        ),
        accepted_at=accepted,
        flow=FLOW,
    )


def _first_attributes(start: DossierStart) -> TypedSearchAttributes:
    """As the starter gives them."""
    dossier = Dossier(start)
    dossier.begin(start.accepted_at)
    return attributes_of(dossier.record([], start.accepted_at).snapshot, dossier.late_count)


@asynccontextmanager
async def bench(temporal: str) -> AsyncIterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="danbiet-bench-") as folder:
        env = await WorkflowEnvironment.start_local(
            dev_server_existing_path=temporal,
            dev_server_database_filename=str(Path(folder) / "temporal.db"),
            data_converter=pydantic_data_converter,
            search_attributes=SEARCH_ATTRIBUTES,
            dev_server_log_level="never",
            dev_server_extra_args=[*OPTIONS],
        )
        url = f"sqlite:///{folder}/danbiet.db"
        upgrade(url)
        engine = open_database(url)
        with Journal(engine, "bench") as journal:
            async with env, _workers(env.client, journal):
                yield Bench(env.client, engine)
        engine.dispose()


@asynccontextmanager
async def _workers(client: Client, journal: Journal) -> AsyncIterator[None]:
    recording = Recording(journal, CollectorRegistry())

    def worker(kind: Kind) -> Worker:
        return Worker(
            client,
            task_queue=kind.queue,
            workflows=[DossierWorkflow, Bare, Empty],
            activities=[recording.record, recording.record_all, nothing],
            workflow_runner=UnsandboxedWorkflowRunner(),
            max_cached_workflows=2000,
        )

    async with worker(KINDS[0]), worker(KINDS[1]), worker(KINDS[2]):
        settle_down()
        yield


async def _in_flight(tasks: list[Callable[[], Awaitable[object]]]) -> None:
    limit = asyncio.Semaphore(IN_FLIGHT)

    async def one(task: Callable[[], Awaitable[object]]) -> None:
        async with limit:
            await task()

    await asyncio.gather(*(one(task) for task in tasks))


async def alternate(measure: Callable[[Kind], Awaitable[float]], rounds: int) -> dict[str, list[float]]:
    """Each kind in turn, so that a machine that slows down slows all of them."""
    figures: dict[str, list[float]] = {kind.name: [] for kind in KINDS}
    for number in range(rounds):
        for kind in KINDS if number % 2 == 0 else reversed(KINDS):
            figures[kind.name].append(await measure(kind))
            await settle()
    return figures


def ratio(figures: dict[str, list[float]], to: str) -> float:
    """Median over the rounds of ours to a reference, pair by pair."""
    return round(median(ours / other for ours, other in zip(figures["danbiet"], figures[to], strict=True)), 3)
