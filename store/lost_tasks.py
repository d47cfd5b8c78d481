"""What a lost workflow task told, and how it gives way (decision 0008).

A record is written before Temporal has the task that told it. When that task is lost (a kill, a time-out), it is done
again and may come out differently; then the later task is right, and what the lost one told is forgotten.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, bindparam, select

from models.events import Event, EventType, Record
from models.tables import ArchiveRow, JournalRow, OutboxRow, table_of
from models.views import Snapshot
from store.projections import (
    DOSSIER,
    HANDLED,
    LATENESS,
    LISTING,
    PAUSE,
    SHARE,
    STEP,
    lateness_row,
    write_projections,
)

ARCHIVE = table_of(ArchiveRow)
JOURNAL = table_of(JournalRow)
OUTBOX = table_of(OutboxRow)

_NEVER = datetime.min.replace(tzinfo=UTC)
_SAID = ("type", "at", "subject", "data", "action", "by")
_STANDS = select(DOSSIER.c.code, DOSSIER.c.sequence, DOSSIER.c.told_at).where(
    DOSSIER.c.code.in_(bindparam("codes", expanding=True))
)
"""How far each dossier is told; built once, for building it costs more than running it."""
_log = logging.getLogger(__name__)


class Superseded(Exception):
    """A record contradicts what a later task of the same dossier has told: its own task is lost."""


def known_before(connection: Connection, records: Sequence[Record]) -> list[set[int] | Superseded]:
    """For each record the sequences that the journal has as the record tells them, or that its task is lost.

    Forgets first what a record of a later task makes void. No two records may tell the same event. One that only goes
    on where its dossier stands is never refused, whatever the server's clock has done.
    """
    codes = {record.dossier for record in records}
    rows = connection.execute(_STANDS, {"codes": list(codes)})
    stands = {code: (sequence, told_at or _NEVER) for code, sequence, told_at in rows}
    found: list[set[int] | Superseded] = []
    for record in records:
        sequence, newest = stands.get(record.dossier, (0, _NEVER))
        if not record.events or record.events[0].sequence > sequence:
            found.append(set())
        else:
            found.append(_compare(connection, record, sequence, newest))
    return found


def _compare(connection: Connection, record: Record, stands: int, newest: datetime) -> set[int] | Superseded:
    """Of a record whose dossier stands at ``stands`` already, told by a task that began at ``newest``."""
    told = {event.sequence: event for event in record.events}
    query = select(JOURNAL.c.sequence, *(JOURNAL.c[name] for name in _SAID)).where(
        JOURNAL.c.dossier == record.dossier, JOURNAL.c.sequence.between(min(told), max(told))
    )
    same = {row.sequence: tuple(row)[1:] == _said(told[row.sequence]) for row in connection.execute(query)}
    wrong = min((sequence for sequence, equal in same.items() if not equal), default=None)
    began = record.snapshot.told_at or _NEVER
    if wrong is not None and began < newest:
        return Superseded(f"{record.dossier}: a later workflow task has told event {wrong} otherwise")
    if wrong is None and began > newest and max(told) < stands:
        wrong = max(told)  # told again too, with its snapshot: what comes after it never was
    if wrong is not None:
        _unwind(connection, record.dossier, wrong)
    return {sequence for sequence in same if wrong is None or sequence < wrong}


def _said(event: Event) -> tuple[object, ...]:
    return (event.type.value, event.at, event.subject, event.data, event.action, event.by)


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
