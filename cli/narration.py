"""Why this date, for people: day by day, with the minutes that counted and their running total (interfaces: Why)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from cli.output import figure, moment, table

COUNTED = ("counted", "worked_swap")
DAY = timedelta(days=1)


def narration(why: Mapping[str, Any]) -> str:
    """The whole story of a Why: what was asked, when the clock ran, and every day up to the due instant."""
    budget = why["budget_minutes"]
    given = f"{figure(why['amount'])} {why['unit']}"
    told = [
        f"{given}: no deadline" if budget is None else f"{given}, {figure(budget)} working minutes in all"
    ]
    for name, key in (("from", "start"), ("clock starts", "clock_start"), ("due", "due_at")):
        told.append(f"  {name:<14}{moment(why[key])}")
    if not why["confirmed"]:
        told.append("  unconfirmed: a day in between is not decided by law or notice yet")
    if why["lines"]:
        told += ["", days(why["lines"])]
    return "\n".join(told)


def days(lines: Sequence[Mapping[str, Any]]) -> str:
    """One row a session, day off or event; nights and breaks are left out."""
    rows: list[tuple[str, ...]] = []
    total = 0.0
    last = ""
    for line in lines:
        begin, end = datetime.fromisoformat(line["from"]), datetime.fromisoformat(line["to"])
        kind, counts = line["kind"], line["kind"] in COUNTED
        if kind == "closed" and end - begin < DAY:
            continue
        total += line["minutes"] if counts else 0
        day = f"{begin:%a %Y-%m-%d}"
        minutes = (figure(line["minutes"]), figure(round(total, 2))) if counts else ("", "")
        rows.append((day if day != last else "", _span(begin, end), *minutes, _note(line)))
        last = day
    return table(("day", "from-to", "minutes", "total", ""), rows, right=(2, 3))


def _span(begin: datetime, end: datetime) -> str:
    if begin == end:
        return f"{begin:%H:%M}"
    if begin.time() == time() and end - begin == DAY:
        return "all day"
    if begin.date() == end.date() or (end.time() == time() and end - begin < DAY):
        return f"{begin:%H:%M}-{end:%H:%M}"
    if begin.time() == end.time() == time():
        return f"to {end - DAY:%a %m-%d}"
    return f"{begin:%H:%M} to {end:%a %m-%d %H:%M}"


def _note(line: Mapping[str, Any]) -> str:
    if line["kind"] == "counted":
        return ""
    more = f" (+{figure(line['minutes'])} minutes)" if line["kind"] in ("extended", "rework") else ""
    source = f": {line['source']}" if line["source"] else ""
    return f"{line['text']}{more}{source}"
