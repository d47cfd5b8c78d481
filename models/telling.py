"""Telling: the difference between the facts of the fold and the facts already told becomes events (rules R1, R9).

What was told is never un-told; a fact that changed is told anew, one that vanished is annulled or retracted.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel, JsonValue

from models import refusals
from models.actions import Given, HearingAction
from models.errors import Code, Refusal
from models.events import Event, EventType
from models.hearing import (
    EVENT_OF,
    ON_THE_BOARD,
    UNPUBLISHED,
    LatenessRecord,
    corrected_to_agency,
    evidence_removed,
    hear,
    open_hearing,
)
from models.instants import localised
from models.lateness import WORKING_DAY_MINUTES, HeldAfter, Holder, Lateness, LatenessState, minutes
from models.state import Fact, Miss, State
from models.submission import Heard


class Told(BaseModel):
    """Everything a dossier has told so far. Survives refolds, continue-as-new and reopening."""

    imported_at: datetime | None = None
    """When it was last taken from a log: rungs passed before are not told (rules R12)."""
    sequence: int = 0
    facts: dict[str, str] = {}
    records: list[LatenessRecord] = []

    def find(self, lateness: str) -> int:
        for index, record in enumerate(self.records):
            if record.lateness.id == lateness:
                return index
        if not self.records:
            raise Refusal(Code.NOT_FOUND, refusals.NO_LATENESS_AT_ALL, lateness=lateness)
        known = ", ".join(record.lateness.id for record in self.records)
        raise Refusal(Code.NOT_FOUND, refusals.NO_LATENESS, lateness=lateness, latenesses=known)


class Teller:
    """Turns what the fold of one dossier concluded into numbered events, as of ``now``."""

    def __init__(self, told: Told, state: State, now: datetime, heard: Heard | None = None) -> None:
        self.told, self.state, self.now, self.heard = told, state, now, heard
        self.events: list[Event] = []

    def tell_facts(self, *, refolded: bool) -> None:
        for fact in self.state.facts:
            match fact.type:
                case EventType.RECORDED if fact.miss is not None:
                    self._tell_miss(fact.miss)
                case EventType.SETTLED if fact.miss is not None:
                    self._tell_settled(fact, fact.miss)
                case _:
                    self._tell_fact(fact)
        self.state.facts.clear()
        if refolded:
            self._remove_vanished()

    def hear(self, given: Given) -> None:
        """Apply a hearing action to the lateness it speaks of; tell it."""
        assert isinstance(given.action, HearingAction)  # noqa: S101 - nothing else is handed in
        lateness = given.action.lateness
        index = self.told.find(lateness)
        record = self.told.records[index]
        head = self.state.heads.get(record.lateness.agency)
        changed, event = hear(record, given, head)
        actor = given.action.official or given.by.name
        self._replace(index, changed, event, given.action.at, by=actor, action=given.id)

    def publish_due(self, until: datetime) -> None:
        """Publish what nobody had suppressed when its window closed, at ``until`` or before (rules R10)."""
        limit = timedelta(minutes=self.state.start.rules.policies.backdate_limit_minutes)
        for index, record in enumerate(self.told.records):
            at = record.publish_at(limit)
            if at is not None and at <= until:
                published = record.told(state=LatenessState.PUBLISHED, published_at=self.now)
                self._replace(index, published, EventType.PUBLISHED, self.now)

    def _tell_fact(self, fact: Fact) -> None:
        told = self.told.facts.get(fact.key)
        is_rung = fact.type in (EventType.WARNED, EventType.ESCALATED)
        if told == fact.mark or (is_rung and told is not None):
            return
        self.told.facts[fact.key] = fact.mark
        if is_rung and self.told.imported_at is not None and fact.at < self.told.imported_at:
            return
        self._emit(fact.type, fact.at, self.state.start.code, fact.data, by=fact.by, action=fact.action)

    def _live(self, miss: Miss) -> int | None:
        for index, record in enumerate(self.told.records):
            if record.fact == miss.key and not record.gone:
                return index
        return None

    def _tell_miss(self, miss: Miss) -> None:
        index = self._live(miss)
        if index is None:
            record = open_hearing(self._first_record(miss), self.now, self._window_closes(), self.heard)
            self.told.records.append(record)
            self._replace(len(self.told.records) - 1, record, EventType.RECORDED, miss.due_at)
            return
        record = self.told.records[index]
        shown = record.lateness
        changed = record.told(due_at=miss.due_at, shares=miss.shares)
        if record.named != miss.named:
            if record.state in UNPUBLISHED:
                head = self._answering(miss.named)
                renamed = changed.told(agency=miss.named.agency, official=miss.named.official, head=head)
                renamed = renamed.model_copy(update={"named": miss.named})
                again = open_hearing(renamed, self.now, self._window_closes(), self.heard)
                self._replace(index, again, EventType.RECORDED, miss.due_at)
            elif record.state in ON_THE_BOARD:
                head = self.state.heads.get(miss.named.agency)
                corrected = corrected_to_agency(changed, miss.named, head)
                self._replace(index, corrected, EventType.CORRECTED, self.now)
        elif (shown.due_at, shown.shares) != (miss.due_at, miss.shares):
            at = miss.due_at if record.state is LatenessState.RECORDED else self.now
            self._replace(index, changed, EVENT_OF[record.state], at)

    def _tell_settled(self, fact: Fact, miss: Miss) -> None:
        index = self._live(miss)
        if index is None or self.told.facts.get(fact.key) == fact.mark:
            return
        self.told.facts[fact.key] = fact.mark
        self._replace(index, self.told.records[index], EventType.SETTLED, fact.at)

    def _remove_vanished(self) -> None:
        missed = {miss.key for miss in self.state.misses}
        for index, record in enumerate(self.told.records):
            if not record.gone and record.fact not in missed:
                if record.state in (LatenessState.ANNULLED, LatenessState.RETRACTED):
                    self.told.records[index] = record.model_copy(update={"gone": True})
                    continue
                removed = evidence_removed(record)
                self._replace(index, removed, EVENT_OF[removed.state], self.now)

    def _first_record(self, miss: Miss) -> LatenessRecord:
        start = self.state.start
        subject = miss.step or "promise"
        number = 1 + sum(1 for record in self.told.records if record.lateness.step == miss.step)
        lateness = Lateness(
            id=f"{start.code}:{subject}:{number}",
            dossier=start.code,
            procedure=start.rules.procedure,
            step=miss.step,
            agency=miss.named.agency,
            official=miss.named.official,
            head=self._answering(miss.named),
            due_at=miss.due_at,
            recorded_at=self.now,
            shares=miss.shares,
        )
        return LatenessRecord(fact=miss.key, named=miss.named, lateness=lateness)

    def _answering(self, named: Holder) -> str | None:
        """The head who answers where no person is named (rules R4)."""
        return self.state.heads.get(named.agency) if named.official is None else None

    def _window_closes(self) -> datetime:
        calendar = self.state.calendar
        window = self.state.start.rules.policies.explanation_window
        if window.unit.is_working:
            return calendar.due(self.now, calendar.seconds(window))
        return calendar.end_of(window, self.now)

    def _replace(
        self,
        index: int,
        record: LatenessRecord,
        event: EventType,
        at: datetime,
        *,
        by: str | None = None,
        action: str | None = None,
    ) -> None:
        fresh = record.model_copy(update={"lateness": refreshed(record, self.state, self.now)})
        self.told.records[index] = fresh
        data = localised(fresh.lateness, self.state.calendar.zone)
        assert isinstance(data, dict)  # noqa: S101 - a model is a mapping
        self._emit(event, at, fresh.lateness.id, data, by=by, action=action)

    def _emit(
        self,
        kind: EventType,
        at: datetime,
        subject: str,
        data: dict[str, JsonValue],
        *,
        by: str | None,
        action: str | None,
    ) -> None:
        self.told.sequence += 1
        self.events.append(
            Event(
                sequence=self.told.sequence,
                type=kind,
                at=at,
                subject=subject,
                data=data,
                action=action,
                by=by,
            )
        )


def refreshed(record: LatenessRecord, state: State, now: datetime) -> Lateness:
    """The lateness with its overrun up to its end or ``now``; one that later evidence removed stays as told."""
    miss = next((m for m in state.misses if m.key == record.fact), None)
    if miss is None or record.gone:
        return record.lateness
    after = state.clock_of(miss).after_at(now, state.calendar)
    overrun = minutes(sum(after.values()))
    return record.lateness.model_copy(
        update={
            "completed_at": state.ended_at(miss),
            "overrun_minutes": overrun,
            "overrun_working_days": round(overrun / WORKING_DAY_MINUTES, 2),
            "after": tuple(
                HeldAfter(agency=holder.agency, official=holder.official, minutes=minutes(seconds))
                for holder, seconds in after.items()
            ),
        }
    )
