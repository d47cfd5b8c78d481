"""The one writer of the store: what workflows tell, in one transaction per record or fewer.

Records of many dossiers that wait at the same moment are committed together (group commit): at 17:00 a
thousand deadlines cost a handful of commits. Each record is idempotent on (dossier, sequence): told again,
whole or in part, it adds only what is new.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from types import TracebackType
from typing import Self, TypeAlias
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from models.errors import Unavailable
from models.events import Event, Record
from models.instants import iso
from models.tables import ArchiveRow, JournalRow, OutboxRow, table_of
from store.database import WRITER_LOCK, writing
from store.lost_tasks import Superseded, known_before
from store.projections import (
    Values,
    insert_rows,
    lateness_row,
    newest,
    upsert,
    write_projections,
)

ARCHIVE = table_of(ArchiveRow)
JOURNAL = table_of(JournalRow)
OUTBOX = table_of(OutboxRow)
GROUP = 256
"""At most so many records in one commit."""
BREATH = 0.05
"""Seconds from one commit to the next: a record in a group of four costs a third of a lone one."""

_log = logging.getLogger(__name__)

_Outcome: TypeAlias = "tuple[asyncio.Future[Sequence[Recorded]], list[Recorded] | Exception]"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a record added: only its events that were not known before, in order."""

    dossier: str
    new: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What one caller handed in, to be written in one transaction."""

    records: Sequence[Record]
    future: asyncio.Future[Sequence[Recorded]]


class Journal:
    """Writes records; one instance, and so one writer thread, a process.

    ``start`` before the first ``record``, ``close`` writes what still waits. Or use it in a ``with`` block.
    """

    def __init__(self, engine: Engine, installation: str) -> None:
        self._engine = engine
        self._source = f"/danbiet/{installation}"
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._lock = Lock()
        self._thread: Thread | None = None

    def start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="journal", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Write everything that waits, then stop. Later records are refused as unavailable."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._queue.put(None)
        if thread is not None:
            thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def record(self, record: Record) -> Recorded:
        """Write ``record``; returns when it is committed.

        Safe to repeat after any error: cancelled or failed, it was written whole or not at all.
        """
        (recorded,) = await self.record_all((record,))
        return recorded

    async def record_all(self, records: Sequence[Record]) -> Sequence[Recorded]:
        """Write ``records`` of one dossier, in this order, in one transaction.

        Raises :class:`Superseded` at one that is void, and writes none beyond it: the task that told them is lost.
        """
        future: asyncio.Future[Sequence[Recorded]] = asyncio.get_running_loop().create_future()
        with self._lock:
            if self._thread is None:
                raise Unavailable("the journal is closed: the worker is stopping")
            self._queue.put(_Waiting(records, future))
        return await future

    def record_now(self, records: Sequence[Record]) -> list[Recorded]:
        """Write ``records`` in one transaction, in the calling thread; raises :class:`Superseded` if one is void."""
        recorded: list[Recorded] = []
        for outcome in self._write_all([(record,) for record in records]):
            if isinstance(outcome, Superseded):
                raise outcome
            recorded += outcome
        return recorded

    def _write_all(self, handed_in: Sequence[Sequence[Record]]) -> list[list[Recorded] | Superseded]:
        rows = [_rows_of(record, caller) for caller, records in enumerate(handed_in) for record in records]
        outcomes: list[list[Recorded] | Superseded] = [[] for _ in handed_in]
        with writing(self._engine, lock=WRITER_LOCK) as connection:
            for start in range(0, len(rows), GROUP):
                for batch in _batches(rows[start : start + GROUP]):
                    _write(connection, self._source, batch, outcomes)
        return outcomes

    def _run(self) -> None:
        stopping, rested = False, 0.0
        while not stopping:
            group: list[_Waiting] = []
            item = self._queue.get()
            if item is not None and (early := rested - time.monotonic()) > 0:
                time.sleep(early)
            while item is not None:
                group.append(item)
                if len(group) == GROUP:
                    break
                try:
                    item = self._queue.get_nowait()
                except Empty:
                    break
            stopping = item is None
            if group:
                _resolve(group, self._write_group(group))
                rested = time.monotonic() + (BREATH if len(group) < GROUP else 0)

    def _write_group(self, group: Sequence[_Waiting]) -> Sequence[list[Recorded] | Exception]:
        try:
            return self._write_all([waiting.records for waiting in group])
        except Unavailable as error:
            return [error] * len(group)
        except Exception as error:  # noqa: BLE001 - whatever one record did must not harm the others
            if len(group) == 1:
                return [error]
            _log.warning("a group of %d records failed, writing them one by one: %s", len(group), error)
            return [outcome for waiting in group for outcome in self._write_group([waiting])]


def _resolve(group: Sequence[_Waiting], outcomes: Sequence[list[Recorded] | Exception]) -> None:
    """Hand every caller its outcome, with one wake-up for each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for waiting, outcome in zip(group, outcomes, strict=True):
        by_loop.setdefault(waiting.future.get_loop(), []).append((waiting.future, outcome))
    for loop, pairs in by_loop.items():
        try:
            loop.call_soon_threadsafe(_set_all, pairs)
        except RuntimeError:
            _log.info("%d callers went away before their records were written", len(pairs))


def _set_all(pairs: Sequence[_Outcome]) -> None:
    for future, outcome in pairs:
        if future.done():
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


@dataclass(frozen=True, slots=True)
class _Rows:
    """A record turned into rows, before any lock is taken."""

    record: Record
    caller: int
    """Place among those whose records are written now."""
    journal: list[Values]
    latenesses: dict[int, Values]


def _rows_of(record: Record, caller: int) -> _Rows:
    """Rows of ``record``; a record that contradicts itself is a programming error."""
    view = record.snapshot.view
    sequences = [event.sequence for event in record.events]
    if view.code != record.dossier or any(after != before + 1 for before, after in pairwise(sequences)):
        raise ValueError(f"the record of {record.dossier} is not a run of its own events: {sequences}")
    if sequences and (sequences[0] < 1 or sequences[-1] != view.sequence):
        raise ValueError(f"the record of {record.dossier} ends at {sequences[-1]}, not at {view.sequence}")
    now = datetime.now(UTC)
    journal: list[Values] = [
        {
            "dossier": record.dossier,
            "sequence": event.sequence,
            "type": event.type.value,
            "at": event.at,
            "subject": event.subject,
            "data": event.data,
            "action": event.action,
            "by": event.by,
            "snapshot": record.snapshot if event.sequence == view.sequence else None,
            "imported": record.imported,
            "recorded_at": now,
        }
        for event in record.events
    ]
    latenesses = {
        event.sequence: lateness_row(event.data, event.sequence, record.snapshot)
        for event in record.events
        if event.type.is_disclosure
    }
    return _Rows(record, caller, journal, latenesses)


def _batches(group: Sequence[_Rows]) -> Iterator[list[_Rows]]:
    """Parts of ``group``, in order, in which no event is told twice."""
    batch: list[_Rows] = []
    last: dict[str, int] = {}
    for rows in group:
        record = rows.record
        if record.events and record.events[0].sequence <= last.get(record.dossier, 0):
            yield batch
            batch, last = [], {}
        batch.append(rows)
        last[record.dossier] = record.snapshot.view.sequence
    yield batch


def _write(
    connection: Connection, source: str, batch: Sequence[_Rows], outcomes: list[list[Recorded] | Superseded]
) -> None:
    """All rows of ``batch`` on one open transaction; what came of them is added to each caller's outcome."""
    written: list[_Rows] = []
    journal: list[Values] = []
    told: list[Values] = []
    latenesses: list[Values] = []
    for rows, known in zip(batch, known_before(connection, [rows.record for rows in batch]), strict=True):
        outcome = outcomes[rows.caller]
        if isinstance(outcome, Superseded):
            continue
        if isinstance(known, Superseded):
            outcomes[rows.caller] = known
            continue
        added = [event for event in rows.record.events if event.sequence not in known]
        journal += [row for row in rows.journal if row["sequence"] not in known]
        told += outbox_rows(rows.record, added, source)
        latenesses += [rows.latenesses[event.sequence] for event in added if event.type.is_disclosure]
        outcome.append(Recorded(rows.record.dossier, tuple(added)))
        written.append(rows)
    insert_rows(connection, JOURNAL, journal)
    insert_rows(connection, OUTBOX, told)
    write_projections(connection, [rows.record.snapshot for rows in written], latenesses)
    upsert(connection, ARCHIVE, newest(filter(None, map(_archive_row, written)), "dossier"))


def _archive_row(rows: _Rows) -> Values | None:
    """The aggregate that a workflow left at its end.

    It is never deleted: once the dossier has moved on, its sequence says that it is out of date
    (``queries.archive``), and the next end replaces it.
    """
    record = rows.record
    if record.archive is None:
        return None
    return {
        "dossier": record.dossier,
        "sequence": record.snapshot.view.sequence,
        "aggregate": record.archive,
    }


def outbox_rows(record: Record, events: Sequence[Event], source: str) -> list[Values]:
    """CloudEvents of those ``events`` of ``record`` that go out (interfaces: Events out)."""
    zone = ZoneInfo(record.snapshot.zone)
    now = datetime.now(UTC)
    return [
        {
            "dossier": record.dossier,
            "sequence": event.sequence,
            "id": f"{record.dossier}/{event.sequence}",
            "type": event.type.value,
            "source": source,
            "subject": event.subject,
            "time": iso(event.at, zone),
            "data": event.data,
            "recorded_at": now,
        }
        for event in events
        if event.type.goes_out
    ]
