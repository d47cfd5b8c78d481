"""The rows of a monthly list: what of a lateness is shown, its place, and its text in canonical JSON.

A row is written when its lateness is told (decision 0013), all but the names; a list joins the texts in order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic_core import from_json
from pydantic_core import to_json as write_json

from models.catalogue import Catalogue
from models.instants import iso
from models.lateness import WORKING_DAY_MINUTES, Lateness, LatenessState


class BulletinRow(NamedTuple):
    """One lateness. Its official is named, and an explanation shown, only once it is published.

    A plain tuple of what is shown, instants local with their offset: a month may have twenty thousand.
    """

    agency: str
    agency_name: str | None
    official: str | None
    official_name: str | None
    dossier: str
    procedure: str
    step: str | None
    received_at: str
    due_at: str
    completed_at: str | None
    overrun_minutes: float
    overrun_working_days: float
    cause: str | None
    apology_at: str | None
    explanation: str | None
    state: str


RowKey = tuple[str, str | None, str]


def row_key(row: BulletinRow) -> RowKey:
    """What makes two rows of different editions the same: dossier, step and missed deadline."""
    return (row.dossier, row.step, row.due_at)


_SORTED = sorted(BulletinRow._fields)
_in_sorted_order = itemgetter(*(BulletinRow._fields.index(name) for name in _SORTED))
_AGENCY_NAME, _OFFICIAL_NAME = b'"agency_name":', b'"official_name":'
"""As canonical JSON has them; no text of people can look so, for its quotes are escaped."""


def row_json(row: BulletinRow) -> str:
    """One row as it stands in the canonical JSON."""
    return write_json(dict(zip(_SORTED, _in_sorted_order(row), strict=True))).decode()


NAMES_NOBODY = (LatenessState.RECORDED, LatenessState.RETRACTED)
"""Not heard yet, or taken back."""


def listed(lateness: Lateness, received_at: datetime, zone: ZoneInfo) -> str:
    """Its row as canonical JSON, all but the names, which are the catalogue's of the day."""
    named = lateness.state not in NAMES_NOBODY
    completed = lateness.completed_at
    return row_json(
        BulletinRow(
            agency=lateness.agency,
            agency_name=None,
            official=lateness.official if named else None,
            official_name=None,
            dossier=lateness.dossier,
            procedure=lateness.procedure,
            step=lateness.step,
            received_at=iso(received_at, zone),
            due_at=iso(lateness.due_at, zone),
            completed_at=None if completed is None else iso(completed, zone),
            **_overrun(lateness.overrun_minutes),
            cause=lateness.cause,
            apology_at=None,
            explanation=lateness.explanation if named else None,
            state=lateness.state.value,
        )
    )


SEPARATOR, _AFTER_SEPARATOR = "\x1f", "\x20"
"""Between the parts of a place; the second is the character that follows the first."""


def place(lateness: Lateness, zone: ZoneInfo) -> str:
    """Rows are in the order of this: by agency, by the official shown, due instant, dossier, step; no two are alike."""
    official = None if lateness.state in NAMES_NOBODY else lateness.official
    due_at = iso(lateness.due_at, zone)
    parts = (lateness.agency, official or "", due_at, lateness.dossier, lateness.step or "", lateness.id)
    return SEPARATOR.join(parts)


def still_open(text: str, overrun_minutes: float) -> str:
    """That row as of an instant when the work was not done."""
    return write_json(from_json(text) | {"completed_at": None} | _overrun(overrun_minutes)).decode()


def with_apology(text: str, sent_at: str) -> str:
    """That row with the instant at which an apology with a new date was sent."""
    return text.replace('"apology_at":null', f'"apology_at":"{sent_at}"', 1)


def _overrun(minutes: float) -> dict[str, float]:
    days = round(minutes / WORKING_DAY_MINUTES, 2)
    return {"overrun_minutes": whole_number(minutes), "overrun_working_days": whole_number(days)}


def whole_number(value: float) -> float:
    """A number without a fraction where it has none, as all outputs write it."""
    return int(value) if value == int(value) else value


@dataclass(frozen=True)
class Names:
    """Names by code, from the catalogue; a code without one stands for itself."""

    agencies: Mapping[str, str] = field(default_factory=dict)
    officials: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, catalogue: Catalogue) -> Self:
        return cls(
            agencies={code: agency.name for code, agency in catalogue.agencies.items()},
            officials={code: official.name for code, official in catalogue.officials.items()},
        )

    def agency(self, code: str) -> str:
        return self.agencies.get(code, code)

    def official(self, code: str | None) -> str | None:
        return None if code is None else self.officials.get(code, code)

    def written(self, places: Sequence[str], texts: Sequence[str]) -> Iterator[bytes]:
        """The texts of rows in the order of their places, with names; those of one official, or unit, as one."""
        first = 0
        while first < len(places):
            agency, official, _ = places[first].split(SEPARATOR, 2)
            end = bisect_left(places, f"{agency}{SEPARATOR}{official}{_AFTER_SEPARATOR}", first)
            yield self._named(agency, official, ",".join(texts[first:end]).encode())
            first = end

    def _named(self, agency: str, official: str, text: bytes) -> bytes:
        """The rows of one holder with the names in them."""
        text = _put(_AGENCY_NAME, self.agency(agency), text)
        return _put(_OFFICIAL_NAME, self.official(official), text) if official else text


def _put(field: bytes, name: str | None, text: bytes) -> bytes:
    """``text`` with ``name`` where the field has none."""
    return (field + write_json(name)).join(text.split(field + b"null"))  # half the time of replace()
