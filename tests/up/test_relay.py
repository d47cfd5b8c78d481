"""Every event that goes out stands in the file once, whatever happens in between."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from cli import relay
from cli.relay import NAME, FileRelay
from models.errors import Unavailable
from store import subscribers
from store.database import open_database, upgrade
from store.gauges import read_gauges
from store.journal import Journal
from store.queries import OutEvent
from tests.store.samples import T0, record


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path / 'danbiet.db'}"
    upgrade(url)
    opened = open_database(url)
    yield opened
    opened.dispose()


def told(engine: Engine, code: str, events: int = 3) -> None:
    Journal(engine, "test").record_now([record(code, last=events)])


def lines(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / NAME).read_text(encoding="utf-8").splitlines()]


def ids(tmp_path: Path) -> list[str]:
    return [line["id"] for line in lines(tmp_path)]


def ignore(_event: OutEvent) -> None:
    """Nobody watches."""


def test_it_goes_on_where_it_stopped(engine: Engine, tmp_path: Path) -> None:
    told(engine, "D-1")
    assert len(FileRelay(engine, tmp_path, ignore).relay()) == 3
    told(engine, "D-2", 1)
    again = FileRelay(engine, tmp_path, ignore)
    assert [event.id for event in again.relay()] == ["D-2/1"]
    assert again.relay() == []
    assert ids(tmp_path) == ["D-1/1", "D-1/2", "D-1/3", "D-2/1"]
    assert {line["specversion"] for line in lines(tmp_path)} == {"1.0"}
    assert lines(tmp_path)[0]["source"] == "/danbiet/test"
    assert read_gauges(engine, T0).outbox_pending == 0


def test_killed_before_it_remembered(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines were written, and the position was not: they are not written again, also after half a line."""
    told(engine, "D-1")
    with monkeypatch.context() as patch:
        patch.setattr(subscribers, "advance", lambda *_: os.strerror(0))
        FileRelay(engine, tmp_path, ignore).relay()
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:-20])
    FileRelay(engine, tmp_path, ignore).relay()
    assert ids(tmp_path) == ["D-1/1", "D-1/2", "D-1/3"]
    assert subscribers.position(engine, NAME) == 3


def test_a_full_disk_leaves_no_half_line(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(engine, "D-1", 1)
    following = FileRelay(engine, tmp_path, ignore)
    following.relay()
    told(engine, "D-2", 2)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(relay.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            following.relay()
    assert ids(tmp_path) == ["D-1/1"]
    following.relay()
    assert ids(tmp_path) == ["D-1/1", "D-2/1", "D-2/2"]


def test_a_batch_at_a_time(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "BATCH", 2)
    told(engine, "D-1", 5)
    following = FileRelay(engine, tmp_path, ignore)
    assert [len(following.relay()) for _ in range(4)] == [2, 2, 1, 0]
    assert len(ids(tmp_path)) == 5


async def test_it_waits_out_trouble_and_delivers_the_rest_at_the_end(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    following = FileRelay(engine, tmp_path, lambda event: seen.append(event.id))
    monkeypatch.setattr(relay, "EVERY", 0.01)

    def unreachable(*_: object) -> Sequence[OutEvent]:
        raise Unavailable("the database is away")

    async with following.running():
        with monkeypatch.context() as patch:
            patch.setattr(relay, "outbox_after", unreachable)
            told(engine, "D-1", 2)
            await asyncio.sleep(0.1)
            assert seen == []
        async with asyncio.timeout(5):
            while len(seen) < 2:  # noqa: ASYNC110 - no event of ours
                await asyncio.sleep(0.01)
        told(engine, "D-2", 1)
    assert seen == ["D-1/1", "D-1/2", "D-2/1"] == ids(tmp_path)
