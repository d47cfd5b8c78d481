"""The ledger is kept beside: what settles while it runs, and at its end, is in the files; trouble is told once."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from cli import keeping
from cli.keeping import Keeper
from store import keys, ledger
from store.database import reading
from store.journal import Journal
from store.ledger_key import NAME
from tests.cli.conftest import Danbiet
from tests.store.test_ledger import tell

ORIGIN = "danbiet.local/test"
AT_ONCE = timedelta(0)


def _three_entries(entries: Path) -> None:
    for _ in range(1000):
        if entries.exists() and entries.read_bytes().count(b"\n") == 3:
            return
        time.sleep(0.02)
    raise AssertionError("the ledger was not kept")


async def test_what_settles_is_in_the_files(
    data: Path, engine: Engine, danbiet: Danbiet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "EVERY", 0.05)
    with Journal(engine, "test") as journal:
        async with Keeper(engine, data, ORIGIN, settling=AT_ONCE).running():
            tell(journal, "D-1")
            await asyncio.to_thread(_three_entries, data / "ledger" / "entries")
            tell(journal, "D-2")
    assert danbiet("verify", data, "--json").json["size"] == 6


def test_trouble_is_told_once_and_passes(
    data: Path, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = Keeper(engine, data, ORIGIN, settling=AT_ONCE)
    (data / NAME).write_text("garbled")
    with caplog.at_level(logging.ERROR):
        keeper.keep()
        keeper.keep()
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "the ledger is not kept, trying again"
    ]
    assert not (data / "ledger").exists()
    (data / NAME).unlink()
    keeper.keep()
    assert (data / "ledger" / "checkpoint").exists()


def test_what_names_a_person_is_erased_and_the_ledger_holds(
    data: Path, engine: Engine, danbiet: Danbiet
) -> None:
    with Journal(engine, "test") as journal:
        tell(journal, "D-1", "cb-01")
        tell(journal, "D-2", "cb-02")
    Keeper(engine, data, ORIGIN, settling=AT_ONCE).keep()
    before = (data / "ledger" / "entries").read_bytes()
    refused = danbiet("ledger", "erase", "cb-01", "--reason", " ")
    assert (refused.code, "--reason" in refused.err) == (1, True)
    assert danbiet("ledger", "erase", "cb-01", "--reason", "order 7/2026", "--json").json == {
        "official": "cb-01",
        "erased": 3,
    }
    assert "nothing to erase" in danbiet("ledger", "erase", "cb-01", "--reason", "order 7/2026").out
    assert [ledger.personal(engine, index) is None for index in range(6)] == [True] * 3 + [False] * 3
    with reading(engine) as connection:
        trail = connection.execute(select(keys.AUDIT.c.method, keys.AUDIT.c.name, keys.AUDIT.c.path)).all()
    assert trail[0] == ("ERASE", "admin", "/ledger/officials/cb-01?reason=order+7%2F2026")
    Keeper(engine, data, ORIGIN, settling=AT_ONCE).keep()
    assert (data / "ledger" / "entries").read_bytes() == before
    assert danbiet("verify", data, "--json").json["size"] == 6
