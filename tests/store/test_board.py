"""What the board asks: counts that agree with the bulletin, and disclosures in the order in which they were told."""

from __future__ import annotations

from sqlalchemy import Engine

from models.events import EventType
from models.lateness import LatenessState
from store.board import disclosures, listed_latenesses, month_counts, state_counts
from store.journal import Journal
from tests.store.samples import disclosed, event, lateness, local, record
from tests.store.test_bulletin import compile_list, tell

MARCH, APRIL = local("2025-03-31 17:00"), local("2025-04-10 17:00")


def told(
    engine: Engine, code: str, *types: EventType, state: LatenessState = LatenessState.PUBLISHED
) -> None:
    """A dossier of which one lateness was told by ``types``, and now stands in ``state``."""
    late = lateness(code, state=state, due_at=APRIL)
    events = [event(1, subject=code)]
    events += [disclosed(number, late, type_) for number, type_ in enumerate(types, start=2)]
    Journal(engine, "test").record_now([record(code, events=events)])


def test_months_count_what_the_bulletin_counts(engine: Engine) -> None:
    tell(engine, "D-1", lateness("D-1"), lateness("D-1", step=None))
    tell(engine, "D-2", lateness("D-2", official="cb-02", state=LatenessState.RECORDED))
    tell(engine, "D-3", lateness("D-3", state=LatenessState.EXCUSED))
    tell(engine, "D-4", lateness("D-4", step=None, agency="CT-HQ"))
    tell(engine, "D-5", lateness("D-5", due_at=MARCH))
    found = month_counts(engine)
    assert [each.month for each in found] == ["2025-03", "2025-04"]
    for each in found:
        compiled = compile_list(engine, each.month)
        assert each[1:] == (compiled.agencies, compiled.officials, compiled.dossiers)
    assert found[1][1:] == (2, 2, 3)
    assert [each.month for each in month_counts(engine, since="2025-04")] == ["2025-04"]
    assert [each[1:] for each in month_counts(engine, agency="CT-HQ")] == [(1, 0, 1)]


def test_disclosures_are_what_the_public_was_told_latest_first(engine: Engine) -> None:
    told(engine, "D-1", EventType.RECORDED, EventType.PUBLISHED)
    told(engine, "D-2", EventType.PUBLISHED)
    told(engine, "D-3", EventType.RECORDED, state=LatenessState.RECORDED)
    told(engine, "D-4", EventType.EXCUSED, state=LatenessState.EXCUSED)
    first = {each.lateness.dossier: each.position for each in disclosures(engine, 10)}
    assert list(first) == ["D-2", "D-1"]

    late = lateness("D-1", state=LatenessState.RETRACTED, due_at=APRIL)
    events = [disclosed(4, late, EventType.RETRACTED)]
    Journal(engine, "test").record_now([record("D-1", events=events)])
    found = disclosures(engine, 10)
    assert [each.lateness.dossier for each in found] == ["D-1", "D-2"]
    assert found[0].lateness.state is LatenessState.RETRACTED
    assert found[0].position == first["D-1"]
    assert found[0].first_at <= found[0].changed_at
    assert [each.lateness.dossier for each in disclosures(engine, 1)] == ["D-1"]


def test_nothing_told_is_no_disclosure(engine: Engine) -> None:
    assert disclosures(engine, 10) == []
    assert month_counts(engine) == []


def test_lists_of_an_agency_or_a_person_by_state(engine: Engine) -> None:
    tell(engine, "D-1", lateness("D-1"), lateness("D-1", step=None))
    tell(engine, "D-2", lateness("D-2", due_at=MARCH))
    tell(engine, "D-3", lateness("D-3", official="cb-02", state=LatenessState.RECORDED))
    tell(engine, "D-4", lateness("D-4", agency="CT-HQ"))
    shown = (LatenessState.PUBLISHED,)
    assert [each.id for each in listed_latenesses(engine, shown, agency="CT-LAND")] == [
        "D-1:verify:1",
        "D-2:verify:1",
    ]
    assert listed_latenesses(engine, shown, official="cb-02") == []
    assert state_counts(engine, "CT-LAND") == {LatenessState.PUBLISHED: 2, LatenessState.RECORDED: 1}
