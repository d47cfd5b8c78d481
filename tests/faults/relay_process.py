"""A worker that delivers, as a process of its own: ``python -m tests.faults.relay_process ADDRESS DATABASE``.

It waits less than production does, so that the test need not.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from datetime import timedelta

from prometheus_client import CollectorRegistry

from activities import delivering
from activities.delivering import Delivering
from models import delivery
from store.database import open_database
from store.journal import Journal
from tests.faults.worker_process import connected
from worker import build_worker, until_stopped
from workflows import relay


async def main(address: str, database: str) -> None:
    engine, registry = open_database(database), CollectorRegistry()
    delivering.HEARTBEAT = 0.5
    relay.SILENT = timedelta(seconds=3)
    delivery.FIRST_RETRY, delivery.RETRY_FACTOR = timedelta(seconds=1), 1
    delivery.LONGEST_REST = timedelta(seconds=1)
    serving = Delivering(engine, registry, private=True, settled=timedelta())
    client = await connected(address)
    with Journal(engine, "faults") as journal:
        async with build_worker(client, journal, registry, delivering=serving):
            await until_stopped()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
    gc.collect()
