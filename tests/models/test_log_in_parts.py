"""A log brought in month by month is judged as it is in one piece (rules R1, R3): random logs, every fact.

Whom a log shows to have held a step is known only when the first row about it comes, often in a later part.
"""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from models.catalogue import Catalogue
from models.dossier import Dossier, Request
from models.errors import Refusal
from models.lateness import Lateness, LatenessState
from models.log import OPTIONAL, REQUIRED, Row, read_log
from models.log_starts import LogReader
from models.views import StepState
from store.catalogue_files import read_catalogue

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
CODE = "H13.2-250401-0001"
HEADER = ",".join((*REQUIRED, *OPTIONAL))
OFFICIALS = {
    "H13.2.1": ["TAN-00", "TAN-01", "TAN-02", "TAN-04", "TAN-05"],
    "H13.2.2": ["TB-00", "TB-01", "TB-02", "TB-04", "TB-05"],
    "H13.2": ["NK-00"],
}
PROCEDURES = ("2.000908", "1.001193", "1.004859")
ACTIVITIES = ["complete"] * 8 + ["hand_over"] * 3 + ["transfer"] * 2 + ["extend", "send_back"]
ACTIVITIES += ["request_supplement", "request_payment", "refuse", "deliver"]
GAPS = (5, 30, 60, 90, 120, 240, 480, 1440, 2880, 7200)
"""Minutes."""
LOGS = 40
"""A test."""


@cache
def catalogue() -> Catalogue:
    return read_catalogue(ROOT / "catalogue" / "can-tho")


@dataclass
class Written:
    """A random log of one dossier that the core takes whole, as lines of CSV."""

    procedure: str
    lines: list[str]

    @property
    def rows(self) -> list[Row]:
        text = "\n".join((HEADER, *self.lines, ""))
        log = read_log(io.StringIO(text, newline=""), file="log.csv", now=NOW)
        assert log.errors == []
        return log.dossiers[CODE]


def line(activity: str, at: datetime, **cells: str) -> str:
    known = {"dossier": CODE, "activity": activity, "at": at.isoformat(), **cells}
    return ",".join(known.get(column, "") for column in (*REQUIRED, *OPTIONAL))


def written(seed: int) -> Written:
    draw = random.Random(seed)  # noqa: S311 - the same log each time
    procedure = draw.choice(PROCEDURES)
    at = datetime(2025, 4, draw.randint(1, 25), draw.randint(7, 16), draw.choice((0, 5, 30)), tzinfo=ZONE)
    log = Written(procedure, [line("submit", at, procedure=procedure, agency="H13.2.1")])
    dossier = whole(log.rows)
    for _ in range(draw.randint(3, 16)):
        at += timedelta(minutes=draw.choice(GAPS) if draw.random() < 0.9 else 0)
        more = Written(procedure, [*log.lines, line(at=at, **some_row(draw, dossier))])
        try:
            dossier = whole(more.rows)
        except Refusal:
            continue
        log = more
    return log


def some_row(draw: random.Random, dossier: Dossier) -> dict[str, str]:
    view = dossier.view(NOW)
    if view.portal_status in (5, 6) and draw.random() < 0.6:
        return {"activity": "supplement_received" if view.portal_status == 5 else "payment_received"}
    running = [step for step in view.steps if step.state is StepState.RUNNING] or list(view.steps)
    activity = draw.choice(ACTIVITIES)
    row = {"activity": activity}
    if activity in ("complete", "extend"):
        row["step"] = draw.choice(running).key
    if activity in ("hand_over", "send_back"):
        row["step"] = draw.choice(view.steps).key
    if activity == "transfer":
        row |= {
            "agency": draw.choice(list(OFFICIALS)),
            "step": draw.choice(["", *(s.key for s in view.steps)]),
        }
    if activity == "extend":
        row |= {"amount": "1", "unit": "working_days"}
    if activity == "hand_over" or draw.random() < 0.8:
        agency = next((step.agency for step in view.steps if step.key == row.get("step")), "H13.2.1")
        known = OFFICIALS[agency] if draw.random() < 0.7 else OFFICIALS[draw.choice(list(OFFICIALS))]
        row["official"] = draw.choice(known)
    return row


# --- bringing it in --------------------------------------------------------------------------------------------------


def whole(rows: Sequence[Row], now: datetime = NOW) -> Dossier:
    dossier = Dossier(LogReader(catalogue(), NOW).start(CODE, rows))
    dossier.begin(now)
    return dossier


def add(dossier: Dossier, log: Written, part: Sequence[Row], now: datetime = NOW) -> None:
    """As `danbiet import` does with rows of a dossier that is known; without the row of the submission."""
    given = LogReader(catalogue(), now).additions(part, log.procedure)
    dossier.accept(Request(given=given, imported=True), now)


def in_order(draw: random.Random, rows: list[Row]) -> list[list[Row]]:
    """Parts of a few rows each."""
    parts, left = [], rows
    while left:
        size = draw.randint(1, 4)
        parts.append(left[:size])
        left = left[size:]
    return parts


def shuffled(draw: random.Random, rows: list[Row]) -> list[list[Row]]:
    """The submission first, the others as they come; of rows at one instant the order counts: they come together."""
    first, *others = rows
    together: dict[datetime, list[Row]] = {}
    for row in others:
        together.setdefault(row.at, []).append(row)
    parts = list(together.values())
    draw.shuffle(parts)
    return [[first], *parts]


def takes(dossier: Dossier, log: Written, part: Sequence[Row]) -> bool:
    try:
        add(dossier, log, part)
    except Refusal:
        return False
    return True


def pass_time(dossier: Dossier, until: datetime) -> None:
    """As its timer would: a wake for each threshold."""
    while (wake := dossier.next_wake()) is not None and wake <= until:
        dossier.pass_time(wake)
    dossier.pass_time(until)


# --- the facts -------------------------------------------------------------------------------------------------------


def facts(dossier: Dossier, now: datetime = NOW) -> dict[str, Any]:
    """All but the numbers and ordinals that tell in which order it became known."""
    view = dossier.view(now)
    return {
        "view": view.model_dump(exclude={"sequence", "latenesses"}),
        "latenesses": [late.model_dump(exclude={"id"}) for late in standing(dossier, now)],
        "why": [dossier.why(step.key, now) for step in view.steps],
    }


def standing(dossier: Dossier, now: datetime) -> list[Lateness]:
    gone = (LatenessState.ANNULLED, LatenessState.RETRACTED)
    stand = [late for late in dossier.latenesses(now) if late.state not in gone]
    return sorted(stand, key=lambda late: (late.step or "", late.due_at))


def missed(late: Lateness) -> tuple[Any, ...]:
    """What became late and through whom, whenever it was told."""
    return (late.step, late.due_at, late.shares, late.after, late.overrun_minutes, late.completed_at)


def seeds(tests: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("first", range(0, tests * LOGS, LOGS))


@seeds(3)
def test_a_log_cut_anywhere_tells_what_it_tells_whole(first: int) -> None:
    for seed in range(first, first + LOGS):
        log = written(seed)
        expected = facts(whole(log.rows))
        for place in range(1, len(log.rows)):
            dossier = whole(log.rows[:place])
            add(dossier, log, log.rows[place:])
            assert facts(dossier) == expected, f"log {seed}, cut at {place}"


@seeds(2)
def test_the_order_in_which_parts_come_tells_nothing(first: int) -> None:
    arrived = 0
    for seed in range(first, first + LOGS):
        log, draw = written(seed), random.Random(seed)  # noqa: S311 - the same order each time
        begun, *waiting = shuffled(draw, log.rows)
        dossier = whole(begun)
        while (refused := [part for part in waiting if not takes(dossier, log, part)]) != waiting:
            waiting = refused
        if not refused:
            arrived += 1
            assert facts(dossier) == facts(whole(log.rows)), f"log {seed}"
    assert arrived > LOGS / 2


def test_who_turns_out_to_have_had_a_step_is_told() -> None:
    at = datetime(2025, 4, 1, 8, tzinfo=ZONE)
    submission = line("submit", at, procedure="2.000908", agency="H13.2.1")
    done = line("complete", at + timedelta(minutes=30), step="receive", official="TAN-03")
    rows = Written("2.000908", [submission, done]).rows
    dossier = whole(rows[:1], at)
    given = LogReader(catalogue(), NOW).additions(rows[1:], "2.000908")
    _, told = dossier.accept(Request(given=given, imported=True), at + timedelta(hours=1))
    begun = [(event.at, event.data["official"]) for event in told if event.data.get("step") == "receive"]
    assert begun == [(at, "TAN-03"), (at + timedelta(minutes=30), "TAN-03")]


@seeds(3)
def test_parts_that_come_while_deadlines_pass_tell_the_same(first: int) -> None:
    named = 0
    for seed in range(first, first + LOGS):
        log, draw = written(seed), random.Random(seed)  # noqa: S311 - the same parts each time
        begun, *later = in_order(draw, log.rows)
        now = begun[-1].at
        dossier = whole(begun, now)
        for part in later:
            now = part[-1].at + timedelta(minutes=draw.choice(GAPS))
            pass_time(dossier, now)
            add(dossier, log, part, now)
        expected = whole(log.rows, now)
        assert facts(dossier, now)["view"] == facts(expected, now)["view"], f"log {seed}"
        assert facts(dossier, now)["why"] == facts(expected, now)["why"], f"log {seed}"
        for late, other in zip(standing(dossier, now), standing(expected, now), strict=True):
            assert missed(late) == missed(other), f"log {seed}"
            if (
                late.state is LatenessState.RECORDED
            ):  # once it is published it comes to name nobody else (rules R9)
                named += 1
                assert (late.official, late.agency, late.head) == (
                    other.official,
                    other.agency,
                    other.head,
                ), seed
    assert named > LOGS / 4
