"""What people write is stored as it is read: nothing invisible gets in, by whichever door."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from models.actions import parse_action
from models.errors import Code, Refusal
from models.log import read_log
from models.plain_text import check_plain, hidden_in
from models.submission import Applicant, Submission
from tests.models.office import at

HIDDEN = ("\x00", "\x1b", "\x7f", "\x85", "\u200e", "\u202e", "\u2066", "\u061c", "\u2028", "\ud800")
HEADER = "dossier,procedure,activity,at,step,official,agency,reason"


@pytest.mark.parametrize("char", HIDDEN)
def test_what_is_invisible_is_refused_and_named(char: str) -> None:
    code = f"U+{ord(char):04X}"
    with pytest.raises(
        Refusal, match=rf"'applicant.name' holds the invisible character {code.replace('+', '.')}"
    ):
        check_plain({"applicant": {"name": f"Nguyễn{char}An"}})
    with pytest.raises(Refusal) as refused:
        parse_action({"action": "withdraw", "at": at("04-01 08:00"), "note": f"x{char}"})
    assert refused.value.code is Code.INVALID
    with pytest.raises(ValidationError):  # pydantic itself refuses halves of characters
        Submission(procedure="1", agency="H13.2", applicant=Applicant(name=f"A{char}"))
    with pytest.raises(Refusal, match="a field's name"):
        check_plain({f"a{char}": 1})


def test_what_people_write_is_let_in() -> None:
    for text in ("Trần Thị Hoa", "Tra\u0302\u0300n", "dòng một\r\ndòng hai\tcột", "ক্‍ষ", "👩‍👩‍👧", "«=1+1»"):
        assert hidden_in(text) is None


def test_a_row_of_a_log_that_hides_something_is_held_back() -> None:
    rows = (
        "H13.2-250401-0001,1.001612,submit,2025-04-01T08:00:00+07:00,,,H13.2,",
        "H13.2-250401-0001,1.001612,withdraw,2025-04-01T09:00:00+07:00,,NK-01,H13.2,th\u202eôi",
    )
    log = read_log([f"{line}\n" for line in (HEADER, *rows)], file="log.csv", now=at("05-01 08:00"))
    (error,) = log.errors
    assert (error.line, error.column) == (3, "reason")
    assert "U+202E" in error.reason
