"""The month's list against a count by hand: random dossiers, lived twice, each figure as rules R11 have it.

One side is the engine: core, journal, projections, list. The other is ``tests.models.brute_force``, asked dossier by
dossier where it stood when the month ended.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from models.bulletin import Bulletin
from models.bulletin_rows import Names
from models.calendar import WorkingCalendar
from models.dossier import Dossier, Request
from models.errors import Refusal
from models.events import Event, Record
from models.submission import DossierStart
from store.bulletin import bulletin
from store.database import open_database, upgrade
from store.journal import Journal
from tests.models.brute_force import ZONE, BruteForce, Missed, OffTheGrid, cell_of, instant_of
from tests.models.office import VN
from tests.models.test_against_brute_force import Story, given_of

MONTHS = {"2025-03": 3, "2025-04": 4, "2025-05": 5, "2025-06": 6}
DOSSIERS = 40
OUTSIDE_766 = ("refused", "withdrawn")


@dataclass
class Life:
    """A random dossier up to an instant: what was done with it, as the simulation knows it, and its code."""

    code: str
    story: Story
    until: int
    acts: list[dict[str, Any]] = field(init=False)
    _known: dict[int, BruteForce] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.acts = [act for act in self.story.acts if act["at"] <= self.until]

    def as_of(self, cell: int) -> BruteForce:
        """Everything before ``cell``, nothing of what came then."""
        if cell not in self._known:
            self._known[cell] = self._lived_to(cell)
        return self._known[cell]

    def _lived_to(self, cell: int) -> BruteForce:
        story = self.story
        plan = [story.simulated(step) for step in story.steps]
        life = BruteForce(plan, story.total, "H13.2", story.accepted, story.received, restarts=story.restarts)
        for act in self.acts:
            if act["at"] < cell:
                life.act(**act)
        life.live_to(cell)
        return life

    def requests_before(self, cell: int) -> int:
        return sum(act["action"] == "request_supplement" and act["at"] < cell for act in self.acts)

    def records(self, draw: random.Random, *, late: bool) -> list[Record] | None:
        """What its workflow would tell the store. ``late``: all at the end, in any order; None: not possible."""
        start = self.story.core.start
        core = Dossier(DossierStart.model_validate(start.model_dump() | {"code": self.code}))
        told: list[Record] = []

        def tell(events: list[Event], now: datetime) -> None:
            if events:
                told.append(core.record(events, now))

        def live_to(now: datetime) -> None:
            while (wake := core.next_wake()) is not None and wake <= now:
                tell(core.pass_time(wake), wake)
            tell(core.pass_time(now), now)

        tell(core.begin(start.accepted_at), start.accepted_at)
        waiting = [(instant_of(act["at"]), given_of(act)) for act in self.acts]
        end = instant_of(self.until)
        if late:
            if len({at for at, _ in waiting}) < len(waiting):
                return None  # of acts at one instant the order counts
            draw.shuffle(waiting)
            live_to(end)
        while waiting:
            refused = []
            for at, given in waiting:
                now = end if late else at
                live_to(now)
                try:
                    tell(core.accept(Request(given=(given,)), now)[1], now)
                except Refusal:
                    refused.append((at, given))
            if len(refused) == len(waiting):
                return None
            waiting = refused
        live_to(end)
        return told


@dataclass
class Count:
    """A month, counted by hand."""

    bins: Counter[str] = field(default_factory=Counter)
    national: Counter[bool | None] = field(default_factory=Counter)
    received: int = 0
    named: list[tuple[str, Missed]] = field(default_factory=list)
    rows: list[tuple[str, str, str, float]] = field(default_factory=list)


def counted(lives: list[Life], month: str, now: int) -> Count:
    count = Count()
    first, end = (
        cell_of(datetime(2025, number, 1, tzinfo=ZONE)) for number in (MONTHS[month], MONTHS[month] + 1)
    )
    last_day = min(end - 1, now)
    for life in lives:
        today = life.as_of(now)
        late_step = any(miss.step for miss in today.missed)
        for miss in today.missed:
            if first <= miss.due < end and (miss.step or not late_step):
                count.named.append((life.code, miss))
                overrun = float(sum(miss.clock.after.values()))
                count.rows.append((life.code, miss.step or "", instant_of(miss.due).isoformat(), overrun))
        if life.story.accepted >= min(end, now + 1):
            continue
        then = life.as_of(min(end, now + 1))
        if then.closed is None or then.closed >= first:
            count.received += life.story.accepted >= first
            requests = life.requests_before(min(end, now + 1))
            bin_, on_time = _judged(then, min(end, now), last_day, requests)
            count.bins[bin_] += 1
            count.national[on_time] += 1
    return count


def _judged(life: BruteForce, end: int, last_day: int, requests: int) -> tuple[str, bool | None]:
    """Its bin, and whether Decision 766 has it on time (None: it has no place there)."""
    missed = any(miss.step is None and miss.due < end for miss in life.missed)
    has_deadline = life.promise.limit is not None
    if life.closed is not None:
        ever_missed = any(miss.step is None for miss in life.missed)
        on_time = life.promise.missed is None and requests < 2
        judged = has_deadline and life.status not in OUTSIDE_766
        return "late" if ever_missed else "on_time", on_time if judged else None
    if not has_deadline:
        return "no_deadline", None
    bin_ = "open_overdue" if missed else "paused" if life.pause else "open_in_time"
    if requests > 1:
        return bin_, False
    if life.pause and not missed:
        return bin_, True
    due = life.promise.due(life.now) if life.promise.runs_from is not None else life.promise.last_due
    assert due is not None
    return bin_, instant_of(due).date() >= instant_of(last_day).date()


def lives_of(draw: random.Random, seed: int, until: int) -> list[Life]:
    lives = []
    for number in range(DOSSIERS):
        story = Story(1000 * seed + number)
        try:
            story.live()
        except OffTheGrid:
            continue
        if story.accepted <= until:
            lives.append(Life(f"H13.2-250401-{number:04}", story, until))
    return lives


@pytest.mark.parametrize(("seed", "late"), [(11, False), (12, False), (15, False), (1, True), (12, True)])
def test_a_list_says_what_a_count_by_hand_does(tmp_path: Path, seed: int, late: bool) -> None:
    draw = random.Random(seed)  # noqa: S311 - the same city each time
    month, day, hour = draw.choice((4, 5, 5, 6)), draw.randint(1, 15), draw.choice((0, 7, 9, 11, 15, 17, 20))
    now = cell_of(datetime(2025, month, day, hour, draw.choice((0, 30)), tzinfo=ZONE))
    told = [(life, life.records(draw, late=late)) for life in lives_of(draw, seed, now)]
    upgrade(f"sqlite:///{tmp_path}/danbiet.db")
    engine = open_database(f"sqlite:///{tmp_path}/danbiet.db")
    Journal(engine, "test").record_now([record for _, records in told for record in records or ()])
    lives = [life for life, records in told if records is not None]
    for period, number in MONTHS.items():
        if number <= month:
            found = bulletin(
                engine, period, now=instant_of(now), names=Names(), calendar=WorkingCalendar.of(VN)
            )
            _agree(found, counted(lives, period, now), late=late)
    engine.dispose()


def _agree(found: Bulletin, count: Count, *, late: bool) -> None:
    bins = found.totals.model_dump(exclude={"received"})
    assert {name: number for name, number in bins.items() if number} == count.bins
    assert found.totals.received == count.received
    fair, national = found.rates.fair_counts, found.rates.national_766_counts
    assert fair.on_time == count.bins["on_time"]
    assert fair.dossiers == sum(count.bins[name] for name in ("on_time", "late", "open_overdue"))
    assert (national.on_time, national.dossiers) == (
        count.national[True],
        count.national[True] + count.national[False],
    )
    if late:
        return  # what was published and then retracted keeps a promise's lateness off the list (R11)
    rows = sorted((row.dossier, row.step or "", row.due_at, row.overrun_minutes) for row in found.rows)
    assert rows == sorted(count.rows)
    holders = [miss.named for _, miss in count.named]
    assert found.agencies == len({agency for agency, _ in holders})
    assert found.officials == len({official for _, official in holders if official is not None})
    assert found.dossiers == len({code for code, _ in count.named})
