"""The smallest words of the core: frozen values, units of time as the law gives them, budgets.

Apart from `models.procedure`, so that the calendar alone can be loaded at once.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Model(BaseModel):
    """Base of the core's values: frozen, strict about unknown fields, compiled at first use (`due` answers at once)."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Unit(StrEnum):
    """Units in which the law gives time limits; never a bare ISO duration (rules R2)."""

    WORKING_HOURS = "working_hours"
    WORKING_DAYS = "working_days"
    CALENDAR_DAYS = "calendar_days"
    MONTHS = "months"

    @property
    def is_working(self) -> bool:
        return self in (Unit.WORKING_HOURS, Unit.WORKING_DAYS)


class Budget(Model):
    """An amount of time in a unit. Calendar days and months are whole; working units may be fractional."""

    amount: Annotated[Decimal, Field(ge=0, le=100_000)]
    unit: Unit

    @model_validator(mode="after")
    def _whole_where_needed(self) -> Self:
        if not self.unit.is_working and self.amount != int(self.amount):
            raise ValueError(f"{self.unit} must be a whole number, not {self.amount}")
        return self

    @property
    def is_zero(self) -> bool:
        """A zero budget in working units: no deadline of its own (rules R2)."""
        return self.amount == 0 and self.unit.is_working
