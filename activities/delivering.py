"""Serving one webhook for a while: what is due is sent, dossiers side by side, each dossier in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import Engine
from temporalio import activity

from activities.names import DELIVER
from activities.sending import Sender
from store.batches import SETTLED, Answer, Batch, Parcel, Result, conclude, next_batch

LINGER = timedelta(minutes=5)
"""One activity goes on for so long: the history of a relay grows by six events each time."""
EVERY = 1.0
"""Seconds between two looks at an outbox that has nothing new."""
HEARTBEAT = 3.0
SIDE_BY_SIDE = 8
"""Requests to one receiver at a time."""
LONGEST_BATCH = 30.0
"""Seconds after which no more requests of a batch begin: so much, at most, is sent twice after a crash."""
GIVE_UP = 3
"""After so many failures and no success, the rest of a batch is not even tried."""

log = logging.getLogger("danbiet.delivery")


class Delivering:
    """``private``: webhooks inside one's own networks, and plain http, are allowed."""

    def __init__(
        self,
        engine: Engine,
        registry: CollectorRegistry,
        *,
        private: bool,
        settled: timedelta = SETTLED,
        linger: timedelta = LINGER,
    ) -> None:
        self._engine, self._private = engine, private
        self._settled, self._linger = settled, linger
        self._tls = ssl.create_default_context()
        self._outcomes = Counter(
            "danbiet_deliveries", "Attempts to deliver an event", ["outcome"], registry=registry
        )

    @activity.defn(name=DELIVER)
    async def deliver(self, name: str) -> bool:
        """Serve the webhook ``name`` for some minutes; False: there is no such webhook (any more)."""
        ends = time.monotonic() + self._linger.total_seconds()
        async with _heartbeats():
            while time.monotonic() < ends and not activity.is_worker_shutdown():
                batch = await asyncio.to_thread(
                    next_batch, self._engine, name, datetime.now(UTC), settled=self._settled
                )
                if batch is None:
                    return False
                if batch.is_empty:
                    await _pause()
                else:
                    await self._serve(batch)
        return True

    async def _serve(self, batch: Batch) -> None:
        answers = await self._send(batch)
        outcomes = await asyncio.to_thread(conclude, self._engine, batch, answers, datetime.now(UTC))
        for outcome, times in outcomes.items():
            self._outcomes.labels(outcome).inc(times)
        if failed := [answer.error for answer in answers.values() if answer.result is not Result.DELIVERED]:
            log.warning(
                "webhook %s: %d of %d not delivered: %s",
                batch.subscriber.name,
                len(batch.parcels) - sum(answer.result is Result.DELIVERED for answer in answers.values()),
                len(batch.parcels),
                failed[-1] or "410",
            )

    async def _send(self, batch: Batch) -> dict[int, Answer]:
        """An answer for each parcel that was tried."""
        queues: dict[str, list[Parcel]] = {}
        for parcel in batch.parcels:
            queues.setdefault(parcel.dossier, []).append(parcel)
        answers: dict[int, Answer] = {}
        waiting = list(queues.values())[::-1]
        url, secrets = batch.subscriber.url, batch.secrets
        async with (
            Sender(url, secrets, self._tls, private=self._private) as sender,
            asyncio.TaskGroup() as group,
        ):
            ends = time.monotonic() + LONGEST_BATCH
            for _ in range(min(SIDE_BY_SIDE, len(queues))):
                group.create_task(_work(sender, waiting, answers, ends))
        return answers


async def _work(sender: Sender, waiting: list[list[Parcel]], answers: dict[int, Answer], ends: float) -> None:
    """Take one dossier after the other, and of each no more once an event of it was not taken."""
    while waiting:
        for parcel in waiting.pop():
            if time.monotonic() >= ends or activity.is_worker_shutdown() or _is_hopeless(answers):
                return
            answers[parcel.position] = answer = await sender.send(parcel.event)
            if answer.result is not Result.DELIVERED:
                break


def _is_hopeless(answers: dict[int, Answer]) -> bool:
    results = [answer.result for answer in answers.values()]
    return Result.GONE in results or (Result.DELIVERED not in results and len(results) >= GIVE_UP)


async def _pause() -> None:
    """Until there may be something new, or this worker is to stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(activity.wait_for_worker_shutdown(), EVERY)


@asynccontextmanager
async def _heartbeats() -> AsyncIterator[None]:
    """Tells the server that we live, so that another worker takes over soon after we do not."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(HEARTBEAT)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating
