"""The monthly list: headline, rows, bins and rates by rules R11, on both databases."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from models.bulletin import Bin, Bulletin
from models.bulletin_rows import Names
from models.calendar import WorkingCalendar
from models.calendar_data import CalendarData
from models.errors import Code, Refusal
from models.events import Event, Record
from models.lateness import Cause, Lateness, LatenessState
from models.tables import Row
from models.views import Status, StepState
from store.bulletin import bulletin
from store.database import writing
from store.journal import Journal
from tests.store.samples import disclosed, event, lateness, local, paused, record, step

HOURS = "07:00-11:00 13:00-17:00"
CALENDAR = WorkingCalendar.of(
    CalendarData(
        name="vn",
        zone="Asia/Ho_Chi_Minh",
        week=(HOURS,) * 5 + ("", ""),
        covers_from=date(2024, 1, 1),
        covers_until=date(2027, 12, 31),
        confirmed_until=date(2026, 12, 31),
    )
)
NAMES = Names(agencies={"CT-LAND": "Chi nhánh Đất đai"}, officials={"cb-01": "Cán bộ CĐ-01"})
JUNE = local("2025-06-02 09:00")


def compile_list(engine: Engine, period: str = "2025-04", now: datetime = JUNE) -> Bulletin:
    return bulletin(engine, period, now=now, names=NAMES, calendar=CALENDAR)


def tell(engine: Engine, code: str, *latenesses: Lateness, **changes: Any) -> None:
    events: list[Event] = [event(1, subject=code)]
    events += [disclosed(number, late) for number, late in enumerate(latenesses, start=2)]
    Journal(engine, "test").record_now([record(code, events=events, **changes)])


def closed(at: str, status: Status = Status.PROCESSED, **changes: Any) -> dict[str, Any]:
    return {"status": status, "closed_at": local(at), "next_deadline_at": None, **changes}


def bins(found: Bulletin) -> dict[str, int]:
    """Bins that are not empty."""
    counts = found.totals.model_dump(exclude={"received"})
    return {name: count for name, count in counts.items() if count}


DUE = local("2025-04-16 17:00")


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        ("on_time", closed("2025-04-16 17:00")),
        ("late", closed("2025-04-16 17:01")),
        ("late", closed("2025-04-16 17:01", Status.WITHDRAWN)),
        ("on_time", closed("2025-04-10 09:00", Status.REFUSED)),
        ("on_time", closed("2025-04-10 09:00", promise_due_at=None)),
        ("no_deadline", {"promise_due_at": None}),
        ("no_deadline", {"promise_due_at": None, "pauses": (paused(local("2025-04-20 09:00")),)}),
        ("open_overdue", {}),
        ("open_overdue", closed("2025-05-05 09:00")),
        ("open_in_time", {"promise_due_at": local("2025-05-06 17:00")}),
        ("open_in_time", closed("2025-05-05 09:00", promise_due_at=local("2025-05-06 17:00"))),
        ("paused", {"status": Status.PAUSED, "pauses": (paused(local("2025-04-10 09:00")),)}),
        ("paused", closed("2025-05-20 09:00", pauses=(paused(local("2025-04-10 09:00"), JUNE),))),
        (
            "open_in_time",
            {
                "promise_due_at": local("2025-05-06 17:00"),
                "pauses": (paused(local("2025-04-10 09:00"), local("2025-04-30 10:00")),),
            },
        ),
        (
            "open_in_time",
            {"promise_due_at": local("2025-05-06 17:00"), "pauses": (paused(local("2025-05-02 09:00")),)},
        ),
        (None, closed("2025-03-31 09:00", accepted_at=local("2025-03-20 09:00"))),
        ("on_time", closed("2025-04-01 00:00", accepted_at=local("2025-03-20 09:00"))),
        ("open_overdue", closed("2025-05-01 00:00", accepted_at=local("2025-03-20 09:00"))),
        (None, {"accepted_at": local("2025-05-01 00:00")}),
    ],
)
def test_each_bin(engine: Engine, expected: str | None, changes: dict[str, Any]) -> None:
    tell(engine, "D-1", **{"promise_due_at": DUE, **changes})
    found = compile_list(engine)
    assert bins(found) == ({} if expected is None else {expected: 1})
    accepted = changes.get("accepted_at", local("2025-04-01 08:00"))
    assert found.totals.received == (local("2025-04-01 00:00") <= accepted < local("2025-05-01 00:00"))


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (LatenessState.RECORDED, "open_overdue"),
        (LatenessState.EXCUSED, "open_overdue"),
        (LatenessState.ANNULLED, "paused"),
        (LatenessState.RETRACTED, "paused"),
    ],
)
def test_a_missed_promise_stays_missed_under_a_pause(
    engine: Engine, state: LatenessState, expected: str
) -> None:
    missed = lateness("D-1", None, due_at=DUE, state=state)
    pause = paused(local("2025-04-20 09:00"))
    tell(engine, "D-1", missed, promise_due_at=DUE, status=Status.PAUSED, pauses=(pause,))
    assert bins(compile_list(engine)) == {expected: 1}


def test_a_new_clock_does_not_unmiss_the_old_one(engine: Engine) -> None:
    """Policy restart: the promise has a later date now; that the first one was missed stays counted."""
    missed = lateness("D-1", None, due_at=DUE)
    tell(engine, "D-1", missed, **closed("2025-04-25 09:00", promise_due_at=local("2025-04-29 17:00")))
    assert bins(compile_list(engine)) == {"late": 1}


def test_the_running_month_is_counted_up_to_now(engine: Engine) -> None:
    tell(engine, "D-1", promise_due_at=DUE)
    tell(engine, "D-2", **closed("2025-04-16 17:00", promise_due_at=DUE))
    assert bins(compile_list(engine, now=DUE)) == {"open_in_time": 1, "on_time": 1}
    assert bins(compile_list(engine, now=DUE + timedelta(seconds=1))) == {"open_overdue": 1, "on_time": 1}
    assert bins(compile_list(engine, now=DUE - timedelta(seconds=1))) == {"open_in_time": 2}


def test_headline_and_rows(engine: Engine) -> None:
    due = local("2025-04-10 17:00")
    settled = {"completed_at": local("2025-04-11 09:00"), "overrun_minutes": 120, "cause": Cause.SUBJECTIVE}
    tell(engine, "A-1", lateness("A-1", due_at=due, explanation="I was ill", **settled))
    second = lateness("A-2", agency="CT-TAX", official="cb-02", due_at=due, **settled)
    waiting = lateness(
        "A-2",
        "review",
        official="cb-03",
        due_at=due,
        state=LatenessState.RECORDED,
        explanation="not yet heard",
        **settled,
    )
    tell(engine, "A-2", second, waiting)
    tell(engine, "A-3", lateness("A-3", due_at=due, state=LatenessState.EXCUSED, **settled))
    tell(engine, "A-4", lateness("A-4", due_at=due, state=LatenessState.ANNULLED, **settled))
    tell(engine, "A-5", lateness("A-5", due_at=due, state=LatenessState.RETRACTED, **settled))
    corrected = lateness("A-6", official=None, due_at=due, state=LatenessState.CORRECTED, **settled)
    tell(engine, "A-6", corrected)
    tell(engine, "A-7", lateness("A-7", due_at=local("2025-05-06 17:00"), **settled))
    found = compile_list(engine)
    assert (found.agencies, found.officials, found.dossiers) == (2, 3, 3)
    assert (found.excused, found.retracted) == (1, 1)
    assert [(row.dossier, row.step, row.official) for row in found.rows] == [
        ("A-2", "review", None),
        ("A-6", "verify", None),
        ("A-1", "verify", "cb-01"),
        ("A-2", "verify", "cb-02"),
    ]
    hidden, _, shown, nameless = found.rows
    assert (hidden.state, hidden.official_name, hidden.explanation) == (LatenessState.RECORDED, None, None)
    assert (shown.agency_name, shown.official_name) == ("Chi nhánh Đất đai", "Cán bộ CĐ-01")
    assert (shown.overrun_minutes, shown.overrun_working_days) == (120, 0.25)
    assert (shown.explanation, shown.cause) == ("I was ill", Cause.SUBJECTIVE)
    assert shown.received_at == "2025-04-01T08:00:00+07:00"
    assert shown.completed_at == "2025-04-11T09:00:00+07:00"
    assert (nameless.agency_name, nameless.official_name) == ("CT-TAX", "cb-02")
    assert (found.edition, found.frozen_at, found.watermark, found.changes) == (0, None, JUNE, ())


@pytest.mark.parametrize(
    ("step_state", "enters"),
    [
        (None, True),
        (LatenessState.ANNULLED, True),
        (LatenessState.RECORDED, False),
        (LatenessState.EXCUSED, False),
        (LatenessState.RETRACTED, False),
    ],
)
def test_a_promise_enters_only_without_a_late_step(
    engine: Engine, step_state: LatenessState | None, *, enters: bool
) -> None:
    told = [lateness("D-1", None, due_at=DUE)]
    if step_state is not None:
        told.append(lateness("D-1", due_at=local("2025-03-20 17:00"), state=step_state))
    tell(engine, "D-1", *told)
    found = compile_list(engine)
    assert (found.dossiers, found.agencies, found.officials) == (enters, enters, 0)
    assert [row.step for row in found.rows] == [None] * enters


@pytest.mark.parametrize(
    ("changes", "minutes"),
    [
        ({}, 7.5 * 480 + 90),
        ({"pauses": (paused(local("2025-04-11 07:00"), local("2025-04-11 17:00")),)}, 6.5 * 480 + 90),
        ({"pauses": (paused(local("2025-04-22 07:00")),)}, 7.5 * 480),
        ({"pauses": (paused(local("2025-04-09 07:00"), local("2025-04-10 13:00")),)}, 7.5 * 480 + 90),
        (closed("2025-04-14 09:00"), 480 + 240 + 120),
        ({"steps": (step(state=StepState.PENDING, budget_minutes=960, consumed_minutes=1000.5),)}, 40.5),
        ({"steps": (step(state=StepState.PENDING, budget_minutes=960, consumed_minutes=900),)}, 0),
    ],
)
def test_overrun_of_what_is_still_open_runs_to_the_watermark(
    engine: Engine, changes: dict[str, Any], minutes: float
) -> None:
    tell(engine, "D-1", lateness("D-1", due_at=local("2025-04-10 13:00"), overrun_minutes=1), **changes)
    (row,) = compile_list(engine, now=local("2025-04-22 08:30")).rows
    assert row.overrun_minutes == minutes
    assert row.overrun_working_days == round(minutes / 480, 2)
    assert row.completed_at is None


def test_a_procedure_with_another_calendar(engine: Engine) -> None:
    tell(engine, "D-1", lateness("D-1", due_at=local("2025-04-11 17:00")))
    always = CALENDAR.data.model_copy(update={"week": ("00:00-24:00",) * 7, "day_minutes": 1440})
    found = bulletin(
        engine,
        "2025-04",
        now=local("2025-04-13 17:00"),
        names=NAMES,
        calendar=CALENDAR,
        calendars={"land-transfer": WorkingCalendar.of(always)},
    )
    assert found.rows[0].overrun_minutes == 2 * 1440


def fill(engine: Engine, prefix: str, number: int, **changes: Any) -> None:
    records = [record(f"{prefix}-{n}", **{"promise_due_at": DUE, **changes}) for n in range(number)]
    Journal(engine, "test").record_now(records)


def test_rates_need_twenty_dossiers_and_show_their_counts(engine: Engine) -> None:
    fill(engine, "A", 13, **closed("2025-04-10 09:00"))
    fill(engine, "B", 3, **closed("2025-04-20 09:00", agency="CT-TAX"))
    fill(engine, "C", 3)
    fill(engine, "D", 2, promise_due_at=local("2025-05-06 17:00"))
    found = compile_list(engine)
    assert found.rates.fair is None
    assert found.rates.fair_counts.model_dump() == {"on_time": 13, "dossiers": 19}
    assert found.rates.national_766_counts.model_dump() == {"on_time": 15, "dossiers": 21}
    assert found.rates.national_766 == 71.43
    fill(engine, "E", 1, **closed("2025-04-10 09:00"))
    assert compile_list(engine).rates.fair == 70.0
    assert [(row.agency, row.late, row.rates.fair) for row in compile_list(engine).by_agency] == [
        ("CT-LAND", 0, None),
        ("CT-TAX", 3, None),
    ]


@pytest.mark.parametrize(
    ("on_time", "changes"),
    [
        (True, closed("2025-04-16 17:00")),
        (False, closed("2025-04-16 17:00:01")),
        (True, closed("2025-04-16 09:00", Status.STOPPED)),
        (None, closed("2025-04-16 09:00", Status.REFUSED)),
        (None, closed("2025-04-16 09:00", Status.WITHDRAWN)),
        (None, {"promise_due_at": None}),
        (False, {}),
        (True, {"promise_due_at": local("2025-04-30 17:00")}),
        (False, {"promise_due_at": local("2025-04-29 17:00")}),
        (True, {"pauses": (paused(local("2025-04-10 09:00")),)}),
        (True, closed("2025-05-05 09:00", promise_due_at=local("2025-05-05 17:00"))),
        (
            False,
            closed(
                "2025-04-14 09:00",
                pauses=(
                    paused(local("2025-04-02 09:00"), local("2025-04-03 09:00")),
                    paused(local("2025-04-08 09:00"), local("2025-04-09 09:00")),
                ),
            ),
        ),
        (
            True,
            closed(
                "2025-04-14 09:00",
                pauses=(
                    paused(local("2025-04-02 09:00"), local("2025-04-03 09:00")),
                    paused(local("2025-04-08 09:00"), local("2025-04-09 09:00"), "payment"),
                ),
            ),
        ),
    ],
)
def test_decision_766(engine: Engine, changes: dict[str, Any], *, on_time: bool | None) -> None:
    tell(engine, "D-1", **{"promise_due_at": DUE, **changes})
    counts = compile_list(engine).rates.national_766_counts
    assert (counts.on_time, counts.dossiers) == (on_time is True, on_time is not None)


def test_a_month_without_data(engine: Engine) -> None:
    found = compile_list(engine, "2024-01")
    assert (found.agencies, found.officials, found.dossiers, found.rows, found.by_agency) == (0, 0, 0, (), ())
    assert set(found.totals.model_dump().values()) == {0}
    assert found.rates.fair is None
    assert found.rates.national_766_counts.dossiers == 0


@pytest.mark.parametrize("period", ["2025-13", "2025-4", "April", "", "2025-04-01", "0000-01", "2025-07"])
def test_months_that_are_refused(engine: Engine, period: str) -> None:
    with pytest.raises(Refusal) as refused:
        compile_list(engine, period)
    assert refused.value.code is Code.INVALID
    assert period in refused.value.message


# --- every dossier open in the period, in exactly one bin ----------------------------------------------------------

DAYS = st.integers(min_value=-20, max_value=60)


def day(number: int) -> datetime:
    return local("2025-04-01 09:00") + timedelta(days=number)


@st.composite
def lives(draw: st.DrawFn) -> Record:
    """A dossier with any dates that make sense, around April."""
    accepted = draw(DAYS)
    ends = draw(st.none() | st.integers(min_value=accepted, max_value=61))
    due = draw(st.none() | st.integers(min_value=accepted, max_value=61))
    starts = sorted(draw(st.sets(st.integers(min_value=accepted, max_value=ends or 61), max_size=4)))
    pauses = [paused(day(a), day(b)) for a, b in zip(starts[::2], starts[1::2], strict=False)]
    if len(starts) % 2:
        pauses.append(paused(day(starts[-1]), None if ends is None else day(ends)))
    miss = draw(st.none() | st.sampled_from(list(LatenessState)))
    told = [event(1)]
    if (
        due is not None and miss is not None and (ends is None or due < ends)
    ):  # once closed, it misses nothing
        told.append(disclosed(2, lateness("X", None, due_at=day(due), state=miss)))
    return record(
        "X",
        events=told,
        agency=draw(st.sampled_from(["CT-LAND", "CT-TAX"])),
        accepted_at=day(accepted),
        closed_at=None if ends is None else day(ends),
        promise_due_at=None if due is None else day(due),
        pauses=tuple(pauses),
        status=Status.RUNNING if ends is None else Status.PROCESSED,
    )


def expected_bin(told: Record, start: datetime, until: datetime, standing: datetime) -> Bin | None:
    """Rules R11 once more, dossier by dossier and without SQL."""
    view, due = told.snapshot.view, told.snapshot.promise_due_at
    if view.accepted_at >= until or (view.closed_at is not None and view.closed_at < start):
        return None
    stands = any(
        e.data.get("state") not in ("annulled", "retracted") and e.at < standing
        for e in told.events
        if e.type.is_disclosure
    )
    if view.closed_at is not None and view.closed_at < until:
        return Bin.LATE if stands or (due is not None and view.closed_at > due) else Bin.ON_TIME
    if due is None:
        return Bin.NO_DEADLINE
    held = any(
        pause.start < until and (pause.end is None or pause.end >= until) for pause in told.snapshot.pauses
    )
    if stands or (due < standing and not held):
        return Bin.OPEN_OVERDUE
    return Bin.PAUSED if held else Bin.OPEN_IN_TIME


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(lives(), max_size=25), elapsed=st.integers(min_value=0, max_value=70))
def test_every_dossier_is_in_exactly_one_bin(engine: Engine, told: list[Record], elapsed: int) -> None:
    named = [rename(one, f"D-{number}") for number, one in enumerate(told)]
    with writing(engine) as connection:
        for table in Row.metadata.tables:
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - our own names
    Journal(engine, "test").record_now(named)
    now = day(elapsed)
    start, end = local("2025-04-01 00:00"), local("2025-05-01 00:00")
    until = min(end, now + timedelta(seconds=1))
    found = compile_list(engine, now=now)
    expected = [b for one in named if (b := expected_bin(one, start, until, min(end, now))) is not None]
    assert bins(found) == {bin_.value: expected.count(bin_) for bin_ in Bin if bin_ in expected}
    for name, total in found.totals.model_dump().items():
        assert total == sum(getattr(row, name) for row in found.by_agency)


def rename(told: Record, code: str) -> Record:
    view = told.snapshot.view.model_copy(update={"code": code})
    events = tuple(
        one.model_copy(update={"data": one.data | {"dossier": code, "id": f"{code}:promise:1"}})
        if one.type.is_disclosure
        else one
        for one in told.events
    )
    snapshot = told.snapshot.model_copy(update={"view": view})
    return told.model_copy(update={"dossier": code, "events": events, "snapshot": snapshot})
