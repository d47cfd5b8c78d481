"""`/readyz`: whether Temporal answers, the database answers, and this process's worker polls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from sqlalchemy import Engine, select
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from cli.board import Answer, as_json
from models.errors import Unavailable
from store.database import reading
from store.projections import DOSSIER

OK = "ok"
WITHIN = timedelta(seconds=3)
POLLED_WITHIN = timedelta(seconds=90)
"""A poll waits a minute for work; one that is older than this is nobody's."""


def readiness(client: Client, worker: Worker, engine: Engine) -> Callable[[], Answer]:
    """The route. Make it where the event loop runs; the board calls it in a thread of its own."""
    loop = asyncio.get_running_loop()

    def answer() -> Answer:
        asked = asyncio.run_coroutine_threadsafe(_ask(client, worker), loop)
        try:
            temporal, polls = asked.result(2 * WITHIN.total_seconds())
        except TimeoutError:
            asked.cancel()
            temporal = polls = "no answer in time"
        checks = {"temporal": temporal, "database": _database(engine), "worker": polls}
        ready = all(each == OK for each in checks.values())
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return as_json(status, {"status": "ready" if ready else "not ready", "checks": checks})

    return answer


def _database(engine: Engine) -> str:
    try:
        with reading(engine) as connection:
            connection.execute(select(DOSSIER.c.code).limit(1)).all()
    except Unavailable as error:
        return error.message
    return OK


async def _ask(client: Client, worker: Worker) -> tuple[str, str]:
    try:
        await client.service_client.check_health(timeout=WITHIN)
        polls = worker.is_running and await _polls(client, worker.task_queue)
    except RPCError as error:
        return f"no answer: {error.message}", "unknown"
    return OK, OK if polls else f"this process does not poll task queue '{worker.task_queue}'"


async def _polls(client: Client, task_queue: str) -> bool:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=task_queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    answer = await client.workflow_service.describe_task_queue(request, timeout=WITHIN)
    recently = datetime.now(UTC) - POLLED_WITHIN
    return any(
        poller.identity == client.identity and poller.last_access_time.ToDatetime(UTC) > recently
        for poller in answer.pollers
    )
