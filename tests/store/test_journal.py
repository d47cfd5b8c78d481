"""The writer: once each, whole or not at all, many together."""

from __future__ import annotations

import asyncio
import multiprocessing
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select, text

from models.errors import Unavailable
from models.events import EventType, Record
from models.lateness import LatenessState
from models.tables import JournalRow, OutboxRow, table_of
from models.views import StepState
from store import queries
from store.database import open_database, reading
from store.journal import Journal, Recorded
from store.lost_tasks import Superseded
from store.rebuild import check
from tests.store.samples import T0, contents, disclosed, event, lateness, paused, record, snapshot, step

JOURNAL = table_of(JournalRow)
OUTBOX = table_of(OutboxRow)


def sequences(recorded: Recorded) -> list[int]:
    return [event.sequence for event in recorded.new]


async def test_a_record_becomes_journal_projection_and_outbox(journal: Journal, engine: Engine) -> None:
    told = record("D-1", 1, 2, agency="CT-LAND")
    recorded = await journal.record(told)
    assert recorded.new == told.events
    assert queries.dossier(engine, "D-1") == told.snapshot
    assert queries.events(engine, "D-1") == list(told.events)
    first, second = queries.outbox_after(engine, 0)
    assert first.cloud_event() == {
        "specversion": "1.0",
        "id": "D-1/1",
        "source": "/danbiet/test",
        "type": "vn.danbiet.dossier.step_started",
        "subject": "D-1",
        "time": "2025-04-01T08:01:00+07:00",
        "datacontenttype": "application/json",
        "sequence": "1",
        "data": {"step": "verify"},
    }
    assert queries.outbox_after(engine, first.position) == [second]
    with reading(engine) as connection:
        rows = connection.execute(select(JOURNAL).order_by(JOURNAL.c.sequence)).all()
    assert [row.snapshot is None for row in rows] == [True, False]
    assert rows[0].at == told.events[0].at
    assert rows[0].at.utcoffset() is not None


async def test_the_same_record_again_changes_nothing(journal: Journal, engine: Engine) -> None:
    late = lateness(state=LatenessState.RECORDED)
    told = record(events=[event(1), disclosed(2, late)], archive={"state": "whole"})
    await journal.record(told)
    before = contents(engine)
    assert (await journal.record(told)).new == ()
    assert contents(engine) == before


async def test_an_overlapping_retry_adds_only_what_is_new(journal: Journal, engine: Engine) -> None:
    assert sequences(await journal.record(record(first=1, last=2))) == [1, 2]
    assert sequences(await journal.record(record(first=3, last=4))) == [3, 4]
    assert sequences(await journal.record(record(first=3, last=5))) == [5]
    assert sequences(await journal.record(record(first=3, last=4))) == []
    assert [event.sequence for event in queries.events(engine, "D-1")] == [1, 2, 3, 4, 5]
    assert [out.sequence for out in queries.outbox_after(engine, 0)] == [1, 2, 3, 4, 5]
    stored = queries.dossier(engine, "D-1")
    assert stored is not None
    assert stored.view.sequence == 5


async def test_overlapping_records_in_one_group(journal: Journal, engine: Engine) -> None:
    outcomes = journal.record_now([record(first=1, last=2), record(first=1, last=3), record(first=2, last=3)])
    assert [sequences(outcome) for outcome in outcomes] == [[1, 2], [3], []]
    assert [out.sequence for out in queries.outbox_after(engine, 0)] == [1, 2, 3]


async def test_an_older_snapshot_does_not_overwrite_a_newer_one(journal: Journal, engine: Engine) -> None:
    await journal.record(record(first=3, last=4, agency="CT-NEW"))
    assert sequences(await journal.record(record(first=1, last=2, agency="CT-OLD"))) == [1, 2]
    stored = queries.dossier(engine, "D-1")
    assert stored is not None
    assert stored.view.agency == "CT-NEW"


async def test_what_a_lost_task_told_gives_way(journal: Journal, engine: Engine) -> None:
    """The workflow is the truth: told otherwise from event 2 on, the store follows it."""
    await journal.record(record(first=1, last=2))
    other = record(events=[event(2, EventType.CLOSED), event(3)])
    await journal.record(other)
    assert [each.type for each in queries.events(engine, "D-1")][1:] == [each.type for each in other.events]
    assert [each.sequence for each in queries.outbox_after(engine, 0)] == [1, 2, 3]
    assert check(engine) == []


def test_a_stalled_writer_is_refused(journal: Journal, engine: Engine) -> None:
    """It wakes after its task was lost and done again otherwise: what the later task told stays."""
    journal.record_now([record(first=1, last=1, told_at=T0)])
    later = record(events=[event(2, EventType.CLOSED)], told_at=T0 + timedelta(seconds=10.2))
    stalled = record(first=2, last=3, told_at=T0 + timedelta(seconds=10.1))
    journal.record_now([later])
    before = contents(engine)
    with pytest.raises(Superseded, match="D-1: a later workflow task has told event 2 otherwise"):
        journal.record_now([stalled])
    assert contents(engine) == before
    assert check(engine) == []


@pytest.mark.parametrize("stalled_first", [True, False])
async def test_a_stalled_writer_in_one_group_with_its_successor(
    journal: Journal, engine: Engine, *, stalled_first: bool
) -> None:
    later = record(events=[event(1, EventType.CLOSED)], told_at=T0 + timedelta(seconds=1))
    stalled = record(first=1, last=3, told_at=T0)
    both = [stalled, later] if stalled_first else [later, stalled]
    waiting = [asyncio.ensure_future(journal.record(each)) for each in (*both, record("D-2"))]
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [isinstance(outcome, Superseded) for outcome in outcomes] == [False, not stalled_first, False]
    assert [each.type for each in queries.events(engine, "D-1")] == [EventType.CLOSED]
    assert len(queries.events(engine, "D-2")) == 1
    assert check(engine) == []


async def test_a_stalled_writer_of_several_records_is_refused_whole(journal: Journal, engine: Engine) -> None:
    """The second would go on where its dossier stands by now, though what it goes on from never was."""
    later = record(events=[event(1, EventType.CLOSED)], told_at=T0 + timedelta(seconds=1))
    await journal.record(later)
    with pytest.raises(Superseded):
        await journal.record_all([record(first=1, last=1, told_at=T0), record(first=2, last=3, told_at=T0)])
    assert [each.type for each in queries.events(engine, "D-1")] == [EventType.CLOSED]
    assert check(engine) == []


async def test_records_handed_in_together_are_written_in_order(journal: Journal, engine: Engine) -> None:
    both = [record(first=1, last=2), record(first=3, last=4, agency="CT-NEW")]
    assert [sequences(each) for each in await journal.record_all(both)] == [[1, 2], [3, 4]]
    assert [sequences(each) for each in await journal.record_all(both)] == [[], []]
    dossier = queries.dossier(engine, "D-1")
    assert dossier is not None
    assert (dossier.view.sequence, dossier.view.agency) == (4, "CT-NEW")
    assert check(engine) == []


def test_what_a_lost_task_told_beyond_a_later_one_is_forgotten(journal: Journal, engine: Engine) -> None:
    late = lateness(state=LatenessState.RECORDED)
    journal.record_now([record(events=[event(1), event(2), disclosed(3, late)], told_at=T0)])
    journal.record_now([record(first=1, last=2, told_at=T0 + timedelta(seconds=1))])
    assert [each.sequence for each in queries.events(engine, "D-1")] == [1, 2]
    assert [each.sequence for each in queries.outbox_after(engine, 0)] == [1, 2]
    assert queries.lateness(engine, late.id) is None
    assert check(engine) == []


def test_a_clock_set_back_stops_no_dossier(journal: Journal, engine: Engine) -> None:
    journal.record_now([record(first=1, last=2, told_at=T0)])
    [recorded] = journal.record_now([record(first=3, last=3, told_at=T0 - timedelta(hours=1))])
    assert sequences(recorded) == [3]
    [again] = journal.record_now([record(first=1, last=2, told_at=T0 - timedelta(hours=2))])
    assert sequences(again) == []
    assert len(queries.events(engine, "D-1")) == 3


@pytest.mark.parametrize(
    "broken",
    [
        record(events=[event(1), event(3)]),
        record(events=[event(2), event(1)]),
        Record(dossier="D-1", events=(event(1),), snapshot=snapshot("D-1", 2)),
        Record(dossier="D-1", events=(event(1),), snapshot=snapshot("D-2", 1)),
    ],
)
async def test_a_record_that_contradicts_itself(journal: Journal, engine: Engine, broken: Record) -> None:
    with pytest.raises(ValueError, match="the record of D-1"):
        await journal.record(broken)
    assert queries.events(engine, "D-1") == []


async def test_explanations_and_reviews_stay_inside(journal: Journal, engine: Engine) -> None:
    late = lateness()
    told = record(
        events=[
            disclosed(1, late),
            disclosed(2, late, EventType.EXPLAINED),
            disclosed(3, late, EventType.REVIEWED),
        ]
    )
    await journal.record(told)
    assert [out.sequence for out in queries.outbox_after(engine, 0)] == [1]
    assert len(queries.events(engine, "D-1")) == 3


async def test_projections_follow_the_latest_snapshot(journal: Journal, engine: Engine) -> None:
    start, end = T0, T0 + timedelta(hours=1)
    await journal.record(record(last=1, steps=(step("a"), step("b", agency="CT-TAX", official=None))))
    await journal.record(
        record(
            first=2,
            last=2,
            steps=(step("a", state=StepState.DONE), step("b", state=StepState.PAUSED)),
            pauses=(paused(start, end), paused(end)),
        )
    )
    with reading(engine) as connection:
        steps = connection.execute(text("SELECT key, state FROM step")).all()
        pauses = connection.execute(text("SELECT ordinal, kind FROM pause ORDER BY ordinal")).all()
    assert [tuple(row) for row in steps] == [("b", "paused")]
    assert [tuple(row) for row in pauses] == [(1, "supplement"), (2, "supplement")]


async def test_a_lateness_is_kept_as_it_stands_and_counted(journal: Journal, engine: Engine) -> None:
    late = lateness(state=LatenessState.RECORDED)
    annulled = late.model_copy(update={"state": LatenessState.ANNULLED})
    await journal.record(record(events=[disclosed(1, late)]))
    assert queries.lateness(engine, late.id) == late
    assert len(queries.list_dossiers(engine, late=True).items) == 1
    await journal.record(record(events=[disclosed(2, annulled, EventType.ANNULLED)]))
    assert queries.lateness(engine, late.id) == annulled
    assert queries.list_dossiers(engine, late=True).items == []
    await journal.record(record(events=[disclosed(1, late)]))
    assert queries.lateness(engine, late.id) == annulled


async def test_the_month_of_a_lateness_is_local(journal: Journal, engine: Engine) -> None:
    late = lateness(due_at="2025-04-30T23:30:00+07:00")
    next_month = lateness("D-2", due_at="2025-04-30T17:30:00Z")
    await journal.record(record(events=[disclosed(1, late)]))
    await journal.record(record("D-2", events=[disclosed(1, next_month)]))
    assert [found.id for found in queries.latenesses(engine, period="2025-04")] == [late.id]
    assert [found.id for found in queries.latenesses(engine, period="2025-05")] == [next_month.id]


async def test_the_archive_exists_while_no_workflow_runs(journal: Journal, engine: Engine) -> None:
    ended = record(last=2, archive={"state": "whole"})
    await journal.record(ended)
    kept = queries.archive(engine, "D-1")
    assert kept is not None
    assert (kept.sequence, kept.aggregate) == (2, {"state": "whole"})
    await journal.record(record(first=3, last=3))
    assert queries.archive(engine, "D-1") is None
    await journal.record(ended)
    assert queries.archive(engine, "D-1") is None
    await journal.record(record(first=3, last=3, archive={"state": "again"}))
    kept = queries.archive(engine, "D-1")
    assert kept is not None
    assert kept.aggregate == {"state": "again"}


async def test_many_records_at_once_are_committed_in_few_transactions(
    journal: Journal, engine: Engine
) -> None:
    records = [record(f"D-{number}", last=3) for number in range(600)]
    outcomes = await asyncio.gather(*(journal.record(told) for told in records))
    assert [outcome.dossier for outcome in outcomes] == [told.dossier for told in records]
    assert all(sequences(outcome) == [1, 2, 3] for outcome in outcomes)
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(OUTBOX)).scalar_one() == 1800


async def test_one_bad_record_does_not_harm_its_group(engine: Engine) -> None:
    """The group falls back to one record each, and only the bad one fails."""
    journal = Journal(engine, "test")
    journal.start()
    bad = record("D-5", events=[event(1, EventType.RECORDED, data={"id": "no lateness"})])
    records = [bad if number == 5 else record(f"D-{number}") for number in range(10)]
    waiting = [asyncio.ensure_future(journal.record(each)) for each in records]
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    journal.close()
    assert [isinstance(outcome, ValueError) for outcome in outcomes] == [n == 5 for n in range(10)]
    assert len(queries.list_dossiers(engine).items) == 9


async def test_closing_writes_what_waits_and_refuses_the_rest(engine: Engine) -> None:
    journal = Journal(engine, "test")
    with pytest.raises(Unavailable):
        await journal.record(record())
    journal.start()
    journal.start()
    waiting = [asyncio.ensure_future(journal.record(record(f"D-{number}"))) for number in range(50)]
    await asyncio.sleep(0)
    await asyncio.to_thread(journal.close)
    assert len(await asyncio.gather(*waiting)) == 50
    with pytest.raises(Unavailable, match="closed"):
        await journal.record(record())
    journal.close()


async def test_a_caller_that_goes_away_loses_nothing(journal: Journal, engine: Engine) -> None:
    waiting = asyncio.ensure_future(journal.record(record()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await journal.record(record("D-2"))).new
    assert (await journal.record(record())).new == ()


async def test_a_database_out_of_reach_is_said_in_one_sentence() -> None:
    engine = open_database("postgresql://user:geheim@127.0.0.1:1/x")
    with Journal(engine, "test") as journal:
        waiting = [asyncio.ensure_future(journal.record(record(f"D-{number}"))) for number in range(3)]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    for outcome in outcomes:
        assert isinstance(outcome, Unavailable)
        assert "cannot be reached" in outcome.message
        assert "geheim" not in outcome.message
        assert "\n" not in outcome.message


def _write_many(url: str, start: int, own: int) -> None:
    engine = open_database(url)

    async def run() -> None:
        with Journal(engine, "test") as journal:
            for number in range(start, start + own):
                both = (
                    journal.record(record(f"D-{number}", last=2)),
                    journal.record(record("SHARED", last=2)),
                )
                await asyncio.gather(*both)

    asyncio.run(run())
    engine.dispose()


def test_several_processes_write_at_once(url: str, engine: Engine) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write_many, args=(url, 100 * n, 40)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(JOURNAL)).scalar_one() == 3 * 40 * 2 + 2
        assert connection.execute(select(func.count()).select_from(OUTBOX)).scalar_one() == 3 * 40 * 2 + 2
