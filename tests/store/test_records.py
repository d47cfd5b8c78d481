"""Records of people and units on both databases: each dossier once, points from counts, little for the public."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from models.errors import Code, Refusal
from models.lateness import Lateness, LatenessState, Share
from models.records import AgencyRecord, Counts, OfficialRecord, Outcome, outcome_of
from models.tables import Row
from models.views import StepState
from store.database import writing
from store.records import agency_record, official_record
from tests.store.samples import ZONE, lateness, local, step
from tests.store.test_editions import CATALOGUE, tell, told

NOW = local("2025-06-02 09:00")
DUE = local("2025-04-10 17:00")


def official(engine: Engine, who: str = "cb-01", *, full: bool = True) -> OfficialRecord:
    return official_record(engine, CATALOGUE, who, NOW, full=full)


def agency(engine: Engine, code: str = "CT-LAND", *, full: bool = True) -> AgencyRecord:
    return agency_record(engine, CATALOGUE, code, NOW, full=full)


def done(at: str, key: str = "verify", **changes: Any) -> Any:
    return step(
        key, state=StepState.DONE, due_at=DUE, completed_at=local(at), consumed_minutes=100, **changes
    )


def handle(engine: Engine, code: str, *steps: Any, late: tuple[Lateness, ...] = ()) -> None:
    tell(engine, code, *told(code, *late), steps=steps)


def late_of(code: str, **changes: Any) -> Lateness:
    shares = changes.pop("shares", (Share(agency="CT-LAND", official="cb-01", minutes=960, share=100),))
    return lateness(code, due_at=DUE, shares=shares, **changes)


@pytest.mark.parametrize(
    ("at", "outcome"),
    [
        ("2025-04-09 23:59", Outcome.EARLY),
        ("2025-04-10 00:00", Outcome.ON_TIME),
        ("2025-04-10 17:00", Outcome.ON_TIME),
    ],
)
def test_early_is_on_a_day_before(at: str, outcome: Outcome) -> None:
    assert outcome_of(done(at), ZONE) is outcome


def test_late_and_without_a_deadline() -> None:
    assert outcome_of(done("2025-04-11 09:00", late=True), ZONE) is Outcome.LATE
    free = done("2025-04-11 09:00").model_copy(update={"due_at": None})
    assert outcome_of(free, ZONE) is Outcome.NO_DEADLINE


def test_a_person_with_a_bit_of_everything(engine: Engine) -> None:
    handle(engine, "D-1", done("2025-04-08 09:00"))
    handle(engine, "D-2", done("2025-04-08 09:00"), done("2025-04-10 09:00", "sign"))
    handle(engine, "D-3", done("2025-04-11 09:00", late=True), late=(late_of("D-3"),))
    excused = late_of("D-4", state=LatenessState.EXCUSED)
    handle(engine, "D-4", done("2025-05-11 09:00", late=True), late=(excused,))
    hearing = late_of("D-5", state=LatenessState.RECORDED)
    handle(engine, "D-5", done("2025-04-11 09:00", late=True), late=(hearing,))
    handle(engine, "D-6", done("2025-04-11 09:00", late=True), late=(late_of("D-6", official="cb-02"),))
    annulled = late_of("D-7", state=LatenessState.ANNULLED)
    handle(engine, "D-7", done("2025-04-08 09:00"), late=(annulled,))
    handle(engine, "D-8", step(), step("sign", state=StepState.PAUSED, due_at=None))
    found = official(engine)
    assert found.counts == Counts(early=2, on_time=1, late=3, unscored=1)
    assert [(month.period, month.late) for month in found.by_month] == [("2025-04", 2), ("2025-05", 1)]
    assert (found.name, found.agency_name) == ("Cán bộ CĐ-01", "Chi nhánh Đất đai")
    assert (found.open.running, found.open.paused, found.open.overdue) == (1, 1, 1)
    assert found.open.items is not None
    assert [(item.dossier, item.step) for item in found.open.items] == [("D-8", "verify"), ("D-8", "sign")]
    assert found.progress is not None
    assert (found.progress.points, found.progress.out_of, found.progress.percent) == (575, 600, None)
    assert found.progress.counts == {"dossiers": 6, "unexcused": 1, "excused": 1, "in_hearing": 1}
    assert found.score is not None
    assert (found.score.points, found.score.out_of) == (5, 12)
    assert found.minutes is not None
    assert (found.minutes.named, found.minutes.of_others) == (3 * 960, 960)


def test_the_public_sees_counts_and_nothing_before_it_is_published(engine: Engine) -> None:
    handle(engine, "D-1", done("2025-04-08 09:00"))
    before = official(engine, full=False)
    hearing = late_of("D-2", state=LatenessState.RECORDED)
    handle(engine, "D-2", done("2025-04-11 09:00", late=True), late=(hearing,))
    excused = late_of("D-3", state=LatenessState.EXCUSED)
    handle(engine, "D-3", done("2025-04-11 09:00", late=True), late=(excused,))
    found = official(engine, full=False)
    assert found == before
    assert found.counts == Counts(early=1)
    assert (found.minutes, found.progress, found.score, found.open.items) == (None, None, None, None)
    handle(engine, "D-4", done("2025-04-11 09:00", late=True), late=(late_of("D-4"),))
    assert official(engine, full=False).counts == Counts(early=1, late=1)
    assert "D-4" not in official(engine, full=False).model_dump_json()


def test_an_item_loses_a_quarter_for_each_lateness_and_never_more_than_all(engine: Engine) -> None:
    late = tuple(
        late_of("D-1", id=f"D-1:verify:{n}", step="verify", official="cb-01", ordinal=n) for n in range(1, 6)
    )
    handle(engine, "D-1", done("2025-04-11 09:00", late=True), late=late)
    for number in range(19):
        handle(engine, f"T-{number}", done("2025-04-08 09:00"))
    found = official(engine)
    assert found.progress is not None
    assert (found.progress.points, found.progress.percent) == (1900, 95.0)
    assert found.score is not None
    assert (found.score.points, found.score.percent) == (38, 95.0)
    assert found.on_time_share == 95.0


def test_minutes_go_to_who_had_them(engine: Engine) -> None:
    shares = (
        Share(agency="CT-LAND", official="cb-01", minutes=700.5, share=72.97),
        Share(agency="CT-TAX", official="cb-02", minutes=259.5, share=27.03),
    )
    handle(engine, "D-1", done("2025-04-11 09:00", late=True), late=(late_of("D-1", shares=shares),))
    first, second = official(engine), official(engine, "cb-02")
    assert first.minutes is not None
    assert second.minutes is not None
    assert (first.minutes.named, first.minutes.of_others) == (700.5, 0)
    assert (second.minutes.named, second.minutes.of_others) == (0, 259.5)
    unit = agency(engine, "CT-TAX")
    assert unit.minutes is not None
    assert (unit.minutes.named, unit.minutes.of_others) == (0, 259.5)


def test_shares_follow_a_lateness_that_is_told_anew(engine: Engine) -> None:
    handle(engine, "D-1", step(), late=(late_of("D-1"),))
    moved = (Share(agency="CT-LAND", official="cb-02", minutes=480, share=100),)
    tell(engine, "D-1", told("D-1", late_of("D-1"), late_of("D-1", official="cb-02", shares=moved))[2])
    first, second = official(engine), official(engine, "cb-02")
    assert first.minutes is not None
    assert second.minutes is not None
    assert (first.minutes.named, second.minutes.named) == (0, 480)
    assert (first.counts.late, second.counts.late) == (0, 1)


def test_a_unit_with_its_head_trend_and_peers(engine: Engine) -> None:
    agencies = dict(CATALOGUE.agencies)
    land = agencies["CT-LAND"]
    agencies["CT-LAND"] = land.model_copy(update={"head": "cb-01", "volume_group": "branch"})
    for code, group in (("CT-2", "branch"), ("CT-3", "branch"), ("CT-4", "city")):
        agencies[code] = land.model_copy(update={"code": code, "name": code, "volume_group": group})
    catalogue = CATALOGUE.model_copy(update={"agencies": agencies})
    for code, number in (("CT-LAND", 20), ("CT-2", 25), ("CT-3", 60), ("CT-4", 20)):
        for n in range(number):
            late = n == 0
            moment = {"due_at": local("2025-05-12 17:00"), "completed_at": local("2025-05-12 16:00")}
            one = done("2025-05-12 16:00", agency=code, official=None, late=late).model_copy(update=moment)
            handle(engine, f"{code}-{n}", one)
    promise = lateness("CT-LAND-0", None, due_at=DUE)
    of_step = lateness("CT-LAND-0", due_at=DUE, official=None)
    tell(engine, "CT-LAND-0", *told("CT-LAND-0", of_step, promise)[1:], steps=(one,))
    found = agency_record(engine, catalogue, "CT-LAND", NOW, full=True)
    assert (found.head, found.head_name) == ("cb-01", "Cán bộ CĐ-01")
    assert found.counts.late == 1
    assert found.progress is not None
    assert (
        found.progress.counts["unexcused"] == 1
    )  # the promise of a dossier with a late step does not count again
    assert (found.since, found.own.steps) == ("2025-03", 19)
    assert [(peer.agency, peer.steps, peer.late, peer.on_time_share) for peer in found.peers] == [
        ("CT-2", 25, 1, 96.0)
    ]


def test_nobody_knows_them(engine: Engine) -> None:
    with pytest.raises(Refusal, match="unknown official 'cb-99'") as refused:
        official(engine, "cb-99")
    assert refused.value.code is Code.NOT_FOUND
    with pytest.raises(Refusal, match="unknown agency 'XX'"):
        agency(engine, "XX")
    assert official(engine).counts == Counts()


def test_one_who_left_the_catalogue_keeps_their_record(engine: Engine) -> None:
    handle(engine, "D-1", done("2025-04-08 09:00", official="cb-77"))
    found = official(engine, "cb-77")
    assert (found.name, found.agency, found.counts.early) == ("cb-77", None, 1)


@st.composite
def dossiers(draw: st.DrawFn) -> tuple[list[tuple[str, str]], list[tuple[str, LatenessState]]]:
    """Steps done (by whom, how), and latenesses (whom they name, in which state)."""
    who = st.sampled_from(["cb-01", "cb-02"])
    how = st.sampled_from(["early", "on_time", "late", "no_deadline"])
    steps = draw(st.lists(st.tuples(who, how), max_size=3))
    late = draw(st.lists(st.tuples(who, st.sampled_from(list(LatenessState))), max_size=2))
    return steps, late


WHEN = {"early": "2025-04-09 09:00", "on_time": "2025-04-10 09:00", "late": "2025-04-11 09:00"}
NAMED = ("recorded", "published", "excused", "corrected")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lives=st.lists(dossiers(), max_size=15))
def test_every_dossier_is_counted_once(engine: Engine, lives: list[Any]) -> None:
    with writing(engine) as connection:
        for table in Row.metadata.tables:
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - our own names
    expected = {"early": 0, "on_time": 0, "late": 0, "unscored": 0}
    for number, (steps, late) in enumerate(lives):
        code = f"D-{number}"
        made = [
            done(WHEN.get(how, "2025-04-11 09:00"), f"s{n}", official=who, late=how == "late").model_copy(
                update={"due_at": None} if how == "no_deadline" else {}
            )
            for n, (who, how) in enumerate(steps)
        ]
        misses = tuple(
            late_of(code, id=f"{code}:{n}", step=f"s{n}", official=who, state=state)
            for n, (who, state) in enumerate(late)
        )
        handle(engine, code, *made, late=misses)
        mine = {how for who, how in steps if who == "cb-01"}
        if any(who == "cb-01" and state in NAMED for who, state in late):
            expected["late"] += 1
        elif "on_time" in mine:
            expected["on_time"] += 1
        elif "early" in mine:
            expected["early"] += 1
        elif mine:
            expected["unscored"] += 1
    found = official(engine) if lives else None
    assert (found.counts.model_dump() if found else dict.fromkeys(expected, 0)) == expected
    if found is not None:
        assert sum(month.scored + month.unscored for month in found.by_month) == sum(expected.values())


def test_overdue_is_what_passed_before_now(engine: Engine) -> None:
    handle(engine, "D-1", step(due_at=NOW), step("sign", due_at=NOW - timedelta(seconds=1)))
    assert official(engine).open.overdue == 1


@pytest.mark.parametrize(
    ("state", "overdue"),
    [
        (LatenessState.RECORDED, 0),
        (LatenessState.PUBLISHED, 1),
        (LatenessState.EXCUSED, 0),
        (LatenessState.CORRECTED, 0),
    ],
)
def test_of_a_person_the_public_is_told_overdue_what_is_published(
    engine: Engine, state: LatenessState, overdue: int
) -> None:
    handle(engine, "D-1", step(due_at=DUE), late=(late_of("D-1", state=state),))
    assert official(engine, full=False).open.overdue == overdue
    assert official(engine).open.overdue == 1
    assert agency(engine, full=False).open.overdue == 1
