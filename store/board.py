"""What the public board asks beside the lists and bulletins: counts by month, and what was disclosed last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Engine, and_, func, select

from models.events import EventType
from models.instants import Instant
from models.lateness import Lateness, LatenessState
from models.tables import OutboxRow, table_of
from store.bulletin import enters
from store.bulletin_rows import HEADLINE
from store.database import reading
from store.projections import LATENESS

OUTBOX = table_of(OutboxRow)
DISCLOSED = (EventType.PUBLISHED, EventType.CORRECTED, EventType.RETRACTED)
"""What the public has been told: nothing else of a hearing may be in a feed."""


MOST = 500
"""Of one agency or person on one page; the months have the rest."""


class MonthCount(NamedTuple):
    """The headline of one local month (rules R11)."""

    month: str
    agencies: int
    officials: int
    dossiers: int


class Disclosure(NamedTuple):
    """A lateness the public has been told of, as it stands now."""

    position: int
    """Of its first publication: an id that says nothing of the dossier."""
    first_at: Instant
    changed_at: Instant
    month: str
    lateness: Lateness


def month_counts(engine: Engine, *, since: str | None = None, agency: str | None = None) -> list[MonthCount]:
    """Headlines of the months that have any, oldest first; ``since`` inclusive."""
    query = (
        select(
            LATENESS.c.month,
            func.count(LATENESS.c.agency.distinct()),
            func.count(LATENESS.c.official.distinct()),
            func.count(LATENESS.c.dossier.distinct()),
        )
        .where(LATENESS.c.state.in_(HEADLINE), enters())
        .group_by(LATENESS.c.month)
        .order_by(LATENESS.c.month)
    )
    if since is not None:
        query = query.where(LATENESS.c.month >= since)
    if agency is not None:
        query = query.where(LATENESS.c.agency == agency)
    with reading(engine) as connection:
        return [MonthCount(*row) for row in connection.execute(query)]


def disclosures(engine: Engine, limit: int) -> list[Disclosure]:
    """The latenesses whose publication, correction or retraction was told last, latest first."""
    told = OUTBOX.c.type.in_([type_.value for type_ in DISCLOSED])
    latest = (
        select(OUTBOX.c.subject, OUTBOX.c.dossier).where(told).order_by(OUTBOX.c.position.desc()).limit(limit)
    )
    with reading(engine) as connection:
        found = list(dict.fromkeys((row.subject, row.dossier) for row in connection.execute(latest)))
        ends = (
            select(
                OUTBOX.c.subject,
                func.min(OUTBOX.c.position).label("first"),
                func.max(OUTBOX.c.position).label("last"),
                func.min(OUTBOX.c.recorded_at).label("first_at"),
                func.max(OUTBOX.c.recorded_at).label("changed_at"),
            )
            .where(told, OUTBOX.c.dossier.in_({dossier for _, dossier in found}))
            .group_by(OUTBOX.c.subject)
            .subquery()
        )
        query = (
            select(ends, LATENESS.c.month, LATENESS.c.lateness)
            .join(LATENESS, and_(LATENESS.c.id == ends.c.subject))
            .where(LATENESS.c.id.in_([subject for subject, _ in found]), enters())
            .order_by(ends.c.last.desc())
        )
        return [
            Disclosure(
                row.first,
                row.first_at,
                row.changed_at,
                row.month,
                Lateness.model_validate(row.lateness),
            )
            for row in connection.execute(query)
        ]


def listed_latenesses(
    engine: Engine, states: Sequence[LatenessState], *, agency: str | None = None, official: str | None = None
) -> list[Lateness]:
    """Latenesses in ``states`` that the lists count, latest deadline first."""
    conditions: list[ColumnElement[bool]] = [
        LATENESS.c.state.in_([state.value for state in states]),
        enters(),
    ]
    if agency is not None:
        conditions.append(LATENESS.c.agency == agency)
    if official is not None:
        conditions.append(LATENESS.c.official == official)
    query = (
        select(LATENESS.c.lateness)
        .where(*conditions)
        .order_by(LATENESS.c.due_at.desc(), LATENESS.c.id)
        .limit(MOST)
    )
    with reading(engine) as connection:
        return [Lateness.model_validate(row) for row in connection.execute(query).scalars()]


def state_counts(engine: Engine, agency: str) -> dict[LatenessState, int]:
    """How many latenesses of the agency stand in each state, of those that the lists count."""
    query = (
        select(LATENESS.c.state, func.count())
        .where(LATENESS.c.agency == agency, enters())
        .group_by(LATENESS.c.state)
    )
    with reading(engine) as connection:
        return {LatenessState(state): count for state, count in connection.execute(query)}
