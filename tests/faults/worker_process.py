"""A worker as a process of its own: ``python -m tests.faults.worker_process ADDRESS DATABASE [DIE_AFTER]``.

DIE_AFTER: the end of an event type. The process kills itself once it has committed such an event, before Temporal
hears of it: what a power cut does, at the worst possible moment.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Sequence

from prometheus_client import CollectorRegistry
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from models.events import Record
from store.database import open_database
from store.journal import Journal, Recorded
from worker import build_worker, until_stopped


class DyingJournal(Journal):
    die_after: str | None = None

    async def record_all(self, records: Sequence[Record]) -> Sequence[Recorded]:
        recorded = await super().record_all(records)
        events = [event for record in records for event in record.events]
        if self.die_after and any(event.type.endswith(self.die_after) for event in events):
            os.kill(os.getpid(), signal.SIGKILL)
        return recorded


async def connected(address: str) -> Client:
    while True:
        try:
            return await Client.connect(address, data_converter=pydantic_data_converter)
        except RuntimeError:  # the server is not up (again) yet
            await asyncio.sleep(0.2)


async def main(address: str, database: str, die_after: str | None = None) -> None:
    engine = open_database(database)
    client = await connected(address)
    with DyingJournal(engine, "faults") as journal:
        journal.die_after = die_after
        async with build_worker(client, journal, CollectorRegistry()):
            await until_stopped()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
    gc.collect()
