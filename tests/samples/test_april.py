"""April 2025 in Can Tho: 6 units, 7 individuals, 8 dossiers, each for the reason it was written for (issue 2, 7)."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from models.lateness import Lateness, LatenessState
from models.submission import CODE_PATTERN
from models.views import Status, StepState
from tests.samples.april import NOW, ROOT, SAMPLE, catalogue, dossiers, fold, folded, latenesses

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
SATURDAY = "H13.9-250424-0006"
LATE = {
    # dossier: step, agency, official, due, done
    "H13.2-250401-0007": ("appraise", "H13.2", "NK-05", "04-16 16:15", "04-18 09:45"),
    "H13.2-250414-0006": ("process", "H13.2", "NK-02", "04-15 15:30", "04-16 10:20"),
    SATURDAY: ("process", "H13.9", "CD-02", "04-26 08:55", "04-28 07:50"),
    "H13.9-250408-0006": ("process", "H13.9", "CD-02", "04-09 16:15", "04-10 15:35"),
    "H13.7.1-250417-0009": ("sign", "H13.7.1", "PD-04", "04-17 14:30", "04-18 07:45"),
    "H13.7.2-250408-0002": ("verify", "H13.7.2", "GX-02", "04-15 09:30", "04-16 13:50"),
    "H13.8.3-250422-0005": ("draft", "H13.8.3", "TXA-02", "04-22 11:00", "04-23 07:25"),
    "H13.10.2-250416-0005": ("verify", "H13.10.2", "TA-02", "04-17 15:40", None),
}
NOT_LISTED = {
    "H13.3-250422-0009": ("process", "H13.3", "BT-02", "04-23 15:15", "04-24 10:05"),
    "H13.4-250415-0005": ("process", "H13.4", "CR-02", "04-16 15:40", "04-17 08:25"),
}
"""Excused, and published and later retracted."""
PROMISES = {
    "H13.2-250414-0006": "04-17 07:40",
    "H13.7.1-250417-0009": "04-18 07:20",
    "H13.7.2-250408-0002": "04-16 14:30",
    "H13.8.3-250422-0005": "04-22 17:00",
    "H13.10.2-250416-0005": "04-21 08:20",
}
"""Late dossiers that broke their promise too; the headline counts their step alone (rules R11)."""


def local(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(ZONE).strftime("%m-%d %H:%M")


def of(code: str) -> list[Lateness]:
    return folded()[code].latenesses(NOW)


def find(activity: str, procedure: str | None = None) -> list[str]:
    """Codes of the dossiers that have such a row."""
    return [
        code
        for code, rows in dossiers().items()
        if any(row["activity"] == activity for row in rows) and procedure in (None, rows[0]["procedure"])
    ]


# --- the headline --------------------------------------------------------------------------------------------------


def test_six_units_seven_individuals_eight_dossiers() -> None:
    """Counted by rules R11."""
    steps = {each.dossier for each in latenesses() if each.step is not None}
    not_listed = (LatenessState.EXCUSED, LatenessState.RETRACTED)
    headline = [
        each
        for each in latenesses()
        if (each.step is not None or each.dossier not in steps) and each.state not in not_listed
    ]
    assert {each.state for each in headline} == {LatenessState.PUBLISHED}
    assert {each.due_at.astimezone(ZONE).strftime("%Y-%m") for each in headline} == {"2025-04"}
    assert len({each.agency for each in headline}) == 6
    assert len({each.official for each in headline if each.official}) == 7
    assert len({each.dossier for each in headline}) == 8


def test_each_is_late_by_one_step_that_names_the_intended_person() -> None:
    found = {
        each.dossier: (each.step, each.agency, each.official, local(each.due_at), local(each.completed_at))
        for each in latenesses()
        if each.step is not None
    }
    assert found == LATE | NOT_LISTED
    assert len([each for each in latenesses() if each.step is not None]) == len(LATE) + len(NOT_LISTED)


def test_the_ninth_is_excused_and_the_tenth_retracted() -> None:
    (excused,), (retracted,) = (of(code) for code in NOT_LISTED)
    assert (excused.state, excused.cause, excused.published_at) == (LatenessState.EXCUSED, "objective", None)
    assert excused.explained_at is not None
    assert excused.review is not None
    assert (excused.review.by, local(excused.review.at)) == ("BT-00", "05-06 14:00")
    assert retracted.state is LatenessState.RETRACTED
    assert retracted.published_at is not None
    assert retracted.review is not None
    assert (retracted.review.by, local(retracted.review.at)) == ("VP-00", "06-03 09:00")


def test_broken_promises_are_of_the_same_dossiers() -> None:
    found = {each.dossier: local(each.due_at) for each in latenesses() if each.step is None}
    assert found == PROMISES


def test_the_one_open_dossier_is_the_one_not_returned() -> None:
    still = [code for code, dossier in folded().items() if dossier.view(NOW).status.is_open]
    assert still == ["H13.10.2-250416-0005"]
    states = {step.key: step.state for step in folded()[still[0]].view(NOW).steps}
    assert states["verify"] is StepState.RUNNING
    assert states["sign"] is StepState.PENDING


# --- why each is late ----------------------------------------------------------------------------------------------


def test_the_hand_over_in_the_last_minutes_moves_only_those() -> None:
    (late,) = [each for each in of("H13.2-250414-0006") if each.step]
    assert [(share.official, share.minutes) for share in late.shares] == [("NK-02", 710), ("NK-08", 10)]
    assert [held.official for held in late.after] == ["NK-08"]


def test_parallel_consultation() -> None:
    view = folded()["H13.2-250401-0007"].view(NOW)
    consulted = [step for step in view.steps if step.key.startswith("consult_")]
    assert {step.agency for step in consulted} == {"H13.11", "H13.12"}
    assert len({step.started_at for step in consulted}) == 1
    assert not any(step.late for step in consulted)


def test_the_wait_for_the_supplement_does_not_count() -> None:
    code = "H13.7.2-250408-0002"
    without = fold(dossiers()[code], without=("request_supplement", "supplement_received"))
    due = {each.step: local(each.due_at) for each in without.latenesses(NOW)}
    assert due["verify"] == "04-09 16:00"
    assert LATE[code][3] == "04-15 09:30"


def test_late_only_because_saturday_26_april_was_worked() -> None:
    assert datetime(2025, 4, 26).strftime("%A") == "Saturday"  # noqa: DTZ001 - a weekday has no zone
    rested = fold(dossiers()[SATURDAY], calendar={"worked": {}})
    assert rested.latenesses(NOW) == []
    others = [code for code in dossiers() if fold(dossiers()[code], calendar={"worked": {}}).latenesses(NOW)]
    assert sorted(others) == sorted((set(LATE) | set(NOT_LISTED)) - {SATURDAY})


def test_no_lateness_hangs_on_a_holiday_alone() -> None:
    """With 7 and 30 April worked, many more would be late: the log was lived with the days off."""
    busy = {"days_off": {}}
    assert any(
        fold(dossiers()[code], calendar=busy).latenesses(NOW)
        for code in set(dossiers()) - set(LATE | NOT_LISTED)
    )


# --- why others are not --------------------------------------------------------------------------------------------


def test_on_time_only_because_of_the_15_00_rule() -> None:
    (code,) = [code for code, rows in dossiers().items() if rows[0]["at"].startswith("2025-04-10T15:20")]
    late = fold(dossiers()[code], calendar={"cutoff": time(23)}).latenesses(NOW)
    assert {each.step for each in late} == {"receive", None}
    assert of(code) == []


def test_on_time_because_extended() -> None:
    (code,) = find("extend")
    late = fold(dossiers()[code], without=("extend",)).latenesses(NOW)
    assert {each.step for each in late} == {"verify", None}
    assert of(code) == []


@pytest.mark.parametrize(
    ("activity", "status"),
    [("refuse", Status.REFUSED), ("withdraw", Status.WITHDRAWN), ("stop", Status.STOPPED)],
)
def test_closed_early_and_in_time(activity: str, status: Status) -> None:
    (code,) = find(activity)
    assert folded()[code].view(NOW).status is status
    assert of(code) == []


def test_a_restart_gives_the_full_budget_anew() -> None:
    (code,) = [code for code in find("request_supplement", "1.012753") if of(code) == []]
    assert folded()[code].view(NOW).due_at != folded()[code].view(NOW).original_due_at


# --- the file ------------------------------------------------------------------------------------------------------


def test_it_is_what_the_generator_writes(tmp_path: Path) -> None:
    target = tmp_path / "log.csv"
    command = [sys.executable, str(SAMPLE / "generate.py"), str(target)]
    subprocess.run(command, check=True, env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "random"})
    assert target.read_bytes() == (SAMPLE / "log.csv").read_bytes()


def test_it_is_a_believable_month() -> None:
    assert len(dossiers()) >= 200
    assert len({rows[0]["agency"] for rows in dossiers().values()}) >= 25
    real = {code for code in catalogue().procedures if not code.startswith("9.")}
    assert {rows[0]["procedure"] for rows in dossiers().values()} == real
    assert all(rows[0]["at"].startswith("2025-04-") for rows in dossiers().values())
    assert all(re.match(CODE_PATTERN, code) for code in dossiers())
    for activity in ("request_payment", "hand_over", "send_back", "deliver"):
        assert find(activity)


def test_rows_are_not_in_the_order_of_time() -> None:
    lines = (SAMPLE / "log.csv").read_text(encoding="utf-8").splitlines()[1:]
    backward = 0
    last: dict[str, str] = {}
    for line in lines:
        code, at = line.split(",")[0], line.split(",")[3]
        backward += last.get(code, at) > at
        last[code] = at
    assert backward > 100


def test_no_two_rows_of_a_dossier_share_an_instant() -> None:
    """So the order of lines never matters."""
    for code, rows in dossiers().items():
        assert len({row["at"] for row in rows}) == len(rows), code
