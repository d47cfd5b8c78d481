"""The hearing as people run it: explain, review, publication by import, correction after the end, the apology."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.cli.conftest import Danbiet
from tests.cli.test_end_to_end import AGENCY, HEADER, PROCEDURE, refused, submitted

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
_numbers = count(1)


@pytest.fixture
def call(up: Path, danbiet: Danbiet) -> Danbiet:
    return lambda *args, **piped: danbiet(*args, "--data", up, **piped)


@pytest.fixture
def late(call: Danbiet, tmp_path: Path) -> str:
    """A lateness of TAN-02, imported just now: its window is open."""
    return imported(call, tmp_path)


def imported(call: Danbiet, tmp_path: Path, *heard: str) -> str:
    code = f"{AGENCY}-250306-{next(_numbers):04d}"
    rows = (
        f"{code},{PROCEDURE},submit,2025-03-06T08:00:00+07:00,,TAN-01,{AGENCY},",
        f"{code},,complete,2025-03-06T09:00:00+07:00,receive,TAN-01,,",
        f"{code},,complete,2025-03-06T16:00:00+07:00,appraise,TAN-02,,",
        f"{code},,complete,2025-03-06T16:20:00+07:00,sign,TAN-00,,",
        f"{code},,complete,2025-03-06T16:40:00+07:00,issue,TAN-01,,",
    )
    path = tmp_path / "log.csv"
    path.write_text("\n".join((HEADER, *rows)), encoding="utf-8")
    answer = call("import", path, *heard, "--json")
    assert answer.json["dossiers"]["new"] == 1, answer
    return f"{code}:appraise:1"


def state(call: Danbiet, lateness: str) -> Any:
    return call("show", lateness, "--json").json


def hear(call: Danbiet, action: str, lateness: str, *options: str) -> Any:
    return call("act", lateness.split(":", maxsplit=1)[0], action, "--lateness", lateness, *options)


def test_explained_then_excused(call: Danbiet, late: str) -> None:
    before = state(call, late)
    assert (before["state"], before["official"], before["explained_at"]) == ("recorded", "TAN-02", None)
    assert before["notified_at"] == before["recorded_at"]
    assert datetime.fromisoformat(before["window_closes_at"]) > datetime.now(UTC) + timedelta(days=2)
    assert "whom it names" in refused(
        hear(call, "explain", late, "--text", "không phải tôi", "--by", "TAN-01"), "forbidden"
    )
    refused(hear(call, "explain", late, "--text", "  ", "--by", "TAN-02"), "invalid")
    refused(hear(call, "explain", late, "--text", "x" * 50_000, "--by", "TAN-02"), "invalid")
    assert hear(call, "explain", late, "--text", "Mất điện cả buổi chiều", "--by", "TAN-02").code == 0
    assert state(call, late)["explanation"] == "Mất điện cả buổi chiều"
    own_case = hear(
        call,
        "review",
        late,
        *("--decision", "excused", "--cause", "objective", "--reason", "x", "--official", "TAN-02"),
    )
    assert "may not judge it" in refused(own_case, "forbidden")
    refused(hear(call, "review", late, "--decision", "excused", "--cause", "objective"), "invalid")
    refused(hear(call, "correct", late, "--decision", "retracted", "--reason", "x"), "too_early")
    reviewed = hear(
        call,
        "review",
        late,
        *("--decision", "excused", "--cause", "objective", "--reason", "Có xác nhận của điện lực"),
    )
    assert [event["type"] for event in reviewed.json["events"]] == ["vn.danbiet.disclosure.excused"]
    after = state(call, late)
    assert (after["state"], after["cause"], after["published_at"]) == ("excused", "objective", None)
    assert after["review"]["reason"] == "Có xác nhận của điện lực"


def test_upheld_publishes_no_earlier(call: Danbiet, late: str) -> None:
    options = ("--decision", "upheld", "--cause", "subjective", "--reason", "Không có căn cứ")
    assert hear(call, "review", late, *options).code == 0
    after = state(call, late)
    assert (after["state"], after["cause"], after["published_at"]) == ("recorded", "subjective", None)


def test_corrected_and_retracted_after_the_end(call: Danbiet, tmp_path: Path) -> None:
    """Published by the import, its workflow has ended: a correction opens it again."""
    late = imported(call, tmp_path, "--heard", "UBND", "--reason", "đã công bố")
    published = state(call, late)
    assert (published["state"], published["heard_by"]) == ("published", "UBND: đã công bố")
    refused(
        hear(call, "review", late, "--decision", "excused", "--cause", "objective", "--reason", "x"),
        "too_late",
    )
    corrected = hear(call, "correct", late, "--decision", "corrected", "--reason", "Giao nhầm người")
    assert corrected.code == 0, corrected
    after = state(call, late)
    assert (after["state"], after["official"], after["head"]) == ("corrected", None, "TAN-00")
    assert after["published_at"] == published["published_at"]
    assert hear(call, "correct", late, "--decision", "retracted", "--reason", "Lỗi hệ thống").code == 0
    assert state(call, late)["state"] == "retracted"
    refused(hear(call, "correct", late, "--decision", "retracted", "--reason", "x"), "already_done")


def test_the_letter_that_goes_with_an_extension(call: Danbiet) -> None:
    code = submitted(call, procedure="1.004859", agency=AGENCY)["code"]
    assert "was not extended" in refused(call("apology", code), "illegal_action")
    step = next(s["key"] for s in call("show", code, "--json").json["steps"] if s["state"] == "running")
    extend = ("extend", "--amount", "2", "--unit", "working_days", "--step", step, "--reason", "Chờ xác minh")
    receipt = call("act", code, *extend).json
    letter = call("apology", code, "--json").json
    assert (letter["due_at"], letter["reason"]) == (receipt["due_at"], "Chờ xác minh")
    assert letter["original_due_at"] < letter["due_at"]
    printed = call("apology", code).out
    promised = datetime.fromisoformat(receipt["due_at"]).astimezone(ZONE)
    assert "PHIẾU XIN LỖI VÀ HẸN LẠI NGÀY TRẢ KẾT QUẢ" in printed
    assert f"vào lúc {promised:%H giờ %M ngày %d/%m/%Y}." in printed
    assert "Lý do: Chờ xác minh." in printed
    refused(call("apology", "H13.2.1-990101-0001"), "not_found")
