"""The first subscriber: what goes out is appended to `events.ndjson` in the data directory, at least once."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from models.errors import Unavailable
from store import subscribers
from store.queries import OutEvent, outbox_after

NAME = "events.ndjson"
EVERY = 0.3
BATCH = 500


class FileRelay:
    """Follows the outbox from where it stopped; ``seen`` is told of each event after it was written."""

    def __init__(self, engine: Engine, path: Path, seen: Callable[[OutEvent], None]) -> None:
        self._engine, self._path, self._seen = engine, path, seen

    async def run(self) -> None:
        while True:
            try:
                events = await asyncio.to_thread(self.relay)
            except Unavailable:
                events = []
            for event in events:
                self._seen(event)
            if len(events) < BATCH:
                await asyncio.sleep(EVERY)

    def relay(self) -> list[OutEvent]:
        """Write the next events and remember how far we are; what was written twice has the same id."""
        events = outbox_after(self._engine, subscribers.position(self._engine, NAME), BATCH)
        if events:
            with self._path.open("a", encoding="utf-8") as file:
                file.writelines(
                    json.dumps(event.cloud_event(), ensure_ascii=False) + "\n" for event in events
                )
                file.flush()
                os.fsync(file.fileno())
            subscribers.advance(self._engine, NAME, events[-1].position)
        return events
