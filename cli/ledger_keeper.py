"""Keeps the ledger up with what is told and frozen: appends, signs, publishes its files; in `up` and in every worker.

Where it stands is in the database, so that a kill loses nothing, and several workers do it one after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from models.errors import DanbietError
from store import editions, ledger
from store.ledger_files import publish
from store.ledger_key import signer

log = logging.getLogger("danbiet.ledger")
FOLDER = "ledger"
EVERY = 1.0
SETTLED = timedelta(seconds=2)
"""So old must an event be: what a lost workflow task told is replaced before (decision 0008)."""
BATCH = 1000


class LedgerKeeper:
    """One for a process; ``data`` holds the key and the public files."""

    def __init__(self, engine: Engine, data: Path, origin: str) -> None:
        self._engine, self._data, self._origin = engine, data, origin
        self._appended: set[tuple[str, int]] = set()

    def catch_up(self) -> None:
        """Everything that has settled, every frozen edition, and a checkpoint of all that. Safe to repeat."""
        now = datetime.now(UTC)
        while ledger.append_disclosures(
            self._engine, settled_before=now - SETTLED, now=datetime.now(UTC), limit=BATCH
        ):
            pass
        for frozen in editions.stamps(self._engine):
            if (frozen.period, frozen.edition) not in self._appended:
                ledger.append_bulletin(
                    self._engine,
                    period=frozen.period,
                    edition=frozen.edition,
                    sha256=frozen.sha256,
                    frozen_at=frozen.frozen_at,
                    now=datetime.now(UTC),
                )
                self._appended.add((frozen.period, frozen.edition))
        size = ledger.size(self._engine)
        if size == 0:
            return
        signs = signer(self._data, self._origin, size=ledger.signed_size(self._engine))
        ledger.sign_checkpoint(self._engine, signs)
        publish(self._engine, self._data / FOLDER, signs.verifier)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Beside everything else; a problem is logged, and tried again."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        told = ""
        while True:
            try:
                # A half-done round is finished before the process goes on: the next one would find it locked.
                await asyncio.shield(asyncio.to_thread(self.catch_up))
                told = ""
            except DanbietError as problem:
                if problem.message != told:
                    log.error("the ledger stands still: %s", problem.message)  # noqa: TRY400 - a sentence says it
                told = problem.message
            await asyncio.sleep(EVERY)
