"""`danbiet due`: the working calendar alone. Loads no Temporal, no SQL, no settings: it answers at once."""

from __future__ import annotations

import os
from decimal import Decimal, InvalidOperation
from pathlib import Path

import typer

from cli.narration import narration
from cli.output import as_json, tell
from cli.root import PROJECT_ROOT
from models.budget import Budget, Unit
from models.calendar import CalendarData, WorkingCalendar, load_calendar
from models.errors import Code, Refusal
from models.instants import iso, localised, parse_instant

MOST = 100_000


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
    budget = budget_of(amount, unit)
    working = WorkingCalendar(find_calendar(calendar, data))
    at = parse_instant(start, zone=working.zone)
    explanation = working.explain(at, budget, intake=intake)
    told = localised(explanation, working.zone)
    assert isinstance(told, dict)  # noqa: S101 - a model is a mapping
    if json:
        print(as_json({"subject": None, **told}))
        return
    print(iso(explanation.due_at, working.zone))
    if narrated:
        print(f"\n{narration(told)}")
    elif not explanation.confirmed:
        tell(f"unconfirmed: days after {working.data.confirmed_until} are not decided by law or notice yet")


def budget_of(amount: str, unit: str) -> Budget:
    """What the command line says; a word that is no number is a wrong usage, an impossible amount is refused."""
    try:
        value = Decimal(amount)
    except InvalidOperation:
        raise typer.BadParameter(
            f"'{amount}' is no number: write one like 5 or 0.5", param_hint="AMOUNT"
        ) from None
    if not value.is_finite() or not 0 <= value <= MOST:
        raise Refusal(Code.INVALID, f"the amount must lie between 0 and {MOST}, not {amount}")
    if not Unit(unit).is_working and value != int(value):
        raise Refusal(Code.INVALID, f"{unit} are counted whole: {amount} is not")
    return Budget(amount=value, unit=Unit(unit))


def find_calendar(name: str, data: Path | None) -> CalendarData:
    """The calendar ``name`` of the installation's catalogue, or of those that all catalogues share."""
    catalogue = _catalogue(data)
    known: dict[str, Path] = {}
    for folder in (catalogue / ".." / "calendars", catalogue / "calendars"):  # a city's own comes first
        known |= {path.stem: path for path in folder.glob("*") if path.suffix in (".yaml", ".yml")}
    if name not in known:
        raise Refusal(
            Code.INVALID,
            f"there is no calendar '{name}' in {catalogue}: known are {', '.join(sorted(known)) or 'none'}",
        )
    try:
        text = known[name].read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(Code.INVALID, f"the calendar {known[name]} cannot be read: {error}") from None
    return load_calendar(text, file=known[name].name)


def _catalogue(data: Path | None) -> Path:
    """As `Installation` finds it, without pydantic-settings, which alone takes longer than this whole command."""
    if named := os.environ.get("DANBIET_CATALOGUE"):
        return Path(named).expanduser()
    directory = data or Path(os.environ.get("DANBIET_DATA") or ".danbiet")
    remembered = directory.expanduser() / "catalogue.path"
    if remembered.is_file():
        return Path(remembered.read_text(encoding="utf-8").strip())
    return PROJECT_ROOT / "catalogue" / "can-tho"
