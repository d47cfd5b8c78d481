"""`/readyz`: whether Temporal answers, the database answers, and this process's worker polls."""

from __future__ import annotations

import asyncio
import time
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
PATIENCE = 10.0
START_WITHIN = 30.0
POLLED_WITHIN = timedelta(seconds=90)
"""A poll waits a minute for work; one that is older than this is nobody's."""


class Readiness:
    """What must be well for this process to do its work. Make it where the event loop runs."""

    def __init__(self, client: Client, worker: Worker, engine: Engine) -> None:
        self._client, self._worker, self._engine = client, worker, engine
        self._loop = asyncio.get_running_loop()

    def answer(self) -> Answer:
        """The route; the board calls it in a thread of its own."""
        asked = asyncio.run_coroutine_threadsafe(self.checks(), self._loop)
        try:
            checks = asked.result(PATIENCE)
        except TimeoutError:
            asked.cancel()
            checks = {"process": "no answer in time"}
        ready = all(each == OK for each in checks.values())
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return as_json(status, {"status": "ready" if ready else "not ready", "checks": checks})

    async def wait(self) -> None:
        """Returns when all is well. Raises :class:`Unavailable` if it takes too long."""
        began = time.monotonic()
        while lacking := {name: each for name, each in (await self.checks()).items() if each != OK}:
            if time.monotonic() - began > START_WITHIN:
                told = "; ".join(f"{name}: {each}" for name, each in lacking.items())
                raise Unavailable(f"not ready after {START_WITHIN:.0f} s: {told}")
            await asyncio.sleep(0.05)

    async def checks(self) -> dict[str, str]:
        """By name: "ok", or a sentence."""
        database, (temporal, polls) = await asyncio.gather(
            asyncio.to_thread(database_check, self._engine), _temporal(self._client, self._worker)
        )
        return {"temporal": temporal, "database": database, "worker": polls}


def database_check(engine: Engine) -> str:
    try:
        with reading(engine) as connection:
            connection.execute(select(DOSSIER.c.code).limit(1)).all()
    except Unavailable as error:
        return error.message
    return OK


async def _temporal(client: Client, worker: Worker) -> tuple[str, str]:
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
