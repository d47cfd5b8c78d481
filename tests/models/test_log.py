"""The event log (interfaces: Event log; rules R3): every broken row is told by line and column, and loses no other."""

from __future__ import annotations

import io
import time
import tracemalloc
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from models.actions import HandOver, Role
from models.catalogue import Catalogue
from models.dossier import Dossier, Request
from models.errors import Refusal
from models.log import OPTIONAL, REQUIRED, Log, read_log
from models.log_starts import LogReader, fingerprint
from models.submission import DossierStart, Heard
from store.catalogue_files import read_catalogue

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
HEADER = "dossier,procedure,activity,at,step,official,agency,reason"
FULL = ",".join((*REQUIRED, *OPTIONAL))
ONE, TWO = "H13.2-250401-0001", "H13.2-250401-0002"
SOUND = (
    f"{TWO},2.000908,submit,2025-04-01T08:00:00+07:00,,TAN-01,H13.2.1,",
    f"{TWO},,complete,2025-04-01T09:00:00+07:00,receive,TAN-01,,",
)
"""A dossier that must go in whatever is wrong with the one before it."""


@cache
def catalogue() -> Catalogue:
    return read_catalogue(ROOT / "catalogue" / "can-tho")


def read(*lines: str, header: str = HEADER, newline: str = "\n") -> Log:
    text = newline.join((header, *lines, ""))
    return read_log(io.StringIO(text, newline=""), file="log.csv", now=NOW)


def row(activity: str, at: str, *, code: str = ONE, **cells: str) -> str:
    """A line under the full header; ``at`` '04-01 08:00' of 2025, local, or as it is to stand there."""
    if len(at) == 11:
        at = f"2025-{at.replace(' ', 'T')}:00+07:00"
    known = {"dossier": code, "activity": activity, "at": at, **cells}
    return ",".join(known.get(column, "") for column in (*REQUIRED, *OPTIONAL))


def submitted(at: str = "04-01 08:00", **cells: str) -> str:
    return row("submit", at, **{"procedure": "2.000908", "agency": "H13.2.1", **cells})


def judged(*lines: str) -> Log:
    log = read(*lines, header=FULL)
    reader = LogReader(catalogue(), NOW)
    for code, rows in list(log.sound()):
        reader.judge(log, code, rows)
    return log


def start(*lines: str, heard: Heard | None = None) -> DossierStart:
    log = read(*lines, header=FULL)
    assert log.errors == []
    return LogReader(catalogue(), NOW, heard).start(ONE, log.dossiers[ONE])


def told(log: Log) -> list[tuple[int, str | None]]:
    return [(error.line, error.column) for error in log.errors]


# --- the text ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_bom_and_line_ends_do_not_matter(newline: str, bom: str) -> None:
    log = read(*SOUND, header=bom + HEADER, newline=newline)
    assert log.errors == []
    assert [row.line for row in log.dossiers[TWO]] == [2, 3]


def test_quotes_and_line_breaks_within_them() -> None:
    log = read(f'{ONE},,refuse,2025-04-02T08:00:00+07:00,,,,"thiếu, ""sai""\r\nvà muộn"', *SOUND)
    assert log.errors == []
    assert log.dossiers[ONE][0]["reason"] == 'thiếu, "sai"\r\nvà muộn'
    assert [row.line for row in log.dossiers[TWO]] == [4, 5]


def test_columns_may_stand_in_any_order_and_blank_lines_between() -> None:
    header = ",".join(reversed(HEADER.split(",")))
    line = ",".join(reversed(SOUND[0].split(",")))
    log = read(line, "", ",,,,,,,", header=header)
    assert (log.rows, log.errors) == (1, [])
    assert log.dossiers[TWO][0].id == read(SOUND[0]).dossiers[TWO][0].id


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("dossier,procedure,activity,at,step", "lacks official, agency, reason"),
        (HEADER + ",aggency", r"unknown 'aggency' \(did you mean agency"),
        (HEADER + ",step", "has twice step"),
        ("dossier,at,setp", "lacks .* and has the unknown 'setp'"),
        (HEADER.replace(",", ";"), "save the file with commas"),
        ('dossier,"proc', "header.*quote"),
        ("dossier\udcff,activity", "not UTF-8"),
    ],
)
def test_a_header_that_cannot_be_used(header: str, sentence: str) -> None:
    with pytest.raises(Refusal, match=rf"^log\.csv:1: .*{sentence}"):
        read(*SOUND, header=header)


def test_an_empty_file() -> None:
    with pytest.raises(Refusal, match=r"log\.csv is empty: its first line must be dossier,"):
        read_log([], file="log.csv", now=NOW)


# --- a broken row --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("broken", "column", "reason"),
    [
        (f"{ONE},,complete,2025-04-01T09:00:00+07:00,receive,TAN-01,", None, "7 cells, the header has 8"),
        (f"{ONE},,complete,2025-04-01T09:00:00+07:00,receive,TAN-01,,a,b", None, "9 cells"),
        (f'{ONE},,complete,2025-04-01T09:00:00+07:00,receive,TAN-01,,"a"b', None, "stray quote"),
        (f'{ONE},,complete,2025-04-01T09:00:00+07:00,receive,TAN-01,,"open', None, "open or a stray quote"),
        (f'"{ONE}",,complete,2025-04-01T09:00:00+07:00,receive,TAN-01,,"open', None, "open or a stray quote"),
        (f"{ONE},,complete,2025-04-01T09:00:00+07:00,receive,TAN-01,,ti\udce1", None, "not UTF-8"),
        (f"{ONE},,complete,,receive,TAN-01,,", "at", "an instant is missing"),
        (f"{ONE},,complete,2025-04-01T09:00:00,receive,TAN-01,,", "at", "has no time zone: add the offset"),
        (f"{ONE},,complete,01/04/2025 9h,receive,TAN-01,,", "at", "is not an instant: write it like"),
        (f"{ONE},,complete,2025-02-30T09:00:00+07:00,receive,TAN-01,,", "at", "is not an instant"),
        (f"{ONE},,complete,0001-01-01T00:00:00+07:00,receive,TAN-01,,", "at", "no date of this world"),
        (f"{ONE},,complete,2026-11-23T11:00:06+07:00,receive,TAN-01,,", "at", "lies in the future"),
        (f"{ONE},,compleet,2025-04-01T09:00:00+07:00,receive,TAN-01,,", "activity", "did you mean complete?"),
        (
            f"{ONE},,,2025-04-01T09:00:00+07:00,receive,TAN-01,,",
            "activity",
            "is missing: use submit, complete",
        ),
        (f"{ONE},,submit,2025-04-01T09:00:00+07:00,,,H13.2.1,", "procedure", "a submission needs it"),
        (f"{ONE},2.000908,submit,2025-04-01T09:00:00+07:00,,,,", "agency", "a submission needs it"),
    ],
)
def test_a_broken_row_holds_its_dossier_back_and_no_other(
    broken: str, column: str | None, reason: str
) -> None:
    first = f"{ONE},2.000908,submit,2025-04-01T08:00:00+07:00,,,H13.2.1,"
    log = read(first, broken, *SOUND)
    assert told(log) == [(3, column)]
    assert reason in log.errors[0].reason
    assert log.held_back == {ONE}
    assert log.rows == 4
    assert [(code, [row.line for row in rows]) for code, rows in log.sound()] == [(TWO, [4, 5])]


def test_an_open_quote_takes_nothing_along_up_to_the_next_quote() -> None:
    """Closed by a quote many rows below, it would swallow them all in one cell."""
    opened = f'{ONE},,complete,2025-04-01T09:00:00+07:00,receive,TAN-01,,"open'
    later = 'H13.2-250401-0003,2.000908,submit,2025-04-01T08:00:00+07:00,,,H13.2.1,"một, hai"'
    log = read(opened, *SOUND, later)
    assert log.held_back == {ONE}
    assert [code for code, _ in log.sound()] == [TWO, "H13.2-250401-0003"]
    assert log.dossiers["H13.2-250401-0003"][0].line == 5


def test_several_things_wrong_with_a_row_are_all_told() -> None:
    log = read(row("submit", "yesterday", amount="2"), header=FULL)
    assert told(log) == [(2, "procedure"), (2, "agency"), (2, "amount"), (2, "at")]


@pytest.mark.parametrize("code", ["", "H13.2/1", "một", "H13.2-250401-0001:promise:1"])
def test_a_row_of_nobody(code: str) -> None:
    log = read(f"{code},2.000908,submit,2025-04-01T08:00:00+07:00,,,H13.2.1,", *SOUND)
    assert told(log) == [(2, "dossier")]
    assert log.held_back == set()
    assert [code for code, _ in log.sound()] == [TWO]


# --- order and identity --------------------------------------------------------------------------------------------


def test_rows_are_sorted_by_instant_then_line() -> None:
    lines = (
        row("complete", "04-01 09:30", step="receive"),
        submitted("04-01 08:00"),
        row("request_supplement", "2025-04-01T02:40:00Z"),
        row("withdraw", "04-01 09:40"),
    )
    rows = read(*lines, header=FULL).dossiers[ONE]
    assert [each.line for each in rows] == [3, 2, 4, 5]


def test_at_the_instant_of_acceptance_the_submission_comes_first() -> None:
    rows = read(
        row("complete", "04-01 08:00", step="receive"), submitted("04-01 08:00"), header=FULL
    ).dossiers
    assert [each["activity"] for each in rows[ONE]] == ["submit", "complete"]


def test_the_same_row_again_counts_once_however_it_is_written() -> None:
    same = (
        row("extend", "04-01 09:00", step="receive", amount="2", unit="working_days", reason="Thiếu hồ sơ"),
        row(
            "extend", "2025-04-01T02:00:00Z", step=" receive ", amount="2.0", unit="working_days",
            reason="Thiếu hồ sơ",
        ),
        row(
            "extend", "04-01 09:00", step="receive", amount="2", unit="working_days",
            reason="Thie\u0302\u0301u ho\u0302\u0300 s\u031bo".replace("s\u031bo", "so\u031b"),
            procedure="2.000908", agency="H13.2.1",
        ),
    )  # fmt: skip
    log = read(submitted(), *same, header=FULL)
    assert log.rows == 4
    assert [each.line for each in log.dossiers[ONE]] == [2, 3]


@pytest.mark.parametrize("change", [{"reason": "khác"}, {"step": "sign"}, {"official": "TAN-02"}])
def test_another_row_is_another_action(change: dict[str, str]) -> None:
    rows = read(
        row("complete", "04-01 09:00", step="receive"),
        row("complete", "04-01 09:00", **{"step": "receive", **change}),
        header=FULL,
    ).dossiers[ONE]
    assert rows[0].id != rows[1].id
    assert fingerprint(rows) != fingerprint(rows[:1])


# --- what the rows mean --------------------------------------------------------------------------------------------


def test_a_start_carries_all_rows() -> None:
    heard = Heard(by="VP", reason="đã công bố")
    begun = start(
        submitted(official="TAN-01", submitted_at="2025-03-31T20:00:00+07:00"),
        row("complete", "04-01 09:00", step="receive", official="TAN-01"),
        row("hand_over", "04-01 10:00", step="appraise", official="TAN-03"),
        row("withdraw", "04-01 11:00", reason="rút"),
        heard=heard,
    )
    assert (begun.code, begun.by, begun.imported, begun.heard) == (ONE, "TAN-01", True, heard)
    assert begun.submitted_at == datetime(2025, 3, 31, 13, tzinfo=UTC)
    assert [given.action.action for given in begun.given] == ["complete", "hand_over", "withdraw"]
    assert [(given.by.name, given.by.role) for given in begun.given] == [
        ("TAN-01", Role.LOG),
        ("log", Role.LOG),
        ("log", Role.LOG),
    ]
    assert begun.row is not None
    assert len({begun.row, *(given.id for given in begun.given)}) == 4
    handed = begun.given[1].action
    assert isinstance(handed, HandOver)
    assert handed.of_agency == "H13.2.1"


def test_the_official_of_the_first_row_about_a_step_has_held_it() -> None:
    shown = (
        row("complete", "04-01 09:00", step="receive", official="TAN-03"),
        row("hand_over", "04-01 10:00", step="appraise", official="TAN-03"),
        row("complete", "04-01 10:30", step="appraise", official="TAN-02"),
        row("complete", "04-01 10:40", step="sign"),
    )
    assert holders(submitted(), *shown) == {**holders(submitted()), "receive": "TAN-03", "appraise": "TAN-03"}


def holders(*lines: str) -> dict[str, str | None]:
    dossier = Dossier(start(*lines))
    dossier.begin(NOW)
    return {step.key: step.official for step in dossier.view(NOW).steps}


def test_after_a_transfer_the_first_row_tells_who_had_the_step_there() -> None:
    """Another step of the same role (of 1.001193: to receive and to return) stays with the roster's."""
    dossier = Dossier(
        start(
            submitted(procedure="1.001193"),
            row("transfer", "04-10 09:00", agency="H13.2.2"),
            row("complete", "04-10 10:00", step="receive", official="TB-02"),
        )
    )
    dossier.begin(NOW)
    steps = {step.key: step.official for step in dossier.view(NOW).steps}
    assert (steps["receive"], steps["return"]) == ("TB-02", catalogue().roster_default("H13.2.2", "one_stop"))
    (late,) = (late for late in dossier.latenesses(NOW) if late.step == "receive")
    assert late.official == catalogue().roster_default("H13.2.1", "one_stop")  # before the transfer


def test_april_is_sound_and_the_core_takes_all_of_it() -> None:
    with (ROOT / "samples" / "can-tho-2025-04" / "log.csv").open(encoding="utf-8-sig", newline="") as lines:
        log = read_log(lines, file="log.csv", now=NOW)
    reader = LogReader(catalogue(), NOW, Heard(by="UBND", reason="đã công bố"))
    assert all(reader.judge(log, code, rows) for code, rows in log.sound())
    assert (log.rows, len(log.dossiers), log.errors) == (1499, 222, [])


@pytest.mark.parametrize(
    ("lines", "line", "column", "reason"),
    [
        ([row("complete", "04-01 09:00", step="receive")], 2, "activity", "its submission, which is missing"),
        (
            [submitted(), row("complete", "04-01 07:30", step="receive")], 3, "at",
            "lies before the acceptance (line 2)",
        ),
        ([submitted(), submitted("04-01 09:00")], 3, "activity", "submitted already, in line 2"),
        ([submitted(procedure="2.000980")], 2, "procedure", "did you mean 2.000908"),
        ([submitted(agency="H13.2.1x")], 2, "agency", "unknown agency 'H13.2.1x': did you mean"),
        ([submitted(official="TAN-1")], 2, "official", "unknown official 'TAN-1': did you mean"),
        ([submitted(submitted_at="2025-04-01T08:01:00+07:00")], 2, "submitted_at", "not be later than"),
        (
            [submitted(received_by_competent_at="2025-04-01T07:59:00+07:00")], 2, "received_by_competent_at",
            "not be earlier than",
        ),
        ([submitted(), row("complete", "04-01 09:00", step="recieve")], 3, "step", "did you mean receive?"),
        ([submitted(), row("complete", "04-01 09:00")], 3, "step", "the field 'step' is missing"),
        (
            [submitted(), row("complete", "04-01 09:00", step="receive", procedure="1.001193")], 3, "procedure",
            "was submitted for 2.000908",
        ),
        (
            [submitted(), row("complete", "04-01 09:00", step="receive", official="TB-02")], 3, "official",
            "TB-02 belongs to H13.2.2, step 'receive' to H13.2.1: transfer it first",
        ),
        ([submitted(), row("complete", "04-01 09:00", step="sign")], 3, "activity", "has not begun"),
        (
            [
                submitted(),
                row("complete", "04-01 09:00", step="receive"),
                row("complete", "04-01 09:05", step="receive"),
                row("complete", "04-02 09:00", step="appraise"),
            ],
            4, "activity", "was completed at 2025-04-01T09:00:00+07:00",
        ),
        (
            [
                row("complete", "04-03 09:00", step="receive"),
                submitted(),
                row("withdraw", "04-02 08:00"),
            ],
            2, "activity", "was closed (withdrawn)",
        ),
        (
            [submitted(), row("extend", "04-01 09:00", step="receive", amount="two", unit="working_days")], 3,
            "amount", "amount",
        ),
        ([submitted(), row("transfer", "04-01 09:00")], 3, "agency", "the field 'agency' is missing"),
        (
            [submitted(), row("explain", "04-01 09:00", lateness=f"{ONE}:sign:1", text="bận")], 3, "lateness",
            "there is no lateness",
        ),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be(lines: list[str], line: int, column: str, reason: str) -> None:
    log = judged(*lines, *(each + "," * len(OPTIONAL) for each in SOUND))
    assert told(log) == [(line, column)]
    assert reason in log.errors[0].reason
    assert log.held_back == {ONE}
    assert [code for code, _ in log.sound()] == [TWO]


# --- a long one ----------------------------------------------------------------------------------------------------

DOSSIERS = 20_000


def long_log(broken: str | None = None, dossiers: int = DOSSIERS) -> Iterable[str]:
    """Five rows a dossier; in each hundredth the middle row is ``broken``."""
    yield HEADER + "\n"
    for number in range(dossiers):
        code = f"H13.2-250401-{number:06d}"
        yield f"{code},2.000908,submit,2025-04-01T08:00:00+07:00,,TAN-01,H13.2.1,\n"
        yield f"{code},,complete,2025-04-01T09:00:00+07:00,receive,TAN-01,,\n"
        if broken is not None and number % 100 == 50:
            yield broken.format(code=code)
        else:
            yield f'{code},,request_supplement,2025-04-01T09:10:00+07:00,,TAN-02,,"thiếu, ""bản sao"""\n'
        yield f"{code},,supplement_received,2025-04-02T09:10:00+07:00,,,,\n"
        yield f"{code},,withdraw,2025-04-02T09:30:00+07:00,,,,rút hồ sơ\n"


@pytest.mark.parametrize(
    "broken",
    [
        None,
        '{code},,complete,2025-04-01T09:10:00+07:00,appraise,TAN-02,,"open\n',
        "{code},,complete,2025-04-01T09:10:00,appraise,TAN-02,,\n",
        "{code},,complete\n",
    ],
)
def test_a_hundred_thousand_rows(broken: str | None) -> None:
    begun = time.process_time()
    log = read_log(long_log(broken), file="log.csv", now=NOW)
    assert time.process_time() - begun < 30
    held = DOSSIERS // 100 if broken else 0
    assert (log.rows, len(log.errors), len(log.held_back)) == (5 * DOSSIERS, held, held)
    assert sum(1 for _ in log.sound()) == DOSSIERS - held
    assert {error.line % 500 for error in log.errors} <= {254}


def test_a_row_takes_less_than_a_kilobyte_and_a_half() -> None:
    tracemalloc.start()
    log = read_log(long_log(dossiers=2_000), file="log.csv", now=NOW)
    current, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert log.rows == 10_000
    assert current < 10_000 * 1_500


@pytest.mark.parametrize(
    "brought", [(), (row("transfer", "04-01 09:30", step="appraise", agency="H13.2.2"),)]
)
def test_a_log_in_two_parts_names_whom_it_names_in_one(brought: tuple[str, ...]) -> None:
    official = "TB-02" if brought else "TAN-00"
    rows = (submitted(), row("complete", "04-01 09:00", step="receive", official="TAN-01"), *brought)
    last = row("complete", "04-10 15:00", step="appraise", official=official)
    whole, parts = Dossier(start(*rows, last)), Dossier(start(*rows))
    whole.begin(NOW)
    parts.begin(NOW)
    log = read(*rows, last, header=FULL).dossiers[ONE]
    given = LogReader(catalogue(), NOW).additions(log[len(rows) :], "2.000908")
    parts.accept(Request(given=given, imported=True), NOW)

    def named(dossier: Dossier) -> list[tuple[str | None, str, str | None, object]]:
        late = [each for each in dossier.latenesses(NOW) if each.state != "annulled"]
        return sorted((each.step or "", each.agency, each.official, each.shares) for each in late)

    assert ("appraise", official) in [(step, who) for step, _, who, _ in named(whole)]
    assert named(parts) == named(whole)
