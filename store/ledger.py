"""The ledger as it is kept: entries appended once, their Merkle tree, signed checkpoints, parts that can be erased.

What an append or a proof reads and writes grows with the number of levels of the tree, not with the ledger.
Whoever reads from outside sees the ledger as far as it is signed: proofs and entries reach up to the newest
checkpoint.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, RowMapping, delete, func, select

from models import ledger, merkle
from models.errors import Code, Refusal
from models.events import EventType
from models.ledger import Place
from models.merkle import Node
from models.signed_note import Checkpoint, Signer, Verifier
from models.tables import (
    LedgerCheckpointRow,
    LedgerCursorRow,
    LedgerEntryRow,
    LedgerNodeRow,
    LedgerPersonalRow,
    LedgerPersonRow,
    OutboxRow,
    table_of,
)
from store import ledger_keys
from store.database import WRITER_LOCK, reading, writing
from store.projections import Values, insert_rows, upsert

ENTRY = table_of(LedgerEntryRow)
NODE = table_of(LedgerNodeRow)
PERSONAL = table_of(LedgerPersonalRow)
PERSON = table_of(LedgerPersonRow)
CHECKPOINT = table_of(LedgerCheckpointRow)
CURSOR = table_of(LedgerCursorRow)
OUTBOX = table_of(OutboxRow)
DISCLOSURES = [each.value for each in EventType if each.is_disclosure]
_OUTBOX = "outbox"


class Proof(NamedTuple):
    """That an entry is in the ledger of ``size`` entries, which a checkpoint has signed."""

    leaf: bytes
    size: int
    hashes: list[bytes]


class Personal(NamedTuple):
    """What an entry is committed to: SHA-256 of ``salt`` and ``document`` is its ``commitment``."""

    salt: bytes
    document: bytes


def append_disclosures(engine: Engine, *, settled_before: datetime, now: datetime, limit: int = 1000) -> int:
    """Append what the outbox has of disclosures beyond what was appended; how many.

    Each once, in the outbox's order, up to the first that was recorded at ``settled_before`` or later.
    """
    with reading(engine) as connection:
        if not _unread(connection):
            return 0
    with writing(engine, lock=WRITER_LOCK) as connection:
        cursor = _cursor(connection)
        newest = connection.execute(select(func.max(OUTBOX.c.position))).scalar() or 0
        query = (
            select(OUTBOX)
            .where(OUTBOX.c.position > cursor, OUTBOX.c.type.in_(DISCLOSURES))
            .order_by(OUTBOX.c.position)
            .limit(limit)
        )
        found = connection.execute(query).mappings().all()
        settled = next(
            (place for place, row in enumerate(found) if row["recorded_at"] >= settled_before), len(found)
        )
        _append_rows(connection, found[:settled], now)
        reached = found[settled - 1]["position"] if settled else cursor
        if settled == len(found) < limit:  # nothing else up to the end of the outbox
            reached = newest
        if reached != cursor:
            upsert(connection, CURSOR, [{"name": _OUTBOX, "position": reached}])
        return settled


def append_bulletin(
    engine: Engine, *, period: str, edition: int, sha256: str, frozen_at: datetime, now: datetime
) -> int:
    """Append a frozen edition, unless it is there; its index."""
    with writing(engine, lock=WRITER_LOCK) as connection:
        known = connection.execute(
            select(ENTRY.c.number).where(ENTRY.c.period == period, ENTRY.c.edition == edition)
        ).scalar()
        if known is not None:
            return int(known)
        place = _end(connection, now)
        entry = ledger.bulletin(place, period=period, edition=edition, sha256=sha256, frozen_at=frozen_at)
        _write(connection, [_row(place, entry, period=period, edition=edition)])
        return place.number


def sign_checkpoint(engine: Engine, signer: Signer) -> str:
    """The signed statement of the ledger as it is now; a new one if it grew, or another key signs.

    Raises :class:`Refusal` (``conflict``) for a key that is not the one the ledger goes by.
    """
    with writing(engine, lock=WRITER_LOCK) as connection:
        number = _size(connection)
        note = _checkpoint(connection)
        ledger_keys.admit(connection, signer.verifier, None if note is None or note[0] == 0 else note[1])
        if note is not None and note[0] == number and ledger_keys.is_signed_by(signer.verifier, note[1]):
            return note[1]
        root = merkle.peaks_of(number, _subtrees(connection)).root
        signed = signer.sign(str(Checkpoint(signer.verifier.name, number, root)))
        upsert(connection, CHECKPOINT, [{"size": number, "note": signed}])
        return signed


def change_key(engine: Engine, new: Verifier, *, replaces: Verifier, note: str | None, now: datetime) -> int:
    """Append that ``new`` signs from now on; the number of that entry. ``note``: as :func:`models.ledger.key_change`.

    Raises :class:`Refusal` (``conflict``) if the ledger goes by another key by now.
    """
    with writing(engine, lock=WRITER_LOCK) as connection:
        ledger_keys.check_current(connection, replaces)
        place = _end(connection, now)
        entry = ledger.key_change(place, key=str(new), replaces=str(replaces), note=note)
        _write(connection, [_row(place, entry)])
        ledger_keys.add(connection, place.number, new)
        return place.number


def checkpoint(engine: Engine) -> str | None:
    """The newest signed statement; None: nothing was signed yet."""
    with reading(engine) as connection:
        note = _checkpoint(connection)
    return None if note is None else note[1]


def size(engine: Engine) -> int:
    """Entries, also those that no checkpoint covers yet."""
    with reading(engine) as connection:
        return _size(connection)


def signed_size(engine: Engine) -> int:
    """Entries that the newest checkpoint covers."""
    with reading(engine) as connection:
        return _signed_size(connection)


def entries(engine: Engine, start: int, limit: int) -> list[bytes]:
    """Signed entries from ``start`` on, at most ``limit``."""
    with reading(engine) as connection:
        end = min(_signed_size(connection), start + limit)
        query = (
            select(ENTRY.c.content)
            .where(ENTRY.c.number >= start, ENTRY.c.number < end)
            .order_by(ENTRY.c.number)
        )
        return list(connection.execute(query).scalars())


def proof(engine: Engine, index: int) -> Proof:
    """Raises :class:`Refusal` (``not_found``) for an entry that no checkpoint covers."""
    with reading(engine) as connection:
        signed = _signed_size(connection)
        if not 0 <= index < signed:
            raise Refusal(Code.NOT_FOUND, f"the signed ledger has {signed} entries, and so no entry {index}")
        subtree = _subtrees(connection)
        return Proof(subtree(0, index), signed, merkle.inclusion(index, signed, subtree))


def consistency(engine: Engine, old_size: int) -> list[bytes]:
    """Proof that the signed ledger only added to the one of ``old_size`` entries.

    Raises :class:`Refusal` (``not_found``) where the signed ledger never had so many.
    """
    with reading(engine) as connection:
        signed = _signed_size(connection)
        if not 0 < old_size <= signed:
            raise Refusal(Code.NOT_FOUND, f"the signed ledger has {signed} entries, not yet {old_size}")
        return merkle.consistency(old_size, signed, _subtrees(connection))


def personal(engine: Engine, index: int) -> Personal | None:
    """What the entry is committed to; None: it has no such part, or it was erased."""
    with reading(engine) as connection:
        found = connection.execute(select(PERSONAL).where(PERSONAL.c.number == index)).mappings().first()
    return None if found is None else Personal(found["salt"], found["document"])


def erase(engine: Engine, official: str) -> int:
    """Erase the personal parts that name ``official``, salt and all; how many. Entries and proofs stay as they are."""
    with writing(engine, lock=WRITER_LOCK) as connection:
        naming = select(PERSON.c.number).where(PERSON.c.official == official)
        erased = connection.execute(delete(PERSONAL).where(PERSONAL.c.number.in_(naming))).rowcount
        connection.execute(delete(PERSON).where(PERSON.c.number.in_(naming)))
        return erased


def _append_rows(connection: Connection, events: Sequence[RowMapping], now: datetime) -> None:
    if not events:
        return
    place = _end(connection, now)
    rows, parts, people = [], [], []
    for event in events:
        salt = secrets.token_bytes(ledger.SALT_BYTES)
        made = ledger.disclosure(
            place,
            type_=event["type"],
            time=event["time"],
            sequence=event["sequence"],
            lateness=event["data"],
            salt=salt,
        )
        rows.append(_row(place, made.entry, position=event["position"]))
        parts.append({"number": place.number, "salt": salt, "document": made.personal})
        people += [
            {"official": official, "number": place.number} for official in ledger.people(made.personal)
        ]
        place = place.after(made.entry)
    _write(connection, rows)
    insert_rows(connection, PERSONAL, parts)
    insert_rows(connection, PERSON, people)


def _row(
    place: Place,
    entry: bytes,
    *,
    position: int | None = None,
    period: str | None = None,
    edition: int | None = None,
) -> Values:
    return {
        "number": place.number,
        "content": entry,
        "leaf": merkle.leaf_hash(entry),
        "position": position,
        "period": period,
        "edition": edition,
    }


def _write(connection: Connection, rows: Sequence[Values]) -> None:
    """Entries at the end, and the subtrees they complete."""
    peaks = merkle.peaks_of(rows[0]["number"], _subtrees(connection))
    completed: list[Node] = []
    for row in rows:
        completed += peaks.append(row["leaf"])[1:]
    insert_rows(connection, ENTRY, rows)
    insert_rows(connection, NODE, [node._asdict() for node in completed])


def _end(connection: Connection, now: datetime) -> Place:
    query = select(ENTRY.c.number, ENTRY.c.content).order_by(ENTRY.c.number.desc()).limit(1)
    last = connection.execute(query).first()
    return ledger.first_place(now) if last is None else ledger.place_after(last.number, last.content, now)


def _subtrees(connection: Connection) -> merkle.Subtree:
    def subtree(level: int, place: int) -> bytes:
        if level == 0:
            query = select(ENTRY.c.leaf).where(ENTRY.c.number == place)
        else:
            query = select(NODE.c.hash).where(NODE.c.level == level, NODE.c.place == place)
        return bytes(connection.execute(query).scalar_one())

    return subtree


def _unread(connection: Connection) -> bool:
    newest = connection.execute(select(func.max(OUTBOX.c.position))).scalar() or 0
    return newest > _cursor(connection)


def _cursor(connection: Connection) -> int:
    query = select(CURSOR.c.position).where(CURSOR.c.name == _OUTBOX)
    return connection.execute(query).scalar() or 0


def _size(connection: Connection) -> int:
    last = connection.execute(select(func.max(ENTRY.c.number))).scalar()
    return 0 if last is None else last + 1


def _signed_size(connection: Connection) -> int:
    return connection.execute(select(func.max(CHECKPOINT.c.size))).scalar() or 0


def _checkpoint(connection: Connection) -> tuple[int, str] | None:
    query = select(CHECKPOINT.c.size, CHECKPOINT.c.note).order_by(CHECKPOINT.c.size.desc()).limit(1)
    found = connection.execute(query).first()
    return None if found is None else (found.size, found.note)
