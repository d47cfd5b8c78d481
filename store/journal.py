"""The one writer of the store: what workflows tell, in one transaction per record or fewer.

Records of many dossiers that wait at the same moment are committed together (group commit): at 17:00 a
thousand deadlines cost a handful of commits. Each record is idempotent on (dossier, sequence): told again,
whole or in part, it adds only what is new.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, select
from sqlalchemy.sql.dml import ReturningInsert

from models.errors import Unavailable
from models.events import Event, EventType, Record
from models.instants import iso
from models.tables import ArchiveRow, JournalRow, OutboxRow, table_of
from models.views import Snapshot
from store.database import WRITER_LOCK, writing
from store.projections import (
    DOSSIER,
    HANDLED,
    LATENESS,
    LISTING,
    PAUSE,
    SHARE,
    STEP,
    Values,
    insert_for,
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
LINGER = 0.01
"""Seconds to wait for company after a commit that had some: a record in a group costs a quarter of a lone one."""

_Key = tuple[str, int]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a record added: only its events that were not known before, in order."""

    dossier: str
    new: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class _Waiting:
    record: Record
    future: asyncio.Future[Recorded]


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
        future: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        with self._lock:
            if self._thread is None:
                raise Unavailable("the journal is closed: the worker is stopping")
            self._queue.put(_Waiting(record, future))
        return await future

    def record_now(self, records: Sequence[Record]) -> list[Recorded]:
        """Write ``records`` in one transaction, in the calling thread."""
        rows = [_rows_of(record) for record in records]
        with writing(self._engine, lock=WRITER_LOCK) as connection:
            return [
                outcome
                for start in range(0, len(rows), GROUP)
                for outcome in _write(connection, self._source, rows[start : start + GROUP])
            ]

    def _run(self) -> None:
        stopping = busy = False
        while not stopping:
            group: list[_Waiting] = []
            item = self._queue.get()
            if busy and item is not None:
                time.sleep(LINGER)
            while item is not None:
                group.append(item)
                if len(group) == GROUP:
                    break
                try:
                    item = self._queue.get_nowait()
                except Empty:
                    break
            stopping, busy = item is None, len(group) > 1
            if group:
                _resolve(group, self._write_group(group))

    def _write_group(self, group: Sequence[_Waiting]) -> Sequence[Recorded | Exception]:
        try:
            return self.record_now([waiting.record for waiting in group])
        except Unavailable as error:
            return [error] * len(group)
        except Exception as error:  # noqa: BLE001 - whatever one record did must not harm the others
            if len(group) == 1:
                return [error]
            _log.warning("a group of %d records failed, writing them one by one: %s", len(group), error)
            return [outcome for waiting in group for outcome in self._write_group([waiting])]


def _resolve(group: Sequence[_Waiting], outcomes: Sequence[Recorded | Exception]) -> None:
    """Hand every caller its outcome, with one wake-up for each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Recorded], Recorded | Exception]]] = {}
    for waiting, outcome in zip(group, outcomes, strict=True):
        by_loop.setdefault(waiting.future.get_loop(), []).append((waiting.future, outcome))
    for loop, pairs in by_loop.items():
        try:
            loop.call_soon_threadsafe(_set_all, pairs)
        except RuntimeError:
            _log.info("%d callers went away before their records were written", len(pairs))


def _set_all(pairs: Sequence[tuple[asyncio.Future[Recorded], Recorded | Exception]]) -> None:
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
    journal: list[Values]
    latenesses: dict[int, Values]


def _rows_of(record: Record) -> _Rows:
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
    return _Rows(record, journal, latenesses)


def _write(connection: Connection, source: str, group: Sequence[_Rows]) -> list[Recorded]:
    """All rows of ``group`` on one open transaction."""
    new = _insert_new(connection, [row for rows in group for row in rows.journal])
    outcomes: list[Recorded] = []
    told: list[Values] = []
    latenesses: list[Values] = []
    for rows in group:
        added = [event for event in rows.record.events if (rows.record.dossier, event.sequence) in new]
        new.difference_update((rows.record.dossier, event.sequence) for event in added)
        told += outbox_rows(rows.record, added, source)
        latenesses += [rows.latenesses[event.sequence] for event in added if event.type.is_disclosure]
        outcomes.append(Recorded(rows.record.dossier, tuple(added)))
    insert_rows(connection, OUTBOX, told)
    write_projections(
        connection,
        [rows.record.snapshot for rows, outcome in zip(group, outcomes, strict=True) if outcome.new],
        latenesses,
    )
    upsert(connection, ARCHIVE, newest(filter(None, map(_archive_row, group)), "dossier"))
    return outcomes


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


def _insert_new(connection: Connection, rows: Sequence[Values]) -> set[_Key]:
    """Insert the events not yet known and return their keys; a known one must say the same as before."""
    if not rows:
        return set()
    statement = _insert_unknown(connection.dialect.name)
    new = {(row.dossier, row.sequence) for row in connection.execute(statement, rows)}
    if len(new) < len(rows) and (wrong := _contradicted(connection, rows)):
        for code, sequence in wrong.items():
            _unwind(connection, code, sequence)
        again = [row for row in rows if row["sequence"] >= wrong.get(row["dossier"], row["sequence"] + 1)]
        new |= {(row.dossier, row.sequence) for row in connection.execute(statement, again)}
    return new


@cache
def _insert_unknown(dialect: str) -> ReturningInsert[Any]:
    return (
        insert_for(dialect, JOURNAL)
        .on_conflict_do_nothing(index_elements=["dossier", "sequence"])
        .returning(JOURNAL.c.dossier, JOURNAL.c.sequence)
    )


def _contradicted(connection: Connection, rows: Sequence[Values]) -> dict[str, int]:
    """By dossier, the first event that the journal tells otherwise.

    The journal then kept what a workflow task told that Temporal has lost (its worker died, or the server dropped
    it): the task was done again, and came out differently. The workflow is the truth.
    """
    told = {(row["dossier"], row["sequence"]): row for row in rows}
    names = ("type", "at", "subject", "data", "action", "by")
    columns = [JOURNAL.c[name] for name in ("dossier", "sequence", *names)]
    codes = {dossier for dossier, _ in told}
    first = min(sequence for _, sequence in told)
    query = select(*columns).where(JOURNAL.c.dossier.in_(codes), JOURNAL.c.sequence >= first)
    wrong: dict[str, int] = {}
    for dossier, sequence, *values in connection.execute(query):
        row = told.get((dossier, sequence))
        if row is not None and values != [row[name] for name in names]:
            wrong[dossier] = min(sequence, wrong.get(dossier, sequence))
    return wrong


def _unwind(connection: Connection, code: str, sequence: int) -> None:
    """Forget what was told of a dossier from that event on; its projections are those of the event before."""
    _log.warning("%s: event %d and later ones were told by a lost task, and are told anew", code, sequence)
    for table in (JOURNAL, OUTBOX):
        connection.execute(table.delete().where(table.c.dossier == code, table.c.sequence >= sequence))
    for table in (LATENESS, LISTING, SHARE, HANDLED, PAUSE, STEP, ARCHIVE):
        connection.execute(table.delete().where(table.c.dossier == code))
    connection.execute(DOSSIER.delete().where(DOSSIER.c.code == code))
    kept = connection.execute(
        select(JOURNAL.c.sequence, JOURNAL.c.type, JOURNAL.c.data, JOURNAL.c.snapshot)
        .where(JOURNAL.c.dossier == code)
        .order_by(JOURNAL.c.sequence)
    ).all()
    snapshots = [Snapshot.model_validate(row.snapshot) for row in kept if row.snapshot is not None]
    latenesses = [
        lateness_row(row.data, row.sequence, snapshots[-1])
        for row in kept
        if EventType(row.type).is_disclosure
    ]
    write_projections(connection, snapshots[-1:], latenesses)
