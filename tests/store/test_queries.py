"""Lists, look-ups, feeds and counters."""

from __future__ import annotations

import multiprocessing
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from models.errors import Refusal
from models.events import EventType
from models.lateness import LatenessState
from models.views import Snapshot, Status, StepState
from store import queries
from store.database import open_database
from store.journal import Journal
from tests.store.samples import T0, disclosed, event, lateness, record, step


def codes(page: queries.Page) -> list[str]:
    return [item.view.code for item in page.items]


@pytest.fixture
def filled(engine: Engine) -> Engine:
    journal = Journal(engine, "test")

    def tell(code: str, hours: int | None, **changes: Any) -> None:
        due = None if hours is None else T0 + timedelta(hours=hours)
        journal.record_now([record(code, next_deadline_at=due, **changes)])

    done = step("a", state=StepState.DONE, official="cb-07", agency="CT-TAX")
    tell("D-1", 5, steps=(done, step("b", official="cb-02", agency="CT-TAX")))
    tell("D-2", 3, agency="CT-TAX", procedure="construction-permit")
    tell("D-3", 3)
    tell("D-4", None, status=Status.PAUSED, steps=(step("b", official=None, state=StepState.PAUSED),))
    tell("D-5", None, status=Status.REFUSED, steps=(done,), closed_at=T0 + timedelta(days=1))
    late = record("D-6", events=[disclosed(1, lateness("D-6"))], next_deadline_at=T0 + timedelta(hours=9))
    journal.record_now([late])
    return engine


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["D-2", "D-3", "D-1", "D-6", "D-4", "D-5"]),
        ({"agency": "CT-TAX"}, ["D-2", "D-1"]),
        ({"official": "cb-02"}, ["D-1"]),
        ({"official": "cb-07"}, []),
        ({"procedure": "construction-permit"}, ["D-2"]),
        ({"status": Status.PAUSED}, ["D-4"]),
        ({"late": True}, ["D-6"]),
        ({"late": False}, ["D-2", "D-3", "D-1", "D-4", "D-5"]),
        ({"due_before": T0 + timedelta(hours=5)}, ["D-2", "D-3"]),
        ({"due_before": T0 + timedelta(hours=5, seconds=1)}, ["D-2", "D-3", "D-1"]),
        ({"agency": "CT-LAND", "late": True}, ["D-6"]),
        ({"agency": "nobody"}, []),
    ],
)
def test_filters_and_order(filled: Engine, filters: dict[str, Any], expected: list[str]) -> None:
    assert codes(queries.list_dossiers(filled, **filters)) == expected
    paged: list[str] = []
    cursor: str | None = None
    while True:
        page = queries.list_dossiers(filled, **filters, limit=1, cursor=cursor)
        paged += codes(page)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert paged == expected


def test_pages_across_the_border_of_deadlines(filled: Engine) -> None:
    page = queries.list_dossiers(filled, limit=4)
    assert codes(page) == ["D-2", "D-3", "D-1", "D-6"]
    rest = queries.list_dossiers(filled, limit=4, cursor=page.next_cursor)
    assert codes(rest) == ["D-4", "D-5"]
    assert rest.next_cursor is None


@pytest.mark.parametrize("cursor", ["", "x", "e30", "ñ"])
def test_a_cursor_of_ones_own(filled: Engine, cursor: str) -> None:
    with pytest.raises(Refusal, match="cursor"):
        queries.list_dossiers(filled, cursor=cursor)


def test_one_dossier(filled: Engine) -> None:
    found = queries.dossier(filled, "D-2")
    assert isinstance(found, Snapshot)
    assert found.view.procedure == "construction-permit"
    assert queries.dossier(filled, "D-99") is None
    assert queries.lateness(filled, "D-99:verify:1") is None
    assert queries.archive(filled, "D-2") is None
    assert queries.events(filled, "D-99") == []


def test_latenesses(engine: Engine) -> None:
    journal = Journal(engine, "test")
    first = lateness("D-1", due_at="2025-04-10T17:00:00+07:00")
    second = lateness("D-1", "review", due_at="2025-04-09T17:00:00+07:00", agency="CT-TAX", official="cb-02")
    third = lateness("D-2", None, due_at="2025-05-02T17:00:00+07:00", state=LatenessState.RECORDED)
    journal.record_now([record("D-1", events=[disclosed(1, first), disclosed(2, second)])])
    journal.record_now([record("D-2", events=[disclosed(1, third)])])
    assert queries.latenesses(engine) == [second, first, third]
    assert queries.latenesses(engine, period="2025-04") == [second, first]
    assert queries.latenesses(engine, period="2025-04", agency="CT-TAX") == [second]
    assert queries.latenesses(engine, official="cb-01") == [first]
    assert queries.latenesses(engine, state=LatenessState.RECORDED) == [third]
    assert queries.latenesses(engine, dossier="D-1") == [second, first]
    assert queries.lateness(engine, third.id) == third


def test_actions_already_told(engine: Engine) -> None:
    told = [
        event(1, action="a"),
        event(2, EventType.CLOSED, action="a"),
        event(3, action=None),
        event(4, action="b"),
    ]
    Journal(engine, "test").record_now([record(events=told)])
    assert queries.action_ids(engine, "D-1") == {"a", "b"}
    assert queries.action_ids(engine, "D-2") == set()


def test_the_feed_goes_on_after_a_position(engine: Engine) -> None:
    Journal(engine, "test").record_now([record(f"D-{number}", last=3) for number in range(4)])
    seen: list[str] = []
    position = 0
    while batch := queries.outbox_after(engine, position, limit=5):
        seen += [out.id for out in batch]
        position = batch[-1].position
    assert seen == [f"D-{number}/{sequence}" for number in range(4) for sequence in (1, 2, 3)]


def _allocate(url: str, results: Any) -> None:
    engine = open_database(url)
    results.put([queries.allocate_code(engine, "CT-LAND", date(2025, 4, 1)) for _ in range(50)])
    engine.dispose()


def test_code_numbers_are_given_once_across_processes(url: str, engine: Engine) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=_allocate, args=(url, results)) for _ in range(3)]
    for worker in workers:
        worker.start()
    numbers = [number for _ in workers for number in results.get()]
    for worker in workers:
        worker.join()
    assert sorted(numbers) == list(range(1, 151))
    assert queries.allocate_code(engine, "CT-LAND", date(2025, 4, 2)) == 1
    assert queries.allocate_code(engine, "CT-TAX", date(2025, 4, 1)) == 1
