"""Random procedures and random lives of dossiers, for the property tests of the core."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from models.actions import Actor, Given, Role, parse_action
from models.budget import Budget, Unit
from models.dossier import Dossier, Request
from models.errors import Refusal
from models.events import Event
from models.lateness import Lateness, LatenessState
from models.procedure import Policies, Rung, RungOf, RungTo, Supplement
from models.rules import PlannedStep, Rules
from models.submission import DossierStart
from models.views import Status, StepState
from tests.models.office import ADMIN, AGENCY, CODE, HEADS, OTHER, PARENTS, THIRD, VN, at, days, hours

DEPTH = int(os.environ.get("DANBIET_PROOF_DEPTH", "0"))
"""0: the same few lives at every run. Above: that many times as many, and others each time."""

AGENCIES = (AGENCY, OTHER, THIRD)
OFFICIALS = ("A", "B", "C", "D")
SECOND = timedelta(seconds=1)


def effort(examples: int) -> settings:
    return settings(
        max_examples=examples * max(DEPTH, 1),
        derandomize=DEPTH == 0,
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.filter_too_much,
            HealthCheck.data_too_large,
        ],
    )


def rung(key: str, of: RungOf, to: RungTo, **when: Any) -> Rung:
    return Rung(key=key, of=of, to=to, **when)


RUNGS = (
    rung("half", RungOf.STEP, RungTo.HOLDER, percent=50),
    rung("soon", RungOf.STEP, RungTo.HOLDER, before=hours(1)),
    rung("missed", RungOf.STEP, RungTo.HEAD, percent=100),
    rung("long", RungOf.STEP, RungTo.PARENT_HEAD, after=hours(4)),
    rung("promise_soon", RungOf.PROMISE, RungTo.HEAD, percent=80),
    rung("promise_long", RungOf.PROMISE, RungTo.PARENT_HEAD, after=days(1)),
)


def amounts(unit: Unit, *some: float) -> st.SearchStrategy[Budget]:
    return st.sampled_from([Budget(amount=Decimal(str(amount)), unit=unit) for amount in some])


budgets = st.one_of(
    amounts(Unit.WORKING_HOURS, 2, 0.25, 0.5, 1, 8),
    amounts(Unit.WORKING_DAYS, 0),
    amounts(Unit.CALENDAR_DAYS, 0, 1, 2, 3),
)
totals = st.one_of(
    amounts(Unit.WORKING_DAYS, 0, 1, 2, 3, 5),
    amounts(Unit.CALENDAR_DAYS, 0, 1, 2, 6),
    amounts(Unit.MONTHS, 1),
)
policies = st.builds(
    Policies,
    supplement=st.sampled_from(Supplement),
    ladder=st.lists(st.sampled_from(RUNGS), unique=True, max_size=4).map(tuple),
    explanation_window=st.sampled_from((days(3), Budget(amount=Decimal(2), unit=Unit.CALENDAR_DAYS))),
)
instants = st.builds(
    lambda day, minute, second: at("03-31 00:00") + timedelta(days=day, minutes=minute, seconds=second),
    st.integers(0, 12),
    st.integers(6 * 60, 18 * 60),
    st.sampled_from((0, 0, 0, 1, 37)),
)
gaps = st.one_of(
    st.integers(1, 90).map(lambda minutes: timedelta(minutes=minutes)),
    st.integers(1, 40).map(lambda hours: timedelta(minutes=37 * hours)),
    st.integers(1, 59).map(lambda seconds: timedelta(seconds=seconds)),
)


@st.composite
def starts(draw: st.DrawFn) -> DossierStart:
    """A procedure of 1 to 4 stages with 1 to 3 steps each, and a submission to it."""
    shape = draw(st.lists(st.sampled_from((1, 1, 1, 2, 3)), min_size=1, max_size=5))
    steps = tuple(
        PlannedStep(
            key=f"s{stage}{place}",
            stage=stage,
            name=f"s{stage}{place}",
            role="clerk",
            agency=draw(st.sampled_from((AGENCY, AGENCY, OTHER))),
            official=draw(st.sampled_from((*OFFICIALS, None))),
            budget=draw(budgets),
        )
        for stage, width in enumerate(shape, 1)
        for place in range(width)
    )
    accepted = draw(instants)
    rules = Rules(
        procedure="2.000908",
        procedure_version="1",
        agency=AGENCY,
        total=draw(totals),
        steps=steps,
        policies=draw(policies),
        calendar=VN.slice(accepted.date()),
        heads=HEADS,
        parents=PARENTS,
    )
    received = draw(st.sampled_from((None, timedelta(hours=2), timedelta(days=1))))
    return DossierStart(
        code=CODE,
        rules=rules,
        accepted_at=accepted,
        received_at=None if received is None else accepted + received,
    )


choices = st.tuples(gaps, st.integers(0, 19), st.integers(0, 10_000))
lives = st.lists(choices, min_size=3, max_size=16)
"""What a life is made of: how long after the one before, which kind of action, and of what."""


class Life:
    """One dossier and the clock on the wall; remembers what was accepted and every event."""

    def __init__(self, start: DossierStart) -> None:
        self.dossier = Dossier(start)
        self.now = start.accepted_at
        self.accepted: list[Given] = []
        self.events: list[Event] = self.dossier.begin(self.now)

    def jump_to(self, until: datetime) -> None:
        """Nobody woke in between."""
        self.now = max(self.now, until)
        self.events += self.dossier.pass_time(self.now)

    def live_to(self, until: datetime) -> None:
        """Woken whenever the dossier asked for it."""
        while (wake := self.dossier.next_wake()) is not None and wake <= until:
            assert wake > self.now or self.events
            self.events += self.dossier.pass_time(max(wake, self.now))
            assert self.dossier.next_wake() != wake, "it would wake for ever"
        self.now = max(self.now, until)

    def accept(self, *given: Given) -> bool:
        return self.hand_in(Request(given=given))

    def hand_in(self, request: Request) -> bool:
        try:
            _, told = self.dossier.accept(request, self.now)
        except Refusal:
            return False
        self.accepted += request.given
        self.events += told
        return True

    def sensible(self, kind: int, pick: int, when: datetime, *, by: Actor | None = ADMIN) -> Given:
        """An action that fits the dossier as it stands: ``kind`` and ``pick`` choose among what there is.

        ``by`` None: whoever holds the step.
        """
        view = self.dossier.view(self.now)
        running = [step for step in view.steps if step.state is StepState.RUNNING] or list(view.steps)
        unfinished = [s for s in view.steps if s.state in ("running", "paused", "pending")] or running
        some, any_ = running[pick % len(running)], unfinished[pick % len(unfinished)]
        person = OFFICIALS[pick // 3 % 4]
        agency = next(each for each in AGENCIES if each not in (view.agency, any_.agency))
        hand_over = {"action": "hand_over", "step": any_.key, "official": person, "of_agency": any_.agency}
        complete = {"action": "complete", "step": some.key} | ({"official": person} if pick % 4 == 0 else {})
        roster = {"clerk": person} if pick % 2 else {}
        transfer = {"action": "transfer", "agency": agency, "roster": roster, "head": HEADS[agency]}
        extend = {
            "action": "extend",
            "amount": 1 + pick % 3,
            "unit": ("working_hours", "working_days", "calendar_days")[pick % 3],
            "step": some.key,
        }
        closing = {"action": ("refuse", "withdraw", "stop")[pick % 3]}
        fields: dict[str, Any]
        match view.status:
            case Status.PAUSED:
                resume = {"action": "payment_received" if view.portal_status == 6 else "supplement_received"}
                fields = (
                    (hand_over, transfer, transfer | {"step": any_.key}, extend, closing)[kind - 15]
                    if kind > 14
                    else resume
                )
            case status if status is Status.RUNNING or (view.closed_at is not None and when < view.closed_at):
                done = [s for s in view.steps if s.stage < running[0].stage]
                back = done[pick % len(done)] if done else some
                request = {"action": "request_supplement"}
                send_back = {"action": "send_back", "step": back.key} if done else complete
                rarer = {
                    9: transfer,
                    10: transfer | {"step": any_.key},
                    11: extend,
                    12: request,
                    13: request,
                    14: {"action": "request_payment"},
                    15: send_back,
                    16: send_back,
                    19: closing if pick % 2 else complete,
                }
                fields = hand_over if kind in {6, 7, 8} else rarer.get(kind, complete)
            case _:
                fields = {"action": "deliver"}  # fmt: skip
        if by is None:
            by = Actor(name=some.official or person, role=Role.OFFICIAL)
        return Given(action=parse_action({**fields, "at": when, "reason": "sổ theo dõi"}), by=by)

    def lead(self, life: Sequence[tuple[timedelta, int, int]], *, wakes: bool = True) -> None:
        """Live through the choices, each action at its instant; what the rules refuse did not happen."""
        for gap, kind, pick in life:
            until = max(self.now, self.accepted[-1].action.at if self.accepted else self.now) + gap
            if wakes:
                self.live_to(until)
            self.now = until
            self.accept(self.sensible(kind, pick, until))


def facts(dossier: Dossier, now: datetime) -> set[tuple[Any, ...]]:
    """The missed deadlines that stand: of what, when, whose, and by how much."""
    return {essence(late) for late in dossier.latenesses(now) if late.state is not LatenessState.ANNULLED}


def essence(late: Lateness) -> tuple[Any, ...]:
    return (
        late.step, late.due_at, late.agency, late.official, late.head, late.shares, late.after,
        late.overrun_minutes, late.completed_at,
    )  # fmt: skip


def seen(dossier: Dossier, now: datetime) -> dict[str, Any]:
    """The dossier as people see it, without the numbers that tell in which order it became known."""
    return dossier.view(now).model_dump(exclude={"sequence", "latenesses"})
