"""WorkingCalendar: the only date arithmetic in the project (design 4.1, rules R2).

Instants are UTC, intervals half-open, days local to the calendar's zone. Every answer is read from a table of
working seconds before each exceptional day, so its cost does not grow with the span.
"""

from __future__ import annotations

import calendar as months
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from models import refusals
from models.budget import Budget, Unit
from models.calendar_data import DAY, CalendarData, Session, parse_sessions
from models.calendar_file import load_calendar
from models.calendar_lines import Explanation, Line, LineKind, as_minutes, hundredths, texts
from models.errors import Code, Refusal

__all__ = ["CalendarData", "Explanation", "Line", "LineKind", "Session", "WorkingCalendar", "load_calendar"]


_LAST = date.max.toordinal() - 3
"""Last day that can be told in every zone."""
_REMEMBERED = 4096
"""Days whose beginning a calendar remembers as an instant."""


class WorkingCalendar:
    """Working-time arithmetic on :class:`CalendarData`. Immutable; share it through :meth:`of`.

    Instants in and out are aware and in whole seconds; those computed are UTC. A session's length is the difference of
    its wall-clock edges, so a change to or from summer time within a session neither adds nor takes working time.
    """

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
            day.toordinal() - 1: self._week[data.worked_as.get(day, 0)] for day in data.worked
        }
        self._days = sorted(self._special)
        self._shift = [0]
        """Seconds by which the first n exceptional days differ from the weekly pattern."""
        for day in self._days:
            self._shift.append(self._shift[-1] + _length(self._special[day]) - lengths[day % 7])
        self._midnights: dict[int, datetime] = {}
        self._uneven: set[int] = set()
        self._opens = [self._before(day) for day in self._days]
        self._after = [self._before(day + 1) for day in self._days]
        # One dossier asks for the same deadline many times.
        self._due = lru_cache(maxsize=4096)(self._find_due)

    @classmethod
    def of(cls, data: CalendarData) -> WorkingCalendar:
        """The calendar of ``data``; equal data share one."""
        return _interned(data.model_dump_json())

    # --- arithmetic --------------------------------------------------------------------------------------------

    def working_time(self, a: datetime, b: datetime) -> int:
        """Whole working seconds in [a, b); 0 where b is not after a."""
        return max(0, self._position(b) - self._position(a)) if b > a else 0

    def due(self, start: datetime, seconds: int) -> datetime:
        """The earliest instant t >= start with ``working_time(start, t) == seconds``: 11:00 rather than 13:00.

        Raises :class:`Refusal` (``invalid``) for a deadline beyond the year 9999.
        """
        return self._due(start, seconds) if seconds else start

    def _find_due(self, start: datetime, seconds: int) -> datetime:
        if seconds < 0:
            raise ValueError("a budget is never negative")
        target = self._position(start) + seconds
        day = self._day_of(target)
        left = target - self._before(day)
        for begin, end in self._sessions(day):
            if left <= end - begin:
                return max(start, self._instant(day, begin + left))
            left -= end - begin
        raise AssertionError("unreachable: the day holds the target")

    def seconds(self, budget: Budget) -> int:
        """A budget in working units as working seconds; one working day is ``day_minutes`` (design 4.1).

        Raises :class:`Refusal` (``invalid``) unless it comes to whole minutes.
        """
        if not budget.unit.is_working:
            raise ValueError(f"{budget.unit} has no fixed length: use budget_seconds")
        unit = 3600 if budget.unit is Unit.WORKING_HOURS else self.day_seconds
        seconds = budget.amount * unit
        if seconds % 60:
            raise Refusal(
                Code.INVALID,
                refusals.NO_WHOLE_MINUTES,
                amount=str(budget.amount),
                units=budget.unit.value,
                minutes=f"{seconds / 60:.2f}",
            )
        return int(seconds)

    def budget_seconds(self, budget: Budget, start: datetime) -> int:
        """Any budget as working seconds of a clock that starts at ``start`` (rules R2: converted once).

        A limit of 0 calendar days that starts after the day's close ends with the next working day: nobody gets a
        deadline without a working minute before it. Raises :class:`Refusal` like :meth:`seconds`, :meth:`end_of`.
        """
        if budget.unit.is_working:
            return self.seconds(budget)
        seconds = self.working_time(start, self.end_of(budget, start))
        return seconds or self.working_time(start, self.end_of(budget, self.opening_after(start)))

    def end_of(self, budget: Budget, start: datetime) -> datetime:
        """When a limit in calendar days or months ends: at the close of its last day, or of the next working day.

        The local date of ``start`` is not counted; 0 calendar days end at the close of the same day; a month's end is
        clipped (rules R2). Raises :class:`Refusal` (``invalid``) for an end beyond the year 9999.
        """
        first = start.astimezone(self.zone).date()
        amount = int(budget.amount)
        match budget.unit:
            case Unit.CALENDAR_DAYS:
                last = date.fromordinal(_representable(first.toordinal() + amount))
            case Unit.MONTHS:
                year, month = divmod(first.year * 12 + first.month - 1 + amount, 12)
                if year >= date.max.year:
                    raise _too_far()
                last = date(year, month + 1, min(first.day, months.monthrange(year, month + 1)[1]))
            case _:
                raise ValueError(f"{budget.unit} ends on no particular day: use due")
        day = self.next_working_day(last).toordinal() - 1
        return self._instant(day, self._sessions(day)[-1][1])

    def intake(self, at: datetime) -> datetime:
        """When a clock starts for what was accepted ``at`` (rules R2; domain 2, Decree 309/2026).

        Strictly after the cut-off on a working day: at the next working day's opening. Out of session: at the next
        opening. At the cut-off itself: at once.
        """
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
        """Whether the office works on the local date ``day``."""
        return bool(self._sessions(day.toordinal() - 1))

    def sessions_on(self, day: date) -> tuple[Session, ...]:
        """The sessions of the local date ``day``; none on a day off."""
        return tuple(
            Session(start=_wall(begin), end=_wall(end)) for begin, end in self._sessions(day.toordinal() - 1)
        )

    def next_working_day(self, day: date) -> date:
        """``day`` itself if it is worked, otherwise the first worked day after it."""
        number = day.toordinal() - 1
        return date.fromordinal(self._day_of(self._before(number) + 1) + 1)

    def confirmed(self, start: datetime, end: datetime) -> bool:
        """Whether every local day of [start, end) is decided by law or notice (peers, trap 6)."""
        last = max(start, end - timedelta(seconds=1)).astimezone(self.zone).date()
        return (
            self.data.covers_from <= start.astimezone(self.zone).date() and last <= self.data.confirmed_until
        )

    # --- narration ---------------------------------------------------------------------------------------------

    def narrate(self, a: datetime, b: datetime, lang: str = "en") -> tuple[Line, ...]:
        """What counted from ``a`` to ``b`` and what did not: lines without gap or overlap.

        Working minutes are rounded to two decimals so that they sum to those of ``working_time(a, b)``.
        """
        words = texts(lang)
        if b <= a:
            return ()
        (first, opened), (last, closed) = self._local(a), self._local(b)
        told: list[tuple[datetime, datetime, int | float, LineKind, str, str | None]] = []
        begin, seconds = a, 0
        for day, from_, to, kind, text, source in self._spans(first, last):
            if day == first and to <= opened:
                continue
            stop = b if day == last and to >= closed else min(self._instant(day, to), b)
            if stop <= begin:
                continue
            minutes: int | float = 0
            if kind is LineKind.COUNTED or kind is LineKind.WORKED_SWAP:
                lower = max(from_, opened) if day == first else from_
                upper = min(to, closed) if day == last else to
                before, seconds = hundredths(seconds), seconds + max(0, upper - lower)
                minutes = as_minutes(hundredths(seconds) - before)
            if kind is LineKind.CLOSED and told and told[-1][3:5] == (kind, words[text]):
                told[-1] = (told[-1][0], stop, *told[-1][2:])
            else:
                told.append((begin, stop, minutes, kind, words[text], source))
            begin = stop
        return tuple(
            Line(start=start, end=end, minutes=minutes, kind=kind, text=text, source=source)
            for start, end, minutes, kind, text, source in told
        )

    def explain(
        self, start: datetime, budget: Budget, *, intake: bool = False, lang: str = "en"
    ) -> Explanation:
        """The deadline of ``budget`` from ``start`` (with ``intake``: from its normalised start), narrated.

        Raises :class:`Refusal` like :meth:`budget_seconds` and :meth:`due`.
        """
        clock_start = self.intake(start) if intake else start
        seconds = self.budget_seconds(budget, clock_start)
        due = self.due(clock_start, seconds)
        return Explanation(
            start=start,
            clock_start=clock_start,
            amount=budget.amount,
            unit=budget.unit,
            budget_minutes=as_minutes(hundredths(seconds)),
            due_at=due,
            confirmed=self.confirmed(start, due),
            lines=(*self._before_clock(start, clock_start, lang), *self.narrate(clock_start, due, lang)),
        )

    def _before_clock(self, start: datetime, clock_start: datetime, lang: str) -> tuple[Line, ...]:
        """What intake did between acceptance and the start of the clock (rules R2)."""
        if clock_start <= start:
            return ()
        reason = "outside" if clock_start == self.opening_after(start) else "cutoff"
        return tuple(self.narrate_intake(start, clock_start, texts(lang)[reason], lang))

    def narrate_intake(self, a: datetime, b: datetime, text: str, lang: str = "en") -> Iterator[Line]:
        """Nothing counts from ``a`` to ``b``: by the rule that ``text`` tells, and days off by their own notice."""

        def by_rule(start: datetime, end: datetime) -> Line:
            return Line(start=start, end=end, minutes=0, kind=LineKind.POLICY, text=text, source=None)

        at = a
        for line in self.narrate(a, b, lang):
            if line.kind is LineKind.DAY_OFF:
                if at < line.start:
                    yield by_rule(at, line.start)
                yield line
                at = line.end
        if at < b:
            yield by_rule(at, b)

    def _spans(self, first: int, last: int) -> Iterator[tuple[int, int, int, LineKind, str, str | None]]:
        """What each second of the days is: (day, from, to, kind, text, source), without gap."""
        for day in range(first, last + 1):
            today = date.fromordinal(day + 1)
            sessions = self._sessions(day)
            if not sessions:
                index = self.data.days_off.get(today)
                if index is None:
                    yield day, 0, DAY, LineKind.CLOSED, "rest", None
                else:
                    yield day, 0, DAY, LineKind.DAY_OFF, "day_off", self.data.sources[index]
                continue
            swap = self.data.worked.get(today)
            kind = LineKind.COUNTED if swap is None else LineKind.WORKED_SWAP
            source = None if swap is None else self.data.sources[swap]
            at = 0
            for begin, end in sessions:
                if begin > at:
                    yield day, at, begin, LineKind.CLOSED, "break" if at else "night", None
                yield day, begin, end, kind, kind.value, source
                at = end
            if at < DAY:
                yield day, at, DAY, LineKind.CLOSED, "night", None

    # --- the table ---------------------------------------------------------------------------------------------
    # Days are counted from Monday 1 January of year 1 (day 0), seconds from local midnight.

    def _local(self, instant: datetime) -> tuple[int, int]:
        local = instant.astimezone(self.zone)
        return local.toordinal() - 1, local.hour * 3600 + local.minute * 60 + local.second

    def _instant(self, day: int, second: int) -> datetime:
        if second == DAY:
            day, second = day + 1, 0
        midnight = self._midnights.get(day)
        if midnight is None:
            if day in self._uneven or not self._learn(day):
                return self._convert(day, second)
            midnight = self._midnights[day]
        return midnight + timedelta(seconds=second)

    def _convert(self, day: int, second: int) -> datetime:
        return datetime.combine(date.fromordinal(day + 1), _wall(second), self.zone).astimezone(UTC)

    def _learn(self, day: int) -> bool:
        """Remember the instant at which ``day`` begins; not for one in which the offset changes."""
        if len(self._midnights) >= _REMEMBERED:
            self._midnights.clear()
        midnight = self._convert(day, 0)
        if self._convert(day + 1, 0) - midnight != timedelta(days=1):
            self._uneven.add(day)
            return False
        self._midnights[day] = midnight
        return True

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
            if second <= begin:
                break
            total += min(second, end) - begin
        return total

    def _day_of(self, target: int) -> int:
        """The day in which the ``target``-th working second falls. Raises :class:`Refusal` beyond the year 9999."""
        index = bisect_left(self._after, target)
        if index < len(self._days) and self._opens[index] < target:
            return self._days[index]
        weeks, left = divmod(target - self._shift[index] - 1, self._weekly)
        return _representable(weeks * 7 + bisect_left(self._before_weekday, left + 1) - 1)

    def _opening(self, day: int) -> datetime:
        """The first session's beginning on ``day`` or the first worked day after it."""
        worked = self._day_of(self._before(day) + 1)
        return self._instant(worked, self._sessions(worked)[0][0])


def _length(spans: tuple[tuple[int, int], ...]) -> int:
    return sum(end - begin for begin, end in spans)


def _wall(second: int) -> time:
    hour, rest = divmod(second % DAY, 3600)
    return time(hour, rest // 60, rest % 60)


def _representable(day: int) -> int:
    if day > _LAST:
        raise _too_far()
    return day


def _too_far() -> Refusal:
    return Refusal(Code.INVALID, refusals.TOO_FAR)


@lru_cache(maxsize=64)
def _interned(data: str) -> WorkingCalendar:
    return WorkingCalendar(CalendarData.model_validate_json(data))
