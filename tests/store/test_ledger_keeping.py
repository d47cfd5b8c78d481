"""Keeping the ledger: all that has settled is in its files, each once, however often and from how many places."""

from __future__ import annotations

import json
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from models.errors import Refusal
from models.signed_note import read_verifier
from models.verifying import lines_of, verify
from store import ledger, ledger_keeping
from store.database import writing
from store.journal import Journal
from store.ledger_keeping import EDITION, keep
from store.ledger_key import NAME
from store.projections import insert_rows
from tests.store.test_ledger import tell

ORIGIN = "danbiet.local/test"
SETTLING = timedelta(minutes=1)


def now() -> datetime:
    """Everything that was recorded until now has settled."""
    return datetime.now(UTC) + timedelta(minutes=2)


def freeze(engine: Engine, edition: int) -> None:
    frozen_at = datetime(2025, 5, 15, edition, tzinfo=UTC)
    row = {
        "period": "2025-04",
        "edition": edition,
        "frozen_at": frozen_at,
        "watermark": frozen_at,
        "position": 1,
        "formula": "1",
        "sha256": f"{edition:064x}",
        "content": b"{}",
    }
    with writing(engine) as connection:
        insert_rows(connection, EDITION, [row])


def told(data: Path) -> list[dict[str, Any]]:
    """The entries in the files, once they were verified."""
    folder = data / "ledger"
    content = (folder / "entries").read_bytes()
    verifier = read_verifier((folder / "key").read_text())
    verify((folder / "checkpoint").read_text(), lines_of([content]), verifier)
    return [json.loads(b64decode(line)) for line in content.split()]


def test_disclosures_and_editions_go_in_once(engine: Engine, journal: Journal, tmp_path: Path) -> None:
    assert keep(engine, tmp_path, origin=ORIGIN, now=now(), settling=SETTLING) == 0
    tell(journal, "D-1")
    freeze(engine, 1)
    freeze(engine, 2)
    for _ in range(2):
        assert keep(engine, tmp_path, origin=ORIGIN, now=now(), settling=SETTLING) == 5
    tell(journal, "D-2")
    freeze(engine, 3)
    assert keep(engine, tmp_path, origin=ORIGIN, now=now(), settling=SETTLING) == 9
    assert [each.get("state", each.get("sha256", "")[-1:]) for each in told(tmp_path)] == [
        *("recorded", "published", "retracted", "1", "2"),
        *("recorded", "published", "retracted", "3"),
    ]


def test_what_has_not_settled_waits(engine: Engine, journal: Journal, tmp_path: Path) -> None:
    tell(journal, "D-1")
    assert keep(engine, tmp_path, origin=ORIGIN, now=datetime.now(UTC), settling=SETTLING) == 0
    assert keep(engine, tmp_path, origin=ORIGIN, now=now(), settling=SETTLING) == 3


def test_several_keepers_disturb_nobody(
    engine: Engine, journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_keeping, "BATCH", 2)
    for number in range(4):
        tell(journal, f"D-{number}")
        freeze(engine, number + 1)
    with ThreadPoolExecutor(4) as pool:
        futures = [
            pool.submit(keep, engine, tmp_path, origin=ORIGIN, now=now(), settling=SETTLING) for _ in range(8)
        ]
        for future in futures:
            future.result(timeout=60)
    assert len(told(tmp_path)) == 16


def test_a_lost_key_stops_signing_and_loses_nothing(engine: Engine, journal: Journal, tmp_path: Path) -> None:
    tell(journal, "D-1")
    keep(engine, tmp_path, origin=ORIGIN, now=now(), settling=SETTLING)
    saved = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).unlink()
    tell(journal, "D-2")
    with pytest.raises(Refusal, match=r"is gone, and 3 entries"):
        keep(engine, tmp_path, origin=ORIGIN, now=now(), settling=SETTLING)
    assert (len(told(tmp_path)), ledger.size(engine)) == (3, 3)
    (tmp_path / NAME).write_bytes(saved)
    keep(engine, tmp_path, origin=ORIGIN, now=now(), settling=SETTLING)
    assert len(told(tmp_path)) == 6
