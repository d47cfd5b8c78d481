"""`danbiet bulletin`: the monthly list, as a table for people, canonical JSON and CSV for programs."""

from __future__ import annotations

import sys
from calendar import month_name
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from cli.installation import Installation
from cli.output import figure, short, table
from models.bulletin import Bulletin, Counts, Names, to_csv, to_json
from store import bulletin as store


def bulletin(period: str, format: str, data: Path | None) -> None:  # noqa: A002 - the option's name
    installation = Installation(data)
    compiled, zone = compile_bulletin(installation, period)
    match format:
        case "json":
            _write(to_json(compiled, zone) + b"\n")
        case "csv":
            _write(to_csv(compiled))
        case _:
            print(as_table(compiled, zone))


def _write(content: bytes) -> None:
    """To standard output, byte for byte."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def compile_bulletin(installation: Installation, period: str) -> tuple[Bulletin, ZoneInfo]:
    """The preliminary list of the month, as of now."""
    catalogue = installation.catalogue
    calendars = {code: catalogue.calendar_of(code) for code in catalogue.procedures}
    calendar = installation.calendar
    names = Names(
        agencies={code: agency.name for code, agency in catalogue.agencies.items()},
        officials={code: official.name for code, official in catalogue.officials.items()},
    )
    compiled = store.bulletin(
        installation.engine,
        period,
        now=datetime.now(UTC),
        names=names,
        calendar=calendar,
        calendars=calendars,
    )
    return compiled, calendar.zone


def headline(compiled: Bulletin) -> str:
    year, month = compiled.period.split("-")
    counts = (
        (compiled.agencies, "unit"),
        (compiled.officials, "individual"),
        (compiled.dossiers, "dossier"),
    )
    told = ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts)
    return f"{month_name[int(month)]} {year} ({compiled.period}): {told}"


def as_table(compiled: Bulletin, zone: ZoneInfo) -> str:
    rows = [
        (
            row.agency_name,
            row.official_name
            or ("(the unit)" if row.official is None and row.state != "recorded" else "(not published yet)"),
            row.procedure,
            row.dossier,
            row.step or "promise",
            short(row.due_at),
            short(row.completed_at) if row.completed_at else "not returned",
            f"{row.overrun_working_days:.2f}",
            row.state,
        )
        for row in compiled.rows
    ]
    header = (
        "unit",
        "official",
        "procedure",
        "dossier",
        "step",
        "due",
        "returned",
        "working days late",
        "state",
    )
    totals = compiled.totals.model_dump()
    counted = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in totals.items())
    rates = compiled.rates
    lines = [
        headline(compiled),
        "",
        table(header, rows, right=(7,)) if rows else "nobody was late",
        "",
        f"dossiers: {counted}",
        f"on time: {_rate(rates.fair, rates.fair_counts)} (fair); "
        f"{_rate(rates.national_766, rates.national_766_counts)} (Decision 766)",
        f"excused {compiled.excused}, retracted {compiled.retracted}; preliminary, as of "
        f"{short(compiled.watermark.astimezone(zone))}, formula {compiled.formula}",
    ]
    return "\n".join(lines)


def _rate(rate: float | None, counts: Counts) -> str:
    shown = "no rate under 20 dossiers" if rate is None else f"{figure(rate)} %"
    return f"{shown}, {counts.on_time} of {counts.dossiers}"
