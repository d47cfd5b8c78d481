"""Figures for the operator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from models.delivery import new_subscriber
from models.views import Status
from store import batches, webhooks
from store.batches import Answer, Result
from store.gauges import OpenDossiers, read_gauges
from store.journal import Journal
from tests.store.samples import T0, record


def test_an_empty_store(engine: Engine) -> None:
    found = read_gauges(engine, T0)
    assert (found.open, found.deadlines_unprocessed) == ((), 0)
    assert (found.outbox_pending, found.outbox_oldest_seconds) == (0, 0)


def test_open_dossiers_and_deadlines_nobody_recorded(engine: Engine) -> None:
    journal = Journal(engine, "test")
    due = T0 + timedelta(hours=1)
    journal.record_now([record(f"D-{number}", next_deadline_at=due) for number in range(3)])
    journal.record_now([record("P-1", status=Status.PAUSED, next_deadline_at=None, agency="CT-TAX")])
    journal.record_now([record("C-1", status=Status.REFUSED, closed_at=T0, next_deadline_at=None)])
    found = read_gauges(engine, due + timedelta(seconds=5))
    assert found.open == (
        OpenDossiers(agency="CT-LAND", procedure="land-transfer", status=Status.RUNNING, dossiers=3),
        OpenDossiers(agency="CT-TAX", procedure="land-transfer", status=Status.PAUSED, dossiers=1),
    )
    assert found.deadlines_unprocessed == 0
    assert read_gauges(engine, due + timedelta(seconds=6)).deadlines_unprocessed == 3


def test_the_outbox_waits_for_its_slowest_webhook(engine: Engine) -> None:
    Journal(engine, "test").record_now([record(last=5)])
    now = datetime.now(UTC)
    later = now + timedelta(minutes=5)
    assert pending(engine, later) == 0  # nobody waits for anything
    for name in ("fast", "slow"):
        webhooks.add(engine, new_subscriber(name, "https://example.org/", public=False, types=None), now)
    assert pending(engine, later) == 0
    assert read_gauges(engine, later).outbox_oldest_seconds == 0
    webhooks.replay(engine, "slow", now, since=3)
    assert pending(engine, later) == 3
    assert 290 < read_gauges(engine, later).outbox_oldest_seconds < 310
    assert read_gauges(engine, datetime(2000, 1, 1, tzinfo=UTC)).outbox_oldest_seconds == 0


@pytest.mark.parametrize(("answer", "left"), [(Result.FAILED, 3), (Result.GONE, 0)])
def test_what_failed_is_pending_until_its_webhook_is_disabled(
    engine: Engine, answer: Result, left: int
) -> None:
    now = datetime.now(UTC)
    webhooks.add(engine, new_subscriber("ioc", "https://example.org/", public=False, types=None), now)
    Journal(engine, "test").record_now([record(last=3)])
    later = now + timedelta(minutes=5)
    batch = batches.next_batch(engine, "ioc", later)
    assert batch is not None
    batches.conclude(engine, batch, {batch.parcels[0].position: Answer(answer)}, later)
    assert pending(engine, later) == left
    assert (read_gauges(engine, later).outbox_oldest_seconds > 290) == (left > 0)


def pending(engine: Engine, now: datetime) -> int:
    return read_gauges(engine, now).outbox_pending
