"""How many calls a second the working calendar answers, over spans of days and of years.

Starts vary, more of them than the calendar remembers deadlines: what is measured is the arithmetic. The one figure for
a deadline asked for again says so.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from models.calendar import WorkingCalendar, load_calendar

FILE = Path(__file__).parents[1] / "catalogue" / "calendars" / "vn.yaml"
ROUNDS = 3
DAY = 8 * 3600
STARTS = [datetime(2025, 1, 2, 1, tzinfo=UTC) + timedelta(seconds=7919 * n) for n in range(8192)]
"""Two years of instants at all hours, in and out of session."""


def measure() -> dict[str, float]:
    """Calls a second of each question, the best of three rounds."""
    calendar = WorkingCalendar.of(load_calendar(FILE.read_text(encoding="utf-8"), file=FILE.name))
    days, years = timedelta(days=3), timedelta(days=900)
    calls: dict[str, Callable[[datetime], object]] = {
        "due, 3 days": lambda start: calendar.due(start, 3 * DAY),
        "due, 2 years": lambda start: calendar.due(start, 500 * DAY),
        "due, asked again": lambda _: calendar.due(STARTS[0], 3 * DAY),
        "working_time, 3 days": lambda start: calendar.working_time(start, start + days),
        "working_time, 2 years": lambda start: calendar.working_time(start, start + years),
        "intake": calendar.intake,
        "narrate, 3 days": lambda start: calendar.narrate(start, start + days),
    }
    return {name: max(_rate(call) for _ in range(ROUNDS)) for name, call in calls.items()}


def _rate(call: Callable[[datetime], object]) -> float:
    begun = perf_counter()
    for start in STARTS:
        call(start)
    return len(STARTS) / (perf_counter() - begun)


def show(rates: dict[str, float]) -> str:
    """An aligned table: calls a second, and microseconds a call."""
    rows = [f"{name:<24}{rate:>12,.0f}{1e6 / rate:>10.2f}" for name, rate in rates.items()]
    return "\n".join([f"{'':<24}{'calls / s':>12}{'us':>10}", *rows])


if __name__ == "__main__":
    print(show(measure()))
