"""Instants: UTC inside, whole seconds (fractions dropped), an explicit offset at every border."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, JsonValue

from models.errors import Code, Refusal

_FIRST, _LAST = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC)
"""What lies between can be told in every zone."""


def whole(instant: datetime) -> datetime:
    """The instant in UTC with fractions of a second dropped; a naive one is a programming error."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no zone")
    if (
        not 1 < instant.year < 9999 and not _FIRST < instant < _LAST
    ):  # the years first: it is asked a million times
        raise ValueError(f"'{instant.isoformat()}' is no date of this world")
    told = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return told.replace(microsecond=0) if told.microsecond else told


Instant = Annotated[AwareDatetime, AfterValidator(whole)]
"""Type of every instant in the models: aware on the way in, UTC and whole seconds ever after."""


def _written(value: object) -> object:
    """Text as :func:`parse_instant` reads it. No number: whose seconds, and since when?"""
    if isinstance(value, datetime):
        return value
    try:
        return parse_instant(value if isinstance(value, str) else repr(value))
    except Refusal as refusal:
        raise ValueError(refusal.message) from None


WrittenInstant = Annotated[Instant, BeforeValidator(_written)]
"""An instant as people hand it in."""


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
    try:
        return whole(instant)
    except ValueError as error:
        raise Refusal(Code.INVALID, str(error)) from None


def iso(instant: datetime, zone: ZoneInfo) -> str:
    """ISO 8601 with the calendar's offset and whole seconds, as every interface writes it."""
    return instant.astimezone(zone).isoformat(timespec="seconds")


def localised(value: Any, zone: ZoneInfo) -> JsonValue:
    """``value`` as JSON data with every instant in ``zone``'s offset, as all interfaces write them."""
    kind = type(value)
    if kind in _AS_IT_IS:
        return value  # type: ignore[no-any-return]  # one of the few types of JSON
    if kind is datetime:
        return iso(value, zone)
    if isinstance(value, BaseModel):
        value = value.model_dump(by_alias=True)
    if isinstance(value, (dict, Mapping)):
        return {str(key): localised(item, zone) for key, item in value.items()}
    if isinstance(value, (list, tuple)) or (isinstance(value, Sequence) and not isinstance(value, str)):
        return [localised(item, zone) for item in value]
    return _plain(value, zone)


_AS_IT_IS = frozenset({str, int, float, bool, type(None)})
"""Most of what there is in an answer: told apart at once."""


def _plain(value: Any, zone: ZoneInfo) -> JsonValue:
    if isinstance(value, datetime):
        return iso(value, zone)
    if isinstance(value, Enum):
        return value.value  # type: ignore[no-any-return]  # all enums of the models are of strings or ints
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"{type(value).__name__} has no place in JSON")
