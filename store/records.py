"""Records of people and units from the projections: one read of one state of the database, counted by the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    select,
    union_all,
)

from models.catalogue import Catalogue
from models.errors import Code, Refusal
from models.instants import whole
from models.lateness import LatenessState
from models.records import (
    AgencyRecord,
    Item,
    Minutes,
    OfficialRecord,
    Open,
    OpenItem,
    Outcome,
    Peer,
    counts_of,
    months_of,
    participant_score,
    peers_of,
    progress_points,
    share_of,
)
from models.views import StepState
from store.database import reading
from store.projections import HANDLED, LATENESS, LISTING, SHARE, STEP

_PUBLIC = (LatenessState.PUBLISHED, LatenessState.CORRECTED)
_FULL = (*_PUBLIC, LatenessState.RECORDED, LatenessState.EXCUSED)
OPEN_SHOWN = 200
"""Open items told one by one."""
COMPARED = timedelta(days=92)
"""Units are compared by what they did in about a quarter."""


def official_record(
    engine: Engine, catalogue: Catalogue, official: str, now: datetime, *, full: bool
) -> OfficialRecord:
    """``full``: for supervisors and auditors; else what everybody may see.

    Raises :class:`Refusal` (``not_found``) for one whom neither the catalogue nor the journal knows.
    """
    with reading(engine) as connection:
        found = _record(connection, "official", official, whole(now), full=full)
    known = catalogue.officials.get(official)
    if known is None and not _says_something(found):
        _check_known(catalogue.official, official)
    agency = catalogue.agencies.get(known.agency) if known else None
    return OfficialRecord(
        official=official,
        name=known.name if known else official,
        position=known.position if known else "",
        agency=known.agency if known else None,
        agency_name=agency.name if agency else None,
        **found,
    )


def agency_record(
    engine: Engine, catalogue: Catalogue, agency: str, now: datetime, *, full: bool
) -> AgencyRecord:
    """As for an official, with the unit's head and peers of like volume (of its group, where it has one)."""
    since = f"{(now - COMPARED).astimezone(catalogue.main_calendar.zone):%Y-%m}"
    known = catalogue.agencies.get(agency)
    group = known.volume_group if known else None
    with reading(engine) as connection:
        found = _record(connection, "agency", agency, whole(now), full=full)
        if known is None and not _says_something(found):
            _check_known(catalogue.agency, agency)
        alike = [agency]
        if group is not None:
            alike = [each.code for each in catalogue.agencies.values() if each.volume_group == group]
        steps = _steps_done(connection, catalogue, alike, since)
    head = catalogue.officials.get(known.head) if known and known.head else None
    own = steps.pop(
        agency, Peer(agency=agency, name=_name(catalogue, agency), steps=0, late=0, on_time_share=None)
    )
    return AgencyRecord(
        agency=agency,
        name=_name(catalogue, agency),
        head=known.head if known else None,
        head_name=head.name if head else None,
        volume_group=group,
        since=since,
        own=own,
        peers=peers_of(own, steps.values()),
        **found,
    )


def _check_known(look_up: Callable[[str], object], code: str) -> None:
    try:
        look_up(code)
    except Refusal as refusal:
        raise Refusal(Code.NOT_FOUND, refusal.message) from None


def _name(catalogue: Catalogue, agency: str) -> str:
    known = catalogue.agencies.get(agency)
    return known.name if known else agency


def _says_something(record: dict[str, Any]) -> bool:
    held: Open = record["open"]
    return bool(
        record["by_month"] or held.running or held.paused or record["minutes"] not in (None, Minutes())
    )


def _record(connection: Connection, holder: str, value: str, now: datetime, *, full: bool) -> dict[str, Any]:
    """What the records of a person and of a unit have in common."""
    items = _items(connection, holder, value, _FULL if full else _PUBLIC)
    if not full:
        items = [item for item in items if item.outcome is not None]
    counts = counts_of(items)
    return {
        "counts": counts,
        "on_time_share": counts.on_time_share,
        "by_month": months_of(items),
        "open": _open(connection, holder, value, now, full=full),
        "minutes": _minutes(connection, holder, value) if full else None,
        "progress": progress_points(items) if full else None,
        "score": participant_score(items) if full else None,
    }


def _items(connection: Connection, holder: str, value: str, states: Iterable[LatenessState]) -> list[Item]:
    """Dossiers in which the holder did a step or is named for a lateness in one of ``states``, each once."""

    def is_(condition: ColumnElement[bool], name: str) -> ColumnElement[int]:
        return case((condition, 1), else_=0).label(name)

    nothing = ("unexcused", "excused", "in_hearing")
    done = select(
        HANDLED.c.dossier,
        HANDLED.c.month,
        is_(HANDLED.c.outcome == Outcome.EARLY.value, "early"),
        is_(HANDLED.c.outcome == Outcome.ON_TIME.value, "on_time"),
        *(literal(0).label(name) for name in nothing),
    ).where(HANDLED.c[holder] == value)
    late = select(
        LISTING.c.dossier,
        LISTING.c.month,
        literal(0).label("early"),
        literal(0).label("on_time"),
        is_(LISTING.c.state.in_([state.value for state in _PUBLIC]), "unexcused"),
        is_(LISTING.c.state == LatenessState.EXCUSED.value, "excused"),
        is_(LISTING.c.state == LatenessState.RECORDED.value, "in_hearing"),
    ).where(
        LISTING.c[holder] == value, LISTING.c.state.in_([state.value for state in states]), LISTING.c.enters
    )
    parts = union_all(done, late).subquery()
    item = (
        select(func.max(parts.c.month).label("month"))
        .add_columns(*(func.sum(parts.c[name]).label(name) for name in ("early", "on_time", *nothing)))
        .group_by(parts.c.dossier)
        .subquery()
    )
    outcome = case(
        (item.c.unexcused + item.c.excused + item.c.in_hearing > 0, Outcome.LATE.value),
        (item.c.on_time > 0, Outcome.ON_TIME.value),
        (item.c.early > 0, Outcome.EARLY.value),
        else_="",
    )
    keys = [item.c.month, outcome, *(item.c[name] for name in nothing)]
    query = select(func.count(), *keys).group_by(*keys)
    return [
        Item(month, Outcome(found) if found else None, int(unexcused), int(excused), int(heard), dossiers)
        for dossiers, month, found, unexcused, excused, heard in connection.execute(query)
    ]


def _open(connection: Connection, holder: str, value: str, now: datetime, *, full: bool) -> Open:
    held = STEP.c[holder] == value
    paused = STEP.c.state == StepState.PAUSED.value
    overdue: ColumnElement[bool] = func.coalesce(STEP.c.due_at < now, false())
    if holder == "official" and not full:
        # Of a person, the public is told nothing of a missed deadline before it is published (design 5).
        overdue = and_(
            overdue,
            exists().where(
                LATENESS.c.dossier == STEP.c.dossier,
                LATENESS.c.step == STEP.c.key,
                LATENESS.c.official == value,
                LATENESS.c.state == LatenessState.PUBLISHED.value,
            ),
        )
    counted = select(paused, overdue, func.count()).where(held).group_by(paused, overdue)
    running = waiting = late = 0
    for is_paused, is_late, steps in connection.execute(counted):
        waiting += steps if is_paused else 0
        running += 0 if is_paused else steps
        late += steps if is_late else 0
    items = None
    if full:
        query = (
            select(STEP.c.dossier, STEP.c.key, STEP.c.official, STEP.c.state, STEP.c.due_at)
            .where(held)
            .order_by(STEP.c.due_at.is_(None), STEP.c.due_at, STEP.c.dossier, STEP.c.key)
            .limit(OPEN_SHOWN)
        )
        items = tuple(
            OpenItem(dossier=dossier, step=key, official=official, state=state, due_at=due_at)
            for dossier, key, official, state, due_at in connection.execute(query)
        )
    return Open(running=running, paused=waiting, overdue=late, items=items)


def _minutes(connection: Connection, holder: str, value: str) -> Minutes:
    named = func.coalesce(LATENESS.c[holder] == value, false())
    query = (
        select(named, func.sum(SHARE.c.minutes))
        .join(LATENESS, LATENESS.c.id == SHARE.c.lateness)
        .where(
            SHARE.c[holder] == value,
            LATENESS.c.step.is_not(None),
            LATENESS.c.state.in_([state.value for state in _FULL]),
        )
        .group_by(named)
    )
    found = {bool(is_named): round(minutes, 2) for is_named, minutes in connection.execute(query)}
    return Minutes(named=found.get(True, 0), of_others=found.get(False, 0))


def _steps_done(
    connection: Connection, catalogue: Catalogue, agencies: list[str], since: str
) -> dict[str, Peer]:
    late = case((HANDLED.c.outcome == Outcome.LATE.value, 1), else_=0)
    query = (
        select(HANDLED.c.agency, func.count(), func.sum(late))
        .where(
            HANDLED.c.agency.in_(agencies),
            HANDLED.c.month >= since,
            HANDLED.c.outcome != Outcome.NO_DEADLINE.value,
        )
        .group_by(HANDLED.c.agency)
    )
    return {
        agency: Peer(
            agency=agency,
            name=_name(catalogue, agency),
            steps=steps,
            late=int(late_steps),
            on_time_share=share_of(steps - int(late_steps), steps),
        )
        for agency, steps, late_steps in connection.execute(query)
    }
