"""Two workflows with the timers and updates of ours and nothing of its work: what Temporal alone costs.

``Bare`` records nothing; ``Empty`` calls an empty local activity where ours records.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow

from models.dossier import Request
from models.submission import DossierStart

LIMIT = timedelta(seconds=10)
passed: list[str] = []
"""Ids of workflows whose deadline has passed, in the process that runs them."""


@activity.defn(name="nothing")
async def nothing() -> None:
    """Where ours writes, this does not."""


class _Life:
    """As many updates as a dossier has steps; before each, a timer on the step's deadline."""

    records = False

    def __init__(self) -> None:
        self._done = 0

    async def live(self, start: DossierStart, deadline: float | None) -> None:
        await self._record()
        while self._done < len(start.rules.steps):
            done = self._done
            timeout = 3600.0 if deadline is None else max(deadline - workflow.time(), 0)
            try:
                await workflow.wait_condition(lambda seen=done: self._done != seen, timeout=timeout)  # type: ignore[misc]
            except TimeoutError:
                await self._record()
                passed.append(workflow.info().workflow_id)
                return
        await workflow.wait_condition(workflow.all_handlers_finished)

    async def acted(self) -> int:
        self._done += 1
        await self._record()
        return self._done

    async def _record(self) -> None:
        if self.records:
            await workflow.execute_local_activity(nothing, start_to_close_timeout=LIMIT)


@workflow.defn(sandboxed=False)
class Bare(_Life):
    @workflow.run
    async def run(self, start: DossierStart, deadline: float | None) -> None:
        await self.live(start, deadline)

    @workflow.update
    async def act(self, request: Request) -> Any:  # noqa: ARG002 - the payload of ours
        return await self.acted()


@workflow.defn(sandboxed=False)
class Empty(_Life):
    records = True

    @workflow.run
    async def run(self, start: DossierStart, deadline: float | None) -> None:
        await self.live(start, deadline)

    @workflow.update
    async def act(self, request: Request) -> Any:  # noqa: ARG002 - the payload of ours
        return await self.acted()


async def settle() -> None:
    """Give the server a moment between two runs, so that one does not pay for the other."""
    await asyncio.sleep(1)
