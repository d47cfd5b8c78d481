"""What happened to a dossier, in order, for the one who handed it in: no person but a published one is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from models.catalogue import Catalogue
from models.events import Event, EventType
from models.instants import parse_instant
from models.lateness import Lateness, LatenessState
from models.views import DossierView, Snapshot, Status, StepState, StepView
from web.pages import words
from web.pages.figures import names_of, step_name
from web.pages.language import Tongue
from web.pages.page import Page
from web.pages.words import N_

VANISHED = (LatenessState.ANNULLED, LatenessState.RETRACTED)
AT_ONCE = (Status.PROCESSED, Status.DELIVERED)


class Moment(NamedTuple):
    """One point of the timeline."""

    at: datetime
    text: str
    place: str = ""
    """Name of the agency."""
    detail: str = ""
    """Free text that the office wrote to the applicant."""
    is_late: bool = False
    is_ahead: bool = False


class Responsible(NamedTuple):
    """Who has the dossier now: the unit, and the position of the one who works on it."""

    step: str
    agency: str
    position: str
    since: datetime | None
    due_at: datetime | None
    key: str
    is_late: bool


def responsible(catalogue: Catalogue, view: DossierView) -> list[Responsible]:
    names = names_of(catalogue)
    found = []
    for step in view.steps:
        if step.state in (StepState.RUNNING, StepState.PAUSED):
            official = catalogue.officials.get(step.official or "")
            position = official.position if official else ""
            name = step_name(catalogue, view.procedure, step.key)
            agency = names.agency(step.agency)
            found.append(
                Responsible(name, agency, position, step.started_at, step.due_at, step.key, step.late)
            )
    return found


def timeline(
    page: Page,
    snapshot: Snapshot,
    events: Sequence[Event],
    latenesses: Sequence[Lateness],
) -> list[Moment]:
    """Everything that the applicant may know, oldest first; what is ahead comes last."""
    teller = _Teller(page.t, page.office.catalogue, snapshot.view)
    told = [
        *teller.intake(),
        *teller.steps(),
        *teller.pauses(snapshot, events),
        *teller.told(events),
        *teller.missed(latenesses),
        *teller.ending(page.now),
    ]
    return sorted(told, key=lambda moment: moment.at)


class _Teller:
    def __init__(self, t: Tongue, catalogue: Catalogue, view: DossierView) -> None:
        self.t, self.catalogue, self.view = t, catalogue, view
        self.names = names_of(catalogue)

    def intake(self) -> Iterator[Moment]:
        view, agency = self.view, self.names.agency(self.view.agency)
        if view.submitted_at is not None and view.submitted_at != view.accepted_at:
            yield Moment(view.submitted_at, self.t.say(N_("You handed the dossier in")))
        yield Moment(view.accepted_at, self.t.say(N_("Accepted")), agency)
        if view.clock_start != view.accepted_at:
            yield Moment(view.clock_start, self.t.say(N_("The time limit begins to run")))

    def steps(self) -> Iterator[Moment]:
        for step in self.view.steps:
            agency = self.names.agency(step.agency)
            if step.state is StepState.DONE and step.completed_at is not None:
                text = self.t.say(N_("Done: %(step)s")) % {"step": self._step(step)}
                yield Moment(step.completed_at, text, agency, is_late=step.late)
            elif step.state in (StepState.RUNNING, StepState.PAUSED) and step.started_at is not None:
                text = self.t.say(N_("Being worked on: %(step)s")) % {"step": self._step(step)}
                yield Moment(step.started_at, text, agency, is_late=step.late)

    def pauses(self, snapshot: Snapshot, events: Sequence[Event]) -> Iterator[Moment]:
        said = {event.at: event.data for event in events if event.type is EventType.PAUSED}
        for pause in snapshot.pauses:
            data = said.get(pause.start, {})
            asked = str(data.get("text") or data.get("reason") or "")
            yield Moment(pause.start, self.t.say(words.PAUSES[pause.kind]), detail=asked)
            if pause.end is not None:
                yield Moment(pause.end, self.t.say(words.RESUMED[pause.kind]))

    def told(self, events: Sequence[Event]) -> Iterator[Moment]:
        """What the snapshot does not keep; an event told anew takes the place of the earlier one."""
        latest = {(event.type, event.at): event for event in events}
        for event in latest.values():
            data, reason = event.data, str(event.data.get("reason") or "")
            match event.type:
                case EventType.EXTENDED:
                    due = data.get("due_at")
                    text = self.t.say(N_("The time limit was extended once"))
                    if due:
                        promised = self.t.moment(parse_instant(str(due)))
                        text = self.t.say(N_("Extended once, new date %(moment)s")) % {"moment": promised}
                    yield Moment(event.at, text, detail=reason)
                case EventType.SENT_BACK:
                    name = step_name(self.catalogue, self.view.procedure, str(data.get("step")))
                    text = self.t.say(N_("Sent back to an earlier step: %(step)s")) % {"step": name}
                    yield Moment(event.at, text, detail=reason)
                case EventType.HANDED_OVER if "steps" in data:
                    agency = self.names.agency(str(data.get("agency")))
                    yield Moment(event.at, self.t.say(N_("Transferred")), agency, reason)
                case EventType.DELIVERED:
                    yield Moment(event.at, self.t.say(words.STATUSES[Status.DELIVERED]))
                case _:
                    pass

    def missed(self, latenesses: Sequence[Lateness]) -> Iterator[Moment]:
        for late in latenesses:
            if late.state in VANISHED:
                continue
            if late.step is None:
                text = self.t.say(N_("The promised date has passed"))
            else:
                name = step_name(self.catalogue, self.view.procedure, late.step)
                text = self.t.say(N_("Deadline missed: %(step)s")) % {"step": name}
            named = late.official if late.state is LatenessState.PUBLISHED else None
            place = self.names.agency(late.agency)
            if named is not None:
                place = f"{self.names.official(named)}, {place}"
            detail = self.t.say(words.STATES[late.state])
            yield Moment(late.due_at, text, place, detail, is_late=True)

    def ending(self, now: datetime) -> Iterator[Moment]:
        view = self.view
        if view.closed_at is not None:
            status = Status.PROCESSED if view.status in AT_ONCE else view.status
            yield Moment(view.closed_at, self.t.say(words.STATUSES[status]))
        elif view.due_at is not None:
            text = self.t.say(N_("Promised date"))
            yield Moment(view.due_at, text, is_late=view.due_at < now, is_ahead=view.due_at >= now)

    def _step(self, step: StepView) -> str:
        return step_name(self.catalogue, self.view.procedure, step.key)
