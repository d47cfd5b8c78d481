"""Reading an event log (interfaces: Event log): a CSV becomes rows, by dossier, in the order of their instants.

Every finding says file, line, column and reason. A dossier with a bad row is held back whole; what a broken row
swallows (an open quote takes all that follows) is read again, so that no other dossier is lost with it.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from sys import intern
from unicodedata import normalize

from models.actions import ACTION_NAMES
from models.budget import Model
from models.dossier import FUTURE_TOLERANCE
from models.errors import Code, Refusal
from models.instants import parse_instant
from models.plain_text import hidden_in
from models.submission import CODE_PATTERN

REQUIRED = ("dossier", "procedure", "activity", "at", "step", "official", "agency", "reason")
OF_SUBMIT = ("submitted_at", "received_by_competent_at")
OPTIONAL = (*OF_SUBMIT, "amount", "unit", "text", "lateness", "decision", "cause")
SUBMIT = "submit"
ACTIVITIES = (SUBMIT, *ACTION_NAMES)

_CODE = re.compile(CODE_PATTERN)
_SUBMIT_TAKES = (*REQUIRED, *OF_SUBMIT)


class LogError(Model):
    """What is wrong in a log, and where; ``column`` None: the row as a whole."""

    file: str
    line: int
    column: str | None
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {f'{self.column}: ' if self.column else ''}{self.reason}"


@dataclass(frozen=True, slots=True)
class Row:
    """One sound row: the line on which it begins, when it happened, and its cells that are not empty.

    ``id``: hash of the normalised fields; the same row again is the same action.
    """

    line: int
    at: datetime
    cells: dict[str, str]
    id: str

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


@dataclass(slots=True)
class Log:
    """A log as read: how many rows, which dossiers are sound so far, and what is wrong with the others."""

    file: str
    rows: int = 0
    dossiers: dict[str, list[Row]] = field(default_factory=dict)
    """Rows by code, in the order of their instants; also those of dossiers that are held back."""
    errors: list[LogError] = field(default_factory=list)
    held_back: set[str] = field(default_factory=set)

    def refuse(self, code: str | None, line: int, column: str | None, reason: str) -> None:
        """Note what is wrong, and hold the dossier back; None: nobody can tell whose row it is."""
        self.errors.append(LogError(file=self.file, line=line, column=column, reason=reason))
        if code:
            self.held_back.add(code)

    def sound(self) -> Iterator[tuple[str, list[Row]]]:
        return ((code, rows) for code, rows in self.dossiers.items() if code not in self.held_back)


def read_log(lines: Iterable[str], *, file: str, now: datetime) -> Log:
    """Read the CSV (text opened with ``newline=""`` and ``errors="surrogateescape"``).

    Raises :class:`Refusal` if its header cannot be used; bad rows become errors of the log.
    """
    records = _Records(lines)
    header = _header(records, file)
    log = Log(file)
    for line, cells, problem in records.read(len(header)):
        log.rows += 1
        known = dict(zip(header, (normalize("NFC", cell.strip()) for cell in cells), strict=False))
        code = known.get("dossier") or None
        if problem is not None:
            log.refuse(_readable(code), line, None, problem)
            continue
        row, findings = _row(line, known, now)
        for column, reason in findings:
            log.refuse(_readable(code), line, column, reason)
        if row is not None and code is not None:
            log.dossiers.setdefault(intern(code), []).append(row)
    for code, rows in log.dossiers.items():
        log.dossiers[code] = _in_order(rows)
    return log


def _in_order(rows: list[Row]) -> list[Row]:
    """By instant, then line (at one instant the submission comes first); identical rows count once."""
    ordered = sorted(rows, key=lambda row: (row.at, row["activity"] != SUBMIT, row.line))
    return list({row.id: row for row in reversed(ordered)}.values())[::-1]


# --- the text ----------------------------------------------------------------------------------------------------


class _Records:
    """Records of a CSV with the line on which each begins. One that cannot be read ends with its first line."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self._reader = csv.reader(self, strict=True)
        self.line = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """The next line of text, for the reader."""
        line = self._again.popleft() if self._again else next(self._lines)
        self._taken.append(line)
        return line

    def read(self, columns: int | None = None) -> Iterator[tuple[int, list[str], str | None]]:
        """First line, cells, and what is wrong (the cells are then what can be guessed of the first line)."""
        while True:
            self._taken.clear()
            begin = self.line + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield (
                    begin,
                    self._give_up(),
                    f"not readable as CSV ({error}): look for an open or a stray quote",
                )
                continue
            count = len(cells)
            if columns is not None and count not in (0, columns):
                wrong = f"{count} cells, the header has {columns}: put a text with commas or quotes in quotes"
                yield begin, self._give_up() if len(self._taken) > 1 else self._next(cells), wrong
                continue
            self._next(cells)
            if not any(cell.strip() for cell in cells):
                continue
            garbled = any(not cell.isascii() and _shown(cell) != cell for cell in cells)
            yield begin, cells, "not UTF-8: save the file with that encoding" if garbled else None

    def _next(self, cells: list[str]) -> list[str]:
        self.line += len(self._taken)
        return cells

    def _give_up(self) -> list[str]:
        """Read everything after the first line again; that line's cells as they would be without quotes."""
        first, *rest = self._taken
        self._again.extendleft(reversed(rest))
        self.line += 1
        return [cell.strip(' "') for cell in first.rstrip("\r\n").split(",")]


def _header(records: _Records, file: str) -> list[str]:
    found = next(records.read(), None)
    if found is None:
        raise Refusal(Code.INVALID, f"{file} is empty: its first line must be {','.join(REQUIRED)}")
    line, cells, problem = found
    if problem is not None:
        raise Refusal(Code.INVALID, f"{file}:{line}: the header: {problem}")
    header = [name.removeprefix("\ufeff").strip() for name in cells]
    if len(header) == 1 and ";" in header[0]:
        raise Refusal(
            Code.INVALID, f"{file}:{line}: the columns are separated by ';': save the file with commas"
        )
    known = (*REQUIRED, *OPTIONAL)
    missing = [name for name in REQUIRED if name not in header]
    unknown = [f"'{name}'{_meant(name, known)}" for name in header if name not in known]
    twice = sorted({name for name in header if header.count(name) > 1} & set(known))
    wrong = [
        f"{what} {', '.join(names)}"
        for what, names in (("lacks", missing), ("has the unknown", unknown), ("has twice", twice))
        if names
    ]
    if wrong:
        raise Refusal(
            Code.INVALID,
            f"{file}:{line}: the header {' and '.join(wrong)}: it is {','.join(REQUIRED)}, "
            f"and may add {','.join(OPTIONAL)}",
        )
    return header


# --- a row -------------------------------------------------------------------------------------------------------


def _row(line: int, cells: dict[str, str], now: datetime) -> tuple[Row | None, list[tuple[str, str]]]:
    """The row, and what is wrong with it by column; None if anything is."""
    findings: list[tuple[str, str]] = []
    code, activity = cells["dossier"], cells["activity"]
    if not code:
        findings.append(("dossier", "the dossier's code is missing"))
    elif not _CODE.fullmatch(code):
        findings.append(("dossier", f"'{code}' is no dossier code: write it like H13.2-250401-0001"))
    if activity not in ACTIVITIES:
        told = f"unknown activity '{activity}'" if activity else "the activity is missing"
        findings.append(
            ("activity", f"{told}{_meant(activity, ACTIVITIES) or ': use ' + ', '.join(ACTIVITIES)}")
        )
    elif activity == SUBMIT:
        findings += [(name, "a submission needs it") for name in ("procedure", "agency") if not cells[name]]
        strange = [name for name in cells if cells[name] and name not in _SUBMIT_TAKES]
        findings += [(name, "a submission takes none: leave it empty") for name in strange]
    else:
        early = [name for name in OF_SUBMIT if cells.get(name)]
        findings += [(name, "belongs into the row of the submission: leave it empty here") for name in early]
    instants: dict[str, datetime] = {}
    for column in ("at", *OF_SUBMIT):
        try:
            if cells.get(column) or column == "at":
                instants[column] = _instant(cells[column], now)
        except Refusal as refusal:
            findings.append((column, refusal.message))
    findings += [(name, wrong) for name, cell in cells.items() if (wrong := hidden_in(cell)) is not None]
    if findings:
        return None, findings
    filled = {name: _kept(name, value) for name, value in cells.items() if value}
    return Row(line, instants["at"], filled, _identity(filled, instants)), []


def _instant(text: str, now: datetime) -> datetime:
    if not text:
        raise Refusal(Code.INVALID, "an instant is missing: write it like 2025-04-01T08:00:00+07:00")
    at = parse_instant(text)
    if at > now + FUTURE_TOLERANCE:
        raise Refusal(Code.INVALID, f"'{text}' lies in the future")
    return at


def _identity(cells: dict[str, str], instants: dict[str, datetime]) -> str:
    """Hash of what takes effect: not how an instant or a number is written, nor what is there for information."""
    fields = {name: value for name, value in cells.items() if name not in instants}
    if cells["activity"] != SUBMIT:
        fields.pop("procedure", None)
        if cells["activity"] != "transfer":
            fields.pop("agency", None)
    if "amount" in fields:
        fields["amount"] = _number(fields["amount"])
    fields |= {name: at.isoformat() for name, at in instants.items()}
    text = json.dumps(sorted(fields.items()), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _number(text: str) -> str:
    try:
        return format(Decimal(text).normalize(), "f")
    except (InvalidOperation, ValueError):
        return text


def _kept(column: str, value: str) -> str:
    """Codes and names repeat by the thousand: each is kept once."""
    return (
        intern(value)
        if column in ("dossier", "procedure", "activity", "step", "official", "agency")
        else value
    )


def _readable(code: str | None) -> str | None:
    """The code, if it is one: a garbled cell must not stand for a dossier."""
    return code if code is not None and _CODE.match(code) else None


def _shown(text: str) -> str:
    """``text`` without the bytes that were not UTF-8."""
    return text.encode("utf-8", "replace").decode()


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=2, cutoff=0.6)
    return f" (did you mean {' or '.join(close)}?)" if close else ""
