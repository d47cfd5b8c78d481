"""The catalogue: what is refused with file and line, what only warns, and the rules a submission starts under."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from models.budget import Unit
from models.catalogue import Catalogue
from models.catalogue_parse import parse_catalogue
from models.catalogue_text import Report
from models.errors import Code, Refusal
from models.procedure import Supplement

AT = datetime(2025, 4, 1, 2, tzinfo=UTC)
AGENCIES = """\
code,name,parent,head,valid_from,valid_until,successors,volume_group
C,City office,,C-00,,,,city
C.1,District one,C,A-00,,2025-06-30,C.2,district
C.2,District two,C,B-00,2025-07-01,,,district
P,Power company,,P-00,,,,
"""
OFFICIALS = """\
id,name,position,agency
C-00,Head C-00,Chief,C
A-00,Head A-00,Chair,C.1
A-01,Clerk A-01,Counter,C.1
A-02,"Clerk A-02, deputy",Specialist,C.1
B-00,Head B-00,Chair,C.2
B-01,Clerk B-01,Counter,C.2
P-00,Head P-00,Director,P
P-01,Clerk P-01,Engineer,P
"""
ROSTER = """\
agency,role,official
C.1,one_stop,A-01
C.1,specialist,A-02
C.2,one_stop,B-01
P,grid,P-01
"""
CALENDAR = """\
name: vn
zone: Asia/Ho_Chi_Minh
covers_from: 2025-01-01
covers_until: 2026-12-31
confirmed_until: 2026-12-31
sessions:
  monday: ["07:00-11:00", "13:00-17:00"]
  tuesday: ["07:00-11:00", "13:00-17:00"]
"""
POLICIES = """\
supplement: subtract
explanation_window: 3 working_days
ladder:
  - {key: warn, of: step, to: holder, percent: 75}
"""
PROCEDURE = """\
code: 2.000908
version: 2025-01
name: Copy
total: 3 working_days
offered_by: [district]
stages:
  - key: receive
    name: Receive
    role: one_stop
    budget: 2 working_hours
  - parallel:
      - key: appraise
        name: Appraise
        role: specialist
        budget: 1.5 working_days
      - key: consult
        name: Consult
        role: grid
        agency: P
        budget: 1 working_days
  - key: return
    name: Return
    role: one_stop
    budget: 0 working_hours
"""
FILE = "procedures/copy.yaml"
SOUND = {
    "agencies.csv": AGENCIES,
    "officials.csv": OFFICIALS,
    "roster.csv": ROSTER,
    "policies.yaml": POLICIES,
    "../calendars/vn.yaml": CALENDAR,
    FILE: PROCEDURE,
}


def report(**changes: str) -> Report:
    """Report on the sound catalogue with other text in ``agencies``, ``officials``, ``roster``, ``copy``..."""
    names = {name.rsplit("/", 1)[-1].split(".", maxsplit=1)[0]: name for name in SOUND}
    _, found = parse_catalogue(SOUND | {names[short]: text for short, text in changes.items()})
    return found


def errors(**changes: str) -> list[str]:
    return [str(finding) for finding in report(**changes).errors]


def warnings(**changes: str) -> list[str]:
    found = report(**changes)
    assert not found.errors
    return [str(finding) for finding in found.warnings]


def procedure(old: str, new: str) -> str:
    assert old in PROCEDURE
    return PROCEDURE.replace(old, new, 1)


def only(found: list[str]) -> str:
    """The one finding: nothing else was dragged along."""
    assert len(found) == 1, found
    return found[0]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    read, found = parse_catalogue(SOUND)
    assert read is not None, found.errors
    return read


class TestReading:
    def test_everything_stands_where_the_files_say(self, catalogue: Catalogue) -> None:
        agency = catalogue.agency("C.1")
        assert (agency.parent, agency.head, agency.volume_group) == ("C", "A-00", "district")
        assert (agency.valid_until, agency.successors) == (date(2025, 6, 30), ("C.2",))
        assert catalogue.official("A-02").name == "Clerk A-02, deputy"
        found = catalogue.procedure("2.000908")
        assert [[step.key for step in stage.steps] for stage in found.stages] == [
            ["receive"],
            ["appraise", "consult"],
            ["return"],
        ]
        assert (found.total.amount, found.total.unit) == (Decimal(3), Unit.WORKING_DAYS)
        assert found.steps[1].budget.amount == Decimal("1.5")
        assert found.steps[3].budget.is_zero
        assert catalogue.offers == {"2.000908": ("C.1", "C.2")}

    def test_an_unquoted_code_stays_a_code(self) -> None:
        read, _ = parse_catalogue(SOUND | {FILE: procedure("2.000908", "1.001100")})
        assert read is not None
        assert list(read.procedures) == ["1.001100"]

    def test_shared_policies_hold_unless_the_procedure_says_otherwise(self) -> None:
        own = procedure("stages:", "policies: {supplement: restart}\nstages:")
        read, _ = parse_catalogue(SOUND | {FILE: own})
        assert read is not None
        policies = read.procedure("2.000908").policies
        assert policies.supplement is Supplement.RESTART
        assert [rung.key for rung in policies.ladder] == ["warn"]
        assert policies.backdate_limit_minutes == 15

    @pytest.mark.parametrize(
        "change", [lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n")]
    )
    def test_bom_and_crlf_change_nothing(self, catalogue: Catalogue, change: object) -> None:
        assert callable(change)
        read, found = parse_catalogue({name: change(text) for name, text in SOUND.items()})
        assert found.errors == ()
        assert read == catalogue

    def test_a_sound_catalogue_only_warns_of_its_queues(self) -> None:
        assert only(warnings()) == (
            f"{FILE}:1: 2.000908: the roster has nobody at C.2 (specialist): "
            "these steps begin in the agency's queue, and its head answers"
        )


class TestTables:
    @pytest.mark.parametrize(
        ("old", "new", "told"),
        [
            (
                "C.1,District one,C,",
                "C.1,District one,C.9,",
                "agencies.csv:3: unknown agency 'C.9' in parent: add",
            ),
            ("2025-06-30,C.2,", "2025-06-30,C.8,", "agencies.csv:3: unknown agency 'C.8' in successors"),
            (
                "C,City office,,C-00",
                "C,City office,C.1,C-00",
                "agencies.csv:2: a cycle of parents (C > C.1 > C): cor",
            ),
            ("C,City office,,C-00", "C,City office,C,C-00", "agencies.csv:2: a cycle of parents (C > C)"),
            ("one,C,A-00", "one,C,A-99", "agencies.csv:3: unknown official 'A-99': add to officials.csv, or"),
            (
                "one,C,A-00",
                "one,C,B-00",
                "agencies.csv:3: B-00 belongs to C.2, not to C.1: name one of its own",
            ),
            (
                "2025-06-30",
                "30/06/2025",
                "agencies.csv:3: '30/06/2025' in valid_until is no date: write it like",
            ),
            (
                "C.2,District two,C,B-00,2025-07-01,",
                "C.2,District two,C,B-00,2025-07-01,2025-06-01",
                "lies before",
            ),
            ("P,Power company,", "p,Power company,", "agencies.csv:5: code 'p' does not fit"),
            ("P,Power company", "P,", "agencies.csv:5: 'name' is empty: every row needs one"),
            (
                "P,Power company,",
                "P,Power, company,",
                "agencies.csv:5: 9 cells, the header has 8: put text with",
            ),
            ("P,Power company,", 'P,"Power company,', "agencies.csv:5: not readable as CSV from here on"),
            ("P,Power", "C,Power", "agencies.csv:5: agency 'C' stands in line 2 already: drop one"),
            (
                "code,name,parent",
                "code,parent",
                "agencies.csv:1: the column 'name' is missing: the header is code,",
            ),
            ("successors,", "successor,", "agencies.csv:1: unknown column 'successor': use code, name"),
            ("code,name,", "code,code,name,", "agencies.csv:1: the column 'code' stands in the header twice"),
        ],
    )
    def test_agencies(self, old: str, new: str, told: str) -> None:
        assert old in AGENCIES
        found = errors(agencies=AGENCIES.replace(old, new, 1))
        assert any(told in each for each in found), found

    @pytest.mark.parametrize(
        ("old", "new", "told"),
        [
            (
                "Counter,C.1",
                "Counter,C.7",
                "officials.csv:4: unknown agency 'C.7': add it to agencies.csv, or",
            ),
            ("B-01,", "A-01,", "officials.csv:7: official 'A-01' stands in line 4 already: drop one"),
            ("A-01,", "A 01,", "officials.csv:4: id 'A 01' does not fit"),
            ("id,name,", "id;name;", "officials.csv:1: the column 'id' is missing"),
        ],
    )
    def test_officials(self, old: str, new: str, told: str) -> None:
        found = errors(officials=OFFICIALS.replace(old, new, 1))
        assert any(each.startswith(told) for each in found), found

    @pytest.mark.parametrize(
        ("row", "told"),
        [
            ("C.9,grid,P-01", "roster.csv:6: unknown agency 'C.9'"),
            ("C.2,grid,P-99", "roster.csv:6: unknown official 'P-99'"),
            ("C.2,grid,P-01", "roster.csv:6: P-01 belongs to P, not to C.2"),
            ("C.1,one_stop,A-02", "roster.csv:6: C.1 has a default 'one_stop' in line 2 already: drop one"),
            ("C.1,One Stop,A-02", "roster.csv:6: role 'One Stop' does not fit"),
        ],
    )
    def test_roster(self, row: str, told: str) -> None:
        assert only(errors(roster=ROSTER + row + "\n")).startswith(told)

    def test_semicolons_are_recognised(self) -> None:
        found = only(errors(roster=ROSTER.replace(",", ";")))
        assert found == "roster.csv:1: the columns are separated by ';': save the table with commas"

    def test_a_line_break_in_quotes_does_not_shift_the_lines_after_it(self) -> None:
        text = OFFICIALS.replace("Head C-00", '"Head\nC-00"') + "Q-01,Clerk Q-01,Counter,Q\n"
        assert only(errors(officials=text)).startswith("officials.csv:11: unknown agency 'Q'")

    def test_missing_tables_are_told_once_each(self) -> None:
        _, found = parse_catalogue({name: text for name, text in SOUND.items() if not name.endswith(".csv")})
        assert [finding.file for finding in found.errors] == ["agencies.csv", "officials.csv", "roster.csv"]

    def test_a_longer_cycle_is_told_once(self) -> None:
        text = AGENCIES.replace("C,City office,,", "C,City office,C.2,").replace("two,C,", "two,C.1,")
        assert only(errors(agencies=text)) == (
            "agencies.csv:2: a cycle of parents (C > C.2 > C.1 > C): correct the parent of one of them"
        )


class TestProcedures:
    @pytest.mark.parametrize(
        ("old", "new", "told"),
        [
            (
                "role: one_stop",
                "roll: one_stop",
                "9: unknown field 'roll' of a step: use 'key', 'name', 'role'",
            ),
            (
                "role: one_stop",
                "role: one_stop\n    role: x",
                "10: 'role' of a step is given twice: drop one",
            ),
            ("name: Copy\n", "", "1: a procedure lacks 'name'"),
            ("name: Copy", "name: [Copy]", "3: name must be a text and not empty"),
            ("name: Copy", "name:", "3: name must be a text and not empty"),
            (
                "total: 3 working_days",
                "total: 3",
                "4: total must be an amount and a unit, like '0.5 working_days'",
            ),
            ("total: 3 working_days", "total: P3D", "4: total must be an amount and a unit"),
            ("total: 3 working_days", "total: NaN working_days", "4: total must be an amount and a unit"),
            (
                "total: 3 working_days",
                "total: 1.5 calendar_days",
                "4: total of 1.5 calendar_days must be a whole",
            ),
            (
                "total: 3 working_days",
                "calendar: lao\ntotal: 3 working_days",
                "4: unknown calendar 'lao': write cal",
            ),
            (
                "2 working_hours",
                "-2 working_hours",
                "10: budget of -2 working_hours must be from 0 to 100000",
            ),
            (
                "2 working_hours",
                "0.33 working_hours",
                "10: budget of 0.33 working_hours does not come to whole minu",
            ),
            (
                "2 working_hours",
                "0.001 working_days",
                "10: budget of 0.001 working_days does not come to whole min",
            ),
            (
                "key: appraise",
                "key: receive",
                "12: step 'receive' stands in line 7 already: give each its own key",
            ),
            ("key: appraise", "key: promise", "12: a step cannot be called 'promise'"),
            ("key: appraise", "key: Thẩm tra", "12: key 'Thẩm tra' does not fit"),
            ("agency: P", "agency: PP", "19: unknown agency 'PP': add it to agencies.csv, or correct it"),
            (
                "[district]",
                "[distrikt]",
                "5: offered_by: 'distrikt' is neither an agency nor a volume_group; did you",
            ),
            (
                "stages:",
                "policies: {supplement: forget}\nstages:",
                "6: supplement 'forget': use one of subtract, re",
            ),
            (
                "stages:",
                "policies: {ladder: [{key: a, of: step, to: head}]}\nstages:",
                "6: rung 'a' needs exactly o",
            ),
            (
                "stages:",
                "policies: {backdate_limit_minutes: -1}\nstages:",
                "6: backdate_limit_minutes must be a who",
            ),
            (
                "stages:",
                "policies: {ladder: [{key: a, of: dossier, to: head, percent: 50}]}\nstages:",
                "6: of 'dos",
            ),
            (
                "  - parallel:",
                "  - parallel: []\n  - parallel:",
                "11: parallel is empty: a stage needs at least one",
            ),
            ("name: Copy", "name: Copy: again", "3: not readable as YAML"),
            ("name: Copy", "<<: {name: Copy}", "3: unknown field '<<' of a procedure"),
        ],
    )
    def test_errors_have_file_and_line(self, old: str, new: str, told: str) -> None:
        found = errors(copy=procedure(old, new))
        assert any(each.startswith(f"{FILE}:{told}") for each in found), found

    def test_a_procedure_without_steps(self) -> None:
        found = only(errors(copy=PROCEDURE[: PROCEDURE.index("stages:")] + "stages: []\n"))
        assert found == f"{FILE}:6: stages is empty: a procedure needs at least one step"

    def test_an_empty_file(self) -> None:
        assert only(errors(copy="# nothing yet\n")).startswith(f"{FILE}:1: the file is empty")

    def test_no_procedure_at_all(self) -> None:
        _, found = parse_catalogue({name: text for name, text in SOUND.items() if name != FILE})
        assert [finding.message for finding in found.errors] == [
            "there is no procedure: write procedures/NAME.yaml, one file each"
        ]

    def test_a_code_in_two_files(self) -> None:
        _, found = parse_catalogue(SOUND | {"procedures/zweite.yaml": PROCEDURE})
        assert [str(finding) for finding in found.errors] == [
            f"procedures/zweite.yaml:1: procedure '2.000908' stands in {FILE} already: drop one"
        ]

    def test_a_rung_twice(self) -> None:
        rung = "  - {key: warn, of: promise, to: head, before: 1 working_days}\n"
        assert only(errors(policies=POLICIES + rung)).startswith(
            "policies.yaml:5: rung 'warn' is in the ladder"
        )

    def test_a_rung_in_calendar_days(self) -> None:
        rung = "  - {key: x, of: step, to: head, after: 1 calendar_days}\n"
        assert "must be in working_hours or working_days" in only(errors(policies=POLICIES + rung))

    def test_all_errors_at_once(self) -> None:
        found = errors(
            agencies=AGENCIES.replace("2025-06-30", "soon"),
            roster=ROSTER.replace("P,grid", "Q,grid"),
            copy=procedure("2 working_hours", "two hours").replace("1.5 working_days", "-1 working_days"),
        )
        assert [each.rsplit(": ")[0].split(": ")[0] for each in found] == [
            "agencies.csv:3",
            f"{FILE}:10",
            f"{FILE}:15",
            "roster.csv:5",
        ]

    def test_a_broken_calendar_has_its_place_too(self) -> None:
        found = only(errors(vn=CALENDAR.replace("confirmed_until: 2026-12-31", "confirmed_until: someday")))
        assert found.startswith("../calendars/vn.yaml:5: 'someday' is no date")


class TestWarnings:
    def test_steps_longer_than_the_total(self) -> None:
        told = warnings(copy=procedure("total: 3", "total: 1"))[-1]
        assert told.startswith(
            f"{FILE}:4: the steps take 1.75 working days (the longest of each stage), the publi"
        )

    def test_only_the_longest_of_parallel_steps_counts(self) -> None:
        assert len(warnings(copy=procedure("total: 3", "total: 1.75"))) == 1

    def test_a_same_day_total_is_one_working_day_at_most(self) -> None:
        told = warnings(copy=procedure("total: 3 working_days", "total: 0 calendar_days"))[-1]
        assert "one at most" in told

    @pytest.mark.parametrize("total", ["1 calendar_days", "1 months"])
    def test_other_calendar_totals_are_not_compared(self, total: str) -> None:
        assert len(warnings(copy=procedure("3 working_days", total))) == 1

    def test_a_total_of_0_is_no_promise(self) -> None:
        assert "no promised date" in warnings(copy=procedure("3 working_days", "0 working_days"))[-1]

    def test_agencies_without_a_head(self) -> None:
        assert warnings(agencies=AGENCIES.replace("P-00", ""))[0].startswith("agencies.csv:5: P has no head")

    def test_a_role_no_step_has(self) -> None:
        told = warnings(roster=ROSTER + "C.2,speciallist,B-01\n")
        assert (
            "roster.csv:6: no procedure has a step for the role 'speciallist'; did you mean specialist?"
            in told
        )

    def test_a_procedure_for_everyone_is_looked_at_where_it_is_staffed(self) -> None:
        told = only(warnings(copy=procedure("offered_by: [district]\n", "")))
        assert "the roster has nobody at C.2 (specialist)" in told


class TestAsking:
    @pytest.mark.parametrize(
        ("kind", "name", "told"),
        [
            ("procedure", "2.000909", "unknown procedure '2.000909': did you mean 2.000908 (Copy)?"),
            ("agency", "C.3", "unknown agency 'C.3': did you mean C.2 (District two) or C.1"),
            ("agency", "power compani", "unknown agency 'power compani': did you mean P (Power company)?"),
            ("official", "A-1", "unknown official 'A-1': did you mean A-01 (C.1)"),
            ("official", "nobody", "unknown official 'nobody': the catalogue has none like it"),
        ],
    )
    def test_unknown_names(self, catalogue: Catalogue, kind: str, name: str, told: str) -> None:
        with pytest.raises(Refusal) as refusal:
            getattr(catalogue, kind)(name)
        assert refusal.value.code is Code.INVALID
        assert refusal.value.message.startswith(told)

    def test_the_chain_goes_upward(self, catalogue: Catalogue) -> None:
        assert catalogue.chain("C.1") == ("C.1", "C")

    def test_supervisors_head_the_agency_or_one_above(self, catalogue: Catalogue) -> None:
        assert catalogue.is_supervisor("A-00", "C.1")
        assert catalogue.is_supervisor("C-00", "C.1")
        assert not catalogue.is_supervisor("A-00", "C")
        assert not catalogue.is_supervisor("A-01", "C.1")
        assert not catalogue.is_supervisor("C-00", "P")
        assert not catalogue.is_supervisor("C-00", "gone")

    def test_roster(self, catalogue: Catalogue) -> None:
        assert catalogue.roster_default("C.1", "one_stop") == "A-01"
        assert catalogue.roster_default("C.2", "specialist") is None
        assert catalogue.roster_of("C.1") == {"one_stop": "A-01", "specialist": "A-02"}


class TestRules:
    def test_every_step_has_its_agency_and_first_holder(self, catalogue: Catalogue) -> None:
        rules = catalogue.rules_for("2.000908", "C.2", accepted_at=AT, assignees={})
        assert [(step.key, step.stage, step.agency, step.official) for step in rules.steps] == [
            ("receive", 1, "C.2", "B-01"),
            ("appraise", 2, "C.2", None),
            ("consult", 2, "P", "P-01"),
            ("return", 3, "C.2", "B-01"),
        ]

    def test_an_assignee_comes_before_the_roster(self, catalogue: Catalogue) -> None:
        assignees = {"receive": "A-02", "appraise": "A-00"}
        rules = catalogue.rules_for("2.000908", "C.1", accepted_at=AT, assignees=assignees)
        assert [step.official for step in rules.steps] == ["A-02", "A-00", "P-01", "A-01"]

    def test_heads_and_parents_of_all_in_play_and_above(self, catalogue: Catalogue) -> None:
        rules = catalogue.rules_for("2.000908", "C.1", accepted_at=AT, assignees={})
        assert rules.heads == {"C.1": "A-00", "C": "C-00", "P": "P-00"}
        assert rules.parents == {"C.1": "C"}

    def test_the_calendar_begins_with_the_local_year_of_acceptance(self, catalogue: Catalogue) -> None:
        new_year = datetime(2025, 12, 31, 18, tzinfo=UTC)  # 1 January 2026, 01:00 in Can Tho
        rules = catalogue.rules_for("2.000908", "C.1", accepted_at=new_year, assignees={})
        assert rules.calendar.covers_from == date(2026, 1, 1)

    @pytest.mark.parametrize(
        ("procedure", "agency", "assignees", "told"),
        [
            ("2.000908", "P", {}, "P (Power company) does not accept 2.000908 (Copy): C.1, C.2 do"),
            (
                "2.000908",
                "C.1",
                {"sign": "A-01"},
                "there is no step 'sign' in 2.000908: its steps are receive",
            ),
            ("2.000908", "C.1", {"receive": "A-99"}, "unknown official 'A-99'"),
            ("2.000908", "C.1", {"receive": "B-01"}, "B-01 belongs to C.2, step 'receive' to C.1"),
            ("2.000908", "C.1", {"consult": "A-01"}, "A-01 belongs to C.1, step 'consult' to P"),
            ("9.999999", "C.1", {}, "unknown procedure '9.999999'"),
            ("2.000908", "C.99", {}, "unknown agency 'C.99'"),
        ],
    )
    def test_refused(
        self, catalogue: Catalogue, procedure: str, agency: str, assignees: dict[str, str], told: str
    ) -> None:
        with pytest.raises(Refusal) as refusal:
            catalogue.rules_for(procedure, agency, accepted_at=AT, assignees=assignees)
        assert refusal.value.code is Code.INVALID
        assert told in refusal.value.message
