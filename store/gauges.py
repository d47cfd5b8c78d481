"""Figures for the operator, read from the store and not from the process that might be broken."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, select

from models.budget import Model
from models.delivery import SubscriberState
from models.tables import WaitingRow, WebhookRow, table_of
from models.views import Status
from store.database import reading
from store.journal import OUTBOX
from store.projections import DOSSIER

WEBHOOK = table_of(WebhookRow)
WAITING = table_of(WaitingRow)
GRACE = timedelta(seconds=5)
"""A deadline that passed so recently is being recorded right now."""


class OpenDossiers(Model):
    agency: str
    procedure: str
    status: Status
    dossiers: int


class Gauges(Model):
    open: tuple[OpenDossiers, ...]
    deadlines_unprocessed: int
    """Dossiers whose nearest running deadline has passed with nothing recorded."""
    outbox_pending: int
    """Events that the slowest active webhook has not had; without webhooks none."""
    outbox_oldest_seconds: float


def read_gauges(engine: Engine, now: datetime) -> Gauges:
    with reading(engine) as connection:
        pending, oldest = _outbox(connection)
        return Gauges(
            open=_open(connection),
            deadlines_unprocessed=_unprocessed(connection, now),
            outbox_pending=pending,
            outbox_oldest_seconds=0 if oldest is None else max(0.0, (now - oldest).total_seconds()),
        )


def _open(connection: Connection) -> tuple[OpenDossiers, ...]:
    keys = (DOSSIER.c.agency, DOSSIER.c.procedure, DOSSIER.c.status)
    query = select(*keys, func.count()).where(DOSSIER.c.closed_at.is_(None)).group_by(*keys).order_by(*keys)
    return tuple(
        OpenDossiers(agency=agency, procedure=procedure, status=Status(status), dossiers=dossiers)
        for agency, procedure, status, dossiers in connection.execute(query)
    )


def _unprocessed(connection: Connection, now: datetime) -> int:
    query = select(func.count()).select_from(DOSSIER).where(DOSSIER.c.next_deadline_at < now - GRACE)
    return connection.execute(query).scalar_one()


def _outbox(connection: Connection) -> tuple[int, datetime | None]:
    """What the slowest active webhook has not had: by positions, not by counting a backlog of millions."""
    newest = connection.execute(select(func.max(OUTBOX.c.position))).scalar() or 0
    waiting = (
        select(func.count())
        .where(WAITING.c.webhook == WEBHOOK.c.name, WAITING.c.dead.is_(False))
        .scalar_subquery()
    )
    first_waiting = (
        select(func.min(WAITING.c.position))
        .where(WAITING.c.webhook == WEBHOOK.c.name, WAITING.c.dead.is_(False))
        .scalar_subquery()
    )
    active = WEBHOOK.c.state == SubscriberState.ACTIVE.value
    rows = connection.execute(select(WEBHOOK.c.position, waiting, first_waiting).where(active)).all()
    pending = max((newest - served + behind for served, behind, _ in rows), default=0)
    if pending == 0:
        return 0, None
    first = min(served + 1 if held is None else held for served, _, held in rows)
    oldest = select(OUTBOX.c.recorded_at).where(OUTBOX.c.position >= first)
    return pending, connection.execute(oldest.order_by(OUTBOX.c.position).limit(1)).scalar()
