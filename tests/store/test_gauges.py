"""Figures for the operator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from models.views import Status
from store.database import writing
from store.gauges import OpenDossiers, read_gauges
from store.journal import Journal
from store.queries import outbox_after
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


def test_the_outbox_waits_for_its_slowest_subscriber(engine: Engine) -> None:
    Journal(engine, "test").record_now([record(last=5)])
    later = datetime.now(UTC) + timedelta(minutes=5)
    found = read_gauges(engine, later)
    assert found.outbox_pending == 5
    assert 290 < found.outbox_oldest_seconds < 310
    positions = [out.position for out in outbox_after(engine, 0)]

    def serve(name: str, position: int) -> None:
        with writing(engine) as connection:
            connection.execute(
                text("INSERT INTO subscriber (name, position) VALUES (:name, :position)"),
                {"name": name, "position": position},
            )

    serve("fast", positions[-1])
    assert read_gauges(engine, later).outbox_pending == 0
    assert read_gauges(engine, later).outbox_oldest_seconds == 0
    serve("slow", positions[1])
    assert read_gauges(engine, later).outbox_pending == 3
    assert read_gauges(engine, datetime(2000, 1, 1, tzinfo=UTC)).outbox_oldest_seconds == 0
