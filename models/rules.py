"""The rules one dossier started under: what travels in its workflow input, and nothing else.

A later change of catalogue or calendar does not reach it (design 3).
"""

from __future__ import annotations

from models.budget import Budget, Model
from models.calendar import CalendarData
from models.procedure import Policies


class PlannedStep(Model):
    """A step with its agency and its first holder resolved at submission (rules R3)."""

    key: str
    stage: int
    name: str
    role: str
    agency: str
    official: str | None
    budget: Budget


class Rules(Model):
    """Procedure snapshot, resolved holders, and the calendar slice; under 6 KB as JSON."""

    procedure: str
    procedure_version: str
    agency: str
    total: Budget
    steps: tuple[PlannedStep, ...]
    policies: Policies
    calendar: CalendarData
    heads: dict[str, str]
    """Head official of each agency that may have to answer, by agency code."""
    parents: dict[str, str] = {}
    """Parent agency of each agency in play: whose head an escalation addresses."""
