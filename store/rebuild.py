"""Projections made anew from the journal, or compared with it, or as they were: to be trusted or replaced.

All go through the dossiers in chunks, in constant memory and beside running workers: a chunk is one short
transaction, and what workers write meanwhile is in the journal before the chunk that needs it is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from pydantic_core import to_jsonable_python
from sqlalchemy import Column, ColumnElement, Connection, Engine, Table, delete, func, select, true, union

from models.budget import Model
from models.events import EventType
from models.instants import iso
from models.lateness import LatenessState
from models.tables import Row
from models.views import Snapshot
from store.database import WRITER_LOCK, open_database, reading, writing
from store.journal import JOURNAL, OUTBOX
from store.projections import (
    DOSSIER,
    GONE,
    HANDLED,
    LATENESS,
    LISTING,
    PAUSE,
    SHARE,
    STEP,
    Values,
    dossier_row,
    handled_rows,
    insert_rows,
    lateness_row,
    listing_row,
    newest,
    pause_rows,
    share_rows,
    step_rows,
)

CHUNK = 500
"""Dossiers in one transaction."""

Progress = Callable[[int], None]
"""Told the number of dossiers done so far."""

_Tables = Mapping[Table, dict[str, Values]]
"""Rows of some tables, by a key that people can read."""

_OWNER: dict[Table, Column[Any]] = {
    DOSSIER: DOSSIER.c.code,
    STEP: STEP.c.dossier,
    PAUSE: PAUSE.c.dossier,
    LATENESS: LATENESS.c.dossier,
    LISTING: LISTING.c.dossier,
    SHARE: SHARE.c.dossier,
    HANDLED: HANDLED.c.dossier,
}
"""The projections, and the column that says which dossier a row belongs to."""

_OUTBOX_COLUMNS = ("type", "subject", "time", "data")
_GOES_OUT = [type_.value for type_ in EventType if type_.goes_out]
_DISCLOSURES = [type_.value for type_ in EventType if type_.is_disclosure]


class Difference(Model):
    """One column of one row that is not what the journal says. ``column`` None: the row itself."""

    table: str
    key: str
    column: str | None
    stored: JsonValue
    rebuilt: JsonValue


def rebuild(engine: Engine, progress: Progress | None = None) -> int:
    """Replace every projection by what the journal says; return the number of dossiers."""
    done = 0
    for codes in _chunks(engine, (*_OWNER.values(), JOURNAL.c.dossier)):
        with writing(engine, lock=WRITER_LOCK) as connection:
            expected = _projected(connection, codes)
            for table, rows in expected.items():
                connection.execute(delete(table).where(_OWNER[table].in_(codes)))
                insert_rows(connection, table, list(rows.values()))
        done += len(expected[DOSSIER])
        if progress is not None:
            progress(done)
    return done


def check(engine: Engine, progress: Progress | None = None) -> list[Difference]:
    """Compare projections and outbox with the journal, without writing; empty: all is as it should be."""
    differences: list[Difference] = []
    done = 0
    for codes in _chunks(engine, (*_OWNER.values(), JOURNAL.c.dossier, OUTBOX.c.dossier)):
        with reading(engine) as connection:
            expected = {**_projected(connection, codes), OUTBOX: _outgoing(connection, codes)}
            for table, rows in expected.items():
                differences += _differences(table, _stored(connection, table, codes), rows)
        done += len(codes)
        if progress is not None:
            progress(done)
    return differences


@contextmanager
def rewound(engine: Engine, position: int) -> Iterator[Engine]:
    """A database of the projections as they were when the journal ended at ``position``, gone with the block.

    Positions are those of whole records, read from a transaction's view of the journal.
    """
    with TemporaryDirectory(prefix="danbiet-rewound-") as folder:
        past = open_database(f"sqlite:///{folder}/past.db")
        try:
            Row.metadata.create_all(past)
            for codes in _chunks(engine, (JOURNAL.c.dossier,)):
                with reading(engine) as connection:
                    expected = _projected(connection, codes, position)
                with writing(past) as connection:
                    for table, rows in expected.items():
                        insert_rows(connection, table, list(rows.values()))
            yield past
        finally:
            past.dispose()


def _chunks(engine: Engine, owners: Sequence[Column[str]]) -> Iterator[list[str]]:
    """All codes that appear anywhere, in order, some at a time; each part of the union reads its index."""
    after = ""
    while True:
        parts = [
            select(select(owner).where(owner > after).distinct().order_by(owner).limit(CHUNK).subquery())
            for owner in owners
        ]
        codes = union(*parts).subquery()
        query = select(codes.c[0]).order_by(codes.c[0]).limit(CHUNK)
        with reading(engine) as connection:
            chunk = list(connection.execute(query).scalars())
        if not chunk:
            return
        yield chunk
        after = chunk[-1]


def _projected(
    connection: Connection, codes: Sequence[str], position: int | None = None
) -> dict[Table, dict[str, Values]]:
    """The rows of the projections of these dossiers, as the journal says (up to ``position``, or all of it)."""
    snapshots = _last_snapshots(connection, codes, position)
    latenesses = _last_latenesses(connection, codes, snapshots, position)
    late: dict[str, list[Values]] = defaultdict(list)
    for row in latenesses:
        late[row["dossier"]].append(row)
    return {
        DOSSIER: {
            code: dossier_row(snapshot) | _of_latenesses(late[code]) for code, snapshot in snapshots.items()
        },
        STEP: {f"{r['dossier']}/{r['key']}": r for s in snapshots.values() for r in step_rows(s)},
        PAUSE: {f"{r['dossier']}/{r['ordinal']}": r for s in snapshots.values() for r in pause_rows(s)},
        LATENESS: {row["id"]: row for row in latenesses},
        LISTING: {
            f"{row['month']}/{row['place']}": row
            for code, told in late.items()
            for row in _listed(told, snapshots[code])
        },
        SHARE: {f"{r['lateness']}/{r['ordinal']}": r for row in latenesses for r in share_rows(row)},
        HANDLED: {f"{r['dossier']}/{r['key']}": r for s in snapshots.values() for r in handled_rows(s)},
    }


def _listed(latenesses: Sequence[Values], snapshot: Snapshot) -> Iterator[Values]:
    """The ``listing`` rows of one dossier."""
    late_step = any(row["step"] and row["state"] != LatenessState.ANNULLED for row in latenesses)
    for row in latenesses:
        yield listing_row(row, snapshot) | {"enters": row["step"] is not None or not late_step}


def _of_latenesses(rows: Sequence[Values]) -> Values:
    """What a ``dossier`` row says of its latenesses."""
    standing = [row["due_at"] for row in rows if row["step"] is None and row["state"] not in GONE]
    return {
        "late": sum(row["state"] != LatenessState.ANNULLED for row in rows),
        "missed_at": min(standing, default=None),
        "missed": bool(standing),
    }


def _last_snapshots(
    connection: Connection, codes: Sequence[str], position: int | None = None
) -> dict[str, Snapshot]:
    last = (
        select(JOURNAL.c.dossier, func.max(JOURNAL.c.sequence).label("sequence"))
        .where(JOURNAL.c.dossier.in_(codes), JOURNAL.c.snapshot.is_not(None), _told_by(position))
        .group_by(JOURNAL.c.dossier)
        .subquery()
    )
    query = select(JOURNAL.c.dossier, JOURNAL.c.snapshot).join(
        last, (JOURNAL.c.dossier == last.c.dossier) & (JOURNAL.c.sequence == last.c.sequence)
    )
    return {code: Snapshot.model_validate(document) for code, document in connection.execute(query)}


def _told_by(position: int | None) -> ColumnElement[bool]:
    return true() if position is None else JOURNAL.c.position <= position


def _last_latenesses(
    connection: Connection,
    codes: Sequence[str],
    snapshots: Mapping[str, Snapshot],
    position: int | None = None,
) -> list[Values]:
    query = select(JOURNAL.c.dossier, JOURNAL.c.sequence, JOURNAL.c.data).where(
        JOURNAL.c.dossier.in_(codes), JOURNAL.c.type.in_(_DISCLOSURES), _told_by(position)
    )
    told = connection.execute(query)
    return newest((lateness_row(data, sequence, snapshots[code]) for code, sequence, data in told), "id")


def _outgoing(connection: Connection, codes: Sequence[str]) -> dict[str, Values]:
    """What the outbox must hold of these dossiers."""
    names = ("dossier", "sequence", "type", "subject", "at", "data")
    query = select(*(JOURNAL.c[name] for name in names)).where(
        JOURNAL.c.dossier.in_(codes), JOURNAL.c.type.in_(_GOES_OUT)
    )
    zones = {code: ZoneInfo(snapshot.zone) for code, snapshot in _last_snapshots(connection, codes).items()}
    return {
        f"{row['dossier']}/{row['sequence']}": {
            "type": row["type"],
            "subject": row["subject"],
            "time": iso(row["at"], zones[row["dossier"]]),
            "data": row["data"],
        }
        for row in connection.execute(query).mappings()
    }


def _stored(connection: Connection, table: Table, codes: Sequence[str]) -> dict[str, Values]:
    keys = (OUTBOX.c.dossier, OUTBOX.c.sequence) if table is OUTBOX else tuple(table.primary_key.columns)
    owner = OUTBOX.c.dossier if table is OUTBOX else _OWNER[table]
    rows = connection.execute(select(table).where(owner.in_(codes))).mappings()
    return {"/".join(str(row[key]) for key in keys): dict(row) for row in rows}


def _differences(
    table: Table, stored: Mapping[str, Values], expected: Mapping[str, Values]
) -> Iterator[Difference]:
    for key in sorted(stored.keys() | expected.keys()):
        if key not in stored or key not in expected:
            there = "there" if key in stored else None
            yield Difference(
                table=table.name, key=key, column=None, stored=there, rebuilt=None if there else "there"
            )
            continue
        for column, value in expected[key].items():
            left, right = _plain(stored[key][column]), _plain(value)
            if left != right:
                yield Difference(table=table.name, key=key, column=column, stored=left, rebuilt=right)


def _plain(value: object) -> JsonValue:
    """``value`` as JSON data: what is written and what is read back look alike."""
    plain: JsonValue = to_jsonable_python(value)
    return plain
