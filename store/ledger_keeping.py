"""Brings the ledger up to date: what has settled is appended, signed and written to its files, as often as asked."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, and_, select

from models.tables import EditionRow, table_of
from store import ledger
from store.database import reading
from store.ledger_files import FOLDER, publish
from store.ledger_key import signer
from store.ledger_keys import keys

BATCH = 1000
EDITION = table_of(EditionRow)


def keep(engine: Engine, data: Path, *, origin: str, now: datetime, settling: timedelta) -> int:
    """Append what was recorded ``settling`` ago or earlier, and every frozen edition; entries in the ledger.

    Safe to repeat and to interrupt: what one run leaves undone, the next does. Raises :class:`Refusal` where the
    key or the files need a person; nothing is signed then, and nothing is lost.
    """
    known = keys(engine)
    key = signer(data, origin, size=ledger.signed_size(engine), current=known[0] if known else None)
    while ledger.append_disclosures(engine, settled_before=now - settling, now=now, limit=BATCH) == BATCH:
        pass
    _append_editions(engine, now)
    ledger.sign_checkpoint(engine, key)
    publish(engine, data / FOLDER, key.verifier)
    return ledger.size(engine)


def _append_editions(engine: Engine, now: datetime) -> None:
    entry = ledger.ENTRY
    same = and_(entry.c.period == EDITION.c.period, entry.c.edition == EDITION.c.edition)
    missing = (
        select(EDITION.c.period, EDITION.c.edition, EDITION.c.sha256, EDITION.c.frozen_at)
        .outerjoin(entry, same)
        .where(entry.c.number.is_(None))
        .order_by(EDITION.c.frozen_at, EDITION.c.period, EDITION.c.edition)
    )
    with reading(engine) as connection:
        found = connection.execute(missing).mappings().all()
    for row in found:
        ledger.append_bulletin(engine, **row, now=now)
