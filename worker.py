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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkflowRunner

from activities.recording import Recording
from cli import board
from cli.metrics import StoreCollector, exposition
from cli.settings import Settings, load
from models.errors import DanbietError, Unavailable
from starter import connect
from store.catalogue_files import read_catalogue
from store.database import check_current, open_database
from store.journal import Journal
from workflows.dossier import DossierWorkflow
from workflows.names import TASK_QUEUE

log = logging.getLogger("danbiet.worker")
GRACE = timedelta(seconds=20)
CONNECT_WITHIN = 60.0
"""Seconds for the Temporal server to answer at start."""


async def connect_metered(address: str, namespace: str) -> tuple[Client, str]:
    """A client whose runtime shows the SDK's metrics on a loopback address, and that address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        sdk = f"127.0.0.1:{probe.getsockname()[1]}"
    prometheus = PrometheusConfig(
        bind_address=sdk, counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
    )
    runtime = Runtime(telemetry=TelemetryConfig(metrics=prometheus))
    return await connect(address, namespace, runtime=runtime), sdk


def build_worker(
    client: Client,
    journal: Journal,
    registry: CollectorRegistry,
    *,
    task_queue: str = TASK_QUEUE,
    runner: WorkflowRunner | None = None,
) -> Worker:
    """A worker for dossiers; ``runner`` None: outside the sandbox."""
    return Worker(
        client,
        task_queue=task_queue,
        workflows=[DossierWorkflow],
        activities=[Recording(journal, registry).record],
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
    task_queue: str = TASK_QUEUE,
    runner: WorkflowRunner | None = None,
) -> AsyncIterator[Worker]:
    """Journal and worker together, stopped in the right order: no record is dropped half-way."""
    journal = Journal(engine, installation)
    journal.start()
    try:
        async with build_worker(client, journal, registry, task_queue=task_queue, runner=runner) as worker:
            yield worker
    finally:
        await asyncio.to_thread(journal.close)


async def until_stopped() -> None:
    """Returns at SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stop.set)
    with contextlib.suppress(asyncio.CancelledError):
        await stop.wait()


async def _connected(address: str, namespace: str) -> tuple[Client, str]:
    """A server that starts beside us may need a minute; after that, it is not there."""
    began = time.monotonic()
    while True:
        try:
            return await connect_metered(address, namespace)
        except Unavailable as problem:
            if time.monotonic() - began > CONNECT_WITHIN:
                raise
            log.warning("%s (trying again)", problem.message)
            await asyncio.sleep(2)


async def serve(settings: Settings) -> None:
    """One worker process with its metrics, until it is told to stop."""
    engine = open_database(settings.database)
    check_current(engine)
    catalogue = read_catalogue(settings.catalogue)
    client, sdk = await _connected(settings.temporal_address, settings.temporal_namespace)
    registry = CollectorRegistry()
    registry.register(StoreCollector(engine, catalogue))
    routes = {"/metrics": board.metrics(lambda: exposition(registry, sdk)), "/healthz": board.alive}
    metrics = board.Board(settings.host, settings.metrics_port, routes)
    metrics.start()
    try:
        async with running_worker(
            client, engine, registry, installation=settings.installation, task_queue=settings.task_queue
        ):
            log.info("worker on %s, metrics at %s/metrics", settings.temporal_address, metrics.address)
            await until_stopped()
    finally:
        metrics.stop()
        engine.dispose()


def main() -> int:
    """Entry point; the exit code."""
    try:
        settings = load()
        logging.basicConfig(
            level=settings.log_level.upper(), format="%(asctime)s %(name)s %(levelname)s %(message)s"
        )
        asyncio.run(serve(settings))
    except DanbietError as error:
        print(f"danbiet: {error.code}: {error.message}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"danbiet: unavailable: the metrics cannot be served: {error.strerror}", file=sys.stderr)
        return 1
    finally:
        gc.collect()  # before the interpreter goes: a worker's leftovers abort it otherwise (sdk-python #300)
    return 0


if __name__ == "__main__":
    sys.exit(main())
