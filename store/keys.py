"""API keys, what was done with them, and what repeated requests were answered."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select

from models.access import Principal, Role
from models.budget import Model
from models.errors import Code, Refusal
from models.instants import Instant, whole
from models.tables import AnswerRow, AuditRow, KeyRow, table_of
from store.database import reading, writing
from store.projections import insert_for

KEY = table_of(KeyRow)
AUDIT = table_of(AuditRow)
ANSWER = table_of(AnswerRow)
MARK = "dbk"
COARSE = timedelta(minutes=5)
"""How exactly the last use of a key is remembered: a write a request would be too dear."""


class Key(Model):
    """A key as it may be shown."""

    prefix: str
    name: str
    role: Role
    agency: str | None
    official: str | None
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    last_used_at: Instant | None

    @property
    def principal(self) -> Principal:
        return Principal(
            role=self.role,
            name=self.official or self.name,
            agency=self.agency,
            official=self.official,
            key=self.prefix,
        )

    def is_used_after_long(self, now: datetime) -> bool:
        return self.last_used_at is None or now - self.last_used_at > COARSE


def create(
    engine: Engine,
    name: str,
    role: Role,
    *,
    agency: str | None = None,
    official: str | None = None,
    expires_at: datetime | None = None,
) -> tuple[str, Key]:
    """A new key, told this once, and what is kept of it."""
    prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    told = f"{MARK}_{prefix}_{secret}"
    row = {
        "prefix": prefix,
        "name": name,
        "hash": _hash(told),
        "role": role.value,
        "agency": agency,
        "official": official,
        "created_at": whole(datetime.now(UTC)),
        "expires_at": expires_at,
        "revoked_at": None,
        "last_used_at": None,
    }
    with writing(engine) as connection:
        connection.execute(KEY.insert(), row)
    return told, _key(row)


def find(engine: Engine, told: str, now: datetime) -> Key | None:
    """The key that was presented, if it is one and still holds."""
    mark, _, rest = told.partition("_")
    prefix = rest.partition("_")[0]
    if mark != MARK or not prefix:
        return None
    with reading(engine) as connection:
        row = connection.execute(select(KEY).where(KEY.c.prefix == prefix)).mappings().first()
    if row is None or not hmac.compare_digest(row["hash"], _hash(told)):
        return None
    key = _key(dict(row))
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
        return None
    return key


def remember_use(engine: Engine, key: Key, now: datetime) -> None:
    with writing(engine) as connection:
        connection.execute(KEY.update().where(KEY.c.prefix == key.prefix).values(last_used_at=now))


def listed(engine: Engine) -> list[Key]:
    with reading(engine) as connection:
        rows = connection.execute(select(KEY).order_by(KEY.c.created_at, KEY.c.prefix)).mappings().all()
    return [_key(dict(row)) for row in rows]


def revoke(engine: Engine, prefix: str) -> Key:
    """From now on it is no key. Raises :class:`Refusal` (``not_found``)."""
    now = whole(datetime.now(UTC))
    with writing(engine) as connection:
        update = KEY.update().where(KEY.c.prefix == prefix, KEY.c.revoked_at.is_(None))
        connection.execute(update.values(revoked_at=now))
        row = connection.execute(select(KEY).where(KEY.c.prefix == prefix)).mappings().first()
    if row is None:
        raise Refusal(Code.NOT_FOUND, f"there is no key {prefix}: 'danbiet keys list' shows them")
    return _key(dict(row))


def audit(
    engine: Engine, principal: Principal, *, method: str, path: str, status: int, code: str | None
) -> None:
    """Keep that somebody wrote, or tried to."""
    row = {
        "at": whole(datetime.now(UTC)),
        "key": principal.key,
        "name": principal.name,
        "role": principal.role.value,
        "method": method,
        "path": path,
        "status": status,
        "code": code,
    }
    with writing(engine) as connection:
        connection.execute(AUDIT.insert(), row)


ANSWERS_KEPT = timedelta(days=30)
"""How long an answer is given again: programs repeat within minutes, after a broken night or a long holiday in days.

After that an action sent again with its key is still done once, for its dossier knows the id. Forgotten are the wording
of a refusal, that the key was used, and which code was made for an intake form (decision 0014).
"""
BEGUN = 0
"""Stands for the status of an answer that is not there yet."""


class Answer(Model):
    """What a request was answered, to be said again."""

    status: int
    body: dict[str, Any]


def answer_before(engine: Engine, key: str, id: str, request: str) -> Answer | None:  # noqa: A002
    """The answer to the same request before; None: there is none yet, and the request is noted as begun.

    Noted before anything is done, so that also after a crash the ``id`` stands for this request and no other.
    Raises :class:`Refusal` (``conflict``) where it was another request.
    """
    begun = {
        "key": key,
        "id": id,
        "request": request,
        "status": BEGUN,
        "body": {},
        "at": whole(datetime.now(UTC)),
    }
    query = select(ANSWER).where(ANSWER.c.key == key, ANSWER.c.id == id)
    with writing(engine) as connection:
        insert = insert_for(engine.dialect.name, ANSWER)
        connection.execute(insert.on_conflict_do_nothing(index_elements=["key", "id"]), begun)
        row = connection.execute(query).mappings().one()
    if row["request"] != request:
        raise Refusal(
            Code.CONFLICT, f"the Idempotency-Key '{id}' was used for another request: take a new one"
        )
    return None if row["status"] == BEGUN else Answer(status=row["status"], body=row["body"])


def keep_answer(engine: Engine, key: str, id: str, answer: Answer) -> None:  # noqa: A002
    """The first answer stays."""
    update = ANSWER.update().where(ANSWER.c.key == key, ANSWER.c.id == id, ANSWER.c.status == BEGUN)
    with writing(engine) as connection:
        connection.execute(update.values(status=answer.status, body=answer.body))


def forget_answers(engine: Engine, now: datetime) -> int:
    """Delete the answers that were kept for long enough at ``now``, also those never given; how many there were."""
    with writing(engine) as connection:
        return connection.execute(ANSWER.delete().where(ANSWER.c.at < now - ANSWERS_KEPT)).rowcount


def _hash(told: str) -> str:
    return hashlib.sha256(told.encode()).hexdigest()


def _key(row: dict[str, Any]) -> Key:
    return Key.model_validate({name: value for name, value in row.items() if name != "hash"})
