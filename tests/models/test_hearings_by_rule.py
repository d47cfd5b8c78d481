"""Hearings against a simulation that was written from rules R9 and R10 alone: random dossiers that are told late.

What the facts are at an instant is asked of ``tests.models.brute_force``: everything told by then, lived up to then.
What was told before stays told, so that each difference must be annulled, named anew, corrected or retracted.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

import pytest

from models.actions import Actor, Given, Role, parse_action
from models.dossier import Request
from models.errors import Refusal
from models.events import Event, EventType
from models.hearing import EVENT_OF
from models.lateness import Lateness, LatenessState
from tests.models.brute_force import (
    DAY,
    HOUR,
    WORKS,
    BruteForce,
    Holder,
    Illegal,
    Missed,
    OffTheGrid,
    cell_of,
    instant_of,
)
from tests.models.office import AGENCY, CODE, HEADS
from tests.models.test_against_brute_force import Act, Story, given_of

LIVES = 40
DELAYS = [0, 0, 0, 1, HOUR, 4 * HOUR, DAY, 2 * DAY, 6 * DAY, 8 * DAY]
REVIEWER = Actor(name="REV", role=Role.SUPERVISOR)
WINDOW = 3 * 8 * 3600
"""Working seconds."""
BACKDATE_LIMIT = timedelta(minutes=15)
PUBLIC = ("published", "corrected")


Saying = tuple[str, Holder, datetime]
"""State, whom it names, since when this hearing goes on."""


@dataclass
class Hearing:
    """One lateness as it was told."""

    id: str
    clock: tuple[str | None, int]
    """Of which step (None: the promise), and of its clocks which."""
    named: Holder
    """By the facts; what is shown may have been corrected."""
    due: datetime
    recorded_at: datetime
    shown: Holder = ("", None)
    state: str = "recorded"
    explained: tuple[datetime, str] | None = None
    review: tuple[str, str] | None = None
    published_at: datetime | None = None
    gone: bool = False
    told: list[Saying] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tell("recorded", self.named)

    @property
    def closes(self) -> datetime:
        return working_seconds_after(self.recorded_at, WINDOW)

    @property
    def publishes(self) -> datetime | None:
        """The closing instant is still in time, so it is a second later."""
        if self.gone or self.state != "recorded":
            return None
        return max(self.closes + timedelta(seconds=1), self.due + BACKDATE_LIMIT)

    def tell(self, state: str, shown: Holder) -> None:
        self.state, self.shown = state, shown
        self.told.append((state, shown, self.recorded_at))

    def vanish(self) -> None:
        self.gone = True
        if self.state in ("recorded", "excused"):
            self.tell("annulled", self.shown)
        elif self.state in PUBLIC:
            self.tell("retracted", self.shown)

    def rename(self, named: Holder, now: datetime) -> None:
        self.named = named
        if self.state in ("recorded", "excused"):
            self.recorded_at, self.explained, self.review = now, None, None
            self.tell("recorded", named)
        elif self.state in PUBLIC:
            self.tell("corrected", (named[0], None))

    def explain(self, now: datetime, text: str) -> None:
        if self.state in ("annulled", "retracted"):
            raise Illegal
        if self.explained is None or now <= self.closes:
            self.explained = now, text

    def judge(self, decision: str) -> None:
        if self.state != "recorded":
            raise Illegal
        self.review = "review", decision
        if decision == "excused":
            self.tell("excused", self.shown)

    def correct(self, decision: str) -> None:
        if self.state not in PUBLIC:
            raise Illegal
        self.review = "correct", decision
        self.tell(decision, self.shown if decision == "retracted" else (self.shown[0], None))


def working_seconds_after(instant: datetime, seconds: int) -> datetime:
    cell = cell_of(instant)
    at = instant
    while True:
        end = instant_of(cell + 1)
        if WORKS[cell]:
            counted = int((end - at).total_seconds())
            if counted >= seconds:
                return at + timedelta(seconds=seconds)
            seconds -= counted
        cell, at = cell + 1, end


class Told:
    """A story told with delays: to the core, and to the simulation."""

    def __init__(self, seed: int) -> None:
        self.story = Story(seed)
        self.story.live()
        self.draw = random.Random(seed + 1)  # noqa: S311 - the same each time
        self.core = self.story._start()
        self.now = self.story.accepted
        self.known: list[Act] = []
        self.hearings: list[Hearing] = []
        self.events: dict[str, list[Saying]] = {}

    def live(self) -> None:
        arrivals = sorted(
            ((act["at"] + self.draw.choice(DELAYS), number) for number, act in enumerate(self.story.acts))
        )
        for at, number in arrivals:
            self._hearings_until(at)
            self._arrive(self.story.acts[number], at)
        self._hearings_until(self.now + 8 * DAY)

    def _hearings_until(self, end: int) -> None:
        while self.draw.random() < 0.6 and self.now < end:
            self._pass(self.draw.randint(self.now, end))
            for hearing in self.hearings:
                if self.draw.random() < 0.5:
                    self._hear(hearing)
        self._pass(end)

    # --- facts ---------------------------------------------------------------------------------------------------

    def _facts(self, known: list[Act], now: int) -> dict[tuple[str | None, int], Missed]:
        """R1: the acts in the order of their instants, then of their acceptance; then time passes."""
        story = self.story
        life = BruteForce(
            [story.simulated(plan) for plan in story.steps],
            story.total,
            AGENCY,
            story.accepted,
            story.received,
            restarts=story.restarts,
        )
        for act in sorted(known, key=lambda act: act["at"]):
            life.act(**act)
        life.live_to(now)
        found = {}
        for miss in life.missed:
            clocks = life.step(miss.step).clocks if miss.step else life.promises
            number = next(n for n, clock in enumerate(clocks, 1) if clock is miss.clock)
            found[miss.step, number] = miss
        return found

    def _pass(self, until: int) -> None:
        """Time alone: deadlines are missed, windows close."""
        new = [miss for miss in self._facts(self.known, until).items() if self._live(miss[0]) is None]
        for clock, miss in new:
            self._record(clock, miss, instant_of(miss.due) + timedelta(seconds=1))
        for hearing in self.hearings:
            if (at := hearing.publishes) is not None and at <= instant_of(until):
                hearing.published_at = at
                hearing.tell("published", hearing.shown)
        while (wake := self.core.next_wake()) is not None and wake <= instant_of(until):
            self._listen(self.core.pass_time(wake))
        self._listen(self.core.pass_time(instant_of(until)))
        self.now = until

    def _arrive(self, act: Act, now: int) -> None:
        """Told now, whenever it was; what the core refuses, nobody knows of."""
        if not self._takes(given_of(act), instant_of(now)):
            return
        self.known.append(act)
        facts = self._facts(self.known, now)
        for hearing in self.hearings:
            if hearing.gone:
                continue
            miss = facts.get(hearing.clock)
            if miss is None:
                hearing.vanish()
                continue
            hearing.due = instant_of(miss.due)
            if miss.named != hearing.named:
                hearing.rename(miss.named, instant_of(now))
        for clock, miss in facts.items():
            if self._live(clock) is None:
                self._record(clock, miss, instant_of(now))

    def _live(self, clock: tuple[str | None, int]) -> Hearing | None:
        return next((each for each in self.hearings if each.clock == clock and not each.gone), None)

    def _record(self, clock: tuple[str | None, int], miss: Missed, at: datetime) -> None:
        number = 1 + sum(each.clock[0] == clock[0] for each in self.hearings)
        id_ = f"{CODE}:{clock[0] or 'promise'}:{number}"
        self.hearings.append(Hearing(id_, clock, miss.named, instant_of(miss.due), at))

    # --- hearings ------------------------------------------------------------------------------------------------

    def _hear(self, hearing: Hearing) -> None:
        now = instant_of(self.now)
        if now < hearing.recorded_at:
            return
        about: dict[str, Any] = {"at": now, "lateness": hearing.id}
        by = REVIEWER
        legal = True
        try:
            match self.draw.choice(("explain", "explain", "review", "correct")):
                case "explain":
                    answers = hearing.shown[1] or HEADS.get(hearing.shown[0])
                    text = f"said {now}"
                    about |= {"action": "explain", "text": text, "official": answers}
                    by = Actor(name=str(answers), role=Role.OFFICIAL)
                    hearing.explain(now, text)
                case "review":
                    decision = self.draw.choice(("upheld", "excused"))
                    about |= {"action": "review", "decision": decision, "cause": "objective", "reason": "?"}
                    hearing.judge(decision)
                case _:
                    decision = self.draw.choice(("corrected", "retracted"))
                    about |= {"action": "correct", "decision": decision, "reason": "?"}
                    hearing.correct(decision)
        except Illegal:
            legal = False
        assert self._takes(Given(action=parse_action(about), by=by), now) == legal, (about, hearing)

    # --- the core ------------------------------------------------------------------------------------------------

    def _takes(self, given: Given, now: datetime) -> bool:
        try:
            self._listen(self.core.accept(Request(given=(given,)), now)[1])
        except Refusal:
            return False
        return True

    def _listen(self, events: list[Event]) -> None:
        """What goes out of each lateness; told anew with other minutes it is still the same."""
        for event in events:
            if event.type.is_disclosure and event.type.goes_out and event.type is not EventType.SETTLED:
                data: Any = event.data
                assert event.type is EVENT_OF[LatenessState(data["state"])]
                recorded_at = datetime.fromisoformat(data["recorded_at"])
                saying = data["state"], (data["agency"], data["official"]), recorded_at
                said = self.events.setdefault(event.subject, [])
                if said[-1:] != [saying]:
                    said.append(saying)


def facts_of(late: Lateness) -> dict[str, Any]:
    return {
        "state": late.state.value,
        "named": (late.agency, late.official),
        "head": late.head,
        "due": late.due_at,
        "recorded": late.recorded_at,
        "closes": late.window_closes_at,
        "explained": (late.explained_at, late.explanation) if late.explained_at else None,
        "review": late.review.decision.value if late.review else None,
        "published": late.published_at,
    }


def simulated(hearing: Hearing) -> dict[str, Any]:
    return {
        "state": hearing.state,
        "named": hearing.shown,
        "head": None if hearing.shown[1] else HEADS.get(hearing.shown[0]),
        "due": hearing.due,
        "recorded": hearing.recorded_at,
        "closes": hearing.closes,
        "explained": hearing.explained,
        "review": hearing.review[1] if hearing.review else None,
        "published": hearing.published_at,
    }


@pytest.mark.parametrize("first", [0, 40, 160, 280])  # the last with one that goes to another agency
def test_random_hearings_come_out_alike(first: int) -> None:
    turns: Counter[str] = Counter()
    for seed in range(first, first + LIVES):
        try:
            told = Told(seed)
            told.live()
        except OffTheGrid:
            continue
        found = {late.id: facts_of(late) for late in told.core.latenesses(instant_of(told.now))}
        assert found == {each.id: simulated(each) for each in told.hearings}, f"story {seed}"
        said = {each.id: [saying for saying, _ in groupby(each.told)] for each in told.hearings}
        assert told.events == said, f"story {seed}"
        turns.update(f"{a[0]} {b[0]}" for each in told.hearings for a, b in pairwise(each.told))
    assert turns.keys() >= {
        "recorded published",
        "recorded annulled",
        "recorded excused",
        "published corrected",
        "published retracted",
    }
