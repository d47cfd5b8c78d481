"""The catalogue of Can Tho as it lies on disk: sound, small, fast to read, and what the issue says it holds."""

from __future__ import annotations

import re
import shutil
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from models.budget import Unit
from models.catalogue import Catalogue
from models.errors import CatalogueError
from models.procedure import RungTo, Supplement
from store.catalogue_files import check_catalogue, read_catalogue

DIRECTORY = Path(__file__).parents[1] / "catalogue" / "can-tho"
SNAPSHOT_LIMIT = 6_000
"""Bytes: snapshot plus calendar slice stay under 6 KB (design 3)."""
UNITS = {
    "H13.9": "Ủy ban nhân dân huyện Cờ Đỏ",
    "H13.2": "Ủy ban nhân dân quận Ninh Kiều",
    "H13.7.1": "Ủy ban nhân dân thị trấn Phong Điền",
    "H13.7.2": "Ủy ban nhân dân xã Giai Xuân",
    "H13.8.3": "Ủy ban nhân dân xã Trường Xuân A",
    "H13.10.2": "Ủy ban nhân dân xã Thạnh An",
}
"""The six units of the list of April 2025 (domain 1)."""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return read_catalogue(DIRECTORY)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The catalogue in a place where it may be spoiled."""
    shutil.copytree(DIRECTORY.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / DIRECTORY.name


def test_only_the_known_contradictions_are_told() -> None:
    report = check_catalogue(DIRECTORY)
    assert report.errors == ()
    told = [finding for finding in report.warnings if "the steps take 8.5 working days" in finding.message]
    assert [(finding.file, finding.line) for finding in told] == [("procedures/1.012795.yaml", 6)]
    queues = {finding.file for finding in report.warnings if finding not in told}
    assert queues == {f"procedures/{code}.yaml" for code in ("1.001193", "1.004859", "2.000635", "2.000908")}


def test_the_units_of_april_2025(catalogue: Catalogue) -> None:
    assert {code: catalogue.agency(code).name for code in UNITS} == UNITS
    assert catalogue.chain("H13.7.2") == ("H13.7.2", "H13.7", "H13")
    assert catalogue.is_supervisor("VP-00", "H13.10.2")


def test_people_are_placeholders(catalogue: Catalogue) -> None:
    for official in catalogue.officials.values():
        assert re.fullmatch(r"(Cán bộ|Lãnh đạo) [A-ZĐÔ]+-\d\d", official.name), official
        assert re.fullmatch(r"[A-Z]+-\d\d", official.id), official
        assert official.id[-3:] == official.name[-3:]


def test_every_agency_has_a_head_of_its_own(catalogue: Catalogue) -> None:
    assert len(catalogue.agencies) > 30
    for agency in catalogue.agencies.values():
        assert agency.head is not None
        assert catalogue.official(agency.head).agency == agency.code


def test_abolished_units_have_successors_that_follow_them(catalogue: Catalogue) -> None:
    for agency in catalogue.agencies.values():
        assert bool(agency.valid_until) == bool(agency.successors)
        for code in agency.successors:
            begins = catalogue.agency(code).valid_from
            assert begins is not None
            assert agency.valid_until is not None
            assert (begins - agency.valid_until).days == 1


@pytest.mark.parametrize(
    ("code", "total", "budgets"),
    [
        ("2.000908", "1 working_days", "2 3 2 1"),
        ("2.000635", "0 calendar_days", "1 3 2 1 0"),
        ("1.001193", "0 calendar_days", "1 4 2 1"),
        ("1.004859", "3 working_days", "2 12 6 4"),
        ("1.001612", "3 working_days", "4 12 4 4"),
        ("1.009994", "15 working_days", "0.5 3 5|5 4 2 0.5"),
        ("1.012783", "8 working_days", "0.5 4.5 1.5 1 0.5 0"),
        ("1.012786", "3 working_days", "0.5 1.5 0.5 0.5 0"),
        ("1.012753", "17 working_days", "1 4 1 1 1 0.5 2 0.5 0.5 0.5 0"),
        ("1.012795", "7 working_days", "0.5 1 0.5 0.5 2 0.5 2 1 0.5 0"),
    ],
)
def test_procedures_as_published(catalogue: Catalogue, code: str, total: str, budgets: str) -> None:
    procedure = catalogue.procedure(code)
    amount, unit = total.split()
    assert (procedure.total.amount, procedure.total.unit) == (Decimal(amount), Unit(unit))
    stages = ["|".join(str(step.budget.amount) for step in stage.steps) for stage in procedure.stages]
    assert " ".join(stages) == budgets
    assert len({step.budget.unit for step in procedure.steps}) == 1


def test_the_construction_permit_consults_two_agencies_at_once(catalogue: Catalogue) -> None:
    stage = next(stage for stage in catalogue.procedure("1.009994").stages if len(stage.steps) > 1)
    assert [step.agency for step in stage.steps] == ["H13.11", "H13.12"]


def test_policies(catalogue: Catalogue) -> None:
    restarting = [
        code for code, each in catalogue.procedures.items() if each.policies.supplement is Supplement.RESTART
    ]
    assert restarting == ["1.012753"]
    for procedure in catalogue.procedures.values():
        policies = procedure.policies
        assert (policies.explanation_window.amount, policies.explanation_window.unit) == (
            3,
            Unit.WORKING_DAYS,
        )
        assert policies.backdate_limit_minutes == 15
        if not procedure.code.startswith("9."):
            assert {rung.to for rung in policies.ladder} == set(RungTo)


def test_the_rules_of_every_dossier_stay_small(catalogue: Catalogue) -> None:
    sizes = {}
    for code, agencies in catalogue.offers.items():
        for agency in agencies:
            rules = catalogue.rules_for(
                code, agency, accepted_at=datetime(2025, 4, 1, 2, tzinfo=UTC), assignees={}
            )
            sizes[code, agency] = len(rules.model_dump_json(exclude_defaults=True).encode())
    assert set(catalogue.offers) == set(catalogue.procedures)
    largest = max(sizes, key=lambda place: sizes[place])
    assert sizes[largest] < SNAPSHOT_LIMIT, (largest, sizes[largest])


def test_reading_takes_under_60_ms() -> None:
    best = min(_seconds() for _ in range(5))
    assert best < 0.060


def _seconds() -> float:
    begin = time.perf_counter()
    read_catalogue(DIRECTORY)
    return time.perf_counter() - begin


class TestFiles:
    def test_a_city_has_its_own_calendar_before_the_shared_one(self, copy: Path) -> None:
        (copy / "calendars").mkdir()
        shared = (copy.parent / "calendars" / "vn.yaml").read_text(encoding="utf-8")
        own = shared.replace("day_minutes: 480", "day_minutes: 420")
        (copy / "calendars" / "vn.yaml").write_text(own, encoding="utf-8")
        (copy.parent / "calendars" / "vn.yaml").write_text("not even looked at", encoding="utf-8")
        assert read_catalogue(copy).calendars["vn"].day_minutes == 420

    def test_nothing_is_cached(self, copy: Path) -> None:
        assert "2.000635" in read_catalogue(copy).procedures
        (copy / "procedures" / "2.000635.yaml").unlink()
        assert "2.000635" not in read_catalogue(copy).procedures

    def test_the_first_errors_are_in_the_sentence(self, copy: Path) -> None:
        roster = copy / "roster.csv"
        roster.write_text(
            roster.read_text(encoding="utf-8").replace(",one_stop,", ",One Stop,"), encoding="utf-8"
        )
        with pytest.raises(CatalogueError) as error:
            read_catalogue(copy)
        lines = error.value.message.splitlines()
        assert lines[0].endswith("cannot be used:")
        assert lines[1].startswith("roster.csv:3: role 'One Stop' does not fit")
        assert lines[-1].startswith("... and ")
        assert len(lines) == 12

    def test_a_file_in_another_encoding(self, copy: Path) -> None:
        text = (copy / "officials.csv").read_text(encoding="utf-8")
        (copy / "officials.csv").write_bytes(text.encode("utf-16"))
        (found,) = check_catalogue(copy).errors
        assert str(found) == "officials.csv:1: not UTF-8: save the file with that encoding"

    def test_no_such_directory(self, tmp_path: Path) -> None:
        (found,) = check_catalogue(tmp_path / "hue").errors
        assert "there is no such directory" in found.message
