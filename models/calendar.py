"""WorkingCalendar: the only date arithmetic in the project (design 4.1, rules R2).

Instants are UTC, intervals half-open, days local to the calendar's zone. Every answer is read from a table of
working seconds before each exceptional day, so its cost does not grow with the span.
"""

from __future__ import annotations

import calendar as months
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from pydantic import Field

from models.calendar_data import DAY, CalendarData, parse_sessions
from models.calendar_file import load_calendar
from models.errors import Code, Refusal
from models.instants import Instant
from models.procedure import Budget, Model, Unit

__all__ = ["CalendarData", "Explanation", "Line", "LineKind", "WorkingCalendar", "load_calendar"]


class LineKind(StrEnum):
    COUNTED = "counted"
    CLOSED = "closed"
    DAY_OFF = "day_off"
    WORKED_SWAP = "worked_swap"
    PAUSED = "paused"
    EXTENDED = "extended"
    REWORK = "rework"
    POLICY = "policy"


class Line(Model):
    """One line of "why this date": what the clock did from ``start`` to ``end``, and by which source."""

    start: Instant = Field(serialization_alias="from")
    end: Instant = Field(serialization_alias="to")
    minutes: float
    kind: LineKind
    text: str
    source: str | None


class Explanation(Model):
    """A deadline and its narration; counted and worked_swap minutes sum to ``budget_minutes``."""

    start: Instant
    clock_start: Instant
    amount: Decimal
    unit: Unit
    budget_minutes: float
    due_at: Instant
    confirmed: bool
    lines: tuple[Line, ...]


TEXTS = {
    "en": {
        "counted": "working session",
        "worked_swap": "working session of a swapped working day",
        "day_off": "day off",
        "break": "break between sessions",
        "night": "office closed",
        "rest": "weekly rest day",
    },
    "vi": {
        "counted": "ca làm việc",
        "worked_swap": "ca làm việc của ngày làm bù",
        "day_off": "ngày nghỉ",
        "break": "nghỉ giữa ca",
        "night": "ngoài giờ làm việc",
        "rest": "ngày nghỉ hằng tuần",
    },
}


class WorkingCalendar:
    """Working-time arithmetic on :class:`CalendarData`. Immutable; share it through :meth:`of`."""

    def __init__(self, data: CalendarData) -> None:
        self.data = data
        self.zone = ZoneInfo(data.zone)
        self.day_seconds = data.day_minutes * 60
        self._week = [parse_sessions(text) for text in data.week]
        self._cutoff = data.cutoff.hour * 3600 + data.cutoff.minute * 60 + data.cutoff.second
        lengths = [_length(spans) for spans in self._week]
        self._before_weekday = [sum(lengths[:i]) for i in range(8)]
        self._weekly = self._before_weekday[7]
        self._special = {day.toordinal() - 1: () for day in data.days_off} | {
            day.toordinal() - 1: self._week[0] for day in data.worked
        }
        self._days = sorted(self._special)
        self._shift = [0]
        """Seconds by which the first n exceptional days differ from the weekly pattern."""
        for day in self._days:
            self._shift.append(self._shift[-1] + _length(self._special[day]) - lengths[day % 7])
        self._after = [self._before(day + 1) for day in self._days]

    @classmethod
    def of(cls, data: CalendarData) -> WorkingCalendar:
        """The calendar of ``data``; equal data share one."""
        return _interned(data.model_dump_json())

    # --- arithmetic --------------------------------------------------------------------------------------------

    def working_time(self, a: datetime, b: datetime) -> int:
        """Whole working seconds in [a, b); 0 where b is not after a."""
        return self._position(b) - self._position(a) if b > a else 0

    def due(self, start: datetime, seconds: int) -> datetime:
        """The earliest instant t >= start with ``working_time(start, t) == seconds``: 11:00 rather than 13:00."""
        if seconds < 0:
            raise ValueError("a budget is never negative")
        if seconds == 0:
            return start
        target = self._position(start) + seconds
        day = self._day_of(target)
        left = target - self._before(day)
        for begin, end in self._sessions(day):
            if left <= end - begin:
                return self._instant(day, begin + left)
            left -= end - begin
        raise AssertionError("unreachable: the day holds the target")

    def seconds(self, budget: Budget) -> int:
        """A budget in working units as seconds; it must come to whole minutes. Raises :class:`Refusal`."""
        if not budget.unit.is_working:
            raise ValueError(f"{budget.unit} has no fixed length: use budget_seconds")
        unit = 3600 if budget.unit is Unit.WORKING_HOURS else self.day_seconds
        seconds = budget.amount * unit
        if seconds % 60:
            raise Refusal(
                Code.INVALID,
                f"{budget.amount} {budget.unit} does not come to whole minutes ({seconds / 60:.2f})",
            )
        return int(seconds)

    def budget_seconds(self, budget: Budget, start: datetime) -> int:
        """Any budget as working seconds of a clock that starts at ``start`` (rules R2: converted once)."""
        if budget.unit.is_working:
            return self.seconds(budget)
        start = self.opening_after(start)
        return self.working_time(start, self.end_of(budget, start))

    def end_of(self, budget: Budget, start: datetime) -> datetime:
        """When a limit in calendar days or months ends: at the close of its last day, or of the next working day.

        The first day is not counted; 0 calendar days end at the close of the same day; a month's end is clipped.
        """
        first = start.astimezone(self.zone).date()
        amount = int(budget.amount)
        match budget.unit:
            case Unit.CALENDAR_DAYS:
                last = first + timedelta(days=amount)
            case Unit.MONTHS:
                year, month = divmod(first.year * 12 + first.month - 1 + amount, 12)
                last = date(year, month + 1, min(first.day, months.monthrange(year, month + 1)[1]))
            case _:
                raise ValueError(f"{budget.unit} ends on no particular day: use due")
        day = self.next_working_day(last).toordinal() - 1
        return self._instant(day, self._sessions(day)[-1][1])

    def intake(self, at: datetime) -> datetime:
        """When a clock starts for what was accepted ``at`` (rules R2): after the cut-off on the next working day."""
        day, second = self._local(at)
        if self._sessions(day) and second > self._cutoff:
            return self._opening(day + 1)
        return self.opening_after(at)

    def opening_after(self, at: datetime) -> datetime:
        """``at`` itself within a session, otherwise the next session's beginning."""
        day, second = self._local(at)
        for begin, end in self._sessions(day):
            if second < end:
                return at if second >= begin else self._instant(day, begin)
        return self._opening(day + 1)

    def is_working_day(self, day: date) -> bool:
        return bool(self._sessions(day.toordinal() - 1))

    def next_working_day(self, day: date) -> date:
        """``day`` itself if it is worked, otherwise the first worked day after it."""
        number = day.toordinal() - 1
        return date.fromordinal(self._day_of(self._before(number) + 1) + 1)

    def confirmed(self, start: datetime, end: datetime) -> bool:
        """Whether every day from ``start`` to ``end`` is decided by law or notice."""
        first, last = start.astimezone(self.zone).date(), end.astimezone(self.zone).date()
        return self.data.covers_from <= first and last <= self.data.confirmed_until

    # --- narration ---------------------------------------------------------------------------------------------

    def narrate(self, a: datetime, b: datetime, lang: str = "en") -> tuple[Line, ...]:
        """What counted from ``a`` to ``b`` and what did not: lines without gap or overlap."""
        texts = TEXTS[lang]
        lines: list[Line] = []
        for start, end, kind, text, source in self._spans(a, b):
            begin, stop = max(start, a), min(end, b)
            if begin >= stop:
                continue
            if lines and kind is LineKind.CLOSED and lines[-1].kind is kind and lines[-1].text == texts[text]:
                lines[-1] = lines[-1].model_copy(update={"end": stop})
                continue
            counted = kind in (LineKind.COUNTED, LineKind.WORKED_SWAP)
            minutes = round((stop - begin).total_seconds() / 60, 2) if counted else 0
            lines.append(
                Line(start=begin, end=stop, minutes=minutes, kind=kind, text=texts[text], source=source)
            )
        return tuple(lines)

    def explain(
        self, start: datetime, budget: Budget, *, intake: bool = False, lang: str = "en"
    ) -> Explanation:
        """The deadline of ``budget`` from ``start`` (with ``intake``: from its normalised start), narrated."""
        clock_start = self.intake(start) if intake else start
        seconds = self.budget_seconds(budget, clock_start)
        due = self.due(clock_start, seconds)
        minutes = round(seconds / 60, 2)
        return Explanation(
            start=start,
            clock_start=clock_start,
            amount=budget.amount,
            unit=budget.unit,
            budget_minutes=minutes,
            due_at=due,
            confirmed=self.confirmed(clock_start, due),
            lines=self.narrate(clock_start, due, lang),
        )

    def _spans(
        self, a: datetime, b: datetime
    ) -> Iterator[tuple[datetime, datetime, LineKind, str, str | None]]:
        first, last = self._local(a)[0], self._local(b)[0]
        for day in range(first, last + 1):
            today = date.fromordinal(day + 1)
            sessions = self._sessions(day)
            morning, midnight = self._instant(day, 0), self._instant(day + 1, 0)
            if not sessions:
                index = self.data.days_off.get(today)
                if index is None:
                    yield morning, midnight, LineKind.CLOSED, "rest", None
                else:
                    yield morning, midnight, LineKind.DAY_OFF, "day_off", self.data.sources[index]
                continue
            swap = self.data.worked.get(today)
            kind = LineKind.COUNTED if swap is None else LineKind.WORKED_SWAP
            source = None if swap is None else self.data.sources[swap]
            at = 0
            for begin, end in sessions:
                yield (
                    self._instant(day, at),
                    self._instant(day, begin),
                    LineKind.CLOSED,
                    "break" if at else "night",
                    None,
                )
                yield self._instant(day, begin), self._instant(day, end), kind, kind.value, source
                at = end
            yield self._instant(day, at), midnight, LineKind.CLOSED, "night", None

    # --- the table ---------------------------------------------------------------------------------------------
    # Days are counted from Monday 1 January of year 1 (day 0), seconds from local midnight.

    def _local(self, instant: datetime) -> tuple[int, int]:
        local = instant.astimezone(self.zone)
        return local.toordinal() - 1, local.hour * 3600 + local.minute * 60 + local.second

    def _instant(self, day: int, second: int) -> datetime:
        if second == DAY:
            day, second = day + 1, 0
        hour, rest = divmod(second, 3600)
        wall = datetime.combine(date.fromordinal(day + 1), time(hour, rest // 60, rest % 60), self.zone)
        return wall.astimezone(UTC)

    def _sessions(self, day: int) -> tuple[tuple[int, int], ...]:
        special = self._special.get(day)
        return self._week[day % 7] if special is None else special

    def _before(self, day: int) -> int:
        """Working seconds from day 0 to the beginning of ``day``."""
        weeks, weekday = divmod(day, 7)
        shift = self._shift[bisect_left(self._days, day)]
        return weeks * self._weekly + self._before_weekday[weekday] + shift

    def _position(self, instant: datetime) -> int:
        """Working seconds from day 0 to ``instant``."""
        day, second = self._local(instant)
        total = self._before(day)
        for begin, end in self._sessions(day):
            if second > begin:
                total += min(second, end) - begin
        return total

    def _day_of(self, target: int) -> int:
        """The day in which the ``target``-th working second falls."""
        index = bisect_left(self._after, target)
        if index < len(self._days) and self._before(self._days[index]) < target:
            return self._days[index]
        weeks, left = divmod(target - self._shift[index] - 1, self._weekly)
        return weeks * 7 + bisect_left(self._before_weekday, left + 1) - 1

    def _opening(self, day: int) -> datetime:
        """The first session's beginning on ``day`` or the first worked day after it."""
        worked = self._day_of(self._before(day) + 1)
        return self._instant(worked, self._sessions(worked)[0][0])


def _length(spans: tuple[tuple[int, int], ...]) -> int:
    return sum(end - begin for begin, end in spans)


@lru_cache(maxsize=64)
def _interned(data: str) -> WorkingCalendar:
    return WorkingCalendar(CalendarData.model_validate_json(data))
