"""Keeps the ledger beside everything else that `danbiet up` runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from models.errors import Refusal, Unavailable
from store.ledger_keeping import keep

EVERY = 2.0
SETTLING = timedelta(seconds=15)
"""An event goes in when it has stood so long, for an entry cannot be taken back: a workflow task that is lost is done
again after ten seconds (decision 0008)."""

log = logging.getLogger("danbiet.ledger")


class Keeper:
    """Brings the ledger up to date again and again; trouble is told once, and tried again."""

    def __init__(self, engine: Engine, data: Path, origin: str, *, settling: timedelta = SETTLING) -> None:
        self._engine, self._data, self._origin, self._settling = engine, data, origin, settling
        self._trouble: str | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keeps it beside; at the end, what has settled goes in as well."""
        stopping = asyncio.Event()
        task = asyncio.create_task(self._follow(stopping))
        try:
            yield
        finally:
            stopping.set()
            await task

    async def _follow(self, stopping: asyncio.Event) -> None:
        while True:
            last = stopping.is_set()
            await asyncio.to_thread(self.keep)
            if last:
                return
            try:
                await asyncio.wait_for(stopping.wait(), EVERY)
            except TimeoutError:
                continue

    def keep(self) -> None:
        """Once, now."""
        try:
            keep(
                self._engine,
                self._data,
                origin=self._origin,
                now=datetime.now(UTC),
                settling=self._settling,
            )
        except (Refusal, Unavailable) as error:
            if str(error) != self._trouble:
                log.error("the ledger is not kept, trying again: %s", error)  # noqa: TRY400
            self._trouble = str(error)
            return
        self._trouble = None
