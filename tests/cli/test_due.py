"""`danbiet due`: the calendar alone, for people and for programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Danbiet

VN = (ROOT / "catalogue" / "calendars" / "vn.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("args", "due"),
    [
        (["2025-12-30 08:00", "5"], "2026-01-08T08:00:00+07:00"),
        (["2025-12-30T01:00:00Z", "5"], "2026-01-08T08:00:00+07:00"),
        (["2025-12-30T08:00", "0.5", "--unit", "working_days"], "2025-12-30T14:00:00+07:00"),
        (["2026-03-02 07:00", "4", "--unit", "working_hours"], "2026-03-02T11:00:00+07:00"),
        (["2026-03-02 15:00", "1", "--intake"], "2026-03-03T15:00:00+07:00"),
        (["2026-03-02 15:00:01", "1", "--intake"], "2026-03-03T17:00:00+07:00"),
        (["2026-03-02 15:00:01", "1"], "2026-03-03T15:00:01+07:00"),
        (["2026-03-02 09:00", "0", "--unit", "calendar_days"], "2026-03-02T17:00:00+07:00"),
        (["2026-01-31 09:00", "1", "--unit", "months"], "2026-03-02T17:00:00+07:00"),
        (["2026-03-01", "1"], "2026-03-02T17:00:00+07:00"),
        (["2026-03-02 09:00", "0"], "2026-03-02T09:00:00+07:00"),
    ],
)
def test_the_first_line_is_the_instant(danbiet: Danbiet, args: list[str], due: str) -> None:
    answer = danbiet("due", *args)
    assert (answer.code, answer.out, answer.err) == (0, f"{due}\n", "")


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["2026-03-02 09:00", "0.001"], "does not come to whole minutes"),
        (["2026-03-02 09:00", "1.5", "--unit", "months"], "counted whole"),
        (["2026-03-02 09:00", "100001"], "between 0 and 100000"),
        (["2026-03-02 09:00", "NaN"], "between 0 and 100000"),
        (["2026-03-02 09:00", "100000", "--unit", "months"], "year 9999"),
        (["2 March", "1"], "is not an instant"),
        (["2026-03-02", "1", "--calendar", "../vn"], "there is no calendar '../vn'"),
    ],
)
def test_what_cannot_be_counted_is_refused(danbiet: Danbiet, args: list[str], sentence: str) -> None:
    answer = danbiet("due", *args)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("danbiet: invalid: ")
    assert sentence in answer.err


def test_json_is_a_why(danbiet: Danbiet) -> None:
    why = danbiet("due", "2026-01-08 15:30", "1", "--intake", "--json").json
    assert list(why) == [
        "subject",
        "start",
        "clock_start",
        "amount",
        "unit",
        "budget_minutes",
        "due_at",
        "confirmed",
        "lines",
    ]
    assert (why["subject"], why["amount"], why["unit"], why["budget_minutes"]) == (
        None,
        1,
        "working_days",
        480,
    )
    assert why["start"] == "2026-01-08T15:30:00+07:00"
    assert why["clock_start"] == "2026-01-09T07:00:00+07:00"
    assert list(why["lines"][0]) == ["from", "to", "minutes", "kind", "text", "source"]
    assert sum(line["minutes"] for line in why["lines"] if line["kind"] in ("counted", "worked_swap")) == 480


def test_why_tells_each_day_with_a_running_total(danbiet: Danbiet) -> None:
    lines = danbiet("due", "2025-12-30 08:00", "5", "--why").out.splitlines()
    assert lines[0] == "2026-01-08T08:00:00+07:00"
    assert lines[2] == "5 working_days, 2400 working minutes in all"
    assert any(line.startswith("Fri 2026-01-02  all day") and "12729/VPCP-KGVX" in line for line in lines)
    assert any(line.startswith("Sat 2026-01-03  to Sun 01-04") for line in lines)
    assert lines[-1].split() == ["Thu", "2026-01-08", "07:00-08:00", "60", "2400"]


def test_a_worked_swap_day_is_told_with_its_source(danbiet: Danbiet) -> None:
    told = danbiet("due", "2025-04-25 16:00", "1", "--why").out
    assert told.splitlines()[0] == "2025-04-26T16:00:00+07:00"
    assert "working session of a swapped working day: " in told


def test_beyond_what_is_confirmed_is_computed_and_flagged(danbiet: Danbiet) -> None:
    answer = danbiet("due", "2027-03-02 08:00", "1")
    assert answer.out == "2027-03-03T08:00:00+07:00\n"
    assert "unconfirmed: days after 2026-12-31" in answer.err
    assert danbiet("due", "2027-03-02 08:00", "1", "--json").json["confirmed"] is False
    assert "unconfirmed" in danbiet("due", "2027-03-02 08:00", "1", "--why").out


def test_the_calendar_is_that_of_the_installation(
    danbiet: Danbiet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = tmp_path / "city"
    (catalogue / "calendars").mkdir(parents=True)
    (catalogue / "calendars" / "own.yml").write_text(VN, encoding="utf-8")
    (tmp_path / "calendars").mkdir()
    (tmp_path / "calendars" / "shared.yaml").write_text(
        VN.replace("Asia/Ho_Chi_Minh", "UTC"), encoding="utf-8"
    )
    (tmp_path / "calendars" / "own.yaml").write_text("nonsense", encoding="utf-8")
    (tmp_path / "catalogue.path").write_text(f"{catalogue}\n", encoding="utf-8")
    asked = ["due", "2026-03-02 08:00", "0", "--data", tmp_path, "--calendar"]
    assert danbiet(*asked, "own").out == "2026-03-02T08:00:00+07:00\n"
    assert danbiet(*asked, "shared").out == "2026-03-02T08:00:00+00:00\n"
    assert "known are own, shared" in danbiet(*asked, "vn").err
    monkeypatch.setenv("DANBIET_CATALOGUE", str(ROOT / "catalogue" / "can-tho"))
    assert danbiet(*asked, "vn").code == 0


def test_a_calendar_that_cannot_be_used(
    danbiet: Danbiet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "calendars").mkdir()
    (tmp_path / "calendars" / "vn.yaml").write_text("zone: [\n", encoding="utf-8")
    monkeypatch.setenv("DANBIET_CATALOGUE", str(tmp_path))
    answer = danbiet("due", "2026-03-02", "1")
    assert answer.code == 1
    assert "vn.yaml:" in answer.err
