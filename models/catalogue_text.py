"""Catalogue texts, read with their line numbers: what was found wrong, rows of CSV, nodes of YAML. Pure: no I/O."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from models.budget import Budget, Model, Unit

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")
MINUTES = {Unit.WORKING_HOURS: 60}


class Finding(Model):
    """One thing to mend, or to think about: where it stands, and a sentence that says how to mend it."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class Report(Model):
    """Outcome of a check. ``errors`` refuse the catalogue, ``warnings`` are contradictions it may have."""

    errors: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()


class Findings:
    """Collects what is found, in any order."""

    def __init__(self) -> None:
        self.errors: list[Finding] = []
        self.warnings: list[Finding] = []

    def error(self, file: str, line: int, message: str) -> None:
        self.errors.append(Finding(file=file, line=line, message=message))

    def warn(self, file: str, line: int, message: str) -> None:
        self.warnings.append(Finding(file=file, line=line, message=message))

    def report(self) -> Report:
        """Everything found, by file and line."""
        return Report(errors=_by_place(self.errors), warnings=_by_place(self.warnings))


def _by_place(findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: (finding.file, finding.line)))


def nearest(name: str, known: Iterable[str]) -> str:
    """', did you mean ...?' with the most similar of the known names, or nothing if none is similar."""
    close = get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else ""


# --- CSV -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: trimmed cells by column; an empty cell counts as not given."""

    file: str
    line: int
    cells: Mapping[str, str]

    def get(self, column: str) -> str | None:
        return self.cells.get(column)


def read_rows(
    files: Mapping[str, str],
    name: str,
    findings: Findings,
    *,
    required: tuple[str, ...],
    optional: tuple[str, ...] = (),
) -> list[Row] | None:
    """The rows of table ``name``; those that lack a required cell are reported and left out.

    None: the table cannot be read at all, so nothing can be said about what refers to it.
    """
    if name not in files:
        findings.error(name, 1, f"the file is missing: write one with the columns {','.join(required)}")
        return None
    lines = _lines(name, files[name].removeprefix("\ufeff"), findings)
    _, header = next(lines, (1, []))
    header = [column.strip() for column in header]
    if not _check_header(name, header, findings, required, optional):
        return None
    rows = []
    for line, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            findings.error(
                name,
                line,
                f"{len(cells)} cells, the header has {len(header)}: put text with commas in quotes",
            )
            continue
        row = Row(
            name, line, {c: cell.strip() for c, cell in zip(header, cells, strict=True) if cell.strip()}
        )
        missing = [column for column in required if column not in row.cells]
        for column in missing:
            findings.error(name, line, f"'{column}' is empty: every row needs one")
        if not missing:
            rows.append(row)
    return rows


def _lines(name: str, text: str, findings: Findings) -> Iterator[tuple[int, list[str]]]:
    """Cells of each row with the number of the line on which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        begin = reader.line_num + 1
        try:
            yield begin, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            findings.error(name, begin, f"not readable as CSV from here on ({error}): look for an open quote")
            return


def _check_header(
    name: str, header: list[str], findings: Findings, required: tuple[str, ...], optional: tuple[str, ...]
) -> bool:
    known = (*required, *optional)
    if len(header) == 1 and ";" in header[0]:
        findings.error(name, 1, "the columns are separated by ';': save the table with commas")
        return False
    sound = True
    for column in required:
        if column not in header:
            findings.error(name, 1, f"the column '{column}' is missing: the header is {','.join(known)}")
            sound = False
    for column in header:
        if column not in known:
            findings.error(
                name, 1, f"unknown column '{column}': use {', '.join(known)}{nearest(column, known)}"
            )
        elif header.count(column) > 1:
            findings.error(name, 1, f"the column '{column}' stands in the header twice: drop one")
            return False
    return sound


# --- YAML ----------------------------------------------------------------------------------------------------------


class YamlFile:
    """One YAML text: every wrong value is reported with its line, and read as None.

    Values are read as they are written: an unquoted 2.000908 stays a code and does not become a number.
    """

    def __init__(self, file: str, text: str, findings: Findings) -> None:
        self.file, self._findings = file, findings
        self.root: Node | None = None
        try:
            self.root = yaml.compose(text.removeprefix("\ufeff"), Loader=LOADER)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self.error(
                mark.line + 1 if mark else 1, f"not readable as YAML: {error.problem or error.context}"
            )
        except (yaml.YAMLError, RecursionError) as error:
            self.error(1, f"not readable as YAML: {str(error).splitlines()[0]}")
        else:
            if self.root is None:
                self.error(1, "the file is empty: copy another one and change it, or delete this one")

    def error(self, where: Node | int, message: str) -> None:
        self._findings.error(self.file, where if isinstance(where, int) else line_of(where), message)

    def warn(self, where: Node | int, message: str) -> None:
        self._findings.warn(self.file, where if isinstance(where, int) else line_of(where), message)

    def mapping(
        self, node: Node, what: str, *, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()
    ) -> dict[str, Node] | None:
        """Fields of a mapping. None if it is none, or lacks a required field; unknown and double ones are reported."""
        if not isinstance(node, MappingNode):
            self.error(node, f"{what} must be a mapping with {_listed(required or optional)}")
            return None
        known, fields = (*required, *optional), dict[str, Node]()
        for key, value in node.value:
            name = str(key.value) if isinstance(key, ScalarNode) else "?"
            if name in fields:
                self.error(key, f"'{name}' of {what} is given twice: drop one")
            elif name not in known:
                self.error(
                    key, f"unknown field '{name}' of {what}: use {_listed(known)}{nearest(name, known)}"
                )
            else:
                fields[name] = value
        missing = [name for name in required if name not in fields]
        if missing:
            self.error(node, f"{what} lacks {_listed(missing)}")
            return None
        return fields

    def items(self, node: Node, what: str) -> list[Node] | None:
        """Entries of a list."""
        if isinstance(node, SequenceNode):
            return list(node.value)
        self.error(node, f"{what} must be a list: one '- ' entry a line")
        return None

    def text(self, node: Node, what: str, pattern: str | None = None) -> str | None:
        """A text that is not empty; with ``pattern``, only of such characters."""
        if not isinstance(node, ScalarNode) or node.tag == "tag:yaml.org,2002:null" or not node.value.strip():
            self.error(node, f"{what} must be a text and not empty")
            return None
        value = str(node.value).strip()
        if pattern is not None and not re.fullmatch(pattern, value):
            self.error(node, f"{what} '{value}' does not fit: it must look like {pattern}")
            return None
        return value

    def whole_number(self, node: Node, what: str, low: int, high: int) -> int | None:
        value = str(node.value) if isinstance(node, ScalarNode) else ""
        if value.isascii() and value.isdecimal() and len(value) < 10 and low <= int(value) <= high:
            return int(value)
        self.error(node, f"{what} must be a whole number from {low} to {high}")
        return None

    def budget(self, node: Node, what: str, day_minutes: int) -> Budget | None:
        """Amount and unit in one text, like '3 working_hours'; working units come to whole minutes."""
        words = str(node.value).split() if isinstance(node, ScalarNode) else []
        if len(words) != 2 or not NUMBER.fullmatch(words[0]) or words[1] not in tuple(Unit):
            units = ", ".join(Unit)
            self.error(node, f"{what} must be an amount and a unit, like '0.5 working_days' (units: {units})")
            return None
        amount, unit = Decimal(words[0]), Unit(words[1])
        problem = None
        if not 0 <= amount <= 100_000:
            problem = "must be from 0 to 100000"
        elif not unit.is_working and amount != int(amount):
            problem = f"must be a whole number of {unit}"
        elif unit.is_working and (amount * minutes_of(unit, day_minutes)) % 1:
            problem = "does not come to whole minutes"
        if problem is not None:
            self.error(node, f"{what} of {words[0]} {unit} {problem}")
            return None
        return Budget(amount=amount, unit=unit)


def minutes_of(unit: Unit, day_minutes: int) -> int:
    """Working minutes of one working unit; ``day_minutes`` are those of one working day."""
    return MINUTES.get(unit, day_minutes)


def line_of(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
