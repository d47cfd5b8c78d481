"""Projections: the tables that lists, totals and pages read, each a function of the journal alone.

The first half turns one snapshot or one disclosure event into rows, without a database; writer, rebuild and
check all use it. The second half writes rows, newest sequence wins, so that order and repetition of records
change nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from sqlalchemy import Connection, Insert, Row, Table, bindparam, delete, exists, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from models.bulletin_rows import listed, place
from models.instants import iso
from models.lateness import Lateness, LatenessState
from models.records import outcome_of
from models.tables import (
    DossierRow,
    HandledRow,
    LatenessRow,
    ListingRow,
    PauseRow,
    ShareRow,
    StepRow,
    table_of,
)
from models.views import Overdue, Snapshot, Status, StepState

DOSSIER = table_of(DossierRow)
STEP = table_of(StepRow)
PAUSE = table_of(PauseRow)
LATENESS = table_of(LatenessRow)
LISTING = table_of(ListingRow)
SHARE = table_of(ShareRow)
HANDLED = table_of(HandledRow)

Values = dict[str, Any]
"""One row to write, by column."""

_HELD = (StepState.RUNNING, StepState.PAUSED)
_NO_END = (Status.REFUSED, Status.WITHDRAWN)
"""What Decision 766 does not count as an end."""


def dossier_row(snapshot: Snapshot) -> Values:
    """The ``dossier`` row of ``snapshot``; ``late``, ``missed`` and ``missed_at`` come from the lateness rows."""
    view = snapshot.view
    requests = [pause.start for pause in snapshot.pauses if pause.kind == "supplement"]
    due, closed, zone = snapshot.promise_due_at, view.closed_at, ZoneInfo(snapshot.zone)
    ended_late = closed is not None and due is not None and closed > due
    judged = closed is not None and due is not None and view.status not in _NO_END
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
        "accepted_month": f"{view.accepted_at.astimezone(zone):%Y-%m}",
        "closed_month": None if closed is None else f"{closed.astimezone(zone):%Y-%m}",
        "ended_late": ended_late,
        "on_time_766": not ended_late and len(requests) < 2 if judged else None,
        "lasted_days": None if view.closed_at is None else (view.closed_at - view.accepted_at).days,
        "asked_again_at": requests[1] if len(requests) > 1 else None,
        "pauses": len(snapshot.pauses),
        "secret_hash": snapshot.secret_hash,
        "sequence": view.sequence,
        "told_at": snapshot.told_at,
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


def handled_rows(snapshot: Snapshot) -> list[Values]:
    """One ``handled`` row for each step that is done."""
    zone = ZoneInfo(snapshot.zone)
    return [
        {
            "dossier": snapshot.view.code,
            "key": step.key,
            "agency": step.agency,
            "official": step.official,
            "month": f"{step.completed_at.astimezone(zone):%Y-%m}",
            "outcome": outcome_of(step, zone).value,
            "minutes": step.consumed_minutes,
        }
        for step in snapshot.view.steps
        if step.state is StepState.DONE and step.completed_at is not None
    ]


def share_rows(lateness: Values) -> list[Values]:
    """The ``share`` rows of a ``lateness`` row."""
    return [
        {
            "lateness": lateness["id"],
            "ordinal": ordinal,
            "dossier": lateness["dossier"],
            "agency": share["agency"],
            "official": share["official"],
            "minutes": share["minutes"],
        }
        for ordinal, share in enumerate(lateness["lateness"]["shares"], start=1)
    ]


def lateness_row(data: Mapping[str, JsonValue], sequence: int, snapshot: Snapshot) -> Values:
    """The ``lateness`` row told by the disclosure event ``sequence``, whose data are a whole Lateness."""
    lateness = Lateness.model_validate(data)
    zone = ZoneInfo(snapshot.zone)
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


def listing_row(row: Values, snapshot: Snapshot) -> Values:
    """The ``listing`` row of a ``lateness`` row; ``enters`` comes from the dossier's other ones."""
    lateness, zone = Lateness.model_validate(row["lateness"]), ZoneInfo(snapshot.zone)
    same = ("month", "dossier", "step", "agency", "official", "state", "completed_at")
    overdue = next((each for each in snapshot.overdue if each.lateness == lateness.id), None)
    return (
        {name: row[name] for name in same}
        | {
            "place": place(lateness, zone),
            "lateness": lateness.id,
            "apology_at": apology_at(snapshot),
            "row": listed(lateness, snapshot.view.accepted_at, zone),
            "overdue": None,
        }
        | ({} if overdue is None else {"completed_at": overdue.ended_at, "overdue": runs_of(overdue)})
    )


def runs_of(overdue: Overdue) -> list[Values] | None:
    """As the ``listing`` row keeps them; None: in one, from the deadline until the work was done or on."""
    if len(overdue.runs) == 1 and overdue.runs[0].end == overdue.ended_at:
        return None
    return [run.model_dump(mode="json") for run in overdue.runs]


def apology_at(snapshot: Snapshot) -> str | None:
    """When the applicant was sent an apology with a new date, as lists show it."""
    return None if snapshot.extended_at is None else iso(snapshot.extended_at, ZoneInfo(snapshot.zone))


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
) -> None:
    """Upsert what is newer than what is stored.

    Actions are never taken back (rules R1), so pauses may shift or grow in number, but none goes away.
    """
    by_code = {snapshot.view.code: snapshot for snapshot in sorted(snapshots, key=_sequence)}
    told = {row["id"]: row for row in newest(latenesses, "id")}
    written = [told[key] for (key,) in upsert(connection, LATENESS, list(told.values()))]
    if written:
        ids = {"ids": [row["id"] for row in written]}
        connection.execute(_FORGET_SHARES, ids)
        insert_rows(connection, SHARE, [share for row in written for share in share_rows(row)])
        connection.execute(_FORGET_LISTING, ids)
        insert_rows(connection, LISTING, [listing_row(row, by_code[row["dossier"]]) for row in written])
    rows = [dossier_row(snapshot) for snapshot in by_code.values()]
    moved = [by_code[code] for (code,) in upsert(connection, DOSSIER, rows)]
    if moved:
        codes = [snapshot.view.code for snapshot in moved]
        connection.execute(_FORGET_STEPS, {"codes": codes})
        insert_rows(connection, STEP, [row for snapshot in moved for row in step_rows(snapshot)])
        upsert(connection, PAUSE, [row for snapshot in moved for row in pause_rows(snapshot)])
        connection.execute(_FORGET_HANDLED, {"codes": codes})
        insert_rows(connection, HANDLED, [row for snapshot in moved for row in handled_rows(snapshot)])
        if overdue := [
            {"id": late.lateness, "ended_at": late.ended_at, "runs": runs_of(late)}
            for each in moved
            for late in each.overdue
        ]:
            connection.execute(_RUN_ON, overdue)
        if sent := [{"code": each.view.code, "sent": apology_at(each)} for each in moved if each.extended_at]:
            connection.execute(_APOLOGISE, sent)
    if latenesses:
        codes = list({row["dossier"] for row in latenesses})
        connection.execute(_COUNT_LATE, {"codes": codes})
        connection.execute(_ENTER, {"codes": codes})


def insert_rows(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    if rows:
        connection.execute(_insert(table), rows)


def upsert(connection: Connection, table: Table, rows: Sequence[Values]) -> Sequence[Row[Any]]:
    """Insert ``rows`` or replace those stored, of a lower sequence where rows have one; the keys written."""
    if not rows:
        return []
    return connection.execute(_upsert(connection.dialect.name, table, tuple(rows[0])), rows).all()


def insert_for(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT of the database's dialect, for its ON CONFLICT clause."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def _sequence(snapshot: Snapshot) -> int:
    return snapshot.view.sequence


# Statements are built once: building one costs more than running it.


@cache
def _insert(table: Table) -> Insert:
    return table.insert()


@cache
def _upsert(dialect: str, table: Table, columns: tuple[str, ...]) -> ReturningInsert[Any]:
    keys = list(table.primary_key.columns)
    insert = insert_for(dialect, table)
    return insert.on_conflict_do_update(
        index_elements=keys,
        set_={name: insert.excluded[name] for name in columns if name not in table.primary_key.columns},
        where=table.c.sequence < insert.excluded.sequence if "sequence" in columns else None,
    ).returning(*keys)


_FORGET_STEPS = delete(STEP).where(STEP.c.dossier.in_(bindparam("codes", expanding=True)))
_FORGET_HANDLED = delete(HANDLED).where(HANDLED.c.dossier.in_(bindparam("codes", expanding=True)))
_FORGET_LISTING = delete(LISTING).where(LISTING.c.lateness.in_(bindparam("ids", expanding=True)))
_RUN_ON = (
    update(LISTING)
    .where(LISTING.c.lateness == bindparam("id"))
    .values(completed_at=bindparam("ended_at"), overdue=bindparam("runs"))
)
_APOLOGISE = (
    update(LISTING).where(LISTING.c.dossier == bindparam("code")).values(apology_at=bindparam("sent"))
)
_FORGET_SHARES = delete(SHARE).where(SHARE.c.lateness.in_(bindparam("ids", expanding=True)))
GONE = (LatenessState.ANNULLED, LatenessState.RETRACTED)
"""A missed promise in one of these states does not stand."""
_STANDING = (
    LATENESS.c.dossier == DOSSIER.c.code,
    LATENESS.c.step.is_(None),
    LATENESS.c.state.not_in([state.value for state in GONE]),
)
_COUNT_LATE = (
    update(DOSSIER)
    .where(DOSSIER.c.code.in_(bindparam("codes", expanding=True)))
    .values(
        late=select(func.count())
        .where(LATENESS.c.dossier == DOSSIER.c.code, LATENESS.c.state != LatenessState.ANNULLED.value)
        .scalar_subquery(),
        missed_at=select(func.min(LATENESS.c.due_at)).where(*_STANDING).scalar_subquery(),
        missed=exists().where(*_STANDING),
    )
)
_LATE_STEP = LATENESS.alias("late_step")
_ENTER = (
    update(LISTING)
    .where(LISTING.c.dossier.in_(bindparam("codes", expanding=True)), LISTING.c.step.is_(None))
    .values(
        enters=~exists().where(
            _LATE_STEP.c.dossier == LISTING.c.dossier,
            _LATE_STEP.c.step.is_not(None),
            _LATE_STEP.c.state != LatenessState.ANNULLED.value,
        )
    )
)
