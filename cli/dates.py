"""`danbiet due`: the working calendar alone. Loads no Temporal, no SQL, no settings: it answers at once."""

from __future__ import annotations

import os
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from cli.output import as_json, figure, short, table
from cli.root import PROJECT_ROOT
from models.budget import Budget, Unit
from models.calendar import CalendarData, WorkingCalendar, load_calendar
from models.errors import Code, Refusal
from models.instants import iso, localised, parse_instant


def due(
    start: str,
    amount: str,
    unit: str,
    calendar: str,
    data: Path | None,
    *,
    intake: bool,
    narrated: bool,
    json: bool,
) -> None:
    """Print when ``amount`` from ``start`` (read in the calendar's zone if it has no offset) is used up."""
    working = WorkingCalendar(find_calendar(calendar, data))
    at = parse_instant(start, zone=working.zone)
    explanation = working.explain(at, budget_of(amount, unit), intake=intake)
    if json:
        print(as_json(_why_json(explanation, working)))
        return
    flag = "" if explanation.confirmed else f"  (unconfirmed: beyond {working.data.confirmed_until})"
    print(f"{iso(explanation.due_at, working.zone)}{flag}")
    if narrated:
        print()
        print(f"{figure(float(explanation.budget_minutes))} working minutes from {short_local(at, working)}")
        print(narration(_why_json(explanation, working)["lines"]))


def budget_of(amount: str, unit: str) -> Budget:
    try:
        value = Decimal(amount)
    except InvalidOperation:
        raise Refusal(Code.INVALID, f"'{amount}' is no amount: write a number like 5 or 0.5") from None
    if not value.is_finite() or value < 0 or value > 100_000:
        raise Refusal(Code.INVALID, f"the amount must lie between 0 and 100000, not {amount}")
    if unit in ("calendar_days", "months") and value != int(value):
        raise Refusal(Code.INVALID, f"{unit} are whole: {amount} is not")
    return Budget(amount=value, unit=Unit(unit))


def find_calendar(name: str, data: Path | None) -> CalendarData:
    """The calendar ``name`` of the installation's catalogue, or of those that all catalogues share."""
    folders = [folder / "calendars" for folder in _catalogues(data)] + [
        PROJECT_ROOT / "catalogue" / "calendars"
    ]
    known: set[str] = set()
    for folder in folders:
        known |= {path.stem for path in folder.glob("*.yaml")}
        path = folder / f"{name}.yaml"
        if path.name == f"{name}.yaml" and path.parent == folder and path.is_file():
            return load_calendar(path.read_text(encoding="utf-8"), file=str(path))
    raise Refusal(Code.INVALID, f"there is no calendar '{name}': known are {', '.join(sorted(known))}")


def _catalogues(data: Path | None) -> list[Path]:
    """Without pydantic-settings, which alone takes longer than all of this command."""
    directory = data or Path(os.environ.get("DANBIET_DATA") or ".danbiet")
    remembered = directory / "catalogue.path"
    named = os.environ.get("DANBIET_CATALOGUE")
    if named:
        return [Path(named), Path(named).parent]
    if remembered.is_file():
        path = Path(remembered.read_text(encoding="utf-8").strip())
        return [path, path.parent]
    return []


def _why_json(explanation: Any, calendar: WorkingCalendar) -> dict[str, Any]:
    told = localised(explanation, calendar.zone)
    assert isinstance(told, dict)  # noqa: S101 - a model is a mapping
    return {"subject": None, **told}


def short_local(at: datetime, calendar: WorkingCalendar) -> str:
    return short(at.astimezone(calendar.zone))


def narration(lines: list[dict[str, Any]]) -> str:
    """Lines of a Why as a table, with the total of what counted."""
    rows = [
        (
            short(line["from"]),
            short(line["to"]),
            figure(line["minutes"]),
            line["kind"],
            line["text"],
            line["source"] or "",
        )
        for line in lines
    ]
    counted = sum(line["minutes"] for line in lines if line["kind"] in ("counted", "worked_swap"))
    rows.append(("", "", figure(round(counted, 2)), "total", "", ""))
    return table(("from", "to", "minutes", "kind", "", "source"), rows, right=(2,))
