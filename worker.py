"""The worker: runs workflows and activities, and shows metrics. ``python worker.py``, or ``danbiet worker``.

One process, one journal writer. Production runs workflows outside the sandbox (a third faster): the purity of
``models`` is held by tests, which replay every recorded history inside the strict sandbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkflowRunner

from activities.compiling import Compiling
from activities.delivering import Delivering
from activities.recording import Recording
from cli import board
from cli.installation import Installation
from cli.keeping import Keeper
from cli.metrics import exposition, new_registry
from cli.readiness import Readiness
from cli.settings import Settings
from models.catalogue import Catalogue
from models.errors import DanbietError, Unavailable
from starter import connect
from store.catalogue_files import read_catalogue
from store.database import check_current, open_database
from store.journal import Journal
from store.keys import forget_answers
from store.webhooks import names
from workflows.bulletins import BulletinWorkflow
from workflows.dossier import DossierWorkflow
from workflows.names import SEARCH_ATTRIBUTES, TASK_QUEUE
from workflows.relay import RelayWorkflow, ensure_relays
from workflows.schedules import ensure_schedule

log = logging.getLogger("danbiet.worker")
GRACE = timedelta(seconds=20)
TIDY_EVERY = timedelta(days=1)
CONNECT_WITHIN, CONNECT_EVERY = 60.0, 2.0
"""Seconds for the Temporal server to answer at start, and between two attempts."""
TAKEN_WITHIN, TAKEN_EVERY = 30.0, 0.2
"""Seconds for a server to take up search attributes that are new to it, and between two looks."""
ACTION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Seconds from the arrival of an action to its answer."""


def metered_runtime(address: str) -> Runtime:
    """A Temporal runtime whose own metrics are served at ``address``; make it before the first client."""
    prometheus = PrometheusConfig(
        bind_address=address,
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides={"danbiet_action": ACTION_BUCKETS},
    )
    logs = LoggingConfig(
        filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
        forwarding=LogForwardingConfig(logger=logging.getLogger("temporalio.core")),
    )
    return Runtime(telemetry=TelemetryConfig(metrics=prometheus, logging=logs, attach_service_name=False))


async def connect_metered(address: str, namespace: str) -> tuple[Client, str]:
    """A client whose runtime shows the SDK's metrics on a loopback address, and that address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        sdk = f"127.0.0.1:{probe.getsockname()[1]}"
    return await connect(address, namespace, runtime=metered_runtime(sdk)), sdk


async def ensure_search_attributes(client: Client) -> None:
    """Add those that the namespace does not have yet; returns when the server takes them.

    Raises :class:`Unavailable` if there is no such namespace, or the server does not take them soon.
    """
    operator = client.operator_service
    try:
        known = await operator.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace), retry=True
        )
        missing = {
            key.name: IndexedValueType.ValueType(key.indexed_value_type)
            for key in SEARCH_ATTRIBUTES
            if key.name not in known.custom_attributes
        }
        if missing:
            request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
            await operator.add_search_attributes(request)
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise Unavailable(
                f"the search attributes of namespace '{client.namespace}' cannot be read or added: {error.message}"
            ) from None
    await _until_taken(client)


async def _until_taken(client: Client) -> None:
    """Servers look for new search attributes every few seconds, and refuse dossiers that have them until then."""
    asked = " or ".join(f"{key.name} is not null" for key in SEARCH_ATTRIBUTES)
    began = time.monotonic()
    while True:
        try:
            await client.count_workflows(f"WorkflowId = '' and ({asked})")
        except RPCError as error:
            if time.monotonic() - began > TAKEN_WITHIN:
                raise Unavailable(
                    f"the server does not take the search attributes of namespace '{client.namespace}': {error.message}"
                ) from None
            await asyncio.sleep(TAKEN_EVERY)
        else:
            return


def build_worker(
    client: Client,
    journal: Journal,
    registry: CollectorRegistry,
    *,
    compiling: Compiling | None = None,
    delivering: Delivering | None = None,
    task_queue: str = TASK_QUEUE,
    runner: WorkflowRunner | None = None,
) -> Worker:
    """A worker for dossiers; with ``compiling`` for bulletins, with ``delivering`` for webhooks too.

    ``runner`` None: outside the sandbox.
    """
    recording = Recording(journal, registry)
    return Worker(
        client,
        task_queue=task_queue,
        workflows=[
            DossierWorkflow,
            *([BulletinWorkflow] if compiling else []),
            *([RelayWorkflow] if delivering else []),
        ],
        activities=[
            recording.record,
            recording.record_all,
            *([compiling.freeze] if compiling else []),
            *([delivering.deliver] if delivering else []),
        ],
        workflow_runner=runner or UnsandboxedWorkflowRunner(),
        max_cached_workflows=1000,
        graceful_shutdown_timeout=GRACE,
    )


@asynccontextmanager
async def running_worker(
    client: Client,
    engine: Engine,
    registry: CollectorRegistry,
    *,
    installation: str,
    catalogue: Catalogue,
    task_queue: str = TASK_QUEUE,
    runner: WorkflowRunner | None = None,
    private_webhooks: bool = False,
) -> AsyncIterator[Worker]:
    """Journal, worker, schedule, relays and upkeep, stopped in the right order: no record is dropped half-way."""
    await ensure_schedule(client, catalogue.main_calendar.zone, task_queue=task_queue)
    await ensure_relays(client, await asyncio.to_thread(names, engine), task_queue=task_queue)
    compiling = Compiling(engine, catalogue)
    delivering = Delivering(engine, registry, private=private_webhooks)
    journal = Journal(engine, installation)
    journal.start()
    upkeep = asyncio.create_task(keep_tidy(engine))
    try:
        async with build_worker(
            client,
            journal,
            registry,
            compiling=compiling,
            delivering=delivering,
            task_queue=task_queue,
            runner=runner,
        ) as worker:
            yield worker
    finally:
        upkeep.cancel()
        await asyncio.wait({upkeep})
        await asyncio.to_thread(journal.close)


async def keep_tidy(engine: Engine) -> None:
    """Once at start and then every day: forget what need not be kept. Several workers may do it; never returns."""
    while True:
        try:
            forgotten = await asyncio.to_thread(forget_answers, engine, datetime.now(UTC))
        except Unavailable as problem:
            log.warning("old answers are not forgotten yet: %s", problem.message)
        else:
            log.info("%d old answers to repeated requests forgotten", forgotten)
        await asyncio.sleep(TIDY_EVERY.total_seconds())


async def until_stopped() -> None:
    """Returns at SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stop.set)
    with contextlib.suppress(asyncio.CancelledError):
        await stop.wait()


def settle_down() -> None:
    """What a start has made stays: leave it out of every later collection, which would hold up all requests for it.

    A full one took 170 ms without this, a few ms with it. Undone by ``gc.unfreeze`` before the end. What an answer
    makes goes with it, looked through on the way or not: seldom is enough, and saves long lists a twentieth. Not too
    seldom, for what ended workflows leave behind waits for it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 2)


def quieten() -> None:
    """Libraries that tell too much: how the tables came about, and every address that something is posted to.

    An address may be as good as a key (webhooks, look-ups).
    """
    for name in ("alembic", "httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)


async def run_until_stopped(main: Coroutine[Any, Any, None]) -> None:
    """Run ``main``; SIGINT or SIGTERM cancels it, and it may take its time to clean up."""
    running, stopped = asyncio.create_task(main), asyncio.create_task(until_stopped())
    await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def connected(settings: Settings) -> tuple[Client, str]:
    """A server that starts beside us may need a minute; after that, it is not there."""
    began = time.monotonic()
    while True:
        try:
            client, sdk = await connect_metered(settings.temporal_address, settings.temporal_namespace)
            await ensure_search_attributes(client)
        except Unavailable as problem:
            if time.monotonic() - began > CONNECT_WITHIN:
                raise
            log.warning("%s (trying again)", problem.message)
            await asyncio.sleep(CONNECT_EVERY)
        else:
            return client, sdk


async def serve(settings: Settings) -> None:
    """One worker process with its metrics. Never returns: cancelled, or raises what went wrong."""
    catalogue = read_catalogue(settings.catalogue)
    engine = open_database(settings.database)
    check_current(engine)
    with board.Board(settings.host, settings.metrics_port, "DANBIET_METRICS_PORT") as metrics:
        client, sdk = await connected(settings)
        registry = new_registry(engine, catalogue)
        keeper = Keeper(engine, settings.data, settings.ledger_origin)
        async with (
            keeper.running(),
            running_worker(
                client,
                engine,
                registry,
                installation=settings.installation,
                catalogue=catalogue,
                task_queue=settings.task_queue,
                private_webhooks=settings.webhooks_private,
            ) as worker,
        ):
            scrape = board.metrics(lambda: exposition(registry, sdk))
            metrics.routes |= {"/metrics": scrape, "/readyz": Readiness(client, worker, engine).answer}
            log.info("worker on %s, metrics at %s/metrics", settings.temporal_address, metrics.address)
            settle_down()
            await asyncio.Event().wait()


def main(data: Path | None = None) -> int:
    """Entry point; the exit code."""
    failure = _run(data)
    gc.unfreeze()
    gc.collect()  # before the interpreter goes: a worker's leftovers abort it otherwise (sdk-python #300)
    if failure is not None:
        print(f"danbiet: {failure}", file=sys.stderr)
    return 0 if failure is None else 1


def _run(data: Path | None) -> str | None:
    """Serve until stopped; what went wrong, as a sentence."""
    try:
        installation = Installation(data)
        settings = installation.settings.model_copy(update={"temporal_address": installation.temporal})
        logging.basicConfig(
            level=settings.log_level.upper(), format="%(asctime)s %(name)s %(levelname)s %(message)s"
        )
        quieten()
        asyncio.run(run_until_stopped(serve(settings)))
    except DanbietError as error:
        return f"{error.code}: {error.message}"
    return None


if __name__ == "__main__":
    from cli.entry import main as danbiet

    sys.argv.insert(1, "worker")
    danbiet()
