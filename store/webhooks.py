"""Webhooks as their operator keeps them: added, listed, removed, replayed."""

from __future__ import annotations

import secrets
from base64 import b64encode
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from sqlalchemy import Delete, Engine, RowMapping, Select, Update, delete, func, insert, select, update

from models.budget import Model
from models.delivery import Audience, Subscriber, SubscriberState
from models.errors import Code, Refusal
from models.events import EventType
from models.instants import Instant, localised
from models.tables import OutboxRow, WaitingRow, WebhookRow, table_of
from store.database import reading, writing

OUTBOX = table_of(OutboxRow)
WEBHOOK = table_of(WebhookRow)
WAITING = table_of(WaitingRow)
ROTATION = timedelta(days=1)
"""So long an old secret signs beside the new one."""
SECRET_BYTES = 32


class Standing(Model):
    """A subscriber as its operator sees it."""

    subscriber: Subscriber
    reason: str | None
    position: int
    lag: int
    """Events after the cursor, of all types."""
    waiting: int
    dead: int
    last_error: str | None
    rest_until: Instant | None

    def told(self, zone: ZoneInfo) -> dict[str, JsonValue]:
        """As JSON has it: one flat object, the subscriber's fields first."""
        fields = {**dict(self.subscriber), **dict(self)}
        return {name: localised(value, zone) for name, value in fields.items() if name != "subscriber"}


def add(engine: Engine, subscriber: Subscriber, now: datetime) -> str:
    """Add a webhook, which is told what happens from now on; returns its secret.

    One that is there is changed and keeps its place; its old secret signs beside the new one for a day.
    """
    secret = f"whsec_{b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"
    values: dict[str, Any] = {
        "url": subscriber.url,
        "audience": subscriber.audience.value,
        "types": ",".join(subscriber.types),
        "secret": secret,
        "state": SubscriberState.ACTIVE.value,
        "reason": None,
        "failures": 0,
        "rest_until": None,
    }
    with writing(engine) as connection:
        old = connection.execute(named(subscriber.name)).mappings().first()
        if old is None:
            newest = connection.execute(select(func.max(OUTBOX.c.position))).scalar() or 0
            connection.execute(insert(WEBHOOK).values(name=subscriber.name, position=newest, **values))
        else:
            values |= {"old_secret": old["secret"], "old_secret_until": now + ROTATION}
            connection.execute(update(WEBHOOK).where(WEBHOOK.c.name == subscriber.name).values(values))
    return secret


def remove(engine: Engine, name: str) -> None:
    with writing(engine) as connection:
        gone = connection.execute(delete(WEBHOOK).where(WEBHOOK.c.name == name)).rowcount
        _must_be_there(name, there=gone == 1)
        connection.execute(delete(WAITING).where(WAITING.c.webhook == name))


def replay(engine: Engine, name: str, now: datetime, since: int | None = None) -> int:
    """Send again: everything from position ``since`` on, or (None) what is waiting or was given up.

    Returns how many of those there were. One that was disabled is active again.
    """
    of_it = WAITING.c.webhook == name
    with writing(engine) as connection:
        found = connection.execute(named(name)).mappings().first()
        _must_be_there(name, there=found is not None)
        changes: dict[str, Any] = {"state": SubscriberState.ACTIVE.value, "reason": None}
        changes |= {"failures": 0, "rest_until": None}
        again: Update | Delete
        if since is None:
            again = update(WAITING).where(of_it).values(dead=False, attempts=0, next_at=now)
        else:
            if found is not None and not 1 <= since <= found["position"] + 1:
                raise Refusal(
                    Code.INVALID,
                    f"'{name}' has been served up to {found['position']}: replay from a position between 1 and that",
                )
            again = delete(WAITING).where(of_it, WAITING.c.position >= since)
            changes["position"] = since - 1
        touched = connection.execute(again).rowcount
        connection.execute(update(WEBHOOK).where(WEBHOOK.c.name == name).values(changes))
    return touched


def names(engine: Engine) -> list[str]:
    """Names of all webhooks; the disabled ones too, for they may be replayed."""
    with reading(engine) as connection:
        return list(connection.execute(select(WEBHOOK.c.name).order_by(WEBHOOK.c.name)).scalars())


def standings(engine: Engine) -> list[Standing]:
    """Every subscriber and how it is served, by name."""
    last = (
        select(WAITING.c.last_error)
        .where(WAITING.c.webhook == WEBHOOK.c.name, WAITING.c.last_error.is_not(None))
        .order_by(WAITING.c.position.desc())
        .limit(1)
    )
    counts = [
        select(func.count())
        .where(WAITING.c.webhook == WEBHOOK.c.name, WAITING.c.dead.is_(dead))
        .scalar_subquery()
        .label(label)
        for label, dead in (("waiting", False), ("dead", True))
    ]
    query = select(WEBHOOK, last.scalar_subquery().label("last_error"), *counts).order_by(WEBHOOK.c.name)
    with reading(engine) as connection:
        newest = connection.execute(select(func.max(OUTBOX.c.position))).scalar() or 0
        return [
            Standing(
                subscriber=subscriber_of(row),
                lag=max(0, newest - row["position"]),
                **{name: row[name] for name in Standing.model_fields if name in row},
            )
            for row in connection.execute(query).mappings()
        ]


def named(name: str) -> Select[Any]:
    """The row of the webhook called ``name``."""
    return select(WEBHOOK).where(WEBHOOK.c.name == name)


def subscriber_of(row: RowMapping) -> Subscriber:
    return Subscriber(
        name=row["name"],
        url=row["url"],
        audience=Audience(row["audience"]),
        types=tuple(EventType(each) for each in row["types"].split(",") if each),
        state=SubscriberState(row["state"]),
    )


def _must_be_there(name: str, *, there: bool) -> None:
    if not there:
        raise Refusal(Code.NOT_FOUND, f"there is no webhook '{name}': `danbiet webhooks list` names them")
