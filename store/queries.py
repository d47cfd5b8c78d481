"""What pages, commands and reports ask: typed answers, one short read transaction each.

Lists are in a stable order and go on from a cursor by key, never by offset, so that the last page costs what
the first does.
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import NamedTuple

from pydantic import JsonValue
from sqlalchemy import ColumnElement, Connection, Engine, Tuple, literal, select, tuple_, union

from models.budget import Model
from models.delivery import OutEvent as OutEvent  # noqa: PLC0414 - given on to whoever asks for events
from models.errors import Code, Refusal
from models.events import Event
from models.instants import Instant
from models.lateness import Lateness, LatenessState
from models.tables import ArchiveRow, CodeCounterRow, JournalRow, OutboxRow, table_of
from models.views import Snapshot, Status
from store.database import reading, writing
from store.projections import DOSSIER, LATENESS, STEP, insert_for

JOURNAL = table_of(JournalRow)
OUTBOX = table_of(OutboxRow)
ARCHIVE = table_of(ArchiveRow)
COUNTER = table_of(CodeCounterRow)
LIMIT = 50
MOST = 500

_Conditions = Sequence[ColumnElement[bool]]


class Page(NamedTuple):
    """Part of a list of dossiers, and where it goes on (None: it ends here)."""

    items: list[Snapshot]
    next_cursor: str | None


class Archive(Model):
    """The aggregate of a dossier whose workflow has ended."""

    dossier: str
    sequence: int
    aggregate: dict[str, JsonValue]


def dossier(engine: Engine, code: str) -> Snapshot | None:
    with reading(engine) as connection:
        row = connection.execute(select(DOSSIER.c.snapshot).where(DOSSIER.c.code == code)).scalar()
    return None if row is None else Snapshot.model_validate(row)


def list_dossiers(
    engine: Engine,
    *,
    agency: str | None = None,
    official: str | None = None,
    procedure: str | None = None,
    status: Status | None = None,
    late: bool | None = None,
    due_before: Instant | None = None,
    within: Collection[str] | None = None,
    open_only: bool = False,
    limit: int = LIMIT,
    cursor: str | None = None,
) -> Page:
    """Dossiers by nearest deadline, those without one last, then by code.

    ``agency``: competent, or holder of a step that runs or is paused; ``official``: holder of such a step;
    ``late``: with (False: without) a lateness that is not annulled; ``due_before``: exclusive, on the nearest
    running deadline; ``within``: only where one of these agencies is competent or holds such a step;
    ``open_only``: none that was closed.
    """
    limit = max(1, min(limit, MOST))
    conditions: list[ColumnElement[bool]] = []
    if agency is not None:
        conditions.append(_concerns([agency]))
    if within is not None:
        conditions.append(_concerns(within))
    if official is not None:
        conditions.append(DOSSIER.c.code.in_(select(STEP.c.dossier).where(STEP.c.official == official)))
    if procedure is not None:
        conditions.append(DOSSIER.c.procedure == procedure)
    if status is not None:
        conditions.append(DOSSIER.c.status == status.value)
    if late is not None:
        conditions.append(DOSSIER.c.late > 0 if late else DOSSIER.c.late == 0)
    if open_only:
        conditions.append(DOSSIER.c.closed_at.is_(None))
    if due_before is not None:
        conditions.append(DOSSIER.c.next_deadline_at < due_before)
    with reading(engine) as connection:
        items = _by_deadline(connection, conditions, _read_cursor(cursor), limit + 1)
        if due_before is None and len(items) <= limit:
            items += _without_deadline(connection, conditions, _read_cursor(cursor), limit + 1 - len(items))
    page = items[:limit]
    return Page(page, _cursor(page[-1]) if len(items) > limit else None)


def _concerns(agencies: Collection[str]) -> ColumnElement[bool]:
    competent = select(DOSSIER.c.code).where(DOSSIER.c.agency.in_(agencies))
    holding = select(STEP.c.dossier).where(STEP.c.agency.in_(agencies))
    return DOSSIER.c.code.in_(union(competent, holding))


def lateness(engine: Engine, lateness_id: str) -> Lateness | None:
    with reading(engine) as connection:
        row = connection.execute(select(LATENESS.c.lateness).where(LATENESS.c.id == lateness_id)).scalar()
    return None if row is None else Lateness.model_validate(row)


def latenesses(
    engine: Engine,
    *,
    period: str | None = None,
    agency: str | None = None,
    official: str | None = None,
    state: LatenessState | None = None,
    dossier: str | None = None,
) -> list[Lateness]:
    """Latenesses by due instant, then id. ``period``: local month ``YYYY-MM`` of the missed deadline."""
    filters = {
        LATENESS.c.month: period,
        LATENESS.c.agency: agency,
        LATENESS.c.official: official,
        LATENESS.c.state: state and state.value,
        LATENESS.c.dossier: dossier,
    }
    conditions = [column == value for column, value in filters.items() if value is not None]
    query = select(LATENESS.c.lateness).where(*conditions).order_by(LATENESS.c.due_at, LATENESS.c.id)
    with reading(engine) as connection:
        return [Lateness.model_validate(row) for row in connection.execute(query).scalars()]


class LatenessPage(NamedTuple):
    """Part of a list of latenesses, and where it goes on (None: it ends here)."""

    items: list[Lateness]
    next_cursor: str | None


def lateness_page(
    engine: Engine,
    *,
    period: str | None = None,
    agency: str | None = None,
    official: str | None = None,
    states: Collection[LatenessState] = (),
    within: Collection[str] | None = None,
    limit: int = LIMIT,
    cursor: str | None = None,
) -> LatenessPage:
    """Latenesses by due instant, then id. ``states`` empty: all; ``within``: only of these agencies."""
    limit = max(1, min(limit, MOST))
    filters = {LATENESS.c.month: period, LATENESS.c.agency: agency, LATENESS.c.official: official}
    conditions: list[ColumnElement[bool]] = [
        column == value for column, value in filters.items() if value is not None
    ]
    if states:
        conditions.append(LATENESS.c.state.in_([state.value for state in states]))
    if within is not None:
        conditions.append(LATENESS.c.agency.in_(within))
    key = (LATENESS.c.due_at, LATENESS.c.id)
    after = _read_cursor(cursor)
    with reading(engine) as connection:
        if after is not None:
            conditions.append(tuple_(*key) > _place_of(connection, after))
        query = select(LATENESS.c.lateness).where(*conditions).order_by(*key).limit(limit + 1)
        found = [Lateness.model_validate(row) for row in connection.execute(query).scalars()]
    page = found[:limit]
    more = len(found) > limit
    return LatenessPage(page, _told(_Cursor(due=page[-1].due_at, code=_mark(page[-1].id))) if more else None)


def _place_of(connection: Connection, after: _Cursor) -> Tuple:
    """Where a list of latenesses goes on. Its cursor has a mark, not the id: the public may not see whole codes."""
    if after.due is not None:
        at, every = literal(after.due, LATENESS.c.due_at.type), list(LatenessState)  # by the index of both
        at_once = select(LATENESS.c.id).where(LATENESS.c.state.in_(every), LATENESS.c.due_at == at)
        for id_ in connection.execute(at_once).scalars():
            if _mark(id_) == after.code:
                return tuple_(at, literal(id_))
    raise Refusal(Code.INVALID, FORGED)


def _mark(lateness: str) -> str:
    return hashlib.sha256(lateness.encode()).hexdigest()[:24]


def events(engine: Engine, code: str) -> list[Event]:
    """Everything told about a dossier, in order."""
    columns = [JOURNAL.c[name] for name in Event.model_fields]
    query = select(*columns).where(JOURNAL.c.dossier == code).order_by(JOURNAL.c.sequence)
    with reading(engine) as connection:
        return [Event.model_validate(dict(row)) for row in connection.execute(query).mappings()]


def action_ids(engine: Engine, code: str) -> set[str]:
    """Identities of the actions that the journal tells of a dossier: what an import has already brought."""
    query = select(JOURNAL.c.action).where(JOURNAL.c.dossier == code, JOURNAL.c.action.is_not(None))
    with reading(engine) as connection:
        return set(connection.execute(query).scalars())


def archive(engine: Engine, code: str) -> Archive | None:
    """The aggregate to go on from, if the dossier's workflow has ended and nothing was told since."""
    query = (
        select(ARCHIVE)
        .join(DOSSIER, DOSSIER.c.code == ARCHIVE.c.dossier)
        .where(ARCHIVE.c.dossier == code, ARCHIVE.c.sequence == DOSSIER.c.sequence)
    )
    with reading(engine) as connection:
        row = connection.execute(query).mappings().first()
    return None if row is None else Archive.model_validate(dict(row))


def outbox_after(engine: Engine, position: int, limit: int = LIMIT) -> list[OutEvent]:
    """The next events to deliver after ``position``, oldest first."""
    columns = [OUTBOX.c[name] for name in OutEvent.model_fields]
    query = select(*columns).where(OUTBOX.c.position > position).order_by(OUTBOX.c.position).limit(limit)
    with reading(engine) as connection:
        return [OutEvent.model_validate(dict(row)) for row in connection.execute(query).mappings()]


def place_in_outbox(engine: Engine, id: str) -> int | None:  # noqa: A002
    """Where the event ``<code>/<sequence>`` stands in the outbox; None: nowhere."""
    code, _, sequence = id.rpartition("/")
    if not re.fullmatch(r"[0-9]{1,9}", sequence):
        return None
    query = select(OUTBOX.c.position).where(OUTBOX.c.dossier == code, OUTBOX.c.sequence == int(sequence))
    with reading(engine) as connection:
        place: int | None = connection.execute(query).scalar()
    return place


def allocate_code(engine: Engine, agency: str, day: date) -> int:
    """The next number for a dossier of ``agency`` on ``day``, from 1; given once, across all processes."""
    with writing(engine) as connection:
        insert = insert_for(engine.dialect.name, COUNTER)
        statement = insert.on_conflict_do_update(
            index_elements=["agency", "day"], set_={"last": COUNTER.c.last + 1}
        ).returning(COUNTER.c.last)
        number: int = connection.execute(statement, {"agency": agency, "day": day, "last": 1}).scalar_one()
    return number


FORGED = "the cursor is not one that a list gave: begin without it"


class _Cursor(Model):
    """The last dossier of a page: its nearest deadline (None: without) and code; a lateness has its due and a mark."""

    due: Instant | None
    code: str


def _by_deadline(
    connection: Connection, conditions: _Conditions, after: _Cursor | None, limit: int
) -> list[Snapshot]:
    if after is not None and after.due is None:
        return []
    key = (DOSSIER.c.next_deadline_at, DOSSIER.c.code)
    query = select(DOSSIER.c.snapshot).where(DOSSIER.c.next_deadline_at.is_not(None), *conditions)
    if after is not None:
        query = query.where(tuple_(*key) > tuple_(literal(after.due, key[0].type), literal(after.code)))
    return _snapshots(connection.execute(query.order_by(*key).limit(limit)).scalars())


def _without_deadline(
    connection: Connection, conditions: _Conditions, after: _Cursor | None, limit: int
) -> list[Snapshot]:
    query = select(DOSSIER.c.snapshot).where(DOSSIER.c.next_deadline_at.is_(None), *conditions)
    if after is not None and after.due is None:
        query = query.where(DOSSIER.c.code > after.code)
    return _snapshots(connection.execute(query.order_by(DOSSIER.c.code).limit(limit)).scalars())


def _snapshots(documents: Iterable[object]) -> list[Snapshot]:
    return [Snapshot.model_validate(document) for document in documents]


def _cursor(last: Snapshot) -> str:
    return _told(_Cursor(due=last.next_deadline_at, code=last.view.code))


def _told(cursor: _Cursor) -> str:
    return urlsafe_b64encode(cursor.model_dump_json().encode()).decode().rstrip("=")


def _read_cursor(text: str | None) -> _Cursor | None:
    if text is None:
        return None
    try:
        return _Cursor.model_validate_json(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        raise Refusal(Code.INVALID, FORGED) from None
