"""The story of a deadline for people: totals count working sessions alone, whatever else is told in between."""

from __future__ import annotations

from typing import Any

import pytest

from cli.narration import days, narration


def line(begin: str, end: str, kind: str, minutes: float = 0, source: str | None = None) -> dict[str, Any]:
    """From and to as '03-04 08:00' of 2025, local."""
    begin, end = (f"2025-{at.replace(' ', 'T')}:00+07:00" for at in (begin, end))
    return {"from": begin, "to": end, "minutes": minutes, "kind": kind, "text": kind, "source": source}


def rows(*lines: dict[str, Any]) -> list[str]:
    return [" ".join(row.split()) for row in days(lines).splitlines()[2:]]


def test_minutes_that_were_added_are_told_and_do_not_count_as_used() -> None:
    assert rows(
        line("03-04 08:00", "03-04 11:00", "counted", 180),
        line("03-04 09:00", "03-04 09:00", "extended", 480),
        line("03-04 10:00", "03-04 10:00", "rework", 60),
        line("03-04 13:00", "03-04 14:30", "worked_swap", 90, "thông báo 1"),
    ) == [
        "Tue 2025-03-04 08:00-11:00 180 180",
        "09:00 extended (+480 minutes)",
        "10:00 rework (+60 minutes)",
        "13:00-14:30 90 270 worked_swap: thông báo 1",
    ]


@pytest.mark.parametrize(
    ("begin", "end", "kind", "told"),
    [
        ("03-04 11:00", "03-04 13:00", "closed", []),
        ("03-04 17:00", "03-05 07:00", "closed", []),
        ("03-08 00:00", "03-10 00:00", "closed", ["Sat 2025-03-08 to Sun 03-09 closed"]),
        ("03-04 00:00", "03-05 00:00", "day_off", ["Tue 2025-03-04 all day day_off"]),
        ("03-04 09:00", "03-05 00:00", "day_off", ["Tue 2025-03-04 09:00-00:00 day_off"]),
        ("03-04 09:00", "03-06 10:30", "paused", ["Tue 2025-03-04 09:00 to Thu 03-06 10:30 paused"]),
    ],
)
def test_nights_and_breaks_are_left_out_and_spans_are_short(
    begin: str, end: str, kind: str, told: list[str]
) -> None:
    assert rows(line(begin, end, kind)) == told


def test_a_step_without_a_deadline_and_one_that_waits() -> None:
    why = {"amount": 0, "unit": "working_days", "budget_minutes": None, "start": None, "clock_start": None}
    told = narration({**why, "due_at": None, "confirmed": True, "lines": []})
    assert told.splitlines()[0] == "0 working_days: no deadline"
    assert told.count(" -") == 3
    waiting = narration({**why, "budget_minutes": 90.5, "due_at": None, "confirmed": False, "lines": []})
    assert "90.5 working minutes in all" in waiting
    assert "unconfirmed" in waiting
