"""`danbiet bulletin`, `danbiet freeze`: the monthly list for people, for programs, for spreadsheets, for good."""

from __future__ import annotations

import sys
from calendar import month_name
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from cli.installation import Installation
from cli.output import as_json, figure, short, table, tell
from models.bulletin import SMALLEST, AgencyTotals, Bulletin, Counts, public, read, to_csv, to_json
from models.errors import Code, Refusal
from models.instants import localised
from models.workbook import to_xlsx
from store import editions
from store.bulletin import compiled, compiled_json
from store.database import reading

NOBODY = {"recorded": "(not published yet)", "retracted": "(retracted)"}
"""Where a row names no person; of a published or corrected one the unit is named."""


def bulletin(
    period: str,
    format: str,  # noqa: A002 - the option's name
    data: Path | None,
    edition: int | None,
    *,
    masked: bool,
) -> None:
    """The newest edition where the month is frozen, else the preliminary list; or a certain edition."""
    installation = Installation(data)
    zone = installation.calendar.zone
    content = _found(installation, period, edition)
    found = read(content)
    if masked:
        found = public(found)
        content = to_json(found, zone)
    match format:
        case "json":
            _write(content + (b"\n" if sys.stdout.isatty() else b""))
        case "csv":
            _write(to_csv(found))
        case "xlsx" if sys.stdout.isatty():
            raise Refusal(
                Code.INVALID, f"an XLSX file is not for the terminal: write > {period}.xlsx behind it"
            )
        case "xlsx":
            _write(to_xlsx(found, zone))
        case _:
            print(as_table(found, zone))


def _found(installation: Installation, period: str, edition: int | None) -> bytes:
    """Canonical JSON."""
    engine = installation.engine
    newest = editions.latest(engine, period)
    if edition is not None:
        frozen = editions.edition(engine, period, edition)
        if newest is not None and newest.edition > edition:
            tell(f"edition {newest.edition} of {period} is newer: leave out --edition to see it")
        return frozen.content
    if newest is None:
        basis = editions.basis_of(installation.catalogue)
        with reading(engine) as connection:
            return compiled_json(connection, period, now=datetime.now(UTC), basis=basis)
    if changes := editions.changes_since(engine, installation.catalogue, newest):
        tell(
            f"{len(changes)} facts have changed since edition {newest.edition} of {period} was frozen: "
            f"'danbiet freeze {period}' makes a restatement"
        )
    return newest.content


def freeze(period: str, data: Path | None, *, json: bool) -> None:
    """What the schedule does on the 15th."""
    installation = Installation(data)
    frozen = editions.freeze(installation.engine, installation.catalogue, period, now=datetime.now(UTC))
    made, zone = frozen.edition, installation.calendar.zone
    told = localised(made.model_dump(exclude={"content"}), zone)
    if json:
        assert isinstance(told, dict)  # noqa: S101 - a model is a mapping
        print(as_json(told | {"created": frozen.created}))
        return
    new = [change for change in made.bulletin.changes if change.edition == made.edition]
    print(
        f"{period} is frozen as edition {made.edition}, as of {short(made.watermark.astimezone(zone))}"
        if frozen.created
        else f"nothing has changed since edition {made.edition} of {period} was frozen"
    )
    for change in new if frozen.created else ():
        print(f"  {change.kind}: {change.text}")
    print(f"sha256 of the published JSON: {made.sha256}")


def check(period: str, data: Path | None, *, json: bool) -> int:
    """Make every edition anew from the journal; 1 if one comes out differently."""
    installation = Installation(data)
    found = editions.editions_of(installation.engine, period)
    if not found:
        raise Refusal(Code.NOT_FOUND, f"{period} is not frozen")
    told = [
        {
            "edition": each.edition,
            "equal": editions.remade(installation.engine, installation.catalogue, each) == each.content,
        }
        for each in found
    ]
    if json:
        print(as_json(told))
    else:
        for each in told:
            says = "equals" if each["equal"] else "DIFFERS from"
            print(f"edition {each['edition']} of {period} {says} what the journal says, byte for byte")
    return 0 if all(each["equal"] for each in told) else 1


def _write(content: bytes) -> None:
    """To standard output, byte for byte."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def compile_bulletin(installation: Installation, period: str) -> tuple[Bulletin, ZoneInfo]:
    """The preliminary list of the month, as of now."""
    basis = editions.basis_of(installation.catalogue)
    with reading(installation.engine) as connection:
        found = compiled(connection, period, now=datetime.now(UTC), basis=basis)
    return found, basis.calendar.zone


def headline(found: Bulletin) -> str:
    year, month = found.period.split("-")
    counts = (
        (found.agencies, "unit"),
        (found.officials, "individual"),
        (found.dossiers, "dossier"),
    )
    told = ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts)
    return f"{month_name[int(month)]} {year} ({found.period}): {told}"


def as_table(found: Bulletin, zone: ZoneInfo, *, units: bool = True) -> str:
    rows = [
        (
            row.agency_name or row.agency,
            row.official_name or NOBODY.get(row.state, "(the unit)"),
            row.procedure,
            row.dossier,
            row.step or "promise",
            short(row.due_at),
            short(row.completed_at) if row.completed_at else "not returned",
            f"{row.overrun_working_days:.2f}",
            row.cause or "-",
            row.state,
        )
        for row in found.rows
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
        "cause",
        "state",
    )
    totals = found.totals.model_dump()
    counted = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in totals.items())
    rates = found.rates
    lines = [
        headline(found),
        "",
        table(header, rows, right=(7,)) if rows else "nobody was late",
        "",
        *(_units(found.by_agency) if units else ()),
        f"dossiers: {counted}",
        f"on time: {_rate(rates.fair, rates.fair_counts)} (fair); "
        f"{_rate(rates.national_766, rates.national_766_counts)} (Decision 766)",
        f"excused {found.excused}, retracted {found.retracted}; {_standing(found, zone)}, "
        f"formula {found.formula}",
        *(f"edition {change.edition}, {change.kind}: {change.text}" for change in found.changes),
    ]
    return "\n".join(lines)


def _standing(found: Bulletin, zone: ZoneInfo) -> str:
    if found.frozen_at is None:
        return f"preliminary, as of {short(found.watermark.astimezone(zone))}"
    return f"edition {found.edition}, frozen {short(found.frozen_at.astimezone(zone))}"


def _units(units: Iterable[AgencyTotals]) -> list[str]:
    """Units beside those with about as many dossiers, the busiest first."""
    rows = [
        (
            unit.volume,
            unit.agency,
            str(unit.dossiers),
            str(unit.on_time),
            str(unit.late),
            str(unit.open_overdue),
            _percent(unit.rates.fair),
            _percent(unit.rates.national_766),
        )
        for unit in sorted(units, key=lambda unit: (-unit.dossiers, unit.agency))
    ]
    if not rows:
        return []
    header = ("dossiers in the month", "unit", "all", "on time", "late", "open overdue", "fair", "766")
    return [table(header, rows, right=(2, 3, 4, 5, 6, 7)), ""]


def _percent(rate: float | None) -> str:
    return f"under {SMALLEST}" if rate is None else f"{figure(rate)} %"


def _rate(rate: float | None, counts: Counts) -> str:
    shown = f"no rate under {SMALLEST} dossiers" if rate is None else f"{figure(rate)} %"
    return f"{shown}, {counts.on_time} of {counts.dossiers}"
