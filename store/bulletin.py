"""Counts the monthly list from the projections: one read of one state of the database (rules R11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    Select,
    and_,
    case,
    exists,
    false,
    func,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from models.bulletin import (
    FORMULA,
    WORKING_DAY_MINUTES,
    Bin,
    Bulletin,
    BulletinRow,
    Names,
    Tally,
    agency_totals,
    overrun_seconds,
    period_of,
    rates_of,
    totals_of,
)
from models.calendar import WorkingCalendar
from models.instants import whole
from models.lateness import LatenessState, minutes
from models.views import Snapshot, Status, StepState
from store.database import reading
from store.projections import DOSSIER, LATENESS, PAUSE

HEADLINE = [
    state.value for state in (LatenessState.RECORDED, LatenessState.PUBLISHED, LatenessState.CORRECTED)
]
_COUNTED_ONLY = [LatenessState.EXCUSED.value, LatenessState.RETRACTED.value]


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


def bulletin(
    engine: Engine,
    period: str,
    *,
    now: datetime,
    names: Names,
    calendar: WorkingCalendar,
    calendars: Mapping[str, WorkingCalendar] | None = None,
) -> Bulletin:
    """The list of ``period`` (``YYYY-MM``) as of ``now``, not frozen.

    ``calendar`` gives the zone of the month, and the overrun of what is still open; ``calendars`` those of
    procedures (by code) that go by another one.
    """
    watermark = whole(now)
    start, end = period_of(period, calendar.zone, watermark)
    standing = min(end, watermark)
    last = (min(end - timedelta(seconds=1), watermark)).astimezone(calendar.zone)
    window = _Window(
        start=start,
        until=min(end, watermark + timedelta(seconds=1)),
        standing=standing,
        last_day=whole(last.replace(hour=0, minute=0, second=0)),
    )
    with reading(engine) as connection:
        found = connection.execute(_latenesses(period)).mappings().all()
        tallies = _tallies(connection, window)
    headline = [row for row in found if row["state"] in HEADLINE]
    rows = [
        _row(row, names, (calendars or {}).get(row["procedure"], calendar), watermark) for row in headline
    ]
    return Bulletin(
        period=period,
        edition=1,
        frozen_at=None,
        watermark=watermark,
        formula=FORMULA,
        agencies=len({row["agency"] for row in headline}),
        officials=len({row["official"] for row in headline} - {None}),
        dossiers=len({row["dossier"] for row in headline}),
        excused=sum(row["state"] == LatenessState.EXCUSED for row in found),
        retracted=sum(row["state"] == LatenessState.RETRACTED for row in found),
        rows=tuple(sorted(rows, key=_order)),
        totals=totals_of(tallies),
        rates=rates_of(tallies),
        by_agency=agency_totals(tallies),
        changes=(),
    )


def _order(row: BulletinRow) -> tuple[object, ...]:
    return (row.agency, row.official or "", row.due_at, row.dossier, row.step or "")


def _latenesses(period: str) -> Select[Any]:
    """Latenesses of the month. Those not completed bring their dossier's snapshot along."""
    columns = ("dossier", "procedure", "step", "agency", "official", "received_at", "due_at", "completed_at")
    hearing = ("overrun_minutes", "state", "cause", "explanation")
    still_open = and_(DOSSIER.c.code == LATENESS.c.dossier, LATENESS.c.completed_at.is_(None))
    return (
        select(*(LATENESS.c[name] for name in columns + hearing), DOSSIER.c.snapshot)
        .outerjoin(DOSSIER, still_open)
        .where(LATENESS.c.month == period, LATENESS.c.state.in_(HEADLINE + _COUNTED_ONLY), enters())
    )


def enters() -> ColumnElement[bool]:
    """The lateness of a promise counts only where no step of its dossier has a standing one."""
    of_step = LATENESS.alias("of_step")
    return or_(
        LATENESS.c.step.is_not(None),
        ~exists().where(
            of_step.c.dossier == LATENESS.c.dossier,
            of_step.c.step.is_not(None),
            of_step.c.state != LatenessState.ANNULLED.value,
        ),
    )


def _row(row: RowMapping, names: Names, calendar: WorkingCalendar, watermark: datetime) -> BulletinRow:
    named = row["state"] != LatenessState.RECORDED
    official = row["official"] if named else None
    overrun = row["overrun_minutes"]
    if row["snapshot"] is not None:
        overrun = _open_overrun(row, Snapshot.model_validate(row["snapshot"]), calendar, watermark)
    return BulletinRow(
        agency=row["agency"],
        agency_name=names.agency(row["agency"]),
        official=official,
        official_name=names.official(official),
        dossier=row["dossier"],
        procedure=row["procedure"],
        step=row["step"],
        received_at=row["received_at"],
        due_at=row["due_at"],
        completed_at=row["completed_at"],
        overrun_minutes=overrun,
        overrun_working_days=round(overrun / WORKING_DAY_MINUTES, 2),
        cause=row["cause"],
        apology_at=None,
        explanation=row["explanation"] if named else None,
        state=row["state"],
    )


def _open_overrun(
    row: RowMapping, snapshot: Snapshot, calendar: WorkingCalendar, watermark: datetime
) -> float:
    """Minutes up to the watermark, or to the closing; a step sent back waits with what it had."""
    for step in snapshot.view.steps:
        if step.key == row["step"] and step.state is StepState.PENDING:
            return max(0.0, round(step.consumed_minutes - (step.budget_minutes or 0), 2))
    until = min(snapshot.view.closed_at or watermark, watermark)
    return minutes(overrun_seconds(calendar, row["due_at"], snapshot.pauses, until))


def _tallies(connection: Connection, window: _Window) -> list[Tally]:
    """Every dossier open at any instant of the window, in exactly one bin, counted by agency."""
    # Two ranges of one index, where an OR would read the whole table.
    facts = union_all(
        _facts(window, DOSSIER.c.closed_at.is_(None)), _facts(window, DOSSIER.c.closed_at >= window.start)
    ).subquery()
    keys = (facts.c.agency, _bin(facts.c), _on_time_766(facts.c))
    query = select(*keys, func.count(), func.sum(facts.c.received)).group_by(*keys)
    return [
        Tally(agency, Bin(bin_), None if on_time is None else bool(on_time), dossiers, received)
        for agency, bin_, on_time, dossiers, received in connection.execute(query)
    ]


def _facts(window: _Window, ends: ColumnElement[bool]) -> Select[Any]:
    """What the bins depend on, one row a dossier; all of it comes from ``ix_dossier_totals`` and probes."""
    closed = func.coalesce(DOSSIER.c.closed_at < window.until, false())
    due = DOSSIER.c.promise_due_at
    recorded = exists().where(
        LATENESS.c.dossier == DOSSIER.c.code,
        LATENESS.c.step.is_(None),
        LATENESS.c.state.not_in((LatenessState.ANNULLED.value, LatenessState.RETRACTED.value)),
        LATENESS.c.due_at < window.standing,
    )
    paused = exists().where(
        PAUSE.c.dossier == DOSSIER.c.code,
        PAUSE.c.started_at < window.until,
        or_(PAUSE.c.ended_at.is_(None), PAUSE.c.ended_at >= window.until),
    )
    requests = select(func.count()).where(
        PAUSE.c.dossier == DOSSIER.c.code,
        PAUSE.c.kind == "supplement",
        PAUSE.c.started_at < window.until,
    )
    no_end = DOSSIER.c.status.in_((Status.REFUSED.value, Status.WITHDRAWN.value))
    return select(
        DOSSIER.c.agency,
        case((DOSSIER.c.accepted_at >= window.start, 1), else_=0).label("received"),
        closed.label("closed"),
        and_(closed, no_end).label("no_end"),
        due.is_(None).label("no_deadline"),
        func.coalesce(due < window.standing, false()).label("past"),
        func.coalesce(due < window.last_day, false()).label("past_days"),
        func.coalesce(DOSSIER.c.closed_at > due, false()).label("ended_late"),
        and_(DOSSIER.c.late > 0, recorded).label("recorded"),
        and_(~closed, paused).label("paused"),
        (requests.scalar_subquery() > 1).label("asked_again"),
    ).where(DOSSIER.c.accepted_at < window.until, ends)


def _bin(facts: ReadOnlyColumnCollection[str, Any]) -> ColumnElement[str]:
    """First match (rules R11). A promise is missed if its lateness stands, or its instant passed unpaused."""
    return case(
        (and_(facts.closed, or_(facts.ended_late, facts.recorded)), Bin.LATE.value),
        (facts.closed, Bin.ON_TIME.value),
        (facts.no_deadline, Bin.NO_DEADLINE.value),
        (or_(facts.recorded, and_(facts.past, ~facts.paused)), Bin.OPEN_OVERDUE.value),
        (facts.paused, Bin.PAUSED.value),
        else_=Bin.OPEN_IN_TIME.value,
    )


def _on_time_766(facts: ReadOnlyColumnCollection[str, Any]) -> ColumnElement[bool | None]:
    """Decision 766 counts days, knows no end by refusal or withdrawal, and one request for papers."""
    return case(
        (or_(facts.no_deadline, facts.no_end), null()),
        (facts.asked_again, false()),
        (facts.closed, ~facts.ended_late),
        (and_(facts.past_days, or_(facts.recorded, ~facts.paused)), false()),
        else_=true(),
    )
