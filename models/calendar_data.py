"""What a working calendar says: sessions of the week, days off and worked swap days, each with its source.

Compact as JSON, because every dossier carries the slice it needs (design 3).
"""

from __future__ import annotations

import re
from datetime import date, time
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from models.budget import Model

_SESSION = re.compile(r"^([0-2]\d):([0-5]\d)-([0-2]\d):([0-5]\d)$")
DAY = 86_400


class Session(Model):
    """A working session in local time, half-open. An ``end`` of 00:00 is the end of the day."""

    start: time
    end: time


def parse_sessions(text: str) -> tuple[tuple[int, int], ...]:
    """'07:00-11:00 13:00-17:00' as half-open spans in seconds of the local day; '24:00' ends the day."""
    spans: list[tuple[int, int]] = []
    for part in text.split():
        match = _SESSION.match(part)
        if match is None:
            raise ValueError(f"'{part}' is no session: write it like 07:00-11:00")
        h1, m1, h2, m2 = (int(group) for group in match.groups())
        start, end = h1 * 3600 + m1 * 60, h2 * 3600 + m2 * 60
        if not start < end <= DAY:
            raise ValueError(f"the session {part} does not end after it begins, within the day")
        if spans and start < spans[-1][1]:
            raise ValueError(f"the session {part} begins before the one before it has ended")
        spans.append((start, end))
    return tuple(spans)


def _checked_sessions(text: str) -> str:
    parse_sessions(text)
    return text


def _checked_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"'{name}' is no time zone: use an IANA name like Asia/Ho_Chi_Minh") from None
    return name


Sessions = Annotated[str, AfterValidator(_checked_sessions)]


class CalendarData(Model):
    """A working calendar as data. Days off and worked swap days point into ``sources``: law or notice.

    Days and times are local to ``zone``. Outside ``covers_from``..``covers_until`` the weekly pattern alone counts.
    """

    name: str
    zone: Annotated[str, AfterValidator(_checked_zone)]
    day_minutes: Annotated[int, Field(gt=0, le=1440)] = 480
    """Working minutes that count as one working day."""
    cutoff: time = time(15)
    """Accepted strictly after this local time on a working day: counts from the next one (rules R2)."""
    week: Annotated[tuple[Sessions, ...], Field(min_length=7, max_length=7)]
    """Sessions of Monday to Sunday; empty: a weekly rest day."""
    sources: tuple[str, ...] = ()
    days_off: dict[date, int] = {}
    worked: dict[date, int] = {}
    """Rest days worked in exchange for a day off (domain 4)."""
    worked_as: dict[date, int] = {}
    """Weekday (0 = Monday) whose sessions a worked day has; Monday's where nothing is said."""
    covers_from: date
    covers_until: date
    """First and last day whose exceptions are known at all."""
    confirmed_until: date
    """Last day whose exceptions are decided by law or notice; later dates are computed and flagged."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.week[0]:
            raise ValueError("Monday needs sessions: swap days are worked with them")
        if self.covers_from > self.covers_until:
            raise ValueError("covers_from lies after covers_until")
        for day, weekday in self.worked_as.items():
            if day not in self.worked or not 0 <= weekday < 7 or not self.week[weekday]:
                raise ValueError(f"{day} must be a worked day that stands in for a weekday with sessions")
        for day in self.days_off.keys() & self.worked.keys():
            raise ValueError(f"{day} is both off and worked")
        for day in (*self.days_off, *self.worked):
            if not self.covers_from <= day <= self.covers_until:
                raise ValueError(f"{day} lies outside {self.covers_from}..{self.covers_until}")
        for index in (*self.days_off.values(), *self.worked.values()):
            if not 0 <= index < len(self.sources):
                raise ValueError("a day off or worked day has no source")
        if self.confirmed_until > self.covers_until:
            raise ValueError("confirmed_until lies after covers_until")
        return self

    def slice(self, start: date) -> CalendarData:
        """The calendar without exceptions before 1 January of ``start``'s year: what a dossier carries.

        All later ones stay, so every instant from that day on is computed as with the whole calendar.
        """
        first = min(max(date(start.year, 1, 1), self.covers_from), self.covers_until)
        off = {day: self.sources[i] for day, i in self.days_off.items() if day >= first}
        worked = {day: self.sources[i] for day, i in self.worked.items() if day >= first}
        sources = tuple(dict.fromkeys([*off.values(), *worked.values()]))
        index = {source: i for i, source in enumerate(sources)}
        return self.model_copy(
            update={
                "covers_from": first,
                "sources": sources,
                "days_off": {day: index[source] for day, source in off.items()},
                "worked": {day: index[source] for day, source in worked.items()},
                "worked_as": {day: weekday for day, weekday in self.worked_as.items() if day >= first},
            }
        )
