"""What a procedure promises: stages in sequence, steps in parallel, budgets, policies.

Procedures are published law: a dossier keeps the version it started under (design 3, domain 2).
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from models.budget import Budget, Model, Unit


class Supplement(StrEnum):
    """What a request for missing papers does to the clocks (rules R5)."""

    SUBTRACT = "subtract"
    RESTART = "restart"


class RungOf(StrEnum):
    STEP = "step"
    PROMISE = "promise"


class RungTo(StrEnum):
    """Whom a warning or escalation addresses."""

    HOLDER = "holder"
    HEAD = "head"
    PARENT_HEAD = "parent_head"


class Rung(Model):
    """One rung of the escalation ladder, a point on the clock: reached when the clock has consumed so much.

    ``before``: this much working time before the deadline; ``after``: after it; ``percent``: of the budget.
    Exactly one of the three. A rung before or below 100 percent is a warning, the others are escalations.
    """

    key: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    of: RungOf
    to: RungTo
    before: Budget | None = None
    after: Budget | None = None
    percent: Annotated[int, Field(gt=0, le=1000)] | None = None

    @model_validator(mode="after")
    def _one_position(self) -> Self:
        given = [p for p in (self.before, self.after, self.percent) if p is not None]
        if len(given) != 1:
            raise ValueError(f"rung '{self.key}' needs exactly one of before, after, percent")
        for budget in (self.before, self.after):
            if budget is not None and not budget.unit.is_working:
                raise ValueError(f"rung '{self.key}' must be in working_hours or working_days")
        return self

    @model_serializer(mode="wrap")
    def _only_what_is_given(self, dump: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Every dossier carries the ladder: what is not there takes no room."""
        return {name: value for name, value in dump(self).items() if value is not None}

    @property
    def is_warning(self) -> bool:
        return self.before is not None or (self.percent is not None and self.percent < 100)


class Policies(Model):
    """Where the law leaves a choice, the procedure makes it."""

    supplement: Supplement = Supplement.SUBTRACT
    explanation_window: Budget = Budget(amount=Decimal(3), unit=Unit.WORKING_DAYS)
    backdate_limit_minutes: Annotated[int, Field(ge=0)] = 15
    ladder: tuple[Rung, ...] = ()


class Step(Model):
    """One piece of work with its own clock. ``agency`` None: the dossier's competent agency."""

    key: Annotated[str, Field(pattern=r"^[a-z0-9_]+$", max_length=40)]
    name: str
    role: str
    budget: Budget
    agency: str | None = None


class Stage(Model):
    """Steps that run in parallel; the next stage begins when all are done."""

    steps: Annotated[tuple[Step, ...], Field(min_length=1)]


class Procedure(Model):
    """A published procedure: its total time limit is the promise, its steps share the work."""

    code: str
    version: str
    name: str
    total: Budget
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    calendar: str = "vn"
    policies: Policies = Policies()

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in catalogue order."""
        return tuple(step for stage in self.stages for step in stage.steps)
