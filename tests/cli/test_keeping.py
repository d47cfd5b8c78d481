"""The ledger is kept beside: what settles while it runs, and at its end, is in the files; trouble is told once."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from cli import keeping
from cli.keeping import Keeper
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
