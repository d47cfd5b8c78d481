"""The first subscriber: every event that goes out is appended to `events.ndjson`, one CloudEvent a line."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import Engine

from models.errors import Unavailable
from store import subscribers
from store.queries import OutEvent, outbox_after

NAME = "events.ndjson"
EVERY = 0.25
BATCH = 500
TAIL_BYTES = 8_000_000
"""More than a batch of events takes."""

log = logging.getLogger("danbiet.relay")


class FileRelay:
    """Follows the outbox from where it stopped; ``seen`` is told of each event after it was written.

    The position is kept in the store and moves after the line is on the disk. Killed in between, it finds the lines
    of the last batch in the file, so that each event stands there once.
    """

    def __init__(self, engine: Engine, data: Path, seen: Callable[[OutEvent], None]) -> None:
        self._engine, self._path, self._seen = engine, data / NAME, seen
        self._written: set[str] | None = None
        """Ids in the file that the position may not tell of yet; None: the file was not looked at."""
        self._trouble: str | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Relays beside; at the end, what is still waiting goes out as well."""
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
            events = await asyncio.to_thread(self._try)
            for event in events:
                self._seen(event)
            if not events:
                if last:
                    return
                try:
                    await asyncio.wait_for(stopping.wait(), EVERY)
                except TimeoutError:
                    continue

    def _try(self) -> Sequence[OutEvent]:
        try:
            events = self.relay()
        except (Unavailable, OSError) as error:
            if str(error) != self._trouble:
                log.error("events are not delivered to %s, trying again: %s", self._path, error)  # noqa: TRY400
            self._trouble = str(error)
            return ()
        self._trouble = None
        return events

    def relay(self) -> list[OutEvent]:
        """Write the next events and remember how far we are."""
        if self._written is None:
            self._written = _ids_at_the_end(self._path)
        events = outbox_after(self._engine, subscribers.position(self._engine, NAME), BATCH)
        fresh = [event for event in events if event.id not in self._written]
        if fresh:
            _append(self._path, fresh)
            self._written |= {event.id for event in fresh}
        if events:
            subscribers.advance(self._engine, NAME, events[-1].position)
            self._written = set()
        return events


def _append(path: Path, events: Sequence[OutEvent]) -> None:
    lines = (json.dumps(event.cloud_event(), ensure_ascii=False) + "\n" for event in events)
    before = path.stat().st_size if path.exists() else 0
    try:
        with path.open("a", encoding="utf-8") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError:  # a full disk: no half line may stay
        os.truncate(path, before)
        raise


def _ids_at_the_end(path: Path) -> set[str]:
    """Ids of the last batch in the file; half a line, left by a crash, is cut off."""
    if not path.exists():
        return set()
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        begin = file.seek(max(0, size - TAIL_BYTES))
        tail = file.read()
        whole = tail.rfind(b"\n") + 1
        file.truncate(begin + whole)
    lines = tail[:whole].splitlines()
    return {str(json.loads(line)["id"]) for line in lines[-BATCH:]}
