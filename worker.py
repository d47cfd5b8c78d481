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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkflowRunner

from activities.recording import Recording
from store.journal import Journal
from workflows.dossier import DossierWorkflow
from workflows.names import TASK_QUEUE

log = logging.getLogger("danbiet.worker")
GRACE = timedelta(seconds=20)


def metered_runtime(address: str) -> Runtime:
    """A Temporal runtime whose own metrics are served at ``address``; make it before the first client."""
    prometheus = PrometheusConfig(
        bind_address=address, counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
    )
    return Runtime(telemetry=TelemetryConfig(metrics=prometheus))


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
