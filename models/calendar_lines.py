"""Narration of a deadline as values: the lines of "why this date", and their words (interfaces, Why)."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from pydantic import Field, field_serializer

from models.budget import Model, Unit
from models.instants import Instant


class LineKind(StrEnum):
    """What a stretch of time was to the clock. Only ``counted`` and ``worked_swap`` consume the budget."""

    COUNTED = "counted"
    CLOSED = "closed"
    DAY_OFF = "day_off"
    WORKED_SWAP = "worked_swap"
    PAUSED = "paused"
    EXTENDED = "extended"
    REWORK = "rework"
    POLICY = "policy"


class Line(Model):
    """One line of "why this date": what the clock did from ``start`` to ``end``, and by which source.

    ``minutes``: working minutes of a counted session, at most two decimals (rules R12); 0 where nothing counted.
    """

    start: Instant = Field(serialization_alias="from")
    end: Instant = Field(serialization_alias="to")
    minutes: int | float
    kind: LineKind
    text: str
    source: str | None


class Explanation(Model):
    """A deadline and its narration; counted and worked_swap minutes sum to ``budget_minutes``.

    ``confirmed`` is false where a day between ``start`` and ``due_at`` is not yet decided by law or notice.
    """

    start: Instant
    clock_start: Instant
    amount: Decimal
    unit: Unit
    budget_minutes: int | float
    due_at: Instant
    confirmed: bool
    lines: tuple[Line, ...]

    @field_serializer("amount", when_used="json")
    def _number(self, amount: Decimal) -> int | float:
        return int(amount) if amount == int(amount) else float(amount)


TEXTS = {
    "en": {
        "counted": "working session",
        "worked_swap": "working session of a swapped working day",
        "day_off": "day off",
        "break": "break between sessions",
        "night": "office closed",
        "rest": "weekly rest day",
        "cutoff": "accepted after the cut-off: counts from the next working day's opening",
        "outside": "accepted outside working sessions: counts from the next opening",
    },
    "vi": {
        "counted": "ca làm việc",
        "worked_swap": "ca làm việc của ngày làm bù",
        "day_off": "ngày nghỉ",
        "break": "nghỉ giữa ca",
        "night": "ngoài giờ làm việc",
        "rest": "ngày nghỉ hằng tuần",
        "cutoff": "tiếp nhận sau giờ chốt: tính từ đầu ngày làm việc tiếp theo",
        "outside": "tiếp nhận ngoài giờ làm việc: tính từ đầu ca làm việc tiếp theo",
    },
}


def texts(lang: str) -> dict[str, str]:
    """The words of ``lang`` (``en``, ``vi``); another one is a programming error."""
    try:
        return TEXTS[lang]
    except KeyError:
        raise ValueError(f"no narration in '{lang}': use one of {', '.join(TEXTS)}") from None


def as_minutes(hundredths: int) -> int | float:
    """Hundredths of a minute as a number with at most two decimals."""
    return hundredths // 100 if hundredths % 100 == 0 else hundredths / 100


def hundredths(seconds: int) -> int:
    """Seconds as hundredths of a minute, rounded half to even like :func:`round`."""
    return round(seconds * 5 / 3)
