"""The commands against a running `danbiet up`: from the counter to the recorded lateness, and logs brought in."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.cli.conftest import DANBIET, ROOT, Answer, Danbiet

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
AGENCY, PROCEDURE = "H13.2.1", "2.000908"
HEADER = "dossier,procedure,activity,at,step,official,agency,reason"
_numbers = count(1)


@pytest.fixture
def call(up: Path, danbiet: Danbiet) -> Danbiet:
    """A command on the running installation."""
    return lambda *args, **piped: danbiet(*args, "--data", up, **piped)


def submitted(call: Danbiet, **fields: Any) -> Any:
    answer = call("submit", "-", stdin=json.dumps({"procedure": PROCEDURE, "agency": AGENCY, **fields}))
    assert answer.code == 0, answer.err
    return answer.json


def new_code() -> str:
    return f"{AGENCY}-250304-{next(_numbers):04d}"


def log_of(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "log.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join((HEADER, *lines, "")).encode())
    return path


def life(code: str) -> list[str]:
    """Received in time, then half a day late at the next step."""
    return [
        f"{code},{PROCEDURE},submit,2025-03-04T08:00:00+07:00,,TAN-01,{AGENCY},",
        f'{code},,complete,2025-03-04T09:00:00+07:00,receive,TAN-01,,"đúng, đủ"',
        f"{code},,complete,2025-03-04T16:00:00+07:00,appraise,TAN-02,,",
    ]


def refused(answer: Answer, code: str) -> str:
    assert (answer.code, answer.out) == (1, ""), answer
    assert answer.err.startswith(f"danbiet: {code}: ")
    return answer.err


# --- one dossier ---------------------------------------------------------------------------------------------------


def test_a_dossier_from_the_counter_on(call: Danbiet) -> None:
    receipt = submitted(call, applicant={"name": "Nguyễn Thị Thử"})
    code = receipt["code"]
    assert set(receipt) == {
        "code",
        "sequence",
        "status",
        "due_at",
        "events",
        "accepted_at",
        "clock_start",
        "created",
        "secret",
    }
    assert (receipt["created"], receipt["status"]) == (True, "running")
    acted = call("act", code, "complete", "--step", "receive", "--official", "TAN-01").json
    assert set(acted) == {"code", "sequence", "status", "due_at", "events"}
    assert acted["events"][0]["type"] == "vn.danbiet.dossier.step_completed"
    at = datetime.now(UTC).astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S")
    assert call("act", code, "request_supplement", "--text", "bản sao", "--at", at).json["status"] == "paused"
    view = call("show", code, "--json").json
    assert [step["state"] for step in view["steps"]] == ["done", "paused", "pending", "pending"]
    assert call("show", code).out.startswith(f"{code}  paused (portal 5)\n  procedure     {PROCEDURE}  ")
    why = call("why", code, "appraise", "--json").json
    assert (why["subject"], why["due_at"]) == (f"{code}:appraise", None)
    assert call("why", code).out.startswith(f"{code}:promise: 1 working_days, 480 working minutes in all\n")
    assert code in [each["code"] for each in call("list", "--status", "paused", "--json").json]
    assert call("act", code, "supplement_received").json["status"] == "running"
    assert call("act", code, "withdraw", "--reason", "người nộp rút").json["status"] == "withdrawn"


def test_the_same_submission_again(call: Danbiet) -> None:
    code = f"{AGENCY}-261101-{next(_numbers):04d}"
    first = submitted(call, code=code, applicant={"name": "A"})
    again = submitted(call, code=code, applicant={"name": "A"})
    assert (first["created"], again["created"], again["secret"]) == (True, False, None)
    assert again["due_at"] == first["due_at"]
    other = json.dumps({"code": code, "procedure": PROCEDURE, "agency": AGENCY, "applicant": {"name": "B"}})
    assert "exists already with other content" in refused(call("submit", "-", stdin=other), "conflict")


@pytest.mark.parametrize(
    ("submission", "sentence"),
    [
        ({"procedure": "2.000980"}, "unknown procedure '2.000980': did you mean 2.000908"),
        ({"agency": "H13.2.1x"}, "unknown agency 'H13.2.1x': did you mean H13.2.1"),
        ({"agency": None}, "'agency'"),
        ({"color": "red"}, "no field 'color'"),
        ({"at": "2026-01-02T08:00:00"}, "'at': '2026-01-02T08:00:00' has no time zone"),
        ({"at": "2096-01-02T08:00:00+07:00"}, "lies in the future"),
        ({"applicant": {"phone": "1"}}, "'applicant.name' is missing"),
        ({"assignees": {"sgin": "TAN-01"}}, "there is no step 'sgin'"),
        ({"assignees": {"sign": "NK-01"}}, "NK-01 belongs to H13.2"),
        (
            {"at": "2026-01-02T08:00:00+07:00", "submitted_at": "2026-01-03T08:00:00+07:00"},
            "submitted_at must not",
        ),
    ],
)
def test_a_submission_that_is_refused(call: Danbiet, submission: dict[str, Any], sentence: str) -> None:
    told = json.dumps({"procedure": PROCEDURE, "agency": AGENCY, **submission})
    assert sentence in refused(call("submit", "-", stdin=told), "invalid")


@pytest.mark.parametrize("text", ["", "[]", "{bad", "\ufeff{bad"])
def test_a_file_that_holds_no_submission(call: Danbiet, text: str, tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text(text, encoding="utf-8")
    assert str(path) in refused(call("submit", path), "invalid")


def test_a_file_with_a_bom_and_one_that_is_not_utf_8(call: Danbiet, tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    told = json.dumps(
        {"procedure": PROCEDURE, "agency": AGENCY, "applicant": {"name": "Thử"}}, ensure_ascii=False
    )
    path.write_bytes(b"\xef\xbb\xbf" + told.encode())
    assert call("submit", path).json["created"] is True
    path.write_bytes(told.encode("utf-16"))
    assert "is not UTF-8" in refused(call("submit", path), "invalid")


def test_actions_that_are_refused(call: Danbiet) -> None:
    code = submitted(call)["code"]
    step = ["--step", "receive"]
    assert "'step' is missing" in refused(call("act", code, "complete"), "invalid")
    assert "has not begun" in refused(call("act", code, "complete", "--step", "sign"), "too_early")
    assert "TAN-01 does" in refused(call("act", code, "complete", *step, "--by", "TAN-02"), "not_holder")
    assert "unknown official" in refused(call("act", code, "complete", *step, "--by", "nobody"), "invalid")
    future = refused(call("act", code, "complete", *step, "--at", "2096-01-02 08:00"), "invalid")
    assert "2096-01-02T08:00:00+07:00 lies in the future" in future
    refused(call("act", f"{AGENCY}-250401-9999", "withdraw"), "not_found")
    assert call("act", code, "complete", *step, "--by", "TAN-01").code == 0
    refused(call("act", code, "complete", *step), "already_done")
    assert call("act", code, "refuse", "--reason", "không đủ điều kiện").code == 0
    refused(call("act", code, "complete", "--step", "appraise"), "illegal_action")
    assert "there is no dossier" in refused(call("show", f"{AGENCY}-250401-9999"), "not_found")
    assert "there is no step 'nope'" in refused(call("why", code, "nope"), "invalid")


# --- a log ---------------------------------------------------------------------------------------------------------


def test_a_log_goes_in_once_and_grows(call: Danbiet, tmp_path: Path) -> None:
    code = new_code()
    rows = life(code)
    first = call("import", log_of(tmp_path, *rows[:2]), "--json")
    assert first.json == {
        "rows": 2,
        "dossiers": {"new": 1, "extended": 0, "unchanged": 0, "held_back": 0},
        "errors": [],
    }
    assert (first.code, first.err) == (0, "")
    assert call("import", log_of(tmp_path, *rows[:2]), "--json").json["dossiers"]["unchanged"] == 1
    assert call("import", log_of(tmp_path, *rows), "--json").json["dossiers"]["extended"] == 1
    assert call("import", log_of(tmp_path, *reversed(rows)), "--json").json["dossiers"]["unchanged"] == 1
    view = call("show", code, "--json").json
    assert [step["state"] for step in view["steps"][:3]] == ["done", "done", "running"]
    late = call("show", f"{code}:appraise:1", "--json").json
    assert (late["official"], late["due_at"], late["state"]) == (
        "TAN-02",
        "2025-03-04T14:00:00+07:00",
        "recorded",
    )
    assert call("db", "rebuild", "--check").code == 0


@pytest.mark.parametrize("whole", [True, False])
def test_a_log_that_grows_names_who_had_the_step_by_its_first_row(
    call: Danbiet, tmp_path: Path, *, whole: bool
) -> None:
    code = new_code()
    rows = [row.replace("TAN-02", "TAN-00") for row in life(code)]
    more = rows if whole else rows[2:]
    assert call("import", log_of(tmp_path, *rows[:2])).code == 0
    assert call("import", log_of(tmp_path, *more), "--json").json["dossiers"]["extended"] == 1
    assert call("import", log_of(tmp_path, *rows), "--json").json["dossiers"]["unchanged"] == 1
    assert call("show", f"{code}:appraise:1", "--json").json["official"] == "TAN-00"
    assert call("db", "rebuild", "--check").code == 0


def test_only_the_new_rows_of_a_known_dossier_suffice(call: Danbiet, tmp_path: Path) -> None:
    code = new_code()
    rows = life(code)
    assert call("import", log_of(tmp_path, *rows[:2])).code == 0
    assert call("import", log_of(tmp_path, rows[2]), "--json").json["dossiers"]["extended"] == 1
    assert call("import", log_of(tmp_path, *rows), "--json").json["dossiers"]["unchanged"] == 1


def test_heard_elsewhere_is_published_at_once(call: Danbiet, tmp_path: Path) -> None:
    code = new_code()
    answer = call(
        "import", log_of(tmp_path, *life(code)), "--heard", "Văn phòng", "--reason", "thông báo tháng 5"
    )
    assert (answer.code, answer.out) == (0, "3 rows; dossiers: 1 new, 0 extended, 0 unchanged, 0 held back\n")
    late = call("show", f"{code}:appraise:1", "--json").json
    assert (late["state"], late["completed_at"]) == ("published", "2025-03-04T16:00:00+07:00")
    assert late["heard_by"].startswith("Văn phòng")


def test_a_bad_row_holds_back_its_dossier_alone(call: Danbiet, tmp_path: Path) -> None:
    good, bad, unclear = new_code(), new_code(), new_code()
    lines = [*life(bad), f"{bad},,complete,2025-03-04T16:30:00,sign,TAN-04,,", *life(good), *life(unclear)]
    lines.insert(4, f'{unclear},,refuse,2025-03-05T08:00:00+07:00,,,,"chưa đóng')
    answer = call("import", log_of(tmp_path, *lines), "--json")
    assert answer.code == 1
    assert answer.json["dossiers"] == {"new": 1, "extended": 0, "unchanged": 0, "held_back": 2}
    assert [(error["file"], error["line"], error["column"]) for error in answer.json["errors"]] == [
        ("log.csv", 5, "at"),
        ("log.csv", 6, None),
    ]
    assert "danbiet: log.csv:5: at: " in answer.err
    assert call("show", good).code == 0
    assert "there is no dossier" in call("show", bad).err
    assert "there is no dossier" in call("show", unclear).err


def test_rows_that_the_recorded_life_contradicts(call: Danbiet, tmp_path: Path) -> None:
    code = new_code()
    rows = life(code)
    assert call("import", log_of(tmp_path, *rows)).code == 0
    again = f"{code},,complete,2025-03-04T16:05:00+07:00,appraise,TAN-02,,"
    answer = call("import", log_of(tmp_path, *rows, again), "--json")
    assert (answer.code, answer.json["dossiers"]["held_back"]) == (1, 1)
    assert [(error["line"], error["column"]) for error in answer.json["errors"]] == [(5, "activity")]
    other = rows[0].replace("08:00:00", "08:30:00")
    answer = call("import", log_of(tmp_path, other), "--json")
    assert answer.json["errors"][0]["reason"] == f"{code} exists already and was submitted otherwise"


def test_a_log_about_a_dossier_that_was_submitted_live(call: Danbiet, tmp_path: Path) -> None:
    receipt = submitted(call)
    code, at = receipt["code"], receipt["accepted_at"]
    lines = [f"{code},{PROCEDURE},submit,{at},,,{AGENCY},", f"{code},,complete,{at},receive,TAN-01,,"]
    assert call("import", log_of(tmp_path, *lines), "--json").json["dossiers"]["extended"] == 1
    assert call("show", code, "--json").json["steps"][0]["state"] == "done"


def test_april(call: Danbiet, up: Path) -> None:
    log = ROOT / "samples" / "can-tho-2025-04" / "log.csv"
    command = [DANBIET, "import", str(log), "--data", str(up), "--json"]
    done = subprocess.run(
        [*command, "--heard", "VP", "--reason", "đã công bố"], check=True, capture_output=True
    )
    assert json.loads(done.stdout)["dossiers"] == {"new": 222, "extended": 0, "unchanged": 0, "held_back": 0}
    assert done.stderr == b""
    late = call("show", "H13.2-250414-0006:process:1", "--json").json
    assert [(share["official"], share["share"]) for share in late["shares"]] == [
        ("NK-02", 98.61),
        ("NK-08", 1.39),
    ]
    told = call("bulletin", "2025-04").out.splitlines()
    assert told[0] == "April 2025 (2025-04): 6 units, 7 individuals, 8 dossiers"
    assert len([line for line in told if line.endswith(" published")]) == 8
    assert call("db", "rebuild", "--check").code == 0
