"""A city and one dossier's life in it: what happens next, counted on the working calendar, becomes a row of the log."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from random import Random

from models.calendar import WorkingCalendar
from models.catalogue import Catalogue
from models.instants import iso
from models.procedure import Supplement
from models.rules import PlannedStep

COPY, EXTRACT, BIRTH, CHANGE = "2.000908", "2.000635", "1.001193", "1.004859"
BUSINESS, PERMIT = "1.001612", "1.009994"
LAND_CHANGE, LAND_DELETE, LAND_FIRST, LAND_CORRECT = "1.012783", "1.012786", "1.012753", "1.012795"


@dataclass
class City:
    """What the dossiers live on: catalogue, calendar, dice, and the numbers given out so far."""

    catalogue: Catalogue
    calendar: WorkingCalendar
    dice: Random
    rows: list[dict[str, str]] = field(default_factory=list)
    numbers: dict[tuple[str, date], int] = field(default_factory=dict)

    def code(self, agency: str, accepted: datetime) -> str:
        """The next dossier code of that agency and day; numbers between were other procedures'."""
        day = accepted.astimezone(self.calendar.zone).date()
        number = self.numbers.get((agency, day), 0) + self.dice.randint(1, 9)
        self.numbers[agency, day] = number
        return f"{agency}-{day:%y%m%d}-{number:04d}"

    def at(self, text: str) -> datetime:
        """'04-24 13:10', local, in 2025."""
        return datetime.fromisoformat(f"2025-{text}").replace(tzinfo=self.calendar.zone)

    def colleague(self, official: str) -> str:
        """Someone of the same agency and position; the same official again if there is nobody else."""
        person = self.catalogue.official(official)
        others = [
            each.id
            for each in self.catalogue.officials.values()
            if (each.agency, each.position) == (person.agency, person.position) and each.id != official
        ]
        return self.dice.choice(others) if others else official

    def head(self, agency: str) -> str:
        return self.catalogue.agency(agency).head or ""

    def sent_by_head(self, agency: str, role: str) -> str:
        """Where a queue has the step: an official of the position that has this role at other agencies."""
        holders = [roles[role] for roles in self.catalogue.roster.values() if role in roles]
        positions = {self.catalogue.official(each).position for each in holders}
        staff = (each for each in self.catalogue.officials.values() if each.agency == agency)
        return next(each.id for each in staff if each.position in positions)


class Life:
    """One dossier as it is lived: every call writes a row and moves its time on."""

    def __init__(
        self,
        city: City,
        procedure: str,
        agency: str,
        accepted: datetime,
        *,
        submitted: datetime | None = None,
        received: datetime | None = None,
    ) -> None:
        self.city, self.calendar = city, city.calendar
        self.rules = city.catalogue.rules_for(procedure, agency, accepted_at=accepted, assignees={})
        self.code = city.code(agency, accepted)
        self.begins = city.calendar.intake(received or accepted)
        """When the steps that can be worked on now begin."""
        due = self.calendar.budget_seconds(self.rules.total, self.begins)
        self.scale = min(1.0, 0.95 * due / sum(self._longest()))
        self.row(
            "submit",
            accepted,
            procedure=procedure,
            agency=agency,
            submitted_at=self._text(submitted),
            received_by_competent_at=self._text(received),
        )

    def _longest(self) -> list[int]:
        stages = [[self.budget(step) for step in self.steps(number)] for number in self.stages()]
        return [max(seconds) or 1800 for seconds in stages]

    def stages(self) -> list[int]:
        return sorted({step.stage for step in self.rules.steps})

    def steps(self, stage: int) -> list[PlannedStep]:
        return [step for step in self.rules.steps if step.stage == stage]

    def step(self, key: str) -> PlannedStep:
        return next(step for step in self.rules.steps if step.key == key)

    def budget(self, step: PlannedStep) -> int:
        return self.calendar.seconds(step.budget)

    def _text(self, at: datetime | None) -> str:
        return "" if at is None else iso(at, self.calendar.zone)

    def row(self, activity: str, at: datetime, **cells: str | None) -> None:
        row = {"dossier": self.code, "activity": activity, "at": self._text(at)}
        self.city.rows.append(row | {column: cell or "" for column, cell in cells.items()})

    def after(self, share: float, step: PlannedStep, since: datetime | None = None) -> datetime:
        """When ``share`` of the step's budget has been worked since it began; of half an hour if it has none."""
        seconds = (self.budget(step) or 1800) * share * self.scale
        return self.calendar.due(since or self.begins, max(60, int(seconds) // 60 * 60))

    def complete(self, key: str, at: str | datetime, official: str | None = None, reason: str = "") -> None:
        """What comes next begins at the latest completion so far: of parallel steps the later one counts."""
        done = self.city.at(at) if isinstance(at, str) else at
        self.row("complete", done, step=key, official=official or self.holder(key), reason=reason)
        self.begins = max(done, self.begins)

    def holder(self, key: str) -> str:
        """The default official; where a queue has it, whoever the head sends."""
        step = self.step(key)
        return step.official or self.city.sent_by_head(step.agency, step.role)

    def stage(self, number: int, *, low: float = 0.3, high: float = 0.8) -> None:
        """All steps of a stage, each done within a part of its budget."""
        begin, dice = self.begins, self.city.dice
        for step in self.steps(number):
            official = self.holder(step.key)
            if dice.random() < 0.2:
                official = self.city.colleague(official)
            self.complete(step.key, self.after(dice.uniform(low, high), step, begin), official)

    def run(self, first: int = 1) -> None:
        for number in self.stages():
            if number >= first:
                self.stage(number)

    def pause(
        self, kind: str, at: datetime, until: datetime, reason: str, official: str | None = None
    ) -> None:
        """Ask the applicant, and wait; the steps go on at ``until``, or anew where the policy says restart."""
        asked, brought = {
            "supplement": ("request_supplement", "supplement_received"),
            "payment": ("request_payment", "payment_received"),
        }[kind]
        self.row(asked, at, official=official, reason=reason)
        self.row(brought, until)
        restart = kind == "supplement" and self.rules.policies.supplement is Supplement.RESTART
        self.begins = self.calendar.intake(until) if restart else until

    def hear(self, action: str, at: str, step: str, official: str, **cells: str) -> None:
        """What was said or decided on the one lateness of that step."""
        lateness = f"{self.code}:{step}:1"
        self.row(action, self.city.at(at), official=official, lateness=lateness, **cells)

    def deliver(self) -> None:
        """The applicant comes for the result, some working hours after it lay ready."""
        self.row("deliver", self.calendar.due(self.begins, self.city.dice.randint(5, 900) * 60))

    def run_first_registration(self, first: int = 1) -> None:
        """Up to the tax notice, the wait for payment, and phase 2."""
        dice, payment = self.city.dice, self.step("receive_payment")
        for number in range(first, payment.stage):
            self.stage(number)
        asked = self.calendar.due(self.begins, dice.randint(10, 40) * 60)
        paid = self.calendar.due(asked, dice.randint(1200, 3600) * 60)
        self.pause("payment", asked, paid, "Thông báo nộp thuế, lệ phí trước bạ", self.holder(payment.key))
        self.run(first=payment.stage)
        self.deliver()
