"""The record of a person or a unit: what they handled, how it stands to its deadlines, and what that comes to."""

from __future__ import annotations

from enum import StrEnum
from zoneinfo import ZoneInfo

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
