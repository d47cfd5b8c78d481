"""Real Temporal servers for the tests: the dev server, with and without time skipping; a store of its own each."""

from __future__ import annotations

import asyncio
import sysconfig
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy as Policy

from store.database import open_database, upgrade
from store.journal import Journal
from worker import build_worker
from workflows.names import SEARCH_ATTRIBUTES

TEMPORAL = str(Path(sysconfig.get_path("scripts")) / "temporal")
SKIPPING = [
    "--dynamic-config-value",
    "frontend.WorkflowTimeSkippingEnabled=true",
    "--dynamic-config-value",
    'history.timerProcessorMaxTimeShift="1ms"',
]


def strict_sandbox() -> SandboxedWorkflowRunner:
    """The sandbox as strict as it gets: a module that slips through unannounced fails the worker's start."""
    policy = Policy.WARN_ON_DYNAMIC_IMPORT | Policy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_import_notification_policy(policy)
    )


@pytest.fixture(scope="session")
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    """The real server with a virtual clock for each workflow: weeks pass in seconds."""
    env = await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=TEMPORAL,
        data_converter=pydantic_data_converter,
        search_attributes=SEARCH_ATTRIBUTES,
        dev_server_log_level="never",
        dev_server_extra_args=SKIPPING,
    )
    async with env:
        yield env


@pytest.fixture(scope="session")
async def dev() -> AsyncIterator[WorkflowEnvironment]:
    """The plain dev server: real time."""
    env = await WorkflowEnvironment.start_local(
        dev_server_existing_path=TEMPORAL,
        data_converter=pydantic_data_converter,
        search_attributes=SEARCH_ATTRIBUTES,
        dev_server_log_level="never",
    )
    async with env:
        yield env


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path / 'danbiet.db'}"
    upgrade(url)
    opened = open_database(url)
    yield opened
    opened.dispose()


@pytest.fixture
async def journal(engine: Engine) -> AsyncIterator[Journal]:
    journal = Journal(engine, "test")
    journal.start()
    yield journal
    await asyncio.to_thread(journal.close)


@pytest.fixture
async def skipping_worker(skipping: WorkflowEnvironment, journal: Journal) -> AsyncIterator[Worker]:
    worker = build_worker(skipping.client, journal, CollectorRegistry(), runner=strict_sandbox())
    async with worker:
        yield worker


@pytest.fixture
async def dev_worker(dev: WorkflowEnvironment, journal: Journal) -> AsyncIterator[Worker]:
    worker = build_worker(dev.client, journal, CollectorRegistry(), runner=strict_sandbox())
    async with worker:
        yield worker
