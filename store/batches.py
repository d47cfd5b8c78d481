"""What a webhook is to be sent next, and what came of it.

A webhook's cursor passes every event once. What it could not be given by then is kept in ``waiting``: an event that
is tried again, and the later ones of its dossier behind it, so that each dossier is told in order while the others
go on. An event that is given up (a dead letter) holds its dossier up no longer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, delete, exists, insert, select, update

from models.budget import Model
from models.delivery import OutEvent, Subscriber, SubscriberState, next_attempt, rest
from models.tables import OutboxRow, WaitingRow, WebhookRow, table_of
from store.database import reading, writing
from store.webhooks import named, subscriber_of

OUTBOX = table_of(OutboxRow)
WEBHOOK = table_of(WebhookRow)
WAITING = table_of(WaitingRow)
SETTLED = timedelta(seconds=15)
"""Younger events are left alone: a lost workflow task may still be done again, and tell them otherwise."""
SCAN = 500
BATCH = 50
DOWN = 3
"""After so many fruitless batches it is the receiver that fails, not an event."""


class Result(StrEnum):
    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"
    """The receiver wants no more (410)."""


class Answer(NamedTuple):
    """What came of one request; ``asked``: how long the receiver wants to be left alone."""

    result: Result
    error: str | None = None
    asked: timedelta | None = None


class Parcel(Model):
    """An event to send, as the subscriber is told it."""

    position: int
    dossier: str
    attempts: int
    event: OutEvent


class Batch(Model):
    """What to send now. ``before``: the cursor it was made at; ``after``: the cursor once it is done with."""

    subscriber: Subscriber
    secrets: tuple[str, ...]
    before: int
    after: int
    parcels: tuple[Parcel, ...] = ()
    behind: tuple[tuple[int, str], ...] = ()
    """Fresh events (position, dossier) whose dossier has an earlier one waiting."""
    vanished: tuple[int, ...] = ()
    """Waiting ones that were never told after all."""

    @property
    def is_empty(self) -> bool:
        return not self.parcels and not self.vanished and self.after == self.before


def next_batch(
    engine: Engine, name: str, now: datetime, *, settled: timedelta = SETTLED, limit: int = BATCH
) -> Batch | None:
    """What to send to ``name`` now; None: there is no such webhook.

    A receiver that took nothing last time is left alone for a while, and then asked with one event.
    """
    with reading(engine) as connection:
        row = connection.execute(named(name)).mappings().first()
        if row is None:
            return None
        batch = Batch(
            subscriber=subscriber_of(row),
            secrets=_secrets(row, now),
            before=row["position"],
            after=row["position"],
        )
        resting = row["rest_until"] is not None and row["rest_until"] > now
        if resting or batch.subscriber.state is SubscriberState.DISABLED:
            return batch
        limit = 1 if row["failures"] else limit
        batch = _with_due(connection, batch, now, limit)
        if len(batch.parcels) < limit:
            batch = _with_fresh(connection, batch, now - settled, limit)
    return batch


def _with_due(connection: Connection, batch: Batch, now: datetime, limit: int) -> Batch:
    """With the first waiting event of each dossier, if it is time."""
    earlier = WAITING.alias()
    waits_behind = exists().where(
        earlier.c.webhook == WAITING.c.webhook,
        earlier.c.dossier == WAITING.c.dossier,
        earlier.c.position < WAITING.c.position,
        earlier.c.dead.is_(False),
    )
    query = (
        select(WAITING.c.position, WAITING.c.dossier, WAITING.c.attempts)
        .where(
            WAITING.c.webhook == batch.subscriber.name,
            WAITING.c.dead.is_(False),
            WAITING.c.next_at <= now,
            ~waits_behind,
        )
        .order_by(WAITING.c.next_at, WAITING.c.position)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    events = _events(connection, OUTBOX.c.position.in_([row.position for row in rows]))
    told = {event.position: batch.subscriber.view(event) for event, _ in events}
    return batch.model_copy(
        update={
            "parcels": tuple(
                Parcel(position=row.position, dossier=row.dossier, attempts=row.attempts, event=event)
                for row in rows
                if (event := told.get(row.position)) is not None
            ),
            "vanished": tuple(row.position for row in rows if told.get(row.position) is None),
        }
    )


def _with_fresh(connection: Connection, batch: Batch, settled: datetime, limit: int) -> Batch:
    """With the events after the cursor, as far as they are settled."""
    rows = _events(connection, OUTBOX.c.position > batch.before)
    query = select(WAITING.c.dossier).where(
        WAITING.c.webhook == batch.subscriber.name,
        WAITING.c.dead.is_(False),
        WAITING.c.dossier.in_({event.dossier for event, _ in rows}),
    )
    held = set(connection.execute(query).scalars())
    parcels, behind, after = list(batch.parcels), [], batch.before
    for event, recorded_at in rows:
        if recorded_at > settled or len(parcels) >= limit:
            break
        after = event.position
        told = batch.subscriber.view(event)
        if told is None:
            continue
        if event.dossier in held:
            behind.append((event.position, event.dossier))
        else:
            parcels.append(Parcel(position=event.position, dossier=event.dossier, attempts=0, event=told))
    return batch.model_copy(update={"parcels": tuple(parcels), "behind": tuple(behind), "after": after})


def conclude(engine: Engine, batch: Batch, answers: Mapping[int, Answer], now: datetime) -> Counter[str]:
    """Remember what came of ``batch``; parcels without an answer wait. Returns how many had which outcome.

    Nothing is remembered if the webhook was removed or set back meanwhile: its events are sent anew.
    """
    name, told = batch.subscriber.name, Counter[str]()
    with writing(engine) as connection:
        moved = connection.execute(
            update(WEBHOOK)
            .where(WEBHOOK.c.name == name, WEBHOOK.c.position == batch.before)
            .values(position=batch.after)
        ).rowcount
        if not moved:
            return Counter(answer.result.value for answer in answers.values())
        finished, open_ = list(batch.vanished), list[dict[str, Any]]()
        for parcel in batch.parcels:
            answer = answers.get(parcel.position)
            if answer is not None and answer.result is Result.DELIVERED:
                finished.append(parcel.position)
                told[Result.DELIVERED] += 1
            else:
                row = _waiting(name, parcel, answer, now)
                open_.append(row)
                if answer is not None:
                    told["dead" if row["dead"] else answer.result] += 1
        open_ += [_untried(name, position, dossier, now) for position, dossier in batch.behind]
        over = [*finished, *(row["position"] for row in open_)]
        connection.execute(delete(WAITING).where(WAITING.c.webhook == name, WAITING.c.position.in_(over)))
        if open_:
            connection.execute(insert(WAITING), open_)
        _tell_health(connection, batch, answers, now)
    return told


def _tell_health(connection: Connection, batch: Batch, answers: Mapping[int, Answer], now: datetime) -> None:
    """A receiver that takes nothing is left alone; one that is back is given at once what waited for it."""
    name = batch.subscriber.name
    row = connection.execute(named(name)).mappings().one()
    results = {answer.result for answer in answers.values()}
    changes: dict[str, Any] = {}
    if Result.DELIVERED in results:
        changes = {"failures": 0, "rest_until": None}
        if row["failures"] >= DOWN:
            waiting = (WAITING.c.webhook == name, WAITING.c.dead.is_(False))
            connection.execute(update(WAITING).where(*waiting).values(next_at=now))
    elif Result.FAILED in results:
        failures = row["failures"] + 1
        changes = {"failures": failures, "rest_until": now + rest(failures)}
    if Result.GONE in results:
        changes |= {"state": SubscriberState.DISABLED.value, "reason": "the receiver wants no more (410)"}
    if changes:
        connection.execute(update(WEBHOOK).where(WEBHOOK.c.name == name).values(changes))


def _waiting(name: str, parcel: Parcel, answer: Answer | None, now: datetime) -> dict[str, Any]:
    """The row of a parcel that was not delivered."""
    if answer is None or answer.result is Result.GONE:
        return _untried(name, parcel.position, parcel.dossier, now) | {"attempts": parcel.attempts}
    attempts = parcel.attempts + 1
    next_at = next_attempt(now, attempts, answer.asked)
    return {
        "webhook": name,
        "position": parcel.position,
        "dossier": parcel.dossier,
        "attempts": attempts,
        "next_at": next_at or now,
        "last_error": answer.error,
        "dead": next_at is None,
    }


def _untried(name: str, position: int, dossier: str, now: datetime) -> dict[str, Any]:
    return {
        "webhook": name,
        "position": position,
        "dossier": dossier,
        "attempts": 0,
        "next_at": now,
        "last_error": None,
        "dead": False,
    }


def _events(connection: Connection, condition: ColumnElement[bool]) -> list[tuple[OutEvent, datetime]]:
    columns = [OUTBOX.c[name] for name in OutEvent.model_fields]
    query = select(*columns, OUTBOX.c.recorded_at).where(condition).order_by(OUTBOX.c.position).limit(SCAN)
    return [
        (OutEvent.model_validate({name: row[name] for name in OutEvent.model_fields}), row["recorded_at"])
        for row in connection.execute(query).mappings()
    ]


def _secrets(row: RowMapping, now: datetime) -> tuple[str, ...]:
    """All that sign now, the newest first."""
    until = row["old_secret_until"]
    return (row["secret"], row["old_secret"]) if until is not None and now < until else (row["secret"],)
