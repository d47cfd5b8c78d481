"""Instants: UTC inside, whole seconds (fractions dropped), an explicit offset at every border."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, JsonValue

from models import refusals
from models.errors import Code, Refusal

_FIRST, _LAST = 2, 9998
"""Years whose every instant can be told in every zone."""


def whole(instant: datetime) -> datetime:
    """The instant in UTC with fractions of a second dropped; a naive one is a programming error."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no zone")
    if not _FIRST <= instant.year <= _LAST:
        raise ValueError(refusals.NO_DATE % {"text": instant.isoformat()})
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    return instant.replace(microsecond=0) if instant.microsecond else instant


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
        raise Refusal(Code.INVALID, refusals.NO_INSTANT, text=text) from None
    if instant.tzinfo is None:
        if zone is None:
            raise Refusal(Code.INVALID, refusals.NO_ZONE, text=text)
        instant = instant.replace(tzinfo=zone)
    try:
        return whole(instant)
    except ValueError:
        raise Refusal(Code.INVALID, refusals.NO_DATE, text=instant.isoformat()) from None


def iso(instant: datetime, zone: ZoneInfo) -> str:
    """ISO 8601 with the calendar's offset and whole seconds, as every interface writes it."""
    return _local(instant if instant.tzinfo is UTC else instant.astimezone(UTC), zone)


@lru_cache(maxsize=8192)  # what was looked at is looked at again, and a zone's rules are slow to ask
def _local(instant: datetime, zone: ZoneInfo) -> str:
    """Of an instant in UTC: of two in a zone's own repeated hour, Python takes one for the other."""
    return instant.astimezone(zone).isoformat(timespec="seconds")


def localised(value: Any, zone: ZoneInfo) -> JsonValue:
    """``value`` as JSON data with every instant in ``zone``'s offset, as all interfaces write them."""
    kind = type(value)
    if kind in _AS_IT_IS:
        return value  # type: ignore[no-any-return]  # one of the few types of JSON
    if kind is datetime:
        return iso(value, zone)
    if kind is dict:  # its leaves at once, without a call for each: most of what answers consist of
        return {
            str(key): item if type(item) in _AS_IT_IS else localised(item, zone)
            for key, item in value.items()
        }
    if kind is list or kind is tuple:
        return [item if type(item) in _AS_IT_IS else localised(item, zone) for item in value]
    if isinstance(value, Enum):
        return value.value  # type: ignore[no-any-return]  # all enums of the models are of strings or ints
    return _plain(value, zone)


_AS_IT_IS = frozenset({str, int, float, bool, type(None)})
"""Most of what there is in an answer: told apart at once."""


def _plain(value: Any, zone: ZoneInfo) -> JsonValue:
    """What is none of JSON's own types."""
    if isinstance(value, BaseModel):
        return localised(value.model_dump(by_alias=True), zone)
    if isinstance(value, datetime):
        return iso(value, zone)
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    if isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Mapping):
        return localised(dict(value), zone)
    if isinstance(value, Sequence):
        return localised(list(value), zone)
    raise TypeError(f"{type(value).__name__} has no place in JSON")
