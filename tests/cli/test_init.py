"""`danbiet init`: a catalogue that is valid, and runs, as it is written."""

from __future__ import annotations

from pathlib import Path

from store.catalogue_files import read_catalogue
from tests.cli.conftest import Danbiet, running_up

EXAMPLE = "log-example.csv"


def test_it_writes_a_valid_catalogue_and_overwrites_nothing(danbiet: Danbiet, tmp_path: Path) -> None:
    city = tmp_path / "city"
    written = danbiet("init", city, "--json").json
    assert {"agencies.csv", "officials.csv", "calendars/vn.yaml", EXAMPLE} <= set(written["files"])
    report = danbiet("catalogue", "check", city, "--json")
    assert (report.code, report.json) == (0, {"errors": [], "warnings": []})
    catalogue = read_catalogue(city)
    assert len(catalogue.procedures) == 2
    assert "vn" in catalogue.calendars
    (city / "agencies.csv").write_text("mine", encoding="utf-8")
    again = danbiet("init", city)
    assert again.code == 1
    assert "is not empty" in again.err
    assert (city / "agencies.csv").read_text(encoding="utf-8") == "mine"


def test_another_city_runs_at_once(danbiet: Danbiet, tmp_path: Path) -> None:
    """From `init` to its first month."""
    city, data = tmp_path / "city", tmp_path / "data"
    assert danbiet("init", city).code == 0
    with running_up(data, "--catalogue", str(city)):
        told = danbiet("import", city / EXAMPLE, "--data", data, "--json").json
        assert told["dossiers"] == {"new": 2, "extended": 0, "unchanged": 0, "held_back": 0}
        month = danbiet("bulletin", "2026-10", "--data", data, "--json").json
        assert (month["agencies"], month["officials"], month["dossiers"]) == (1, 1, 1)
        late = danbiet("list", "--late", "--data", data, "--json").json
        assert [each["code"] for each in late] == ["H00.2-261006-0001"]
