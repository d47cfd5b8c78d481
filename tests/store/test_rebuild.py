"""Projections are a function of the journal: rebuilt they are equal, tampered with they are found out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from models.events import EventType
from models.lateness import LatenessState
from models.views import StepState
from store import rebuild as rebuilding
from store.database import writing
from store.journal import Journal
from store.rebuild import Difference, check, rebuild
from tests.store.samples import T0, contents, disclosed, event, lateness, paused, record, step


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilding, "CHUNK", 7)


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Thirty dossiers with a bit of everything."""
    journal = Journal(engine, "test")
    for number in range(30):
        code = f"D-{number:02}"
        journal.record_now([record(code, last=2, archive={"n": number} if number % 3 == 0 else None)])
        if number % 4 == 0:
            late = lateness(code, state=LatenessState.RECORDED)
            journal.record_now([record(code, events=[disclosed(3, late), event(4, subject=code)])])
        if number % 8 == 0:
            annulled = lateness(code, state=LatenessState.ANNULLED)
            journal.record_now([record(code, events=[disclosed(5, annulled, EventType.ANNULLED)])])
        if number % 5 == 0:
            changes: dict[str, Any] = {
                "pauses": (paused(T0, T0 + timedelta(days=1)), paused(T0 + timedelta(days=2))),
                "steps": (step("a", state=StepState.PAUSED), step("b", state=StepState.DONE)),
            }
            journal.record_now([record(code, first=6, last=7, **changes)])
    return engine


def execute(engine: Engine, statement: str) -> None:
    with writing(engine) as connection:
        connection.execute(text(statement))


def test_a_rebuild_changes_nothing(filled: Engine) -> None:
    before = contents(filled)
    told: list[int] = []
    assert rebuild(filled, told.append) == 30
    assert contents(filled) == before
    assert told == [7, 14, 21, 28, 30]
    assert check(filled) == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            "UPDATE dossier SET agency = 'X' WHERE code = 'D-07'",
            ("dossier", "D-07", "agency", "X", "CT-LAND"),
        ),
        ("UPDATE dossier SET late = 0 WHERE code = 'D-04'", ("dossier", "D-04", "late", 0, 1)),
        ("DELETE FROM dossier WHERE code = 'D-29'", ("dossier", "D-29", None, None, "there")),
        (
            "UPDATE step SET official = 'X' WHERE dossier = 'D-01'",
            ("step", "D-01/verify", "official", "X", "cb-01"),
        ),
        (
            "DELETE FROM pause WHERE dossier = 'D-05' AND ordinal = 2",
            ("pause", "D-05/2", None, None, "there"),
        ),
        (
            "UPDATE lateness SET state = 'excused' WHERE dossier = 'D-12'",
            ("lateness", "D-12:verify:1", "state", "excused", "recorded"),
        ),
        (
            "INSERT INTO step (dossier, key, agency, state) VALUES ('D-99', 'k', 'CT-LAND', 'running')",
            ("step", "D-99/k", None, "there", None),
        ),
    ],
)
def test_tampering_is_found_and_mended(filled: Engine, statement: str, found: tuple[Any, ...]) -> None:
    before = contents(filled)
    execute(filled, statement)
    tampered = contents(filled)
    names = ("table", "key", "column", "stored", "rebuilt")
    assert check(filled) == [Difference(**dict(zip(names, found, strict=True)))]
    assert contents(filled) == tampered
    rebuild(filled)
    assert contents(filled) == before


def test_the_outbox_must_be_complete(filled: Engine) -> None:
    execute(filled, "DELETE FROM outbox WHERE dossier = 'D-03' AND sequence = 2")
    execute(filled, "UPDATE outbox SET subject = 'X' WHERE dossier = 'D-04' AND sequence = 1")
    execute(
        filled,
        "INSERT INTO outbox (dossier, sequence, id, type, source, subject, time, data, recorded_at) "
        "SELECT 'D-98', sequence, id, type, source, subject, time, data, recorded_at "
        "FROM outbox WHERE dossier = 'D-01' AND sequence = 1",
    )
    told: list[int] = []
    assert check(filled, told.append) == [
        Difference(table="outbox", key="D-03/2", column=None, stored=None, rebuilt="there"),
        Difference(table="outbox", key="D-04/1", column="subject", stored="X", rebuilt="D-04"),
        Difference(table="outbox", key="D-98/1", column=None, stored="there", rebuilt=None),
    ]
    assert told[-1] == 31


def test_an_empty_database(engine: Engine) -> None:
    assert rebuild(engine) == 0
    assert check(engine) == []
