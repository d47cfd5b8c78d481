"""The monthly list: shape, counting rules that need no database, canonical bytes (rules R11; interfaces: Bulletin)."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from models.budget import Model
from models.calendar import WorkingCalendar
from models.errors import Code, Refusal
from models.instants import Instant, localised, whole
from models.lateness import Cause, LatenessState
from models.views import Pause

FORMULA = "1"
"""Version of the counting rules below; a change of method changes it and is told in ``changes``."""

SMALLEST = 20
"""A rate over fewer dossiers says nothing about an office: it is withheld, its counts are shown."""

WORKING_DAY_MINUTES = 480


class Bin(StrEnum):
    """Where a dossier that was open in the period stands at its end; each is in exactly one."""

    ON_TIME = "on_time"
    LATE = "late"
    OPEN_OVERDUE = "open_overdue"
    PAUSED = "paused"
    NO_DEADLINE = "no_deadline"
    OPEN_IN_TIME = "open_in_time"


class Counts(Model):
    """What a rate is made of: ``on_time`` of ``dossiers``."""

    on_time: int = 0
    dossiers: int = 0

    @property
    def rate(self) -> float | None:
        """Percent with two decimals; None under 20 dossiers."""
        if self.dossiers < SMALLEST:
            return None
        return round(100 * self.on_time / self.dossiers, 2)


class Rates(Model):
    """Two answers to "how many were on time", each with its counts.

    ``fair``: on time / (on time + closed late + open and overdue). ``national_766``: Decision 766, where the
    end is the result, the delivery or the stop; a dossier still open ends on the last day, a second request
    for papers is late; refused, withdrawn and those without an appointment have no place in it.
    """

    fair: float | None
    national_766: float | None
    fair_counts: Counts
    national_766_counts: Counts


class Totals(Model):
    """Dossiers by bin; ``received`` counts those accepted in the period and is outside the sum."""

    received: int = 0
    on_time: int = 0
    late: int = 0
    open_overdue: int = 0
    paused: int = 0
    no_deadline: int = 0
    open_in_time: int = 0


class AgencyTotals(Totals):
    agency: str
    rates: Rates


class BulletinRow(Model):
    """One lateness. Its official is named, and an explanation shown, only once it is published."""

    agency: str
    agency_name: str
    official: str | None
    official_name: str | None
    dossier: str
    procedure: str
    step: str | None
    received_at: Instant
    due_at: Instant
    completed_at: Instant | None
    overrun_minutes: float
    overrun_working_days: float
    cause: Cause | None
    apology_at: Instant | None
    explanation: str | None
    state: LatenessState


class Change(Model):
    """What a later edition changed, and whether facts or the method did."""

    edition: int
    kind: str
    text: str


class Bulletin(Model):
    period: str
    edition: int
    frozen_at: Instant | None
    watermark: Instant
    formula: str
    agencies: int
    officials: int
    dossiers: int
    excused: int
    retracted: int
    rows: tuple[BulletinRow, ...]
    totals: Totals
    rates: Rates
    by_agency: tuple[AgencyTotals, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Names:
    """Names by code, from the catalogue; a code without one stands for itself."""

    agencies: Mapping[str, str] = field(default_factory=dict)
    officials: Mapping[str, str] = field(default_factory=dict)

    def agency(self, code: str) -> str:
        return self.agencies.get(code, code)

    def official(self, code: str | None) -> str | None:
        return None if code is None else self.officials.get(code, code)


@dataclass(frozen=True)
class Tally:
    """So many dossiers of an agency with one outcome. ``on_time_766`` None: outside that figure."""

    agency: str
    bin: Bin
    on_time_766: bool | None
    dossiers: int
    received: int


def period_of(period: str, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """First instant of the local month ``YYYY-MM`` and of the next; refused if malformed or not begun."""
    if not re.fullmatch(r"[1-9]\d{3}-(0[1-9]|1[0-2])", period):
        raise Refusal(Code.INVALID, f"'{period}' is not a month: write it like 2025-04")
    if period > f"{now.astimezone(zone):%Y-%m}":
        raise Refusal(Code.INVALID, f"{period} has not begun: there is nothing to list yet")
    year, month = int(period[:4]), int(period[5:])
    start = datetime(year, month, 1, tzinfo=zone)
    end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)
    return whole(start), whole(end)


def totals_of(tallies: Iterable[Tally]) -> Totals:
    counts = dict.fromkeys(Bin, 0)
    received = 0
    for tally in tallies:
        counts[tally.bin] += tally.dossiers
        received += tally.received
    return Totals(received=received, **{bin_.value: count for bin_, count in counts.items()})


def rates_of(tallies: Iterable[Tally]) -> Rates:
    tallies = list(tallies)
    totals = totals_of(tallies)
    fair = Counts(on_time=totals.on_time, dossiers=totals.on_time + totals.late + totals.open_overdue)
    national = Counts(
        on_time=sum(tally.dossiers for tally in tallies if tally.on_time_766),
        dossiers=sum(tally.dossiers for tally in tallies if tally.on_time_766 is not None),
    )
    return Rates(fair=fair.rate, national_766=national.rate, fair_counts=fair, national_766_counts=national)


def agency_totals(tallies: Iterable[Tally]) -> tuple[AgencyTotals, ...]:
    """Totals and rates of each agency, by code."""
    by_agency: dict[str, list[Tally]] = {}
    for tally in tallies:
        by_agency.setdefault(tally.agency, []).append(tally)
    return tuple(
        AgencyTotals(agency=agency, rates=rates_of(own), **totals_of(own).model_dump())
        for agency, own in sorted(by_agency.items())
    )


def overrun_seconds(
    calendar: WorkingCalendar, due_at: datetime, pauses: Iterable[Pause], until: datetime
) -> int:
    """Working seconds from ``due_at`` to ``until``, pauses excluded (rules R5)."""
    if until <= due_at:
        return 0
    paused = (
        calendar.working_time(max(pause.start, due_at), min(pause.end or until, until))
        for pause in pauses
        if pause.start < until and (pause.end is None or pause.end > due_at)
    )
    return calendar.working_time(due_at, until) - sum(paused)


def masked(code: str) -> str:
    """A dossier's code as the public sees it: its last group only."""
    return code.rsplit("-", 1)[-1]


def to_json(bulletin: Bulletin, zone: ZoneInfo) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8, local instants, whole numbers without a fraction."""
    data = _whole_numbers(localised(bulletin, zone))
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def to_csv(bulletin: Bulletin, zone: ZoneInfo) -> bytes:
    """The rows as spreadsheets read them: UTF-8 with BOM, CRLF, and no cell that would run as a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    columns = list(BulletinRow.model_fields)
    writer.writerow(columns)
    for row in bulletin.rows:
        cells = _whole_numbers(localised(row, zone))
        assert isinstance(cells, dict)  # noqa: S101 - a model is a mapping
        writer.writerow([_cell(cells[column]) for column in columns])
    return text.getvalue().encode("utf-8-sig")


def _cell(value: JsonValue) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _whole_numbers(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {key: _whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
