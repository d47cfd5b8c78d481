"""Projections: the tables that lists, totals and pages read, each a function of the journal alone.

The first half turns one snapshot or one disclosure event into rows, without a database; writer, rebuild and
check all use it. The second half writes rows, newest sequence wins, so that order and repetition of records
change nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from sqlalchemy import Connection, Table, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from models.lateness import Lateness, LatenessState
from models.tables import ArchiveRow, DossierRow, LatenessRow, PauseRow, StepRow, table_of
from models.views import Snapshot, StepState

DOSSIER = table_of(DossierRow)
STEP = table_of(StepRow)
PAUSE = table_of(PauseRow)
LATENESS = table_of(LatenessRow)
ARCHIVE = table_of(ArchiveRow)

Values = dict[str, Any]
"""One row to write, by column."""

_HELD = (StepState.RUNNING, StepState.PAUSED)


def dossier_row(snapshot: Snapshot) -> Values:
    """The ``dossier`` row of ``snapshot``; ``late`` is counted from the lateness rows."""
    view = snapshot.view
    return {
        "code": view.code,
        "procedure": view.procedure,
        "agency": view.agency,
        "status": view.status.value,
        "accepted_at": view.accepted_at,
        "clock_start": view.clock_start,
        "promise_due_at": snapshot.promise_due_at,
        "next_deadline_at": snapshot.next_deadline_at,
        "closed_at": view.closed_at,
        "secret_hash": snapshot.secret_hash,
        "sequence": view.sequence,
        "snapshot": snapshot,
    }


def step_rows(snapshot: Snapshot) -> list[Values]:
    """One ``step`` row for each step that runs or is paused."""
    return [
        {
            "dossier": snapshot.view.code,
            "key": step.key,
            "agency": step.agency,
            "official": step.official,
            "state": step.state.value,
            "started_at": step.started_at,
            "due_at": step.due_at,
        }
        for step in snapshot.view.steps
        if step.state in _HELD
    ]


def pause_rows(snapshot: Snapshot) -> list[Values]:
    return [
        {
            "dossier": snapshot.view.code,
            "ordinal": ordinal,
            "kind": pause.kind,
            "started_at": pause.start,
            "ended_at": pause.end,
        }
        for ordinal, pause in enumerate(snapshot.pauses, start=1)
    ]


def lateness_row(data: Mapping[str, JsonValue], sequence: int, zone: ZoneInfo) -> Values:
    """The ``lateness`` row told by the disclosure event ``sequence``, whose data are a whole Lateness."""
    lateness = Lateness.model_validate(data)
    return {
        "id": lateness.id,
        "dossier": lateness.dossier,
        "procedure": lateness.procedure,
        "step": lateness.step,
        "agency": lateness.agency,
        "official": lateness.official,
        "head": lateness.head,
        "month": f"{lateness.due_at.astimezone(zone):%Y-%m}",
        "due_at": lateness.due_at,
        "completed_at": lateness.completed_at,
        "overrun_minutes": lateness.overrun_minutes,
        "state": lateness.state.value,
        "cause": lateness.cause,
        "explanation": lateness.explanation,
        "window_closes_at": lateness.window_closes_at,
        "published_at": lateness.published_at,
        "sequence": sequence,
        "lateness": data,
    }


def newest(rows: Iterable[Values], key: str) -> list[Values]:
    """Of the rows with equal ``key`` only the one with the highest sequence."""
    latest: dict[str, Values] = {}
    for row in rows:
        known = latest.get(row[key])
        if known is None or row["sequence"] > known["sequence"]:
            latest[row[key]] = row
    return list(latest.values())


def write_projections(
    connection: Connection, snapshots: Collection[Snapshot], latenesses: Collection[Values]
) -> set[str]:
    """Upsert what is newer than what is stored; return the codes of the dossiers that moved on."""
    _upsert(connection, LATENESS, "id", newest(latenesses, "id"))
    by_code = {snapshot.view.code: snapshot for snapshot in sorted(snapshots, key=_sequence)}
    moved = _upsert(connection, DOSSIER, "code", [dossier_row(snapshot) for snapshot in by_code.values()])
    if moved:
        connection.execute(delete(STEP).where(STEP.c.dossier.in_(moved)))
        connection.execute(delete(PAUSE).where(PAUSE.c.dossier.in_(moved)))
        insert_rows(connection, STEP, [row for code in moved for row in step_rows(by_code[code])])
        insert_rows(connection, PAUSE, [row for code in moved for row in pause_rows(by_code[code])])
    if touched := {row["dossier"] for row in latenesses}:
        _count_late(connection, touched)
    return moved


def write_archives(connection: Connection, archives: Collection[Values], moved: Collection[str]) -> None:
    """Keep the aggregate of dossiers whose workflow ended; forget it where the dossier has ``moved`` on.

    So an archive row exists exactly while no workflow runs: whoever reopens a dossier reads it once, and
    the first record of the reopened workflow removes it. A belated copy of an old end brings nothing back.
    """
    if moved:
        connection.execute(delete(ARCHIVE).where(ARCHIVE.c.dossier.in_(moved)))
    if archives:
        codes = [row["dossier"] for row in archives]
        query = select(DOSSIER.c.code, DOSSIER.c.sequence).where(DOSSIER.c.code.in_(codes))
        current = {(code, sequence) for code, sequence in connection.execute(query)}
        ended = [row for row in archives if (row["dossier"], row["sequence"]) in current]
        _upsert(connection, ARCHIVE, "dossier", newest(ended, "dossier"))


def insert_rows(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    if rows:
        connection.execute(table.insert(), rows)


def insert_for(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT of the connection's dialect, for its ON CONFLICT clause."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def _sequence(snapshot: Snapshot) -> int:
    return snapshot.view.sequence


def _upsert(connection: Connection, table: Table, key: str, rows: Sequence[Values]) -> set[str]:
    """Insert rows, or replace stored ones of a lower sequence; return the keys of the rows written."""
    if not rows:
        return set()
    insert = insert_for(connection, table)
    statement = insert.on_conflict_do_update(
        index_elements=[key],
        set_={name: insert.excluded[name] for name in rows[0] if name != key},
        where=table.c.sequence < insert.excluded.sequence,
    ).returning(table.c[key])
    return set(connection.execute(statement, rows).scalars())


def _count_late(connection: Connection, codes: Collection[str]) -> None:
    late = (
        select(func.count())
        .where(LATENESS.c.dossier == DOSSIER.c.code, LATENESS.c.state != LatenessState.ANNULLED.value)
        .scalar_subquery()
    )
    connection.execute(update(DOSSIER).where(DOSSIER.c.code.in_(codes)).values(late=late))
