"""The record of a person or a unit: what they handled, how it stands to its deadlines, and what that comes to."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from models.budget import Model
from models.bulletin import SMALLEST
from models.instants import Instant
from models.views import StepView


class Outcome(StrEnum):
    """How a finished step stands to its deadline."""

    EARLY = "early"
    """Done on a day before the day it was due."""
    ON_TIME = "on_time"
    LATE = "late"
    NO_DEADLINE = "no_deadline"


def outcome_of(step: StepView, zone: ZoneInfo) -> Outcome:
    """Of a step that is done; days are local."""
    if step.late:
        return Outcome.LATE
    if step.due_at is None or step.completed_at is None:
        return Outcome.NO_DEADLINE
    early = step.completed_at.astimezone(zone).date() < step.due_at.astimezone(zone).date()
    return Outcome.EARLY if early else Outcome.ON_TIME


class Counts(Model):
    """Dossiers by how the steps handled in them stand to their deadlines; each dossier in exactly one.

    ``late``: a lateness names the holder; ``early``: every step done before its day; ``on_time``: the rest of
    those with a deadline; ``unscored``: without a deadline, or late where another is named.
    """

    early: int = 0
    on_time: int = 0
    late: int = 0
    unscored: int = 0

    @property
    def scored(self) -> int:
        return self.early + self.on_time + self.late

    @property
    def on_time_share(self) -> float | None:
        """Percent that was not late; None under 20 dossiers."""
        return share_of(self.early + self.on_time, self.scored)


class MonthCounts(Counts):
    """Of one local month: that of the last step done or deadline missed in the dossier."""

    period: str


class OpenItem(Model):
    dossier: str
    step: str
    official: str | None
    state: str
    due_at: Instant | None


class Open(Model):
    """What is held now. ``items`` by deadline, and only in the full record."""

    running: int = 0
    paused: int = 0
    overdue: int = 0
    items: tuple[OpenItem, ...] | None = None


class Points(Model):
    """A score with the counts that it was made of, and how."""

    points: int
    out_of: int
    percent: float | None
    """None under 20 dossiers."""
    counts: dict[str, int]
    formula: str
    source: str


class Minutes(Model):
    """Working minutes held of steps whose deadline was missed: where named for it, and where another was."""

    named: float = 0
    of_others: float = 0


class Item(NamedTuple):
    """So many dossiers of a month that came out alike."""

    period: str
    outcome: Outcome | None
    """None: unscored."""
    unexcused: int
    """Latenesses whose hearing has ended without an excuse."""
    excused: int
    in_hearing: int
    dossiers: int


def share_of(part: int, whole: int) -> float | None:
    """Percent with two decimals; None under 20."""
    return None if whole < SMALLEST else round(100 * part / whole, 2)


def counts_of(items: Iterable[Item]) -> Counts:
    found = dict.fromkeys(("early", "on_time", "late", "unscored"), 0)
    for item in items:
        found[item.outcome.value if item.outcome else "unscored"] += item.dossiers
    return Counts(**found)


def months_of(items: Iterable[Item]) -> tuple[MonthCounts, ...]:
    """By month, in order."""
    by_month: dict[str, list[Item]] = {}
    for item in items:
        by_month.setdefault(item.period, []).append(item)
    return tuple(
        MonthCounts(period=period, **counts_of(own).model_dump()) for period, own in sorted(by_month.items())
    )


def progress_points(items: Iterable[Item]) -> Points:
    """Decree 335/2025: each late item costs 25 % of its progress points, unless an objective reason is confirmed.

    A lateness in its hearing costs nothing yet; excused ones never do. An item loses no more than it has.
    """
    scored = [item for item in items if item.outcome is not None]
    points = sum(item.dossiers * max(0, 100 - 25 * item.unexcused) for item in scored)
    dossiers = sum(item.dossiers for item in scored)
    return Points(
        points=points,
        out_of=100 * dossiers,
        percent=share_of(points, 100 * dossiers) if dossiers >= SMALLEST else None,
        counts={
            "dossiers": dossiers,
            "unexcused": sum(item.dossiers * item.unexcused for item in scored),
            "excused": sum(item.dossiers * item.excused for item in scored),
            "in_hearing": sum(item.dossiers * item.in_hearing for item in scored),
        },
        formula="100 points a dossier, less 25 for each lateness that was heard and not excused; not below 0",
        source="Decree 335/2025/ND-CP",
    )


def participant_score(items: Iterable[Item]) -> Points:
    """Circular 01/2018: each participant has 2 points for a dossier handled early, 1 on time, 0 late."""
    counts = counts_of(items)
    points = 2 * counts.early + counts.on_time
    return Points(
        points=points,
        out_of=2 * counts.scored,
        percent=share_of(points, 2 * counts.scored) if counts.scored >= SMALLEST else None,
        counts=counts.model_dump(),
        formula="2 points a dossier early, 1 on time, 0 late (also where excused)",
        source="Circular 01/2018/TT-VPCP",
    )


class Record(Model):
    """Points, scores, minutes and single dossiers are for supervisors and auditors: None in the public record.

    The public record counts a lateness once it is published, and never one in its hearing or excused.
    """

    counts: Counts
    on_time_share: float | None
    by_month: tuple[MonthCounts, ...]
    open: Open
    minutes: Minutes | None
    progress: Points | None
    score: Points | None


class OfficialRecord(Record):
    official: str
    name: str
    position: str
    agency: str | None
    agency_name: str | None


class Peer(Model):
    """A unit beside others that had about as much to do. ``steps``: done since ``since``."""

    agency: str
    name: str
    steps: int
    late: int
    on_time_share: float | None


class AgencyRecord(Record):
    agency: str
    name: str
    head: str | None
    head_name: str | None
    volume_group: str | None
    since: str
    """First month that the comparison with peers looks at."""
    own: Peer
    peers: tuple[Peer, ...]


LIKE = 5
"""So many peers are shown."""


def peers_of(own: Peer, others: Iterable[Peer]) -> tuple[Peer, ...]:
    """Those with half to twice as many steps, the nearest first."""
    alike = [each for each in others if own.steps <= 2 * each.steps and each.steps <= 2 * own.steps]
    return tuple(sorted(alike, key=lambda each: (abs(each.steps - own.steps), each.agency))[:LIKE])
