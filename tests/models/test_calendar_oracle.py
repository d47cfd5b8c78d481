"""The working calendar against an oracle that walks minute by minute, on generated calendars and on ``vn``.

The oracle shares nothing with the table: it asks the zone for the wall clock of every minute of a window and looks the
sessions up. It is right by inspection and slow.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from models.budget import Budget, Unit
from models.calendar import CalendarData, LineKind, WorkingCalendar, load_calendar

FILE = Path(__file__).parents[2] / "catalogue" / "calendars" / "vn.yaml"
VN = load_calendar(FILE.read_text(encoding="utf-8"), file="vn.yaml")
MINUTE, WINDOW = timedelta(minutes=1), 13
COUNTED = (LineKind.COUNTED, LineKind.WORKED_SWAP)
STEADY = ("Asia/Ho_Chi_Minh", "Asia/Kathmandu", "Pacific/Kiritimati")
CHANGES = {
    "Europe/Berlin": (date(2025, 3, 30), date(2025, 10, 26)),
    "America/New_York": (date(2025, 3, 9), date(2025, 11, 2)),
    "Australia/Lord_Howe": (date(2025, 4, 6), date(2025, 10, 5)),  # by half an hour
    "Asia/Beirut": (date(2025, 3, 30), date(2025, 10, 25)),  # at midnight
    "America/Santiago": (date(2025, 4, 5), date(2025, 9, 7)),  # at midnight
}
"""Days on which clocks change, by zone."""

CHECKS = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@lru_cache(maxsize=64)
def _walls(zone: ZoneInfo, begin: datetime) -> list[tuple[date, int]]:
    """Local date and minute of each minute of the window. Clocks change on quarters of an hour only."""
    quarters = [(begin + MINUTE * n).astimezone(zone) for n in range(0, WINDOW * 1440, 15)]
    return [(wall.date(), wall.hour * 60 + wall.minute + n) for wall in quarters for n in range(15)]


@dataclass
class Oracle:
    """Every minute of a window of days: which ones are worked, by asking the wall clock."""

    data: CalendarData
    base: date

    def __post_init__(self) -> None:
        self.zone = ZoneInfo(self.data.zone)
        self.begin = datetime(self.base.year, self.base.month, self.base.day, tzinfo=self.zone).astimezone(
            UTC
        )
        self.walls = _walls(self.zone, self.begin)
        self.dates = [day for day, _ in self.walls]
        worked = {day: self._minutes_of(day) for day in {*self.dates}}
        self.minutes = [minute in worked[day] for day, minute in self.walls]

    def _minutes_of(self, day: date) -> set[int]:
        if day in self.data.days_off:
            return set()
        weekday = self.data.worked_as.get(day, 0) if day in self.data.worked else day.weekday()
        minutes: set[int] = set()
        for session in self.data.week[weekday].split():
            first, last = ([int(part) for part in edge.split(":")] for edge in session.split("-"))
            minutes |= set(range(first[0] * 60 + first[1], last[0] * 60 + last[1]))
        return minutes

    def works(self, day: date) -> bool:
        return bool(self._minutes_of(day))

    def instant(self, offset: int) -> datetime:
        """``offset`` seconds into the window; every third one moves on to the next edge of a session."""
        if offset % 3 == 0:
            edges = range(offset // 60 + 1, len(self.minutes) - 1440)
            offset = next((60 * n for n in edges if self.minutes[n] != self.minutes[n - 1]), offset)
        return self.begin + timedelta(seconds=offset)

    def seconds(self, a: datetime, b: datetime) -> int:
        """Working seconds in [a, b)."""
        low, high = ((edge - self.begin) // timedelta(seconds=1) for edge in (a, b))
        return sum(
            max(0, min(high, 60 * n + 60) - max(low, 60 * n))
            for n in range(low // 60, high // 60 + 1)
            if n < len(self.minutes) and self.minutes[n]
        )

    def due(self, start: datetime, seconds: int) -> datetime | None:
        """The earliest instant by which ``seconds`` have been worked; None beyond the window."""
        if seconds == 0:
            return start
        at, left = (start - self.begin) // timedelta(seconds=1), seconds
        for n in range(at // 60, len(self.minutes)):
            if not self.minutes[n]:
                continue
            here = max(at, 60 * n)
            if left <= 60 * n + 60 - here:
                return self.begin + timedelta(seconds=here + left)
            left -= 60 * n + 60 - here
        return None

    def intake(self, at: datetime) -> datetime | None:
        second = (at - self.begin) // timedelta(seconds=1)
        n = second // 60
        today, cutoff = self.dates[n], self.data.cutoff.hour * 3600 + self.data.cutoff.minute * 60
        late = self.works(today) and self.walls[n][1] * 60 + second % 60 > cutoff
        for m in range(n, len(self.minutes)):
            if self.minutes[m] and not (late and self.dates[m] == today):
                return max(at, self.begin + MINUTE * m)
        return None

    def close(self, day: date) -> datetime | None:
        """The end of the last working minute of ``day`` or of the first working day after it."""
        while day <= self.dates[-1]:
            if self.works(day):
                last = [n for n, d in enumerate(self.dates) if d == day and self.minutes[n]]
                return self.begin + MINUTE * (last[-1] + 1) if last else None
            day += timedelta(days=1)
        return None


@st.composite
def sessions(draw: st.DrawFn, low: int, high: int, *, empty: bool) -> str:
    """Up to three sessions between the hours ``low`` and ``high``, some of them touching."""
    count = draw(st.integers(0 if empty else 1, 3))
    edges = sorted(draw(st.sets(st.integers(low * 60, high * 60), min_size=2 * count, max_size=2 * count)))
    if count > 1 and draw(st.booleans()):
        edges[2] = edges[1]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return " ".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in pairs)


@st.composite
def calendars(draw: st.DrawFn) -> tuple[CalendarData, date]:
    """A calendar, and the first day of a window in which it has exceptions (and some in which clocks change)."""
    zone = draw(st.sampled_from((*STEADY, *CHANGES)))
    low, high = (
        (0, 24) if zone in STEADY else (4, 23)
    )  # a session across a change of the clock is out of scope
    week = [draw(sessions(low, high, empty=weekday > 0)) for weekday in range(7)]
    base = draw(st.dates(date(2021, 1, 1), date(2028, 12, 31)))
    if zone in CHANGES and draw(st.booleans()):
        base = draw(st.sampled_from(CHANGES[zone])) - timedelta(days=draw(st.integers(0, 6)))
    near = st.integers(-20, WINDOW + 20).map(lambda n: base + timedelta(days=n))
    off = draw(st.sets(near, max_size=8))
    worked = draw(st.sets(near, max_size=5)) - off
    usable = [weekday for weekday in range(7) if week[weekday]]
    worked_as = {day: draw(st.sampled_from(usable)) for day in sorted(worked) if draw(st.booleans())}
    data = CalendarData(
        name="made",
        zone=zone,
        week=tuple(week),
        cutoff=draw(st.times()).replace(second=0, microsecond=0),
        sources=("off", "worked"),
        days_off=dict.fromkeys(sorted(off), 0),
        worked=dict.fromkeys(sorted(worked), 1),
        worked_as=worked_as,
        covers_from=date(2020, 1, 1),
        covers_until=date(2029, 12, 31),
        confirmed_until=date(2029, 12, 31),
    )
    return data, base


vn = st.sampled_from(
    [date(2024, 4, 24), date(2025, 4, 22), date(2025, 12, 27), date(2026, 8, 18), date(2027, 1, 28)]
).map(lambda base: (VN, base))
cases = st.one_of(calendars(), calendars(), calendars(), vn)
offsets = st.one_of(
    st.integers(0, (WINDOW - 1) * 86_400 - 1), st.integers(0, (WINDOW - 1) * 24 - 1).map(lambda h: h * 3600)
)
amounts = st.one_of(st.integers(0, 90_000), st.integers(0, 1500).map(lambda m: m * 60))


@lru_cache(maxsize=64)
def _oracle(text: str, base: date) -> Oracle:
    return Oracle(CalendarData.model_validate_json(text), base)


def oracle_of(case: tuple[CalendarData, date]) -> tuple[WorkingCalendar, Oracle]:
    data, base = case
    return WorkingCalendar(data), _oracle(data.model_dump_json(), base)


@CHECKS
@given(cases, offsets, offsets)
def test_working_time(case: tuple[CalendarData, date], one: int, other: int) -> None:
    calendar, oracle = oracle_of(case)
    a, b = sorted((oracle.instant(one), oracle.instant(other)))
    assert calendar.working_time(a, b) == oracle.seconds(a, b)
    assert calendar.working_time(b, a) == 0


@CHECKS
@given(cases, offsets, amounts)
def test_due(case: tuple[CalendarData, date], offset: int, seconds: int) -> None:
    calendar, oracle = oracle_of(case)
    start = oracle.instant(offset)
    expected = oracle.due(start, seconds)
    due = calendar.due(start, seconds)
    if expected is None:
        assert due > oracle.begin + timedelta(days=WINDOW - 1)
    else:
        assert due == expected
    assert due.tzinfo is UTC


@CHECKS
@given(cases, offsets)
def test_intake(case: tuple[CalendarData, date], offset: int) -> None:
    calendar, oracle = oracle_of(case)
    at = oracle.instant(offset)
    expected = oracle.intake(at)
    if expected is None:
        assert calendar.intake(at) > oracle.begin + timedelta(days=WINDOW - 1)
    else:
        assert calendar.intake(at) == expected


@CHECKS
@given(cases, offsets, st.integers(0, 9))
def test_calendar_days(case: tuple[CalendarData, date], offset: int, amount: int) -> None:
    calendar, oracle = oracle_of(case)
    start = oracle.instant(offset)
    first = oracle.dates[(start - oracle.begin) // MINUTE]
    expected = oracle.close(first + timedelta(days=amount))
    assume(expected is not None and expected < oracle.begin + timedelta(days=WINDOW - 1))
    budget = Budget(amount=Decimal(amount), unit=Unit.CALENDAR_DAYS)
    assert calendar.end_of(budget, start) == expected
    seconds = calendar.budget_seconds(budget, start)
    assert seconds > 0
    if amount:
        assert calendar.due(start, seconds) == expected
        assert seconds == oracle.seconds(start, expected)


@CHECKS
@given(cases, offsets, offsets)
def test_narration(case: tuple[CalendarData, date], one: int, other: int) -> None:
    """Lines cover the span without gap; each is what the oracle sees in it; the minutes sum to the engine's."""
    calendar, oracle = oracle_of(case)
    a, b = sorted((oracle.instant(one), oracle.instant(other)))
    lines = calendar.narrate(a, b)
    edges = [a, *(line.end for line in lines)]
    assert edges[-1] == b
    assert [line.start for line in lines] == edges[:-1]
    for line in lines:
        length = (line.end - line.start) // timedelta(seconds=1)
        day = oracle.dates[(line.start - oracle.begin) // MINUTE]
        assert length > 0
        if line.kind in COUNTED:
            assert oracle.seconds(line.start, line.end) == length
            assert (line.kind is LineKind.WORKED_SWAP) == (day in oracle.data.worked)
            assert abs(line.minutes - length / 60) < 0.011
        else:
            assert oracle.seconds(line.start, line.end) == line.minutes == 0
            assert (line.kind is LineKind.DAY_OFF) == (day in oracle.data.days_off)
        source = (oracle.data.days_off | oracle.data.worked).get(day)
        if line.kind in (LineKind.DAY_OFF, LineKind.WORKED_SWAP):
            assert source is not None
            assert line.source == oracle.data.sources[source]
        else:
            assert line.source is None
    told = sum((Decimal(str(line.minutes)) for line in lines), Decimal(0))
    assert told == round(Decimal(calendar.working_time(a, b)) / 60, 2)


@CHECKS
@given(cases, offsets, st.integers(1, 40_000_000), st.integers(1, 40_000_000))
def test_algebra_over_years(case: tuple[CalendarData, date], offset: int, one: int, other: int) -> None:
    """What is due was worked, no second earlier; amounts add up; intake changes nothing twice."""
    calendar = WorkingCalendar(case[0])
    start = datetime(case[1].year, case[1].month, case[1].day, tzinfo=UTC) + timedelta(seconds=offset)
    due = calendar.due(start, one)
    assert due > start
    assert calendar.working_time(start, due) == one
    assert calendar.working_time(start, due - timedelta(seconds=1)) == one - 1
    assert calendar.due(due, other) == calendar.due(start, one + other)
    later = calendar.due(due, other)
    assert calendar.working_time(start, later) == one + calendar.working_time(due, later)
    opening = calendar.opening_after(start)
    assert calendar.due(opening, one) == due
    assert calendar.working_time(start, opening) == 0


@CHECKS
@given(cases, offsets, st.integers(1, 40_000_000))
def test_a_slice_answers_like_the_whole(case: tuple[CalendarData, date], offset: int, seconds: int) -> None:
    data, base = case
    start = datetime(base.year, base.month, base.day, 23, tzinfo=UTC) + timedelta(seconds=offset)
    whole, part = (
        WorkingCalendar(data),
        WorkingCalendar.of(data.slice(start.astimezone(ZoneInfo(data.zone)).date())),
    )
    assert part.due(start, seconds) == whole.due(start, seconds)
    assert part.intake(start) == whole.intake(start)
    assert part.narrate(start, start + timedelta(days=9)) == whole.narrate(start, start + timedelta(days=9))
