"""Writes log.csv: what the offices of Can Tho did with their dossiers in April 2025. Invented, and always the same.

Eight dossiers are late, in the six units of the list that the city published (domain 1), by seven people; each is
late through one step. A ninth is excused, a tenth was published and retracted in June: neither is on the list as it
stands. They and the other telling cases are in cases.py, the ordinary ones are drawn here: every step
takes a part of its budget, so nobody else is late. `tests/samples` folds the log and counts.

    python samples/can-tho-2025-04/generate.py [FILE]
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random

from cases import CASES, NOT_LISTED
from life import (
    BIRTH,
    BUSINESS,
    CHANGE,
    COPY,
    EXTRACT,
    LAND_CHANGE,
    LAND_CORRECT,
    LAND_DELETE,
    LAND_FIRST,
    PERMIT,
    City,
    Life,
)

from models.rules import PlannedStep
from store.catalogue_files import read_catalogue

HERE = Path(__file__).resolve().parent
COLUMNS = [
    *("dossier", "procedure", "activity", "at", "step", "official", "agency", "reason"),
    *("submitted_at", "received_by_competent_at", "amount", "unit"),
    *("text", "lateness", "decision", "cause"),
]
ORDINARY: dict[str, dict[str, int]] = {
    # Districts: Ninh Kieu, Binh Thuy, Cai Rang, Phong Dien, Thoi Lai, Co Do, Vinh Thanh
    "H13.2": {BUSINESS: 15, PERMIT: 6},
    "H13.3": {BUSINESS: 4, PERMIT: 2},
    "H13.4": {BUSINESS: 3, PERMIT: 1},
    "H13.7": {BUSINESS: 3, PERMIT: 1},
    "H13.8": {BUSINESS: 3},
    "H13.9": {BUSINESS: 10, PERMIT: 2},
    "H13.10": {BUSINESS: 2, PERMIT: 1},
    # Wards, communes and towns
    "H13.2.1": {COPY: 5, EXTRACT: 3, BIRTH: 3, CHANGE: 1},
    "H13.2.3": {COPY: 3, EXTRACT: 2, BIRTH: 2, CHANGE: 1},
    "H13.2.5": {COPY: 2, EXTRACT: 2, BIRTH: 2},
    "H13.2.6": {COPY: 3, EXTRACT: 2, BIRTH: 1, CHANGE: 1},
    "H13.3.3": {COPY: 2, EXTRACT: 1, BIRTH: 2},
    "H13.4.1": {COPY: 2, EXTRACT: 2, BIRTH: 1},
    "H13.4.3": {COPY: 1, EXTRACT: 1, BIRTH: 2},
    "H13.5.1": {COPY: 2, EXTRACT: 1, BIRTH: 2},
    "H13.6.1": {COPY: 2, EXTRACT: 1, BIRTH: 1, CHANGE: 1},
    "H13.7.1": {COPY: 4, EXTRACT: 3, BIRTH: 3, CHANGE: 1},
    "H13.7.2": {COPY: 3, EXTRACT: 2, BIRTH: 3, CHANGE: 1},
    "H13.7.7": {COPY: 1, EXTRACT: 1, BIRTH: 2},
    "H13.8.1": {COPY: 2, EXTRACT: 1, BIRTH: 2},
    "H13.8.2": {COPY: 1, EXTRACT: 1, BIRTH: 2},
    "H13.8.3": {COPY: 3, EXTRACT: 2, BIRTH: 2, CHANGE: 1},
    "H13.8.5": {COPY: 1, EXTRACT: 1, BIRTH: 1},
    "H13.9.1": {COPY: 2, EXTRACT: 1, BIRTH: 2},
    "H13.9.3": {COPY: 1, EXTRACT: 1, BIRTH: 1},
    "H13.10.1": {COPY: 1, EXTRACT: 1, BIRTH: 2},
    "H13.10.2": {COPY: 2, EXTRACT: 2, BIRTH: 3, CHANGE: 1},
    # Land: the department, the registration office and three of its branches
    "H13.14": {LAND_CORRECT: 3},
    "H13.14.1": {LAND_CHANGE: 14, LAND_FIRST: 4},
    "H13.14.1.1": {LAND_DELETE: 4},
    "H13.14.1.6": {LAND_DELETE: 3},
    "H13.14.1.8": {LAND_DELETE: 3},
}
LAST_DAY = {PERMIT: 15, LAND_FIRST: 9, LAND_CHANGE: 22, LAND_CORRECT: 21}
"""Of April, on which the long ones are accepted at the latest: all but one are closed before June."""
SAME_DAY = (EXTRACT, BIRTH)
MISSING = {
    BUSINESS: "Thiếu giấy tờ chứng minh địa điểm kinh doanh, đề nghị bổ sung",
    PERMIT: "Bản vẽ thiết kế chưa thể hiện đủ kích thước, đề nghị bổ sung",
    LAND_CHANGE: "Thiếu văn bản thỏa thuận của các bên, đề nghị bổ sung",
    LAND_DELETE: "Thiếu văn bản thanh lý hợp đồng thuê, đề nghị bổ sung",
}
MISSING_ELSEWHERE = "Tờ khai ghi chưa đủ thông tin, đề nghị bổ sung"
REASON_OF_HAND_OVER = "Phân công lại do cán bộ đi tập huấn"


# --- the ordinary ones ---------------------------------------------------------------------------------------------


def ordinary(city: City, procedure: str, agency: str) -> None:
    dice, day = city.dice, draw_day(city, procedure)
    accepted = draw_time(city, day, same_day=procedure in SAME_DAY)
    submitted = received = None
    if dice.random() < 0.3:  # online, some of them in the evening before
        submitted = accepted - timedelta(minutes=dice.choice((12, 25, 47, 90, 660, 780)))
    if procedure == LAND_DELETE and dice.random() < 0.5:  # handed in at the city's centre
        received = city.calendar.due(accepted, dice.randint(180, 300) * 60)
    life = Life(city, procedure, agency, accepted, submitted=submitted, received=received)
    if procedure == LAND_FIRST:
        life.run_first_registration()
        return
    life.stage(1)
    handed_over = procedure not in SAME_DAY and interrupt(life, life.steps(2)[0], dice.random())
    life.run(first=3 if handed_over else 2)
    if dice.random() < 0.8:
        life.deliver()


def interrupt(life: Life, step: PlannedStep, lot: float) -> bool:
    """Some wait for a paper during the second step, some change hands early in it; True: those have finished it."""
    dice, official = life.city.dice, life.holder(step.key)
    at = life.after(dice.uniform(0.05, 0.15), step)
    if lot < 0.18:
        until = life.calendar.due(at, dice.randint(600, 2400) * 60)
        life.pause("supplement", at, until, MISSING.get(life.rules.procedure, MISSING_ELSEWHERE), official)
        return False
    taker = life.city.colleague(official)
    if lot > 0.26 or step.official is None or taker == official:
        return False
    life.row("hand_over", at, step=step.key, official=taker, reason=REASON_OF_HAND_OVER)
    life.complete(step.key, life.after(dice.uniform(0.2, 0.6), step, at), taker)
    return True


def draw_day(city: City, procedure: str) -> date:
    days = (date(2025, 4, day) for day in range(1, LAST_DAY.get(procedure, 29) + 1))
    return city.dice.choice([day for day in days if city.calendar.is_working_day(day)])


def draw_time(city: City, day: date, *, same_day: bool) -> datetime:
    """A minute of the day's sessions; what must be done the same day comes early, or after three for the next day."""
    sessions = ((425, 655), (785, 810), (905, 1010)) if same_day else ((425, 655), (785, 1010))
    minutes = [minute for first, last in sessions for minute in range(first, last)]
    minute = city.dice.choice(minutes)
    return datetime.combine(day, time(minute // 60, minute % 60), city.calendar.zone)


# --- the file ------------------------------------------------------------------------------------------------------


def build() -> str:
    """The whole log. Each agency exports its dossiers in a block of its own, every other one newest first."""
    catalogue = read_catalogue(HERE.parents[1] / "catalogue" / "can-tho")
    city = City(catalogue, catalogue.calendar_of(COPY), Random(202504))  # noqa: S311 - dice, not secrets
    for tell in CASES:
        tell(city)
    for agency, procedures in ORDINARY.items():
        for procedure, count in procedures.items():
            for _ in range(count):
                ordinary(city, procedure, agency)
    for tell in NOT_LISTED:
        tell(city)
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(as_exported(city.rows))
    return out.getvalue()


def as_exported(rows: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    blocks: dict[str, list[dict[str, str]]] = {}
    for row in sorted(rows, key=lambda row: row["at"]):
        blocks.setdefault(row["dossier"].split("-")[0], []).append(row)
    for number, block in enumerate(blocks.values()):
        yield from reversed(block) if number % 2 else block


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "log.csv"
    target.write_text(build(), encoding="utf-8")
