"""The monthly list: shape, counting rules that need no database, canonical bytes (rules R11; interfaces: Bulletin)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import JsonValue, SkipValidation
from pydantic_core import from_json
from pydantic_core import to_json as write_json

from models.budget import Model
from models.bulletin_rows import BulletinRow, row_json, whole_number
from models.calendar import WorkingCalendar
from models.errors import Code, Refusal
from models.instants import Instant, localised, whole
from models.views import Pause, Run

FORMULA = "1"
"""Version of the counting rules below; a change of method changes it and is told in ``changes``."""

SMALLEST = 20
"""A rate over fewer dossiers says nothing about an office: it is withheld, its counts are shown."""


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

    @property
    def dossiers(self) -> int:
        return (
            self.on_time + self.late + self.open_overdue + self.paused + self.no_deadline + self.open_in_time
        )


class AgencyTotals(Totals):
    agency: str
    rates: Rates
    volume: str
    """Units are compared only with those that have about as much to do: see :func:`volume_of`."""


class ChangeKind(StrEnum):
    FACTS = "facts"
    METHOD = "method"


class Change(Model):
    """What a later edition changed, and whether facts or the method did."""

    edition: int
    kind: ChangeKind
    text: str


class Bulletin(Model):
    """The list of a month. ``edition`` 0 and no ``frozen_at``: preliminary, as of ``watermark``."""

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
    rows: Annotated[tuple[BulletinRow, ...], SkipValidation]
    totals: Totals
    rates: Rates
    by_agency: tuple[AgencyTotals, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Tally:
    """So many dossiers of an agency with one outcome. ``on_time_766`` None: outside that figure."""

    agency: str
    bin: Bin
    on_time_766: bool | None
    dossiers: int
    received: int


def check_month(period: str) -> None:
    """Raises :class:`Refusal` (``invalid``) for what is no month ``YYYY-MM``."""
    if not re.fullmatch(r"[1-9][0-9]{3}-(0[1-9]|1[0-2])", period):
        raise Refusal(Code.INVALID, f"'{period}' is not a month: write it like 2025-04")


def period_of(period: str, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """First instant of the local month ``YYYY-MM`` and of the next; refused if malformed or not begun."""
    check_month(period)
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
    found = []
    for agency, own in sorted(by_agency.items()):
        totals = totals_of(own)
        if not totals.dossiers:
            continue  # what was counted was all taken off again
        volume = volume_of(totals.dossiers)
        found.append(AgencyTotals(agency=agency, rates=rates_of(own), volume=volume, **totals.model_dump()))
    return tuple(found)


VOLUMES = ((500, "500 and more"), (100, "100 to 499"), (SMALLEST, "20 to 99"))


def volume_of(dossiers: int) -> str:
    """The group of units with about as many dossiers in the period."""
    return next((name for least, name in VOLUMES if dossiers >= least), f"under {SMALLEST}")


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


def overrun_of(calendar: WorkingCalendar, runs: Iterable[Run], until: datetime) -> int:
    """Working seconds up to ``until`` in which a missed clock ran on (rules R3, R5, R7)."""
    return sum(
        calendar.working_time(run.start, min(run.end or until, until)) for run in runs if run.start < until
    )


def masked(code: str) -> str:
    """A dossier's code as the public sees it: its last group only."""
    return code.rsplit("-", 1)[-1]


def public(bulletin: Bulletin) -> Bulletin:
    """The list as everybody may read it: dossiers by their last group only."""
    rows = tuple(row._replace(dossier=masked(row.dossier)) for row in bulletin.rows)
    return bulletin.model_copy(update={"rows": rows})


def to_json(bulletin: Bulletin, zone: ZoneInfo) -> bytes:
    """Canonical JSON (RFC 8785): sorted keys, no spaces, UTF-8; instants local, whole numbers without a fraction."""
    return with_rows(bulletin, (row_json(row).encode() for row in bulletin.rows), zone)


def with_rows(bulletin: Bulletin, rows: Iterable[bytes], zone: ZoneInfo) -> bytes:
    """Canonical JSON of a list whose rows are written already."""
    data = _plain(localised(bulletin.model_copy(update={"rows": ()}), zone))
    before, after = write_json(data).split(_NO_ROWS, 1)
    return b"".join((before, b'"rows":[', b",".join(rows), b"]", after))


_NO_ROWS = b'"rows":[]'


def read(content: bytes) -> Bulletin:
    """A list from its canonical JSON."""
    data = from_json(content)
    rows = tuple(BulletinRow(**row) for row in data["rows"])
    return Bulletin.model_validate(data | {"rows": rows})


def to_csv(bulletin: Bulletin) -> bytes:
    """The rows as spreadsheets read them: UTF-8 with BOM, CRLF, and no cell that would run as a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(BulletinRow._fields)
    writer.writerows(map(_cell, row) for row in bulletin.rows)
    return text.getvalue().encode("utf-8-sig")


_RUNS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Spreadsheets take a text that begins so for a formula, or skip to what follows."""


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_RUNS) else text


def _plain(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return whole_number(value) if isinstance(value, float) else value
