"""Vietnamese and English: words through gettext, dates and numbers as each language writes them.

Sentences in the code are English and are the keys; ``locale/vi`` has their Vietnamese. It is compiled in memory.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from models.lateness import WORKING_DAY_MINUTES
from web.pages.words import N_

LOCALE = Path(__file__).parents[1] / "locale"
HOUR_MINUTES = 60


class Language(StrEnum):
    VIETNAMESE = "vi"
    ENGLISH = "en"

    @property
    def other(self) -> Language:
        return Language.ENGLISH if self is Language.VIETNAMESE else Language.VIETNAMESE


@cache
def translations(language: Language) -> NullTranslations:
    """The words of ``language``; English ones are the keys themselves."""
    if language is Language.ENGLISH:
        return NullTranslations()
    source = LOCALE / language.value / "LC_MESSAGES" / "danbiet.po"
    with source.open("rb") as file:
        catalogue = read_po(file, locale=language.value)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


class Tongue:
    """One language in one zone: what templates call for every date, number and duration."""

    def __init__(self, language: Language, zone: ZoneInfo) -> None:
        self.language, self.zone = language, zone
        self._words = translations(language)

    def say(self, text: str) -> str:
        return self._words.gettext(text) if text else ""

    def count(self, singular: str, plural: str, number: int) -> str:
        return self._words.ngettext(singular, plural, number) % {"n": self.number(number)}

    def number(self, value: float, digits: int = 2) -> str:
        """At most two decimals, with the language's comma or point."""
        return format_decimal(round(value, digits), format="#,##0.##", locale=self.language.value)

    def percent(self, value: float) -> str:
        text = format_decimal(value, format="#,##0.00", locale=self.language.value)
        return f"{text}%"

    def local(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone)

    def day(self, instant: datetime | date) -> str:
        """``16/4/2025``, ``16 Apr 2025``."""
        day = self.local(instant).date() if isinstance(instant, datetime) else instant
        pattern = "d/M/yyyy" if self.language is Language.VIETNAMESE else "d MMM yyyy"
        return format_date(day, pattern, locale=self.language.value)

    def weekday(self, instant: datetime) -> str:
        name: str = format_date(self.local(instant).date(), "EEEE", locale=self.language.value)
        return name[:1].upper() + name[1:]

    def clock(self, instant: datetime) -> str:
        return f"{self.local(instant):%H:%M}"

    def moment(self, instant: datetime | str) -> str:
        """``16:15, 16/4/2025``: the hour first, as offices write it. Bulletins carry their instants as text."""
        if isinstance(instant, str):
            instant = datetime.fromisoformat(instant)
        return f"{self.clock(instant)}, {self.day(instant)}"

    def month(self, period: str) -> str:
        """``tháng 4/2025``, ``April 2025``."""
        year, month = int(period[:4]), int(period[5:])
        if self.language is Language.VIETNAMESE:
            return f"tháng {month}/{year}"
        return format_date(date(year, month, 1), "MMMM yyyy", locale="en")

    def short_month(self, period: str) -> str:
        return f"{int(period[5:])}/{period[2:4]}"

    def working_time(self, minutes: float) -> str:
        """Working minutes as days from a day on, as hours and minutes below."""
        if minutes >= WORKING_DAY_MINUTES:
            days = self.number(minutes / WORKING_DAY_MINUTES)
            number = 1 if minutes == WORKING_DAY_MINUTES else 2
            return self._words.ngettext("%(n)s working day", "%(n)s working days", number) % {"n": days}
        hours, rest = divmod(minutes, HOUR_MINUTES)
        told = []
        if hours:
            told.append(self.count("%(n)s working hour", "%(n)s working hours", int(hours)))
        if rest or not hours:
            told.append(self.say(N_("%(n)s min")) % {"n": self.number(rest)})
        return " ".join(told)
