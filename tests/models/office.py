"""A small office for the tests of the core: one procedure, readable instants, actions in one line."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from models.actions import Actor, Given, Role, parse_action
from models.budget import Budget, Unit
from models.calendar import CalendarData, load_calendar
from models.dossier import Dossier, Request
from models.events import Event
from models.instants import whole
from models.lateness import Lateness
from models.procedure import Policies
from models.rules import PlannedStep, Rules
from models.submission import DossierStart, Heard
from models.views import DossierView, StepView

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
CODE = "H13.2-250401-0001"
AGENCY, OTHER, THIRD = "H13.2", "H13.3", "H13.4"
HEADS = {AGENCY: "HEAD-2", OTHER: "HEAD-3", THIRD: "HEAD-4", "H13": "HEAD-0"}
PARENTS = {AGENCY: "H13", OTHER: "H13", THIRD: "H13"}
ADMIN = Actor(name="admin", role=Role.ADMIN)
LOG = Actor(name="log", role=Role.LOG)
_FILE = Path(__file__).parents[2] / "catalogue" / "calendars" / "vn.yaml"
VN: CalendarData = load_calendar(_FILE.read_text(encoding="utf-8"), file="vn.yaml")


def at(text: str) -> datetime:
    """'04-01 09:30' (of 2025) or '2026-01-02 09:30[:15]', local time in Vietnam, as UTC."""
    if len(text.split(" ", maxsplit=1)[0]) == 5:
        text = f"2025-{text}"
    return whole(datetime.fromisoformat(text).replace(tzinfo=ZONE))


def local(instant: datetime | None) -> str | None:
    """The reverse of :func:`at`, with the year only where it is not 2025."""
    if instant is None:
        return None
    text = instant.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00")
    return text.removeprefix("2025-")


def hours(amount: float | str) -> Budget:
    return Budget(amount=Decimal(str(amount)), unit=Unit.WORKING_HOURS)


def days(amount: float | str) -> Budget:
    return Budget(amount=Decimal(str(amount)), unit=Unit.WORKING_DAYS)


def step(key: str, stage: int, budget: Budget, official: str | None, agency: str = AGENCY) -> PlannedStep:
    return PlannedStep(
        key=key, stage=stage, name=key, role=f"{key}er", agency=agency, official=official, budget=budget
    )


FOUR_STEPS = (
    step("receive", 1, hours(2), "A"),
    step("appraise", 2, hours(3), "B"),
    step("sign", 3, hours(2), "C"),
    step("issue", 4, hours(1), "A"),
)


class Office:
    """One dossier under test: acts, lets time pass, and remembers every event."""

    def __init__(
        self,
        accepted: str = "04-01 08:00",
        *,
        steps: tuple[PlannedStep, ...] = FOUR_STEPS,
        total: Budget | None = None,
        policies: Policies | None = None,
        now: str | None = None,
        given: tuple[Given, ...] = (),
        heard: Heard | None = None,
        calendar: CalendarData = VN,
        **start: Any,
    ) -> None:
        self.start = DossierStart(
            code=CODE,
            rules=Rules(
                procedure="2.000908",
                procedure_version="1",
                agency=AGENCY,
                total=total or days(1),
                steps=steps,
                policies=policies or Policies(),
                calendar=calendar.slice(at(accepted).date()),
                heads=HEADS,
                parents=PARENTS,
            ),
            accepted_at=at(accepted),
            given=given,
            heard=heard,
            **start,
        )
        self.dossier = Dossier(self.start)
        self.now = at(now or accepted)
        self.events: list[Event] = self.dossier.begin(self.now)

    def pass_to(self, now: str) -> list[Event]:
        """Wake at every instant the dossier asks for, as its timer would, up to ``now``."""
        until, told = at(now), []
        while (wake := self.dossier.next_wake()) is not None and wake <= until:
            told += self.dossier.pass_time(wake)
        self.now = until
        told += self.dossier.pass_time(until)
        self.events += told
        return told

    def act(
        self,
        action: str,
        when: str,
        *,
        by: Actor = ADMIN,
        arrives: str | None = None,
        id: str | None = None,
        **fields: Any,
    ) -> list[Event]:
        """The action happened at ``when`` and ``arrives`` then or later."""
        arrival = at(arrives) if arrives else max(self.now, at(when))
        self.pass_to(str(local(arrival)))
        given = Given(action=action_of(action, when, **fields), by=by, id=id)
        _, told = self.dossier.accept(Request(given=(given,), id=id), arrival)
        self.events += told
        return told

    @property
    def view(self) -> DossierView:
        return self.dossier.view(self.now)

    def step(self, key: str) -> StepView:
        return next(step for step in self.view.steps if step.key == key)

    def due(self, key: str | None = None) -> str | None:
        return local(self.step(key).due_at if key else self.view.due_at)

    @property
    def late(self) -> list[Lateness]:
        return self.dossier.latenesses(self.now)

    def kinds(self) -> list[str]:
        return [event.type.rsplit(".", 1)[1] for event in self.events]


def action_of(action: str, when: str, **fields: Any) -> Any:
    if action == "hand_over":
        fields.setdefault("of_agency", AGENCY)
    return parse_action({"action": action, "at": at(when), **fields})


def logged(action: str, when: str, id: str | None = None, **fields: Any) -> Given:
    return Given(action=action_of(action, when, **fields), by=LOG, id=id)


def official(name: str) -> Actor:
    return Actor(name=name, role=Role.OFFICIAL)


def supervisor(name: str) -> Actor:
    return Actor(name=name, role=Role.SUPERVISOR)
