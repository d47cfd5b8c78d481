"""Both languages are whole: every sentence of sources and narration has its Vietnamese, and nothing is left over."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from models.catalogue import Catalogue
from tests.pages.messages import of_narration, of_pages
from web.pages.language import LOCALE, Language, Tongue

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
PLACE = re.compile(r"%\((\w+)\)s")
AT = datetime(2025, 4, 16, 9, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def vietnamese() -> dict[str, Message]:
    with (LOCALE / "vi" / "LC_MESSAGES" / "danbiet.po").open("rb") as file:
        found = read_po(file, locale="vi")
    return {
        message.id[0] if isinstance(message.id, tuple) else message.id: message
        for message in found
        if message.id
    }


def test_every_sentence_is_translated_and_none_is_left_over(
    vietnamese: dict[str, Message], catalogue: Catalogue
) -> None:
    needed = {each[0] if isinstance(each, tuple) else each for each in of_pages() | of_narration(catalogue)}
    assert needed - set(vietnamese) == set()
    assert set(vietnamese) - needed == set()


def test_translations_are_filled_and_keep_their_places(vietnamese: dict[str, Message]) -> None:
    for key, message in vietnamese.items():
        told = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(told), key
        assert not message.fuzzy, key
        for each in told:
            assert sorted(PLACE.findall(each)) == sorted(PLACE.findall(key)), key


def test_numbers_dates_and_durations_in_both() -> None:
    vi, en = Tongue(Language.VIETNAMESE, ZONE), Tongue(Language.ENGLISH, ZONE)
    assert (vi.number(1234.5), en.number(1234.5)) == ("1.234,5", "1,234.5")
    assert (vi.percent(97.6), en.percent(97.6)) == ("97,60%", "97.60%")
    assert (vi.moment(AT), en.moment(AT)) == ("16:15, 16/4/2025", "16:15, 16 Apr 2025")
    assert (vi.weekday(AT), en.weekday(AT)) == ("Thứ Tư", "Wednesday")
    assert (vi.month("2025-04"), en.month("2025-04")) == ("tháng 4/2025", "April 2025")
    assert (vi.working_time(290), en.working_time(290)) == (
        "4 giờ làm việc 50 phút",
        "4 working hours 50 min",
    )
    assert (vi.working_time(480), en.working_time(480)) == ("1 ngày làm việc", "1 working day")
    assert (vi.working_time(690), en.working_time(690)) == ("1,44 ngày làm việc", "1.44 working days")
    assert (vi.working_time(0.5), en.working_time(0)) == ("0,5 phút", "0 min")
