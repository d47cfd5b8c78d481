"""What editions say of their changes is understood and said in both languages."""

from __future__ import annotations

import pytest

from models.editions import differences
from tests.pages.conftest import ZONE
from tests.store.test_bulletin_files import example
from web.pages.changes import Change, told
from web.pages.language import Language, Tongue

VI, EN = Tongue(Language.VIETNAMESE, ZONE), Tongue(Language.ENGLISH, ZONE)


@pytest.mark.parametrize(
    ("kept", "english", "vietnamese"),
    [
        ("agencies 7 -> 6", "Units: 7 → 6", "Đơn vị: 7 → 6"),
        (
            "H13.4, dossier 0005, process due 2025-04-16 15:40: names no person any more",
            "H13.4, dossier 0005, process due 15:40, 16 Apr 2025: names no person any more",
            "H13.4, hồ sơ 0005, process, hạn 15:40, 16/4/2025: không còn nêu tên cá nhân",
        ),
        ("and 7 more", "and 7 more", "và 7 mục khác"),
        (
            "H13.4: open overdue 3 -> 2",
            "H13.4: open and overdue: 3 → 2",
            "H13.4: đang giải quyết, đã quá hạn: 3 → 2",
        ),
    ],
)
def test_said_in_both(kept: str, english: str, vietnamese: str) -> None:
    assert told(kept, EN) == Change(english, "en")
    assert told(kept, VI) == Change(vietnamese, "vi")


def test_what_is_not_understood_is_shown_as_it_is() -> None:
    for kept in ("the formula is another one", "H13.4, dossier 5, x due yesterday now: added"):
        assert told(kept, VI) == Change(kept, "en")


def test_all_that_editions_say_of_facts_is_understood() -> None:
    before = example()
    row = before.rows[0]
    other = row._replace(
        state="retracted", official=None, explanation=None, overrun_minutes=1.0, cause="objective"
    )
    after = before.model_copy(
        update={"rows": (other, *before.rows[1:], row._replace(step="more")), "agencies": 9, "excused": 5}
    )
    said = differences(before, after) + differences(after, before)
    assert len(said) > 8
    assert [text for text in said if told(text, VI).lang != "vi"] == []
