"""From the texts of a catalogue's files to a :class:`Catalogue`, or to everything that is wrong with them.

Files by their name relative to the catalogue's directory: ``agencies.csv``, ``officials.csv``, ``roster.csv``,
``policies.yaml`` (optional), ``procedures/*.yaml`` and ``calendars/*.yaml``. Pure: no I/O.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from pathlib import PurePosixPath

from yaml import YAMLError

from models.calendar import CalendarData, load_calendar
from models.catalogue import Agency, Catalogue, Official
from models.catalogue_procedures import KEY, FoundProcedure, Known, read_policies, read_procedure
from models.catalogue_text import Finding, Findings, Report, Row, nearest, read_rows
from models.errors import CatalogueError
from models.procedure import Step

__all__ = ["AGENCIES", "OFFICIALS", "POLICIES", "ROSTER", "Finding", "Report", "parse_catalogue"]

AGENCIES, OFFICIALS, ROSTER, POLICIES = "agencies.csv", "officials.csv", "roster.csv", "policies.yaml"
AGENCY_CODE = r"[A-Z0-9]+(\.[A-Z0-9]+)*"
"""Dossier codes begin with an agency's code, hence capitals (domain 3)."""
OFFICIAL_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}"
AGENCY_COLUMNS = ("parent", "head", "valid_from", "valid_until", "successors", "volume_group")


def parse_catalogue(files: Mapping[str, str]) -> tuple[Catalogue | None, Report]:
    """Read and check a catalogue. All errors are reported, each with file and line; with any, there is no catalogue."""
    findings = Findings()
    calendars = _calendars(files, findings)
    agencies = _agencies(files, findings)
    officials = _officials(files, findings, agencies)
    if agencies is not None:
        _check_heads(agencies, officials, findings)
        _check_parents(agencies, findings)
    roster = _roster(files, findings, agencies, officials)
    found = _procedures(files, findings, _known(agencies, calendars))
    if findings.errors or agencies is None or officials is None:
        return None, findings.report()
    _warn_of_roles(roster, found, findings)
    for procedure in found:
        _warn_of_queues(procedure, agencies, roster, findings)
    catalogue = Catalogue(
        agencies={code: agency for code, (_, agency) in agencies.items()},
        officials={id_: official for id_, (_, official) in officials.items()},
        procedures={each.procedure.code: each.procedure for each in found},
        roster=_by_agency(roster),
        calendars={name: data for name, data in calendars.items() if data is not None},
        offers={each.procedure.code: each.offered_by for each in found if each.offered_by is not None},
    )
    return catalogue, findings.report()


Agencies = dict[str, tuple[Row, Agency]]
Officials = dict[str, tuple[Row, Official]]
Roster = dict[tuple[str, str], tuple[Row, str]]
"""(agency, role) -> the row that says so, the official."""


def _in_folder(files: Iterable[str], folder: str) -> list[str]:
    paths = (PurePosixPath(name) for name in sorted(files))
    return [str(path) for path in paths if path.parent.name == folder and path.suffix in (".yaml", ".yml")]


def _known(agencies: Agencies | None, calendars: Mapping[str, CalendarData | None]) -> Known:
    groups = {code: agency.volume_group for code, (_, agency) in agencies.items()} if agencies else None
    return Known(groups, {name: data.day_minutes if data else 480 for name, data in calendars.items()})


# --- calendars -----------------------------------------------------------------------------------------------------


def _calendars(files: Mapping[str, str], findings: Findings) -> dict[str, CalendarData | None]:
    """By name; None for one that cannot be read, which was reported."""
    calendars: dict[str, CalendarData | None] = {}
    for file in _in_folder(files, "calendars"):
        name = PurePosixPath(file).stem
        data = None
        try:
            data = load_calendar(files[file].removeprefix("\ufeff"), file=file)
        except CatalogueError as error:
            line, message = _place_of(error.message.removeprefix(f"{file}:"))
            findings.error(file, line, message)
        except (YAMLError, RecursionError) as error:
            findings.error(file, 1, f"not readable as YAML: {str(error).splitlines()[0]}")
        if data is not None and data.name != name:
            findings.error(
                file, 1, f"its name is '{data.name}': call the file {data.name}.yaml, or correct the name"
            )
        calendars[name] = data
    return calendars


def _place_of(message: str) -> tuple[int, str]:
    line, colon, rest = message.partition(":")
    return (int(line), rest.strip()) if colon and line.isdecimal() else (1, message)


# --- agencies ------------------------------------------------------------------------------------------------------


def _agencies(files: Mapping[str, str], findings: Findings) -> Agencies | None:
    rows = read_rows(files, AGENCIES, findings, required=("code", "name"), optional=AGENCY_COLUMNS)
    if rows is None:
        return None
    agencies: Agencies = {}
    for row in rows:
        code = row.cells["code"]
        if not _fits(row, "code", AGENCY_CODE, findings) or _is_double(
            row, "agency", code, agencies, findings
        ):
            continue
        since, until = _date(row, "valid_from", findings), _date(row, "valid_until", findings)
        if since and until and until < since:
            findings.error(row.file, row.line, f"valid_until {until} lies before valid_from {since}")
        agency = Agency(
            code=code,
            name=row.cells["name"],
            parent=row.get("parent"),
            head=row.get("head"),
            valid_from=since,
            valid_until=until,
            successors=tuple((row.get("successors") or "").split()),
            volume_group=row.get("volume_group"),
        )
        agencies[code] = (row, agency)
    if not agencies and not findings.errors:
        findings.error(AGENCIES, 1, "there is no agency: a catalogue needs at least one")
    return agencies


def _date(row: Row, column: str, findings: Findings) -> date | None:
    text = row.get(column)
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        findings.error(row.file, row.line, f"'{text}' in {column} is no date: write it like 2025-06-30")
        return None


def _check_parents(agencies: Agencies, findings: Findings) -> None:
    """Unknown parents and successors, and agencies that stand above themselves."""
    told: set[str] = set()
    for code, (row, agency) in agencies.items():
        for column, other in (
            ("parent", agency.parent),
            *(("successors", each) for each in agency.successors),
        ):
            if other is not None and other not in agencies:
                hint = nearest(other, agencies)
                findings.error(
                    row.file,
                    row.line,
                    f"unknown agency '{other}' in {column}: add a row for it, or correct it{hint}",
                )
        path = _way_up(code, agencies)
        if path[-1] == code and len(path) > 1 and not told & set(path):
            told |= set(path)
            findings.error(
                row.file,
                row.line,
                f"a cycle of parents ({' > '.join(path)}): correct the parent of one of them",
            )


def _way_up(code: str, agencies: Agencies) -> list[str]:
    """The agency and its parents, up to the root or to the first that comes again."""
    path = [code]
    while (parent := agencies[path[-1]][1].parent) is not None and parent in agencies:
        path.append(parent)
        if parent in path[:-1]:
            break
    return path


# --- officials and roster ------------------------------------------------------------------------------------------


def _officials(files: Mapping[str, str], findings: Findings, agencies: Agencies | None) -> Officials | None:
    rows = read_rows(files, OFFICIALS, findings, required=("id", "name", "position", "agency"))
    if rows is None:
        return None
    officials: Officials = {}
    for row in rows:
        id_, agency = row.cells["id"], row.cells["agency"]
        if not _fits(row, "id", OFFICIAL_ID, findings) or _is_double(
            row, "official", id_, officials, findings
        ):
            continue
        _check_agency(row, agency, agencies, findings)
        person = Official(id=id_, name=row.cells["name"], position=row.cells["position"], agency=agency)
        officials[id_] = (row, person)
    return officials


def _check_agency(row: Row, agency: str, agencies: Agencies | None, findings: Findings) -> None:
    if agencies is not None and agency not in agencies:
        hint = nearest(agency, agencies)
        findings.error(
            row.file, row.line, f"unknown agency '{agency}': add it to {AGENCIES}, or correct it{hint}"
        )


def _check_heads(agencies: Agencies, officials: Officials | None, findings: Findings) -> None:
    for code, (row, agency) in agencies.items():
        if agency.head is None:
            findings.warn(
                row.file,
                row.line,
                f"{code} has no head: nobody answers where its queue is late, or is escalated to",
            )
        elif officials is not None:
            _check_person(row, agency.head, code, officials, findings)


def _check_person(row: Row, official: str, agency: str, officials: Officials, findings: Findings) -> None:
    """Known, and of that very agency."""
    if official not in officials:
        hint = nearest(official, officials)
        findings.error(
            row.file, row.line, f"unknown official '{official}': add to {OFFICIALS}, or correct it{hint}"
        )
        return
    of = officials[official][1].agency
    if of != agency:
        findings.error(
            row.file, row.line, f"{official} belongs to {of}, not to {agency}: name one of its own officials"
        )


def _roster(
    files: Mapping[str, str], findings: Findings, agencies: Agencies | None, officials: Officials | None
) -> Roster:
    roster: Roster = {}
    for row in read_rows(files, ROSTER, findings, required=("agency", "role", "official")) or ():
        agency, role, official = row.cells["agency"], row.cells["role"], row.cells["official"]
        if not _fits(row, "role", KEY, findings):
            continue
        if (agency, role) in roster:
            line = roster[agency, role][0].line
            findings.error(
                row.file, row.line, f"{agency} has a default '{role}' in line {line} already: drop one"
            )
            continue
        _check_agency(row, agency, agencies, findings)
        if officials is not None and (agencies is None or agency in agencies):
            _check_person(row, official, agency, officials, findings)
        roster[agency, role] = (row, official)
    return roster


def _by_agency(roster: Roster) -> dict[str, dict[str, str]]:
    by_agency: dict[str, dict[str, str]] = {}
    for (agency, role), (_, official) in roster.items():
        by_agency.setdefault(agency, {})[role] = official
    return by_agency


def _fits(row: Row, column: str, pattern: str, findings: Findings) -> bool:
    if re.fullmatch(pattern, row.cells[column]):
        return True
    findings.error(
        row.file, row.line, f"{column} '{row.cells[column]}' does not fit: it must look like {pattern}"
    )
    return False


def _is_double(
    row: Row, kind: str, name: str, known: Mapping[str, tuple[Row, object]], findings: Findings
) -> bool:
    if name not in known:
        return False
    findings.error(
        row.file, row.line, f"{kind} '{name}' stands in line {known[name][0].line} already: drop one"
    )
    return True


# --- procedures ----------------------------------------------------------------------------------------------------


def _procedures(files: Mapping[str, str], findings: Findings, known: Known) -> list[FoundProcedure]:
    shared = read_policies(POLICIES, files[POLICIES], findings) if POLICIES in files else {}
    names = _in_folder(files, "procedures")
    if not names:
        findings.error("procedures", 1, "there is no procedure: write procedures/NAME.yaml, one file each")
    found: dict[str, FoundProcedure] = {}
    for file in names:
        each = read_procedure(file, files[file], known, shared, findings)
        if each is None:
            continue
        code = each.procedure.code
        if code in found:
            findings.error(
                file, each.line, f"procedure '{code}' stands in {found[code].file} already: drop one"
            )
        found.setdefault(code, each)
    return list(found.values())


def _warn_of_roles(roster: Roster, found: Collection[FoundProcedure], findings: Findings) -> None:
    roles = {step.role for each in found for step in each.procedure.steps}
    told: set[str] = set()
    for (_, role), (row, _) in roster.items():
        if role not in roles and role not in told:
            told.add(role)
            findings.warn(
                row.file, row.line, f"no procedure has a step for the role '{role}'{nearest(role, roles)}"
            )


def _warn_of_queues(found: FoundProcedure, agencies: Agencies, roster: Roster, findings: Findings) -> None:
    """One warning a procedure for all the steps that begin in a queue, because the roster has nobody for them.

    A procedure that every agency offers is looked at where at least one of its roles is staffed.
    """
    steps = found.procedure.steps
    offered_by = found.offered_by
    if offered_by is None:
        roles = {step.role for step in steps if step.agency is None}
        offered_by = tuple(code for code in agencies if any((code, role) in roster for role in roles))
    missing: dict[str, dict[str, None]] = {}
    for step in steps:
        for agency in _agencies_of(step, offered_by):
            if (agency, step.role) not in roster:
                missing.setdefault(agency, {})[step.role] = None
    if missing:
        told = [f"{agency} ({', '.join(roles)})" for agency, roles in list(missing.items())[:5]]
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        findings.warn(
            found.file,
            found.line,
            f"{found.procedure.code}: the roster has nobody at {', '.join(told)}{more}: "
            "these steps begin in the agency's queue, and its head answers",
        )


def _agencies_of(step: Step, offered_by: tuple[str, ...]) -> tuple[str, ...]:
    return offered_by if step.agency is None else (step.agency,)
