"""Reads the April log by the rules (interfaces: event log; rules R3) and folds each dossier, without an engine."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from models.actions import Actor, Given, Role, parse_action
from models.calendar import CalendarData
from models.catalogue import Catalogue
from models.dossier import Dossier
from models.instants import parse_instant
from models.lateness import Lateness
from models.submission import DossierStart, Heard
from store.catalogue_files import read_catalogue

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "can-tho-2025-04"
NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
LOG = Actor(name="log", role=Role.LOG)
FIELDS = ("step", "official", "agency", "reason", "amount", "unit", "text", "lateness", "decision", "cause")
NOT_ABOUT_A_HOLDER = ("submit", "transfer")

Rows = list[dict[str, str]]


@cache
def catalogue() -> Catalogue:
    return read_catalogue(ROOT / "catalogue" / "can-tho")


@cache
def dossiers() -> dict[str, Rows]:
    """Rows by dossier, in the order of their instants."""
    found: dict[str, Rows] = {}
    with (SAMPLE / "log.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["dossier"], []).append(row)
    return {code: sorted(rows, key=lambda row: parse_instant(row["at"])) for code, rows in found.items()}


def assignees(rows: Rows) -> dict[str, str]:
    """The official of the first row about a step has held it since it began, unless that row hands it over (R3)."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    for row in rows:
        step = row["step"]
        if not step or step in seen or row["activity"] in NOT_ABOUT_A_HOLDER:
            continue
        seen.add(step)
        if row["activity"] != "hand_over" and row["official"]:
            found[step] = row["official"]
    return found


def action(row: dict[str, str]) -> Any:
    told: dict[str, Any] = {name: row[name] for name in FIELDS if row[name]}
    if row["activity"] == "hand_over":
        told["of_agency"] = catalogue().official(row["official"]).agency
    return parse_action({"action": row["activity"], "at": parse_instant(row["at"]), **told})


def fold(rows: Rows, *, calendar: dict[str, Any] | None = None, without: tuple[str, ...] = ()) -> Dossier:
    """The dossier of these rows as of now. ``calendar``: fields changed; ``without``: activities left out."""
    first, rest = rows[0], [row for row in rows[1:] if row["activity"] not in without]
    assert first["activity"] == "submit"
    accepted = parse_instant(first["at"])
    received = first["received_by_competent_at"]
    rules = catalogue().rules_for(
        first["procedure"], first["agency"], accepted_at=accepted, assignees=assignees(rows)
    )
    if calendar is not None:
        data = CalendarData.model_validate(rules.calendar.model_dump() | calendar)
        rules = rules.model_copy(update={"calendar": data})
    dossier = Dossier(
        DossierStart(
            code=first["dossier"],
            rules=rules,
            accepted_at=accepted,
            submitted_at=parse_instant(first["submitted_at"]) if first["submitted_at"] else None,
            received_at=parse_instant(received) if received else None,
            given=tuple(Given(action=action(row), by=LOG, id=str(n)) for n, row in enumerate(rest)),
            imported=True,
            heard=Heard(by="Văn phòng UBND TP", reason="Đã công bố tháng 5/2025"),
        )
    )
    dossier.begin(NOW)
    return dossier


@cache
def folded() -> dict[str, Dossier]:
    return {code: fold(rows) for code, rows in dossiers().items()}


def latenesses() -> list[Lateness]:
    return [each for dossier in folded().values() for each in dossier.latenesses(NOW)]
