"""How many calls a second the working calendar answers, over spans of days and of years."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from models.calendar import WorkingCalendar, load_calendar

FILE = Path(__file__).parents[1] / "catalogue" / "calendars" / "vn.yaml"
CALLS = 20_000


def measure() -> dict[str, float]:
    calendar = WorkingCalendar.of(load_calendar(FILE.read_text(encoding="utf-8"), file=FILE.name))
    start = datetime(2025, 1, 2, 1, tzinfo=UTC)
    near, far = start + timedelta(days=3), start + timedelta(days=900)
    calls: dict[str, Callable[[], object]] = {
        "due, 3 days": lambda: calendar.due(start, 3 * 8 * 3600),
        "due, 2 years": lambda: calendar.due(start, 500 * 8 * 3600),
        "working_time, 3 days": lambda: calendar.working_time(start, near),
        "working_time, 2 years": lambda: calendar.working_time(start, far),
        "intake": lambda: calendar.intake(start),
        "narrate, 3 days": lambda: calendar.narrate(start, near),
    }
    return {name: CALLS / timeit.timeit(call, number=CALLS) for name, call in calls.items()}


if __name__ == "__main__":
    for name, rate in measure().items():
        print(f"{name:<24}{rate:>12,.0f} calls / s")
