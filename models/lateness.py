"""A lateness: one missed deadline, whom it names, and how its hearing stands (design 4 and 5, rules R4, R9, R10)."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from models.budget import Model
from models.instants import Instant

WORKING_DAY_MINUTES = 480
"""Of ``overrun_working_days`` everywhere, whatever a calendar's own days are: so days compare (rules R12)."""


class Holder(NamedTuple):
    """Who has a step at an instant: an official at an agency, or (``official`` None) the agency's queue."""

    agency: str
    official: str | None = None


class LatenessState(StrEnum):
    RECORDED = "recorded"
    PUBLISHED = "published"
    EXCUSED = "excused"
    ANNULLED = "annulled"
    CORRECTED = "corrected"
    RETRACTED = "retracted"


class Cause(StrEnum):
    OBJECTIVE = "objective"
    SUBJECTIVE = "subjective"


class ReviewDecision(StrEnum):
    UPHELD = "upheld"
    EXCUSED = "excused"


class CorrectDecision(StrEnum):
    CORRECTED = "corrected"
    RETRACTED = "retracted"


class Share(Model):
    """One holder's part of the working minutes a clock had consumed when its deadline passed; percent."""

    agency: str
    official: str | None
    minutes: float
    share: float


class HeldAfter(Model):
    """Working minutes one holder had the step after its deadline, pauses excluded."""

    agency: str
    official: str | None
    minutes: float


class Review(Model):
    """A named person's decision on a lateness, before publication (review) or after it (correct)."""

    by: str
    at: Instant
    decision: ReviewDecision | CorrectDecision
    cause: Cause | None
    reason: str


class Lateness(Model):
    """One missed deadline, as shown. ``step`` None: the promise; ``official`` None: ``head`` answers."""

    id: str
    dossier: str
    procedure: str
    step: str | None
    agency: str
    official: str | None
    head: str | None
    due_at: Instant
    recorded_at: Instant
    completed_at: Instant | None = None
    overrun_minutes: float = 0
    overrun_working_days: float = 0
    state: LatenessState = LatenessState.RECORDED
    cause: Cause | None = None
    shares: tuple[Share, ...] = ()
    after: tuple[HeldAfter, ...] = ()
    window_closes_at: Instant | None = None
    notified_at: Instant | None = None
    explained_at: Instant | None = None
    explanation: str | None = None
    review: Review | None = None
    published_at: Instant | None = None
    heard_by: str | None = None


def minutes(seconds: int) -> float:
    """Working seconds as minutes with at most two decimals (rules R12)."""
    value = round(seconds / 60, 2)
    return int(value) if value == int(value) else value


def percent_shares(seconds: dict[Holder, int]) -> tuple[Share, ...]:
    """Shares of ``seconds`` by falling size; largest remainder makes them sum to exactly 100.00 (rules R4).

    Insertion order of ``seconds`` breaks ties, so the caller decides it.
    """
    total = sum(seconds.values())
    if total == 0:  # a clock without working time: whoever stands in the book has all of nothing
        return tuple(
            Share(agency=h.agency, official=h.official, minutes=0, share=100.0 if i == 0 else 0.0)
            for i, h in enumerate(seconds)
        )
    hundredths = {holder: divmod(held * 10_000, total) for holder, held in seconds.items()}
    missing = 10_000 - sum(whole for whole, _ in hundredths.values())
    by_remainder = sorted(hundredths, key=lambda holder: -hundredths[holder][1])
    lifted = set(by_remainder[:missing])
    ordered = sorted(seconds, key=lambda holder: -seconds[holder])
    return tuple(
        Share(
            agency=holder.agency,
            official=holder.official,
            minutes=minutes(seconds[holder]),
            share=(hundredths[holder][0] + (holder in lifted)) / 100,
        )
        for holder in ordered
    )
