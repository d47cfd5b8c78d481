"""The rows of a month's list: as they are stored where the work was done by the watermark, counted up to it if not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, false, func, select

from models.bulletin import overrun_of, overrun_seconds
from models.bulletin_rows import SEPARATOR, RowKey, still_open, with_apology
from models.calendar import WorkingCalendar
from models.lateness import LatenessState, minutes
from models.views import Pause, Run, Snapshot, StepState
from store.projections import DOSSIER, LATENESS, LISTING, PAUSE, STEP

HEADLINE = [
    state.value for state in (LatenessState.RECORDED, LatenessState.PUBLISHED, LatenessState.CORRECTED)
]
"""What counts in a month's headline (rules R11)."""

AT_ONCE = 5_000
"""Rows that one query asks for by their ids: databases take some tens of thousands."""

CalendarOf = Callable[[str], WorkingCalendar]
"""By a procedure's code."""


class Listed(NamedTuple):
    """A row of the list. ``text``: its JSON without names; ``apology_at``: not yet in it, local with its offset."""

    agency: str
    official: str | None
    dossier: str
    place: str
    text: str
    apology_at: str | None


_LISTED = tuple(LISTING.c[name] for name in ("agency", "official", "dossier", "place", "row", "apology_at"))


def headline(
    connection: Connection, period: str, calendar_of: CalendarOf, watermark: datetime
) -> list[tuple[Any, ...]]:
    """Rows of what counts, which begin as :class:`Listed` does, in no order."""
    done = func.coalesce(LISTING.c.completed_at <= watermark, false())
    query = select(*_LISTED, done).where(
        LISTING.c.month == period, LISTING.c.state.in_(HEADLINE), LISTING.c.enters
    )
    result = connection.execute(query)
    assert result.cursor is not None  # noqa: S101 - a query has one
    found = result.cursor.fetchall()  # tuples as the driver has them: a month may have twenty thousand
    returned = [row for row in found if row[6]]
    if len(returned) < len(found):
        rest = [Listed(*row[:6]) for row in found if not row[6]]
        for first in range(0, len(rest), AT_ONCE):
            returned += _unfinished(connection, rest[first : first + AT_ONCE], calendar_of, watermark)
    return returned


def taken_back(
    connection: Connection, period: str, watermark: datetime, earlier: Collection[RowKey]
) -> Iterator[Listed]:
    """Rows of ``earlier`` that were retracted since; as of an instant before it, their work was not done."""
    if not earlier:
        return
    query: Select[Any] = select(*_LISTED, LISTING.c.step, LISTING.c.completed_at).where(
        LISTING.c.month == period, LISTING.c.state == LatenessState.RETRACTED.value, LISTING.c.enters
    )
    for *columns, step, completed_at in connection.execute(query):
        row = Listed(*columns)
        if (row.dossier, step, row.place.split(SEPARATOR)[2]) in earlier:
            is_open = completed_at is None or completed_at > watermark
            yield row._replace(text=still_open(row.text, 0.0)) if is_open else row


def texts_of(rows: Sequence[Sequence[Any]], watermark: datetime) -> list[str]:
    """Their texts, each with the apology if it had been sent by then."""
    return [row[4] if row[5] is None else _with_apology(row[4], row[5], watermark) for row in rows]


def _with_apology(text: str, sent_at: str, watermark: datetime) -> str:
    return with_apology(text, sent_at) if datetime.fromisoformat(sent_at) <= watermark else text


# --- what is not over ------------------------------------------------------------------------------------------------


def _unfinished(
    connection: Connection, listed: Sequence[Listed], calendar_of: CalendarOf, watermark: datetime
) -> list[Listed]:
    """Rows of what was not done by the watermark, with the minutes up to it, or to the closing of their dossier.

    A list made as of an earlier instant knows nothing of what came after.
    """
    rows = {row.place.rpartition(SEPARATOR)[2]: row for row in listed}
    query = (
        select(LATENESS.c.id, LATENESS.c.dossier, LATENESS.c.procedure, LATENESS.c.step, LATENESS.c.due_at)
        .add_columns(LATENESS.c.completed_at, DOSSIER.c.closed_at, STEP.c.state, LISTING.c.overdue)
        .select_from(LATENESS)
        .join(LISTING, LISTING.c.lateness == LATENESS.c.id)
        .join(DOSSIER, DOSSIER.c.code == LATENESS.c.dossier)
        .outerjoin(STEP, and_(STEP.c.dossier == LATENESS.c.dossier, STEP.c.key == LATENESS.c.step))
        .where(LATENESS.c.id.in_(rows))
    )
    found = connection.execute(query).all()
    pauses: dict[str, list[Pause]] = defaultdict(list)
    of = select(PAUSE).where(PAUSE.c.dossier.in_({row.dossier for row in listed}))
    for row in connection.execute(of).mappings():
        pauses[row["dossier"]].append(Pause(kind=row["kind"], start=row["started_at"], end=row["ended_at"]))
    overruns: dict[str, float] = {}
    known: dict[tuple[str, datetime, datetime], float] = {}
    waiting: dict[str, tuple[str, str]] = {}
    for id_, dossier, procedure, step, due_at, completed_at, closed_at, held, overdue in found:
        calendar, until = calendar_of(procedure), min(closed_at or watermark, watermark)
        paused, key = pauses.get(dossier, ()), (procedure, due_at, until)
        if overdue is not None:
            runs = [Run.model_validate(run) for run in overdue]
            overruns[id_] = minutes(overrun_of(calendar, runs, until))
            continue
        if paused or key not in known:
            known[key] = minutes(overrun_seconds(calendar, due_at, paused, until))
        overruns[id_] = known.pop(key) if paused else known[key]
        if step is not None and completed_at is None and closed_at is None and held is None:
            waiting[id_] = (dossier, step)
    for id_, overrun in _sent_back(connection, waiting).items():
        overruns[id_] = min(overrun, overruns[id_])
    return [row._replace(text=still_open(row.text, overruns[id_])) for id_, row in rows.items()]


def _sent_back(connection: Connection, waiting: Mapping[str, tuple[str, str]]) -> dict[str, float]:
    """Overruns of steps that nobody holds, because the dossier was sent back: they wait with what they had.

    Those told by releases that kept no runs: their lists can be made again.
    """
    codes = {dossier for dossier, _ in waiting.values()}
    if not codes:
        return {}
    query = select(DOSSIER.c.code, DOSSIER.c.snapshot).where(DOSSIER.c.code.in_(codes))
    snapshots = {code: Snapshot.model_validate(document) for code, document in connection.execute(query)}
    return {
        id_: max(0.0, round(each.consumed_minutes - (each.budget_minutes or 0), 2))
        for id_, (dossier, step) in waiting.items()
        for each in snapshots[dossier].view.steps
        if each.key == step and each.state is StepState.PENDING
    }
