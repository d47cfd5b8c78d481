"""The Vietnamese calendar day by day: against an independent list, with every known difference named."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import holidays
import pytest

from models.budget import Budget, Unit
from models.calendar import CalendarData, LineKind, WorkingCalendar, load_calendar
from models.instants import whole

FILE = Path(__file__).parents[2] / "catalogue" / "calendars" / "vn.yaml"
DATA: CalendarData = load_calendar(FILE.read_text(encoding="utf-8"), file="vn.yaml")
VN = WorkingCalendar.of(DATA)

KNOWN_DIFFERENCES = {
    # Notice 12729/VPCP-KGVX of 2025-12-25, which the package does not know (domain 4).
    date(2026, 1, 2): False,
    date(2026, 1, 10): True,
}


def local(text: str) -> datetime:
    return whole(datetime.fromisoformat(text).replace(tzinfo=VN.zone))


def days(first: int, last: int) -> list[date]:
    start = date(first, 1, 1)
    return [start + timedelta(days=n) for n in range((date(last + 1, 1, 1) - start).days)]


def test_every_day_agrees_with_the_package_but_for_the_known_differences() -> None:
    package = holidays.country_holidays("VN", years=range(2024, 2028))
    worked = {day: package.is_working_day(day) for day in days(2024, 2027)}
    ours = {day: VN.is_working_day(day) for day in days(2024, 2027)}
    assert {day: ours[day] for day in ours if ours[day] != worked[day]} == KNOWN_DIFFERENCES


@pytest.mark.parametrize(
    ("year", "working"),
    [
        # Counted by hand: weekdays of the year, less weekdays off, plus Saturdays worked.
        (2024, 262 - 12 + 1),
        (2025, 261 - 12 + 1),
        (2026, 261 - 14 + 2),
        (2027, 261 - 12 + 0),
    ],
)
def test_working_days_of_a_year(year: int, working: int) -> None:
    assert sum(VN.is_working_day(day) for day in days(year, year)) == working
    span = VN.working_time(local(f"{year}-01-01"), local(f"{year + 1}-01-01"))
    assert span == working * 8 * 3600


@pytest.mark.parametrize(
    ("off", "worked"),
    [
        ("2024-04-29", "2024-05-04"),
        ("2025-05-02", "2025-04-26"),
        ("2026-01-02", "2026-01-10"),
        ("2026-08-31", "2026-08-22"),
    ],
)
def test_swaps_are_off_and_worked_with_the_notice_in_the_narration(off: str, worked: str) -> None:
    (line,) = VN.narrate(local(off), local(off) + timedelta(days=1))
    assert line.kind is LineKind.DAY_OFF
    assert line.source is not None
    assert line.source.startswith("swapped with Sat")
    told = [
        line
        for line in VN.narrate(local(worked), local(worked) + timedelta(days=1))
        if line.kind is not LineKind.CLOSED
    ]
    assert [(line.kind, line.minutes) for line in told] == [(LineKind.WORKED_SWAP, 240)] * 2
    assert all(line.source is not None and line.source.startswith("in exchange for") for line in told)


def test_the_false_lateness_of_january_2026() -> None:
    """Five working days from 30 December 2025 are due on 8 January: the 2nd was off by notice, not the 7th."""
    told = VN.explain(local("2025-12-30T08:00"), Budget(amount=Decimal(5), unit=Unit.WORKING_DAYS))
    assert told.due_at == local("2026-01-08T08:00")
    assert told.confirmed
    off = [line for line in told.lines if line.kind is LineKind.DAY_OFF]
    assert [(line.start, line.source) for line in off] == [
        (local("2026-01-01"), "New Year, Labour Code art. 112"),
        (
            local("2026-01-02"),
            "swapped with Sat 10 January 2026, notice 12729/VPCP-KGVX of 2025-12-25",
        ),
    ]


def test_24_november_is_off_from_2026_only() -> None:
    assert [VN.is_working_day(date(year, 11, 24)) for year in (2025, 2026, 2027)] == [True, False, False]


def test_a_day_off_before_the_clock_starts_is_told_by_its_notice() -> None:
    told = VN.explain(
        local("2026-11-23 18:00"), Budget(amount=Decimal(1), unit=Unit.WORKING_DAYS), intake=True
    )
    before = [line for line in told.lines if line.end <= told.clock_start]
    assert [(line.kind, line.start, line.end) for line in before] == [
        ("policy", local("2026-11-23 18:00"), local("2026-11-24 00:00")),
        ("day_off", local("2026-11-24 00:00"), local("2026-11-25 00:00")),
        ("policy", local("2026-11-25 00:00"), local("2026-11-25 07:00")),
    ]
    assert before[1].source is not None
    assert "28/2026" in before[1].source


def test_2027_is_flagged_and_says_so() -> None:
    assert VN.confirmed(local("2026-12-31T08:00"), local("2026-12-31T17:00"))
    assert not VN.confirmed(local("2026-12-31T08:00"), local("2027-01-04T08:00"))
    sources = [DATA.sources[index] for day, index in DATA.days_off.items() if day.year == 2027]
    assert len(sources) == 12
    assert all("unconfirmed" in source for source in sources)
    before = [DATA.sources[i] for day, i in (DATA.days_off | DATA.worked).items() if day.year < 2027]
    assert not [source for source in before if "unconfirmed" in source]


def test_a_slice_is_small_and_answers_the_same() -> None:
    part = DATA.slice(date(2026, 5, 20))
    assert len(part.model_dump_json()) < 3072
    assert len(DATA.model_dump_json()) < 3072
    assert CalendarData.model_validate_json(part.model_dump_json()) == part
    carried = WorkingCalendar.of(part)
    assert [carried.is_working_day(day) for day in days(2026, 2029)] == [
        VN.is_working_day(day) for day in days(2026, 2029)
    ]
    assert all(day.year >= 2026 for day in part.days_off | part.worked)
    assert len(part.sources) == len({*part.sources})
    for given in ("2025-12-31T08:00", "2026-01-01T00:00"):
        assert carried.confirmed(local(given), local("2026-02-02T08:00")) is given.startswith("2026")
