"""Frozen editions: made once, restated when facts or the method change, made again byte for byte from the journal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from models import bulletin as counting
from models.bulletin import ChangeKind, read, to_json
from models.catalogue import Agency, Catalogue, Official
from models.errors import Code, Refusal
from models.events import Event, EventType
from models.lateness import Lateness, LatenessState
from models.procedure import Procedure
from models.views import Status
from store import bulletin as compiling
from store import editions
from store.database import reading, writing
from store.editions import Edition, changes_since, freeze, remade, restate
from store.journal import Journal
from tests.store.samples import ZONE, disclosed, event, lateness, local, paused, record
from tests.store.test_bulletin import CALENDAR, closed, fill

MAY_15 = local("2025-05-15 08:00")
JUNE_15 = local("2025-06-15 08:00")
PERIOD = "2025-04"
SETTLED: dict[str, Any] = {"completed_at": local("2025-04-11 09:00"), "overrun_minutes": 120}


def catalogue(official: str = "Cán bộ CĐ-01") -> Catalogue:
    procedure = Procedure.model_validate(
        {
            "code": "land-transfer",
            "version": "1",
            "name": "Land transfer",
            "calendar": "vn",
            "total": {"amount": 3, "unit": "working_days"},
            "stages": [
                {
                    "steps": [
                        {
                            "key": "verify",
                            "name": "Verify",
                            "role": "officer",
                            "budget": {"amount": 2, "unit": "working_days"},
                        }
                    ]
                }
            ],
        }
    )
    return Catalogue(
        agencies={"CT-LAND": Agency(code="CT-LAND", name="Chi nhánh Đất đai")},
        officials={"cb-01": Official(id="cb-01", name=official, position="", agency="CT-LAND")},
        procedures={"land-transfer": procedure},
        roster={},
        calendars={"vn": CALENDAR.data},
    )


CATALOGUE = catalogue()


def tell(engine: Engine, code: str, *events: Event, **changes: Any) -> None:
    Journal(engine, "test").record_now([record(code, events=events, **changes)])


def told(code: str, *latenesses: Lateness) -> list[Event]:
    return [event(1, subject=code), *(disclosed(n, late) for n, late in enumerate(latenesses, start=2))]


@pytest.fixture
def april(engine: Engine) -> Engine:
    """Two published latenesses, one in its hearing, one still open, and thirty dossiers on time."""
    due = local("2025-04-10 17:00")
    tell(engine, "H-1-0001", *told("H-1-0001", lateness("H-1-0001", due_at=due, **SETTLED)))
    second = lateness("H-1-0002", due_at=due, official="cb-02", explanation="ill", **SETTLED)
    tell(engine, "H-1-0002", *told("H-1-0002", second))
    hearing = lateness("H-1-0003", due_at=local("2025-04-30 17:00"), state=LatenessState.RECORDED, **SETTLED)
    tell(engine, "H-1-0003", *told("H-1-0003", hearing))
    pauses = (paused(local("2025-04-21 09:00"), local("2025-04-22 09:00")),)
    tell(engine, "H-1-0004", *told("H-1-0004", lateness("H-1-0004", due_at=due)), pauses=pauses)
    fill(engine, "T", 30, **closed("2025-04-10 09:00"))
    return engine


def retract(engine: Engine, code: str = "H-1-0001") -> None:
    gone = lateness(code, due_at=local("2025-04-10 17:00"), state=LatenessState.RETRACTED, **SETTLED)
    tell(engine, code, disclosed(3, gone, EventType.RETRACTED))


def frozen(engine: Engine, now: Any = MAY_15, **more: Any) -> Edition:
    return freeze(engine, CATALOGUE, PERIOD, now=now, **more).edition


def test_the_first_edition(april: Engine) -> None:
    made = frozen(april)
    found = made.bulletin
    assert (found.edition, found.frozen_at, found.watermark, found.changes) == (1, MAY_15, MAY_15, ())
    assert (found.agencies, found.officials, found.dossiers) == (1, 2, 4)
    assert made == editions.latest(april, PERIOD) == editions.edition(april, PERIOD, 1)
    assert made.content == to_json(found, ZONE)
    assert made.sha256 == counting_sha(made)


def counting_sha(made: Edition) -> str:
    from hashlib import sha256

    published = to_json(counting.public(made.bulletin), ZONE)
    assert b"H-1-0001" not in published
    assert b'"dossier":"0001"' in published
    return sha256(published).hexdigest()


def test_frozen_twice_is_the_same_edition(april: Engine) -> None:
    seen: list[Edition] = []
    first = freeze(april, CATALOGUE, PERIOD, now=MAY_15, on_frozen=seen.append)
    again = freeze(april, CATALOGUE, PERIOD, now=JUNE_15, on_frozen=seen.append)
    assert (first.created, again.created) == (True, False)
    assert first.edition == again.edition
    assert seen == [first.edition] * 2  # whoever missed it the first time is told again


def test_another_spelling_of_a_name_is_no_restatement(april: Engine) -> None:
    first = frozen(april)
    renamed = catalogue("Cán bộ Cờ Đỏ 01")
    assert not freeze(april, renamed, PERIOD, now=JUNE_15).created
    assert remade(april, renamed, first) == first.content


def test_what_a_dossier_goes_on_to_do_is_no_restatement(april: Engine) -> None:
    """It was open when the list was frozen, with the overrun it had then; that it was returned is no correction."""
    frozen(april)
    done = lateness(
        "H-1-0004",
        due_at=local("2025-04-10 17:00"),
        completed_at=local("2025-05-20 09:00"),
        overrun_minutes=9999,
    )
    tell(
        april,
        "H-1-0004",
        disclosed(3, done, EventType.SETTLED),
        pauses=(paused(local("2025-04-21 09:00"), local("2025-04-22 09:00")),),
        **closed("2025-05-20 09:00", promise_due_at=local("2025-04-08 08:00")),
    )
    assert not freeze(april, CATALOGUE, PERIOD, now=JUNE_15).created


def test_a_retraction_makes_a_restatement(april: Engine) -> None:
    first = frozen(april)
    retract(april)
    assert changes_since(april, CATALOGUE, first)
    second = freeze(april, CATALOGUE, PERIOD, now=JUNE_15)
    found = second.edition.bulletin
    assert (second.created, found.edition, found.retracted, found.dossiers) == (True, 2, 1, 3)
    assert {(change.edition, change.kind) for change in found.changes} == {(2, ChangeKind.FACTS)}
    texts = [change.text for change in found.changes]
    subject = "CT-LAND, dossier 0001, verify due 2025-04-10 17:00"
    assert {f"{subject}: names no person any more", f"{subject}: state published -> retracted"} <= set(texts)
    shown = [row for row in found.rows if row.state == "retracted"]
    assert [(row.dossier, row.official, row.official_name, row.explanation) for row in shown] == [
        ("H-1-0001", None, None, None)
    ]
    assert {row.dossier for row in found.rows} == {row.dossier for row in first.bulletin.rows}
    assert "retracted 0 -> 1" in texts
    assert "cb-01" not in str(texts)
    assert "H-1" not in str(texts)
    assert editions.edition(april, PERIOD, 1) == first
    assert changes_since(april, CATALOGUE, second.edition) == []


def test_a_correction_takes_the_name_off(april: Engine) -> None:
    frozen(april)
    corrected = lateness(
        "H-1-0002",
        due_at=local("2025-04-10 17:00"),
        official=None,
        state=LatenessState.CORRECTED,
        explanation="ill",
        **SETTLED,
    )
    tell(april, "H-1-0002", disclosed(3, corrected, EventType.CORRECTED))
    texts = [change.text for change in frozen(april, JUNE_15).bulletin.changes]
    label = "CT-LAND, dossier 0002, verify due 2025-04-10 17:00"
    assert texts == [
        f"{label}: names no person any more",
        f"{label}: state published -> corrected",
        "officials 2 -> 1",
    ]


def test_a_hearing_that_ended_names_its_person(april: Engine) -> None:
    assert frozen(april).bulletin.rows[0].official is None
    published = lateness("H-1-0003", due_at=local("2025-04-30 17:00"), **SETTLED)
    tell(april, "H-1-0003", disclosed(3, published, EventType.PUBLISHED))
    texts = [change.text for change in frozen(april, JUNE_15).bulletin.changes]
    label = "CT-LAND, dossier 0003, verify due 2025-04-30 17:00"
    assert texts == [f"{label}: names a person", f"{label}: state recorded -> published"]


def test_changes_pile_up(april: Engine) -> None:
    frozen(april)
    retract(april)
    second = frozen(april, JUNE_15)
    retract(april, "H-1-0002")
    third = frozen(april, JUNE_15 + timedelta(days=30))
    assert third.bulletin.changes[: len(second.bulletin.changes)] == second.bulletin.changes
    assert {change.edition for change in third.bulletin.changes} == {2, 3}


def test_every_edition_is_remade_byte_for_byte(april: Engine) -> None:
    first = frozen(april)
    retract(april)
    second = frozen(april, JUNE_15)
    fill(april, "L", 40, **closed("2025-04-12 09:00"))
    third = frozen(april, JUNE_15 + timedelta(days=1))
    with writing(april) as connection:
        for table in ("lateness", "dossier", "step", "pause"):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - the journal alone must do
    for made in (first, second, third):
        assert remade(april, CATALOGUE, made) == made.content


def test_a_new_method_is_told_apart_from_new_facts(april: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    first = frozen(april)
    monkeypatch.setattr(counting, "SMALLEST", 1000)
    for module in (counting, compiling, editions):
        monkeypatch.setattr(module, "FORMULA", "2")
    retract(april)
    made = frozen(april, JUNE_15)
    assert made.formula == made.bulletin.formula == "2"
    method = [change.text for change in made.bulletin.changes if change.kind is ChangeKind.METHOD]
    facts = [change.text for change in made.bulletin.changes if change.kind is ChangeKind.FACTS]
    assert method
    assert all("formula 1 -> 2" in each and "rate" in each for each in method if "volume" not in each)
    assert any("published -> retracted" in each for each in facts)
    assert not any("rate fair " in each for each in facts)
    assert remade(april, CATALOGUE, made) == made.content
    with pytest.raises(Refusal, match="formula 1, this release counts by 2"):
        remade(april, CATALOGUE, first)


def test_a_method_that_changes_no_figure_is_told_too(april: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen(april)
    for module in (counting, compiling, editions):
        monkeypatch.setattr(module, "FORMULA", "2")
    (change,) = frozen(april, JUNE_15).bulletin.changes
    assert (change.kind, change.text) == (ChangeKind.METHOD, "formula 1 -> 2: no figure differs")


def test_earlier_months_are_restated_together(april: Engine) -> None:
    frozen(april)
    freeze(april, CATALOGUE, "2025-03", now=MAY_15)
    assert restate(april, CATALOGUE, now=JUNE_15) == []
    retract(april)
    (made,) = restate(april, CATALOGUE, now=JUNE_15)
    assert (made.period, made.edition) == (PERIOD, 2)


def test_an_empty_month(engine: Engine) -> None:
    made = freeze(engine, CATALOGUE, "2024-01", now=MAY_15).edition
    found = read(made.content)
    assert (made.position, found.rows, found.by_agency) == (0, (), ())
    assert set(found.totals.model_dump().values()) == {0}
    assert remade(engine, CATALOGUE, made) == made.content


@pytest.mark.parametrize(
    ("period", "code", "sentence"),
    [
        ("2025-05", Code.TOO_EARLY, "2025-05 has not ended.* from 2025-06-01 on"),
        ("2025-06", Code.INVALID, "2025-06 has not begun"),
        ("2025-13", Code.INVALID, "'2025-13' is not a month"),
        ("April", Code.INVALID, "is not a month"),
    ],
)
def test_months_that_cannot_be_frozen(engine: Engine, period: str, code: Code, sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence) as refused:
        freeze(engine, CATALOGUE, period, now=MAY_15)
    assert refused.value.code is code
    assert editions.latest(engine, period) is None


def test_a_month_ends_at_local_midnight(engine: Engine) -> None:
    midnight = local("2025-05-01 00:00")
    with pytest.raises(Refusal):
        freeze(engine, CATALOGUE, PERIOD, now=midnight - timedelta(seconds=1))
    assert freeze(engine, CATALOGUE, PERIOD, now=midnight).created


def test_editions_that_are_not_there(april: Engine) -> None:
    with pytest.raises(Refusal, match="2025-04 has no edition 1: it is not frozen"):
        editions.edition(april, PERIOD, 1)
    frozen(april)
    with pytest.raises(Refusal, match="2025-04 has no edition 2: its editions are 1"):
        editions.edition(april, PERIOD, 2)


def test_two_who_freeze_at_once_make_one_edition(april: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = editions._kept

    def beaten(engine: Engine, made: Edition) -> bool:
        monkeypatch.setattr(editions, "_kept", kept)
        freeze(engine, CATALOGUE, PERIOD, now=MAY_15 + timedelta(hours=1))
        return kept(engine, made)

    monkeypatch.setattr(editions, "_kept", beaten)
    assert not freeze(april, CATALOGUE, PERIOD, now=MAY_15).created
    with reading(april) as connection:
        assert connection.execute(text("SELECT count(*) FROM bulletin")).scalar() == 1


def test_a_closed_dossier_counts_as_it_stood(april: Engine) -> None:
    """Closed after the month: open in the month's totals, in each edition."""
    first = frozen(april)
    fill(april, "C", 1, **closed("2025-05-20 09:00", Status.REFUSED))
    second = frozen(april, JUNE_15)
    assert second.bulletin.totals.open_overdue == first.bulletin.totals.open_overdue + 1
