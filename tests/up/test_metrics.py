"""Figures at the scrape, also where the store or the SDK does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import Engine

from cli.metrics import exposition, new_registry
from cli.root import PROJECT_ROOT
from models.catalogue import Catalogue
from models.delivery import new_subscriber
from store import webhooks
from store.catalogue_files import read_catalogue
from store.database import open_database, upgrade
from store.journal import Journal
from tests.store.samples import record
from tests.up.processes import samples

STORE = {
    "danbiet_dossiers_open",
    "danbiet_deadlines_unprocessed",
    "danbiet_outbox_pending",
    "danbiet_outbox_oldest_seconds",
}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return read_catalogue(PROJECT_ROOT / "catalogue" / "can-tho")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_database(f"sqlite:///{tmp_path / 'danbiet.db'}")
    yield opened
    opened.dispose()


def figures(registry: CollectorRegistry) -> dict[str, float]:
    return {sample.name: sample.value for sample in samples(generate_latest(registry).decode())}


def test_from_the_store_at_every_scrape(engine: Engine, catalogue: Catalogue) -> None:
    upgrade(engine.url.render_as_string(hide_password=False))
    registry = new_registry(engine, catalogue)
    assert figures(registry)["danbiet_deadlines_unprocessed"] == 0
    now = datetime.now(UTC)
    webhooks.add(engine, new_subscriber("ioc", "https://example.org/", public=False, types=None), now)
    passed = now - timedelta(minutes=1)
    Journal(engine, "test").record_now([record("D-1", next_deadline_at=passed)])
    found = figures(registry)
    assert (found["danbiet_deadlines_unprocessed"], found["danbiet_dossiers_open"]) == (1, 1)
    assert found["danbiet_outbox_pending"] == 1


def test_a_store_that_is_away_shows_no_nought(engine: Engine, catalogue: Catalogue) -> None:
    found = figures(new_registry(engine, catalogue))
    assert not found.keys() & STORE
    assert "danbiet_calendar_confirmed_days" in found
    assert "process_resident_memory_bytes" in found


def test_the_calendar_that_ends_first_counts(engine: Engine, catalogue: Catalogue) -> None:
    upgrade(engine.url.render_as_string(hide_password=False))
    today = (datetime.now(UTC) + timedelta(hours=7)).date()
    vn = catalogue.calendars["vn"]
    found = figures(new_registry(engine, catalogue))
    assert found["danbiet_calendar_confirmed_days"] == (vn.confirmed_until - today).days


def test_without_the_sdk_ours_remain() -> None:
    assert exposition(CollectorRegistry(), "127.0.0.1:9") == b""
