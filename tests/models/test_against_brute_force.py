"""The core against a simulation that was written from the rules alone: random dossiers, every fact, to the minute."""

from __future__ import annotations

import random
from copy import deepcopy
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from models.actions import Given, parse_action
from models.budget import Budget, Unit
from models.dossier import Dossier, Request
from models.errors import Refusal
from models.lateness import Lateness, LatenessState
from models.procedure import Policies, Supplement
from models.rules import PlannedStep, Rules
from models.submission import DossierStart
from tests.models.brute_force import (
    CELL,
    DAY,
    HORIZON,
    HOUR,
    WORKS,
    BruteForce,
    Illegal,
    Missed,
    OffTheGrid,
    Step,
    cell_of,
    instant_of,
)
from tests.models.office import AGENCY, CODE, HEADS, LOG, OTHER, PARENTS, THIRD, VN, ZONE

OFFICIALS = {AGENCY: ["A", "B", "C"], OTHER: ["P", "Q"], THIRD: ["X"]}
BUDGETS = [(hours, "working_hours") for hours in (0, 1, 2, 3, 4)]
BUDGETS += [(1, "working_days"), (1, "calendar_days"), (2, "calendar_days")]
TOTALS = [(4, "working_hours"), (3, "calendar_days"), (1, "months")]
TOTALS += [(days, "working_days") for days in (0, 1, 2, 3)]
GAPS = (1, 2, 6, HOUR, HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 8 * HOUR, 200, DAY)
ACTIONS = ["complete"] * 8 + ["hand_over"] * 5
ACTIONS += 2 * ["transfer", "supplement_received", "payment_received", "extend", "send_back"]
ACTIONS += ["request_supplement", "request_payment", "deliver"]
ENDS = ["refuse", "withdraw", "stop"]
LIVES = 50
"""A test; one takes some hundredths of a second."""
Act = dict[str, Any]
"""``at``: the cell; ``action``; and the fields that ``BruteForce`` takes."""


class Story:
    """One random dossier: lived by the core and by the simulation side by side."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)  # noqa: S311 - the same story each time
        self.steps = self._plan()
        self.total = self.draw.choice(TOTALS)
        self.restarts = self.draw.random() < 1 / 3
        day, hour = self.draw.randint(1, 25), self.draw.choice((7, 8, 10, 11, 12, 14, 15, 15, 16, 18))
        self.accepted = cell_of(datetime(2025, 4, day, hour, self.draw.choice((0, 5, 30)), tzinfo=ZONE))
        self.received = self.accepted + (self.draw.choice((HOUR, 50, DAY)) if self.draw.random() < 0.2 else 0)
        self.acts: list[Act] = []
        self.core = self._start()
        self.reference = BruteForce(
            [self.simulated(plan) for plan in self.steps],
            self.total,
            AGENCY,
            self.accepted,
            self.received,
            restarts=self.restarts,
        )

    def _plan(self) -> list[PlannedStep]:
        steps = []
        for stage in range(1, self.draw.randint(1, 3) + 1):
            for place in range(self.draw.choice((1, 1, 1, 2))):
                agency = self.draw.choice((AGENCY, AGENCY, OTHER))
                amount, unit = self.draw.choice([*BUDGETS, (int(stage > 1), "calendar_days")])
                steps.append(
                    PlannedStep(
                        key=f"s{stage}{place}",
                        stage=stage,
                        name="?",
                        role=f"r{stage}",
                        agency=agency,
                        official=self.draw.choice([*OFFICIALS[agency], None]),
                        budget=Budget(amount=Decimal(amount), unit=Unit(unit)),
                    )
                )
        return steps

    def simulated(self, plan: PlannedStep) -> Step:
        budget = (int(plan.budget.amount), plan.budget.unit.value)
        return Step(plan.key, plan.stage, plan.role, budget, [(-1, (plan.agency, plan.official))])

    def _start(self) -> Dossier:
        amount, unit = self.total
        supplement = Supplement.RESTART if self.restarts else Supplement.SUBTRACT
        accepted = instant_of(self.accepted)
        start = DossierStart(
            code=CODE,
            rules=Rules(
                procedure="2.000908",
                procedure_version="1",
                agency=AGENCY,
                total=Budget(amount=Decimal(amount), unit=Unit(unit)),
                steps=tuple(self.steps),
                policies=Policies(supplement=supplement),
                calendar=VN.slice(accepted.date()),
                heads=HEADS,
                parents=PARENTS,
            ),
            accepted_at=accepted,
            received_at=instant_of(self.received),
        )
        dossier = Dossier(start)
        dossier.begin(accepted)
        return dossier

    # --- living it -------------------------------------------------------------------------------------------------

    def live(self) -> None:
        for _ in range(self.draw.randint(1, 14)):
            at = self._next()
            if at > HORIZON - 40 * DAY:
                break
            self.reference.live_to(at)
            self._do(self._act(at))
        end = self.reference.now + self.draw.choice((0, 1, 100, 500))
        self.reference.live_to(end)
        _pass(self.core, end)

    def _next(self) -> int:
        """Often within a session, and often exactly when something is due, or a cell beside."""
        now, draw = self.reference.now, self.draw
        at = now + (draw.choice(GAPS) if draw.random() < 0.93 else 0)
        while draw.random() < 0.95 and not WORKS[at]:
            at += 1
        clocks = [step.clock for step in self.reference.steps if step.clock.runs_from is not None]
        due = [due for clock in clocks if clock.missed is None and (due := clock.due(now)) is not None]
        if due and draw.random() < 0.35:
            at = min(due) + draw.choice((-1, 0, 0, 1))
        return max(at, now)

    def _act(self, at: int) -> Act:
        draw, reference = self.draw, self.reference
        if reference.pause and draw.random() < 0.5:
            return {"at": at, "action": f"{reference.pause}_received"}
        running = [step.key for step in reference.steps if step.state == "running"]
        step = draw.choice(running or [step.key for step in reference.steps])
        action = draw.choice([*ACTIONS, *(ENDS if draw.random() < 0.3 else ())])
        act: Act = {"at": at, "action": action}
        match action:
            case "complete":
                act |= {"step": step}
            case "send_back":
                act |= {"step": draw.choice(reference.steps).key}
            case "hand_over":
                agency = reference.step(step).holder[0]
                act |= {"step": step, "official": draw.choice(OFFICIALS[agency]), "of_agency": agency}
            case "transfer":
                act |= {
                    "agency": draw.choice(list(OFFICIALS)),
                    "roster": draw.choice(({}, {"r1": "R"}, {"r2": "R"})),
                }
                act |= {"step": step} if draw.random() < 0.6 else {}
            case "extend":
                act |= {"minutes": draw.choice((60, 480, 960))} | (
                    {"step": step} if draw.random() < 0.5 else {}
                )
        return act

    def _do(self, act: Act) -> None:
        """Both take it, or both refuse it."""
        after = deepcopy(self.reference)
        try:
            after.act(**act)
        except Illegal:
            legal = False
        else:
            legal = True
        _pass(self.core, act["at"])
        accepted = _takes(self.core, Request(given=(given_of(act),)), instant_of(act["at"]))
        assert accepted == legal, f"{act}: the rules say {legal}, the core {accepted}"
        if legal:
            self.reference = after
            self.acts.append(act)

    def arrive_late(self) -> Dossier | None:
        """The same acts told at the end, in another order; None where each that is left is refused without the others.

        Of acts at one instant the order counts (R1): they come together.
        """
        dossier, end = self._start(), instant_of(self.reference.now)
        together: dict[int, list[Given]] = {}
        for act in self.acts:
            together.setdefault(act["at"], []).append(given_of(act))
        waiting = [Request(given=tuple(given)) for given in together.values()]
        self.draw.shuffle(waiting)
        while (refused := [each for each in waiting if not _takes(dossier, each, end)]) != waiting:
            waiting = refused
        dossier.pass_time(end)
        return None if refused else dossier


def _takes(dossier: Dossier, request: Request, now: datetime) -> bool:
    try:
        dossier.accept(request, now)
    except Refusal:
        return False
    return True


def given_of(act: Act) -> Given:
    fields = {name: value for name, value in act.items() if name != "minutes"} | {"at": instant_of(act["at"])}
    if "minutes" in act:
        fields |= {"amount": str(act["minutes"] / 60), "unit": "working_hours"}
    return Given(action=parse_action(fields), by=LOG)


def _pass(dossier: Dossier, until: int) -> None:
    """As its timer would: a wake for each threshold."""
    while (wake := dossier.next_wake()) is not None and wake <= instant_of(until):
        dossier.pass_time(wake)
    dossier.pass_time(instant_of(until))


# --- the facts of both -----------------------------------------------------------------------------------------------


def told(reference: BruteForce) -> dict[str, Any]:
    now = reference.now
    promise, runs = reference.promise, reference.promise.runs_from is not None
    due = promise.last_due if reference.closed is not None else promise.due(now) if runs else None
    facts: dict[str, Any] = {
        "status": reference.status,
        "agency": reference.agency,
        "clock_start": reference.clock_start,
        "original_due": reference.original_due,
        "due": due,
        "closed": reference.closed,
    }
    for step in reference.steps:
        clock = step.clock
        due = clock.due(now) if step.state == "running" else clock.last_due
        facts[step.key] = {
            "state": step.state,
            "holder": step.holder,
            "consumed": clock.consumed,
            "limit": clock.limit,
            "started": step.started,
            "due": None if step.state in ("pending", "paused") else due,
            "completed": step.completed if step.state == "done" else None,
        }
    facts["latenesses"] = sorted(_missed(reference, each) for each in reference.missed)
    return facts


def _missed(reference: BruteForce, each: Missed) -> tuple[Any, ...]:
    step = reference.step(each.step) if each.step else None
    ended = step.completed if step is not None and step.state == "done" else reference.closed
    shares = sorted((f"{holder}", minutes) for holder, minutes in each.shares.items() if minutes)
    after = sorted((f"{holder}", minutes) for holder, minutes in each.clock.after.items() if minutes)
    return (each.step or "", each.due, each.named, shares, after, sum(each.clock.after.values()), ended or 0)


def concluded(dossier: Dossier, now: int) -> dict[str, Any]:
    view = dossier.view(instant_of(now))
    facts: dict[str, Any] = {
        "status": view.status.value,
        "agency": view.agency,
        "clock_start": _cell(view.clock_start),
        "original_due": _cell(view.original_due_at),
        "due": _cell(view.due_at),
        "closed": _cell(view.closed_at),
    }
    for step in view.steps:
        facts[step.key] = {
            "state": step.state.value,
            "holder": (step.agency, step.official),
            "consumed": step.consumed_minutes,
            "limit": step.budget_minutes,
            "started": _cell(step.started_at),
            "due": _cell(step.due_at),
            "completed": _cell(step.completed_at),
        }
    stand = [each for each in dossier.latenesses(instant_of(now)) if each.state is not LatenessState.ANNULLED]
    facts["latenesses"] = sorted(map(_lateness, stand))
    return facts


def _lateness(each: Lateness) -> tuple[Any, ...]:
    assert round(sum(share.share for share in each.shares), 2) == 100
    shares, after = (
        sorted((f"{(one.agency, one.official)}", one.minutes) for one in book if one.minutes)
        for book in (each.shares, each.after)
    )
    named, ended = (each.agency, each.official), _cell(each.completed_at) or 0
    return (each.step or "", _cell(each.due_at), named, shares, after, each.overrun_minutes, ended)


def _cell(instant: datetime | None) -> int | None:
    if instant is None:
        return None
    assert instant.second == instant.minute % CELL == 0, instant
    return cell_of(instant.astimezone(ZONE))


def comparable(facts: dict[str, Any], reference: BruteForce) -> dict[str, Any]:
    """Without what is a matter of telling: budgets of steps that have not begun, deadlines missed and moved later."""
    facts = deepcopy(facts)
    for step in reference.steps:
        if not step.has_begun:
            facts[step.key]["limit"] = None
        if step.clock.missed is not None and step.clock.extra:
            facts[step.key]["due"] = None
    if reference.promise.missed is not None and reference.promise.extra:
        facts["due"] = None
    return facts


@pytest.mark.parametrize("first", range(0, 10 * LIVES, LIVES))
def test_random_dossiers_are_judged_alike(first: int) -> None:
    arrived = 0
    for seed in range(first, first + LIVES):
        story = Story(seed)
        try:
            story.live()
        except OffTheGrid:
            continue
        reference, now = story.reference, story.reference.now
        expected = comparable(told(reference), reference)
        assert comparable(concluded(story.core, now), reference) == expected, f"story {seed}: {story.acts}"
        if (late := story.arrive_late()) is not None:
            arrived += 1
            assert comparable(concluded(late, now), reference) == expected, (
                f"story {seed}, late: {story.acts}"
            )
    assert arrived > LIVES / 2
