"""Counts the monthly list from the projections: one read of one state of the database (rules R11)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    and_,
    case,
    exists,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from models.bulletin import (
    FORMULA,
    Bin,
    Bulletin,
    Tally,
    agency_totals,
    period_of,
    rates_of,
    read,
    totals_of,
    with_rows,
)
from models.bulletin_rows import Names, RowKey
from models.calendar import WorkingCalendar
from models.instants import whole
from models.lateness import LatenessState
from models.tables import LONG
from store.bulletin_rows import headline, taken_back, texts_of
from store.database import reading
from store.projections import DOSSIER, LATENESS, LISTING, PAUSE

_COUNTED_ONLY = [LatenessState.EXCUSED.value, LatenessState.RETRACTED.value]
_place = itemgetter(3)


@dataclass(frozen=True)
class _Window:
    """The part of the period that lies behind us, as totals see it."""

    start: datetime
    until: datetime
    """Exclusive: what happened at the watermark itself counts."""
    standing: datetime
    """Deadlines before it are missed."""
    last_day: datetime
    """Local midnight at which the last day begins."""


@dataclass(frozen=True)
class Basis:
    """What a list is made with beside the facts.

    ``calendar`` gives the zone of the month, and the overrun of what is still open; ``calendars`` those of
    procedures (by code) that go by another one.
    """

    names: Names
    calendar: WorkingCalendar
    calendars: Mapping[str, WorkingCalendar] = field(default_factory=dict)

    def calendar_of(self, procedure: str) -> WorkingCalendar:
        return self.calendars.get(procedure, self.calendar)


def bulletin(
    engine: Engine,
    period: str,
    *,
    now: datetime,
    names: Names,
    calendar: WorkingCalendar,
    calendars: Mapping[str, WorkingCalendar] | None = None,
) -> Bulletin:
    """The list of ``period`` (``YYYY-MM``) as of ``now``, not frozen."""
    with reading(engine) as connection:
        return compiled(connection, period, now=now, basis=Basis(names, calendar, calendars or {}))


def compiled(
    connection: Connection, period: str, *, now: datetime, basis: Basis, earlier: Collection[RowKey] = ()
) -> Bulletin:
    """The list on an open read transaction; ``earlier`` as in :func:`compiled_json`."""
    return read(compiled_json(connection, period, now=now, basis=basis, earlier=earlier))


def compiled_json(
    connection: Connection, period: str, *, now: datetime, basis: Basis, earlier: Collection[RowKey] = ()
) -> bytes:
    """The list as canonical JSON: what readers get, and the quickest way to it (``python -m bench reports``).

    ``earlier``: rows of an earlier edition. Those retracted since are shown as such in the same place, without a name,
    and count no more.
    """
    watermark = whole(now)
    start, end = period_of(period, basis.calendar.zone, watermark)
    last = (min(end - timedelta(seconds=1), watermark)).astimezone(basis.calendar.zone)
    window = _Window(
        start=start,
        until=min(end, watermark + timedelta(seconds=1)),
        standing=min(end, watermark),
        last_day=whole(last.replace(hour=0, minute=0, second=0)),
    )
    found = headline(connection, period, basis.calendar_of, watermark)
    counted = {row[0]: row[1] for row in connection.execute(_counted_only(period))}
    tallies = _tallies(connection, period, window, basis.calendar.zone)
    summary = Bulletin(
        period=period,
        edition=0,
        frozen_at=None,
        watermark=watermark,
        formula=FORMULA,
        agencies=len({row[0] for row in found}),
        officials=len({row[1] for row in found} - {None}),
        dossiers=len({row[2] for row in found}),
        excused=counted.get(LatenessState.EXCUSED.value, 0),
        retracted=counted.get(LatenessState.RETRACTED.value, 0),
        rows=(),
        totals=totals_of(tallies),
        rates=rates_of(tallies),
        by_agency=agency_totals(tallies),
        changes=(),
    )
    shown = sorted([*found, *taken_back(connection, period, watermark, earlier)], key=_place)
    rows = basis.names.written([_place(row) for row in shown], texts_of(shown, watermark))
    return with_rows(summary, rows, basis.calendar.zone)


def enters() -> ColumnElement[bool]:
    """A lateness of a promise counts only where no step of its dossier has one that is not annulled (rules R11)."""
    of_step = LATENESS.alias("of_step")
    return or_(
        LATENESS.c.step.is_not(None),
        ~exists().where(
            of_step.c.dossier == LATENESS.c.dossier,
            of_step.c.step.is_not(None),
            of_step.c.state != LatenessState.ANNULLED.value,
        ),
    )


def _counted_only(period: str) -> Select[Any]:
    return (
        select(LISTING.c.state, func.count())
        .where(LISTING.c.month == period, LISTING.c.state.in_(_COUNTED_ONLY), LISTING.c.enters)
        .group_by(LISTING.c.state)
    )


def _tallies(connection: Connection, period: str, window: _Window, zone: ZoneInfo) -> list[Tally]:
    """Every dossier open at any instant of the window, in exactly one bin, counted by agency."""
    # Each part reads a range of an index, where one condition would read all that was closed since. What was
    # closed later than LONG days after the window and was there in it, lasted longer.
    # What a function is applied to is no way into the table.
    horizon = window.until + timedelta(days=LONG)
    closed_at, month = DOSSIER.c.closed_at, DOSSIER.c.closed_month
    soon = _months(window.until, horizon, zone)
    to_come = and_(closed_at >= window.until, func.coalesce(month, "") == period)
    long_ago = and_(DOSSIER.c.lasted_days >= literal_column(str(LONG)), month > soon[-1])
    parts = [
        (1, _ended(month == period)),
        (1, _counted(window, closed_at.is_(None))),
        (1, _counted(window, month.in_([each for each in soon if each > period]))),
        (1, _counted(window, long_ago)),
    ]
    if soon[0] == period:
        parts += [(-1, _ended(to_come)), (1, _counted(window, to_come))]
    return [
        Tally(agency, Bin(bin_), None if on_time is None else bool(on_time), sign * dossiers, sign * received)
        for sign, part in parts
        for agency, bin_, on_time, dossiers, received in connection.execute(part)
    ]


def _months(start: datetime, end: datetime, zone: ZoneInfo) -> list[str]:
    """Local months from the one of ``start`` to the one of ``end``."""
    day, last = start.astimezone(zone).date().replace(day=1), end.astimezone(zone).date()
    months = []
    while day <= last:
        months.append(f"{day:%Y-%m}")
        day = (day + timedelta(days=31)).replace(day=1)
    return months


def _ended(which: ColumnElement[bool]) -> Select[Any]:
    """Those closed in the period, all of it, in the order of their index."""
    keys = (DOSSIER.c.agency, DOSSIER.c.ended_late, DOSSIER.c.on_time_766, DOSSIER.c.missed)
    received = func.sum(case((DOSSIER.c.accepted_month == DOSSIER.c.closed_month, 1), else_=0))
    late = or_(DOSSIER.c.ended_late, DOSSIER.c.missed)
    bin_ = case((late, Bin.LATE.value), else_=Bin.ON_TIME.value)
    return (
        select(DOSSIER.c.agency, bin_, DOSSIER.c.on_time_766, func.count(), received)
        .where(which)
        .group_by(*keys)
    )


def _counted(window: _Window, ends: ColumnElement[bool]) -> Select[Any]:
    # Found first, grouped then: read in the order of the groups, it would be the whole table.
    facts = _facts(window, ends).cte("facts").prefix_with("MATERIALIZED")
    keys = (facts.c.agency, _bin(facts.c), _on_time_766(facts.c))
    return select(*keys, func.count(), func.sum(facts.c.received)).group_by(*keys)


def _facts(window: _Window, ends: ColumnElement[bool]) -> Select[Any]:
    """What the bins of dossiers that were open at the end of the window depend on."""
    due = DOSSIER.c.promise_due_at
    # Looked up for the few that were ever paused: joined, the databases read all pauses there are.
    paused = and_(
        DOSSIER.c.pauses > 0,
        select(PAUSE.c.kind)  # one pause at a time (rules R5)
        .where(
            PAUSE.c.dossier == DOSSIER.c.code,
            PAUSE.c.started_at < window.until,
            or_(PAUSE.c.ended_at.is_(None), PAUSE.c.ended_at >= window.until),
        )
        .scalar_subquery()
        .is_not(None),
    )
    facts = select(
        DOSSIER.c.agency,
        case((DOSSIER.c.accepted_at >= window.start, 1), else_=0).label("received"),
        due.is_(None).label("no_deadline"),
        func.coalesce(due < window.standing, false()).label("past"),
        func.coalesce(due < window.last_day, false()).label("past_days"),
        func.coalesce(DOSSIER.c.missed_at < window.standing, false()).label("recorded"),
        paused.label("paused"),
        func.coalesce(DOSSIER.c.asked_again_at < window.until, false()).label("asked_again"),
    )
    return facts.where(DOSSIER.c.accepted_at < window.until, ends)


def _bin(facts: ReadOnlyColumnCollection[str, Any]) -> ColumnElement[str]:
    """First match (rules R11). A promise is missed if its lateness stands, or its instant passed unpaused."""
    return case(
        (facts.no_deadline, Bin.NO_DEADLINE.value),
        (or_(facts.recorded, and_(facts.past, ~facts.paused)), Bin.OPEN_OVERDUE.value),
        (facts.paused, Bin.PAUSED.value),
        else_=Bin.OPEN_IN_TIME.value,
    )


def _on_time_766(facts: ReadOnlyColumnCollection[str, Any]) -> ColumnElement[bool | None]:
    """Decision 766 counts days for what is still open, and one request for papers."""
    return case(
        (facts.no_deadline, null()),
        (facts.asked_again, false()),
        (and_(facts.past_days, or_(facts.recorded, ~facts.paused)), false()),
        else_=true(),
    )
