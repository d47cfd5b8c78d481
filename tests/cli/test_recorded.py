"""Commands that read what is recorded, while no Temporal server answers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from models.dossier import Dossier
from models.views import Status
from store.database import open_database, writing
from store.journal import Journal
from tests.cli.conftest import Danbiet
from tests.models.office import Office
from tests.store.samples import T0, disclosed, event, lateness, local, record

NOBODY = "no Temporal server answers at 127.0.0.1:1"


def tell(engine: Engine, code: str, **changes: object) -> None:
    Journal(engine, "test").record_now([record(code, **changes)])  # type: ignore[arg-type]


@pytest.fixture
def late(engine: Engine) -> str:
    """A dossier with a published lateness."""
    events = [event(1, subject="D-1"), disclosed(2, lateness("D-1"))]
    Journal(engine, "test").record_now([record("D-1", events=events, latenesses=("D-1:verify:1",))])
    return "D-1"


def test_show_says_that_it_shows_what_was_recorded(danbiet: Danbiet, late: str) -> None:
    answer = danbiet("show", late, "--json")
    assert answer.code == 0
    assert (answer.json["code"], answer.json["accepted_at"]) == ("D-1", "2025-04-01T08:00:00+07:00")
    assert answer.err.startswith(f"danbiet: shown as last recorded: {NOBODY}")


def test_show_for_people(danbiet: Danbiet, late: str) -> None:
    lines = danbiet("show", late).out.splitlines()
    assert lines[0] == "D-1  running (portal 4)"
    assert "  promised      Tue 2025-04-08 08:00" in lines
    assert lines[-1].startswith("LATE  D-1:verify:1  due 2025-04-10 17:00, ")


def test_show_a_lateness(danbiet: Danbiet, late: str) -> None:
    told = danbiet("show", f"{late}:verify:1", "--json").json
    assert (told["id"], told["official"], told["due_at"]) == (
        "D-1:verify:1",
        "cb-01",
        "2025-04-10T17:00:00+07:00",
    )
    assert danbiet("show", f"{late}:verify:1").out.startswith("D-1:verify:1  published\n")
    missing = danbiet("show", f"{late}:verify:2")
    assert (missing.code, missing.out) == (1, "")
    assert (
        "danbiet: not_found: there is no lateness D-1:verify:2 (this dossier's: D-1:verify:1)" in missing.err
    )


@pytest.mark.parametrize("command", ["show", "why"])
def test_what_is_nowhere_is_told_with_why(danbiet: Danbiet, data: Path, command: str) -> None:
    answer = danbiet(command, "D-9")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"danbiet: unavailable: {NOBODY}")


def test_why_of_an_open_dossier_is_with_its_workflow_alone(danbiet: Danbiet, late: str) -> None:
    answer = danbiet("why", late)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"danbiet: unavailable: {NOBODY}: ")
    assert "only the workflow of D-1 can tell that: 'danbiet show D-1' has what is recorded" in answer.err


def test_why_of_an_ended_dossier_comes_from_its_archive(danbiet: Danbiet, engine: Engine) -> None:
    office = Office()
    office.act("withdraw", "04-01 09:00")
    dossier: Dossier = office.dossier
    told = dossier.record(office.events, office.now)
    assert told.archive is not None
    Journal(engine, "test").record_now([told])
    code = office.start.code
    assert danbiet("why", code, "--json").json["subject"] == f"{code}:promise"
    assert danbiet("why", code, "receive").out.startswith(
        f"{code}:receive: 2 working_hours, 120 working minutes"
    )
    assert "there is no step 'nope'" in danbiet("why", code, "nope").err


@pytest.mark.parametrize("command", [["submit", "-"], ["act", "D-1", "withdraw"]])
def test_what_needs_the_server_says_so(danbiet: Danbiet, data: Path, command: list[str]) -> None:
    answer = danbiet(*command, stdin='{"procedure": "2.000908", "agency": "H13.2.1"}')
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"danbiet: unavailable: {NOBODY}: start one with 'danbiet up'")


# --- list ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def three(engine: Engine) -> None:
    tell(engine, "D-1", next_deadline_at=local("2025-04-09 09:00"), agency="A")
    tell(engine, "D-2", next_deadline_at=local("2025-04-08 09:00"))
    tell(engine, "D-3", next_deadline_at=None, status=Status.PROCESSED, closed_at=T0)


def codes(danbiet: Danbiet, *args: str) -> list[str]:
    answer = danbiet("list", *args, "--json")
    assert answer.code == 0
    return [each["code"] for each in answer.json]


def test_list_is_ordered_by_the_nearest_deadline(danbiet: Danbiet, three: None) -> None:
    assert codes(danbiet) == ["D-2", "D-1", "D-3"]
    lines = danbiet("list").out.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["D-2", "D-1", "D-3"]
    assert lines[2].split()[-3:] == ["2025-04-08", "09:00", "-"]
    assert lines[-1] == "3 dossiers"


@pytest.mark.parametrize(
    ("args", "found"),
    [
        (["--agency", "A"], ["D-1"]),
        (["--status", "processed"], ["D-3"]),
        (["--procedure", "nope"], []),
        (["--late"], []),
        (["--due-before", "2025-04-09T09:00:00+07:00"], ["D-2"]),
        (["--due-before", "2025-04-09T02:00:01Z"], ["D-2", "D-1"]),
    ],
)
def test_list_filters(danbiet: Danbiet, three: None, args: list[str], found: list[str]) -> None:
    assert codes(danbiet, *args) == found


def test_list_goes_on_beyond_a_page(danbiet: Danbiet, engine: Engine) -> None:
    Journal(engine, "test").record_now([record(f"D-{number:04d}") for number in range(501)])
    assert len(codes(danbiet)) == 501


def test_an_instant_without_a_zone_is_refused(danbiet: Danbiet, data: Path) -> None:
    answer = danbiet("list", "--due-before", "2025-04-09 09:00")
    assert answer.code == 1
    assert "has no time zone" in answer.err


# --- bulletin ------------------------------------------------------------------------------------------------------


def test_bulletin(danbiet: Danbiet, late: str) -> None:
    lines = danbiet("bulletin", "2025-04").out.splitlines()
    assert lines[0] == "April 2025 (2025-04): 1 unit, 1 individual, 1 dossier"
    assert "2025-04-10 17:00" in lines[4]
    assert "not returned" in lines[4]
    assert any("no rate under 20 dossiers, 0 of 1 (fair)" in line for line in lines)
    assert any("preliminary" in line for line in lines)


def test_bulletin_for_programs_is_canonical(danbiet: Danbiet, late: str) -> None:
    told = danbiet("bulletin", "2025-04", "--json")
    assert danbiet("bulletin", "2025-04", "--format", "json").json.keys() == told.json.keys()
    assert told.json["period"] == "2025-04"
    assert (told.json["agencies"], told.json["officials"], told.json["dossiers"]) == (1, 1, 1)
    assert list(told.json) == sorted(told.json)
    table = danbiet("bulletin", "2025-04", "--format", "csv").out
    assert table.startswith("\ufeffagency,agency_name,official,")
    assert table.count("\r\n") == 2


def test_a_name_not_published_yet_is_not_told(danbiet: Danbiet, engine: Engine) -> None:
    waiting = disclosed(2, lateness("D-1", state="recorded", official="NK-01"))
    Journal(engine, "test").record_now([record("D-1", events=[event(1, subject="D-1"), waiting])])
    told = danbiet("bulletin", "2025-04").out
    assert "1 individual" in told
    assert "NK-01" not in told
    assert "(not published yet)" in told


@pytest.mark.parametrize("period", ["2025-13", "April", f"{datetime.now(UTC).year + 1}-01"])
def test_a_month_that_cannot_be(danbiet: Danbiet, data: Path, period: str) -> None:
    assert danbiet("bulletin", period).code == 1


# --- upkeep --------------------------------------------------------------------------------------------------------


def test_a_database_that_is_not_set_up(danbiet: Danbiet, tmp_path: Path) -> None:
    answer = danbiet("list", "--data", tmp_path)
    assert answer.code == 1
    assert "run `danbiet db upgrade`" in answer.err
    assert danbiet("db", "upgrade", "--data", tmp_path).code == 0
    assert danbiet("db", "upgrade", "--data", tmp_path).code == 0
    assert danbiet("list", "--data", tmp_path, "--json").json == []


def test_rebuild_compares_and_mends(danbiet: Danbiet, late: str, engine: Engine) -> None:
    assert danbiet("db", "rebuild", "--check").out == "the projections equal the journal\n"
    assert danbiet("db", "rebuild", "--check", "--json").json == []
    with writing(engine) as connection:
        connection.execute(text("UPDATE dossier SET agency = 'ELSEWHERE'"))
    found = danbiet("db", "rebuild", "--check", "--json")
    assert (found.code, found.json[0]["column"], found.json[0]["stored"]) == (1, "agency", "ELSEWHERE")
    assert "ELSEWHERE" in danbiet("db", "rebuild", "--check").out
    assert "differences from the journal: 1; 'danbiet db rebuild'" in found.err
    assert danbiet("db", "rebuild", "--json").json == {"dossiers": 1}
    assert danbiet("db", "rebuild", "--check").code == 0


def test_catalogue_check(danbiet: Danbiet, tmp_path: Path) -> None:
    good = danbiet("catalogue", "check", "catalogue/can-tho", "--json")
    assert (good.code, good.json["errors"]) == (0, [])
    bad = danbiet("catalogue", "check", tmp_path, "--json")
    assert bad.code == 1
    assert set(bad.json["errors"][0]) == {"file", "line", "message"}
    assert "agencies.csv:1: error: the file is missing" in danbiet("catalogue", "check", tmp_path).out


# --- import --------------------------------------------------------------------------------------------------------


def test_an_import_checks_everything_before_it_needs_the_server(danbiet: Danbiet, data: Path) -> None:
    log = data / "log.csv"
    log.write_text("dossier,procedure\n", encoding="utf-8")
    answer = danbiet("import", log, "--json")
    assert (answer.code, answer.out) == (1, "")
    assert "log.csv:1: the header lacks activity, at, step, official, agency, reason" in answer.err
    log.write_text("dossier,procedure,activity,at,step,official,agency,reason\nD,,,,,,,\n", encoding="utf-8")
    answer = danbiet("import", log, "--json")
    assert (answer.code, answer.json["rows"]) == (1, 1)
    assert {error["column"] for error in answer.json["errors"]} == {"dossier", "activity", "at"}
    assert "mend these rows" in answer.err


def test_a_log_that_cannot_be_read(danbiet: Danbiet, data: Path) -> None:
    answer = danbiet("import", data / "none.csv")
    assert answer.code == 1
    assert "cannot be read: No such file" in answer.err


def test_an_up_that_was_killed_is_not_asked(danbiet: Danbiet, data: Path) -> None:
    (data / "up.json").write_text('{"pid": 4194999, "temporal": "127.0.0.1:2"}', encoding="utf-8")
    assert "answers at 127.0.0.1:1" in danbiet("show", "D-9").err


def test_an_engine_is_opened_where_the_settings_say(
    danbiet: Danbiet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DANBIET_DATABASE_URL", f"sqlite:///{tmp_path / 'other.db'}")
    assert danbiet("db", "upgrade", "--data", tmp_path / "data").code == 0
    opened = open_database(f"sqlite:///{tmp_path / 'other.db'}")
    tell(opened, "D-7")
    opened.dispose()
    assert codes(danbiet, "--data", str(tmp_path / "data")) == ["D-7"]
