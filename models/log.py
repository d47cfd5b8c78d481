"""Reading an event log (interfaces: Event log): rows of a CSV become starts of dossiers and actions upon them.

A dossier with a bad row is held back whole; every finding says file, line, column and reason.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models.actions import ACTION_NAMES, Actor, Given, Role, parse_action
from models.budget import Model
from models.catalogue import Catalogue
from models.errors import Code, Refusal
from models.instants import parse_instant
from models.submission import CODE_PATTERN, DossierStart, Heard, Submission

REQUIRED = ("dossier", "procedure", "activity", "at", "step", "official", "agency", "reason")
OPTIONAL = (
    "submitted_at",
    "received_by_competent_at",
    "amount",
    "unit",
    "text",
    "lateness",
    "decision",
    "cause",
)
NO_FIRST_HOLDER = ("submit", "hand_over", "transfer")
"""A first row of these says nothing about who had the step before (rules R3)."""


_CODE = re.compile(CODE_PATTERN)


class LogError(Model):
    """What is wrong in a log, and where."""

    file: str
    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.column}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its first line in the file, and its cells by column, stripped."""

    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    @property
    def identity(self) -> str:
        """Hash of the normalised fields: the same row again is the same action."""
        filled = sorted((name, value) for name, value in self.cells.items() if value)
        return hashlib.sha256(repr(filled).encode()).hexdigest()[:32]


@dataclass(slots=True)
class LoggedDossier:
    """All rows of one dossier in the order of their instants, then of their lines."""

    code: str
    rows: list[tuple[datetime, Row]] = field(default_factory=list)


@dataclass(slots=True)
class Log:
    """A log as read: how many rows, which dossiers are sound so far, and what is wrong with the others."""

    file: str
    rows: int = 0
    dossiers: dict[str, LoggedDossier] = field(default_factory=dict)
    errors: list[LogError] = field(default_factory=list)
    held_back: set[str] = field(default_factory=set)

    def refuse(self, row: Row, column: str, reason: str) -> None:
        self.errors.append(LogError(file=self.file, line=row.line, column=column, reason=reason))
        self.held_back.add(row["dossier"])

    def sound(self) -> list[LoggedDossier]:
        return [dossier for code, dossier in self.dossiers.items() if code not in self.held_back]


class RowRefused(Refusal):
    """A refusal that knows which row and column it speaks of."""

    def __init__(self, row: Row, column: str, reason: str) -> None:
        super().__init__(Code.INVALID, reason)
        self.row, self.column = row, column


def read_log(lines: Iterable[str], *, file: str, now: datetime) -> Log:
    """Read the CSV. Raises :class:`Refusal` if its header cannot be used; bad rows become errors of the log."""
    log = Log(file)
    for row, problem in _rows(lines, file):
        log.rows += 1
        if problem is not None:
            log.refuse(row, "-", problem)
            continue
        try:
            at = _needed(row, now)
        except RowRefused as refused:
            log.refuse(row, refused.column, refused.message)
            continue
        code = row["dossier"]
        log.dossiers.setdefault(code, LoggedDossier(code)).rows.append((at, row))
    for dossier in log.dossiers.values():
        dossier.rows.sort(key=lambda item: (item[0], item[1].line))
        dossier.rows = list({row.identity: (at, row) for at, row in reversed(dossier.rows)}.values())[::-1]
    return log


def _rows(lines: Iterable[str], file: str) -> Iterator[tuple[Row, str | None]]:
    reader = csv.reader(lines, strict=True)
    try:
        header = [name.strip().removeprefix("\ufeff") for name in next(reader)]
    except StopIteration:
        raise Refusal(Code.INVALID, f"{file} is empty: its first line must be {','.join(REQUIRED)}") from None
    except csv.Error as error:
        raise Refusal(Code.INVALID, f"{file}:1: the header cannot be read: {error}") from None
    _check_header(header, file)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line, {"dossier": f"line {line}"}), f"the row cannot be read: {error}"
            continue
        if not any(cell.strip() for cell in cells):
            continue
        row = Row(line, {name: cell.strip() for name, cell in zip(header, cells, strict=False)})
        problem = None
        if len(cells) != len(header):
            problem = f"the row has {len(cells)} cells, the header {len(header)}: a text with commas needs quotes"
        elif not row["dossier"]:
            problem = "the dossier's code is missing"
        yield row, problem


def _check_header(header: list[str], file: str) -> None:
    missing = [name for name in REQUIRED if name not in header]
    unknown = [name for name in header if name not in REQUIRED + OPTIONAL]
    twice = sorted({name for name in header if header.count(name) > 1})
    for names, what in (
        (missing, "lacks the columns"),
        (unknown, "has unknown columns"),
        (twice, "has columns twice:"),
    ):
        if names:
            known = ",".join(REQUIRED)
            raise Refusal(
                Code.INVALID,
                f"{file}:1: the header {what} {', '.join(names)}: it is {known}, and may add {','.join(OPTIONAL)}",
            )


def _needed(row: Row, now: datetime) -> datetime:
    at = _instant(row, "at", now)
    if at is None:
        raise RowRefused(row, "at", "an instant is needed, like 2025-04-01T08:00:00+07:00")
    return at


def _instant(row: Row, column: str, now: datetime) -> datetime | None:
    if not row[column]:
        return None
    try:
        at = parse_instant(row[column])
    except Refusal as refusal:
        raise RowRefused(row, column, refusal.message) from None
    if at > now:
        raise RowRefused(row, column, f"'{row[column]}' lies in the future")
    return at


# --- from rows to a start and its actions ------------------------------------------------------------------------


class LogReader:
    """Makes starts and actions of a log's rows, with what the catalogue knows of the people and agencies in it."""

    def __init__(self, catalogue: Catalogue, now: datetime, heard: Heard | None) -> None:
        self._catalogue, self._now, self._heard = catalogue, now, heard

    def start(self, dossier: LoggedDossier) -> DossierStart:
        """The start of the dossier with all its rows. Raises :class:`RowRefused`."""
        accepted, first = dossier.rows[0]
        if first["activity"] != "submit":
            raise RowRefused(
                first, "activity", f"the first action of a dossier is 'submit', not '{first['activity']}'"
            )
        submission = self._submission(first, accepted)
        self._check_assigned(dossier)
        try:
            rules = self._catalogue.rules_for(
                first["procedure"], first["agency"], accepted_at=accepted, assignees=self._assignees(dossier)
            )
        except Refusal as refusal:
            raise RowRefused(first, _column_of(refusal), refusal.message) from None
        known = {step.key for step in rules.steps}
        for _, row in dossier.rows:
            if row["step"] and row["step"] not in known:
                raise RowRefused(
                    row, "step", f"unknown step '{row['step']}': it has {', '.join(sorted(known))}"
                )
            if row["procedure"] and row["procedure"] != rules.procedure:
                raise RowRefused(row, "procedure", f"the dossier was submitted for {rules.procedure}")
        return DossierStart(
            code=dossier.code,
            rules=rules,
            accepted_at=accepted,
            submitted_at=submission.submitted_at,
            received_at=submission.received_by_competent_at,
            by=first["official"] or "log",
            row=first.identity,
            given=self.given(dossier),
            content=submission.content(),
            imported=True,
            heard=self._heard,
        )

    def given(self, dossier: LoggedDossier) -> tuple[Given, ...]:
        """The actions after the submission. Raises :class:`RowRefused`."""
        return tuple(self._given(row, dossier) for _, row in dossier.rows[1:])

    def _submission(self, row: Row, accepted: datetime) -> Submission:
        submitted = _instant(row, "submitted_at", self._now)
        received = _instant(row, "received_by_competent_at", self._now)
        if submitted is not None and submitted > accepted:
            raise RowRefused(row, "submitted_at", "must not be later than the acceptance ('at')")
        if received is not None and received < accepted:
            raise RowRefused(
                row, "received_by_competent_at", "must not be earlier than the acceptance ('at')"
            )
        for column in ("procedure", "agency"):
            if not row[column]:
                raise RowRefused(row, column, f"a submission needs its {column}")
        if _CODE.match(row["dossier"]) is None:
            raise RowRefused(row, "dossier", f"'{row['dossier']}' is no dossier code, like H13.2-250401-0001")
        return Submission(
            code=row["dossier"],
            procedure=row["procedure"],
            agency=row["agency"],
            at=accepted,
            submitted_at=submitted,
            received_by_competent_at=received,
        )

    def _check_assigned(self, dossier: LoggedDossier) -> None:
        for _, row in dossier.rows:
            for column, find in (("official", self._catalogue.official), ("agency", self._catalogue.agency)):
                if row[column]:
                    try:
                        find(row[column])
                    except Refusal as refusal:
                        raise RowRefused(row, column, refusal.message) from None

    def _assignees(self, dossier: LoggedDossier) -> dict[str, str]:
        """The official of the first row about a step has held it since it began (rules R3)."""
        moved = any(row["activity"] == "transfer" for _, row in dossier.rows)
        agency = dossier.rows[0][1]["agency"]
        procedure = self._catalogue.procedures.get(dossier.rows[0][1]["procedure"])
        fixed = {step.key: step.agency or agency for step in procedure.steps} if procedure is not None else {}
        holders: dict[str, str] = {}
        for key, row in _first_rows(dossier).items():
            official = row["official"]
            if not official or row["activity"] in NO_FIRST_HOLDER:
                continue
            if moved and self._catalogue.official(official).agency != fixed.get(key):
                continue  # held it from the transfer on: see _roster
            holders[key] = official
        return holders

    def _roster(self, row: Row, dossier: LoggedDossier) -> dict[str, str]:
        """Who gets the transferred steps: whom the log shows to have had them, otherwise the agency's defaults."""
        roster = dict(self._catalogue.roster_of(row["agency"]))
        procedure = self._catalogue.procedures.get(dossier.rows[0][1]["procedure"])
        roles = {step.key: step.role for step in procedure.steps} if procedure is not None else {}
        for key, first in _first_rows(dossier).items():
            official = first["official"]
            if not official or key not in roles or first["activity"] in NO_FIRST_HOLDER:
                continue
            if self._catalogue.official(official).agency == row["agency"]:
                roster[roles[key]] = official
        return roster

    def _given(self, row: Row, dossier: LoggedDossier) -> Given:
        name = row["activity"]
        if name == "submit":
            raise RowRefused(row, "activity", "the dossier was submitted already, by an earlier row")
        if name not in ACTION_NAMES:
            raise RowRefused(
                row, "activity", f"unknown activity '{name}': use submit, {', '.join(ACTION_NAMES)}"
            )
        columns = ("step", "official", "reason", "amount", "unit", "text", "lateness", "decision", "cause")
        fields: dict[str, Any] = {column: row[column] for column in columns if row[column]}
        if name == "transfer":
            if not row["agency"]:
                raise RowRefused(row, "agency", "a transfer needs the agency it goes to")
            agency = self._catalogue.agency(row["agency"])
            fields |= {
                "agency": agency.code,
                "roster": self._roster(row, dossier),
                "head": agency.head,
                "parent": agency.parent,
            }
        if name == "hand_over" and row["official"]:
            fields["of_agency"] = self._catalogue.official(row["official"]).agency
        try:
            action = parse_action({"action": name, "at": parse_instant(row["at"]), **fields})
        except Refusal as refusal:
            raise RowRefused(row, "activity", refusal.message) from None
        by = Actor(name=row["official"] or "log", role=Role.LOG)
        return Given(action=action, by=by, id=row.identity)


def _first_rows(dossier: LoggedDossier) -> dict[str, Row]:
    """The first row about each step."""
    first: dict[str, Row] = {}
    for _, row in dossier.rows:
        if row["step"]:
            first.setdefault(row["step"], row)
    return first


def _column_of(refusal: Refusal) -> str:
    for column in ("procedure", "official", "step"):
        if column in refusal.message:
            return column
    return "agency"
