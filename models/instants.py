"""Instants: UTC inside, whole seconds (fractions dropped), an explicit offset at every border."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime

from models.errors import Code, Refusal


def whole(instant: datetime) -> datetime:
    """The instant in UTC with fractions of a second dropped; a naive one is a programming error."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no zone")
    return instant.astimezone(UTC).replace(microsecond=0)


Instant = Annotated[AwareDatetime, AfterValidator(whole)]
"""Type of every instant in the models: aware on the way in, UTC and whole seconds ever after."""


def parse_instant(text: str, *, zone: ZoneInfo | None = None) -> datetime:
    """Read ISO 8601 ``text``. Without an offset it is read in ``zone``, or refused if there is none.

    Raises :class:`Refusal` (``invalid``) with a sentence that says how to mend the text.
    """
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Refusal(
            Code.INVALID,
            f"'{text}' is not an instant: write it like 2026-01-08T08:00:00+07:00",
        ) from None
    if instant.tzinfo is None:
        if zone is None:
            raise Refusal(
                Code.INVALID,
                f"'{text}' has no time zone: add the offset, like 2026-01-08T08:00:00+07:00",
            )
        instant = instant.replace(tzinfo=zone)
    return whole(instant)


def iso(instant: datetime, zone: ZoneInfo) -> str:
    """ISO 8601 with the calendar's offset and whole seconds, as every interface writes it."""
    return instant.astimezone(zone).isoformat(timespec="seconds")
