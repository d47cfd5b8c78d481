"""The hearing of a lateness: from recorded to published, excused, annulled, corrected or retracted.

Design 5, rules R9 and R10. Silence publishes; suppression needs a name and a reason.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel

from models import refusals
from models.actions import Correct, Explain, Given, HearingAction, ReviewLateness, Role
from models.errors import Code, Refusal
from models.events import EventType
from models.lateness import CorrectDecision, Holder, Lateness, LatenessState, Review, ReviewDecision
from models.submission import Heard

UNPUBLISHED = (LatenessState.RECORDED, LatenessState.EXCUSED)
ON_THE_BOARD = (LatenessState.PUBLISHED, LatenessState.CORRECTED)
EVENT_OF = {
    LatenessState.RECORDED: EventType.RECORDED,
    LatenessState.PUBLISHED: EventType.PUBLISHED,
    LatenessState.EXCUSED: EventType.EXCUSED,
    LatenessState.ANNULLED: EventType.ANNULLED,
    LatenessState.CORRECTED: EventType.CORRECTED,
    LatenessState.RETRACTED: EventType.RETRACTED,
}


class LatenessRecord(BaseModel):
    """A lateness as it was told, and the fact of the fold that it tells. Replaced, never altered in place."""

    fact: str
    """Key of the miss in the fold."""
    named: Holder
    lateness: Lateness
    gone: bool = False
    """Later evidence has removed the miss: a new one would be another lateness."""

    def told(self, **changes: object) -> LatenessRecord:
        return self.model_copy(update={"lateness": self.lateness.model_copy(update=changes)})

    @property
    def state(self) -> LatenessState:
        return self.lateness.state

    def publish_at(self, backdate_limit: timedelta) -> datetime | None:
        """When it publishes itself: after its window, and never before due + backdate limit (rules R9)."""
        closes = self.lateness.window_closes_at
        if self.gone or self.state is not LatenessState.RECORDED or closes is None:
            return None
        open_window = closes > self.lateness.recorded_at
        after = closes + timedelta(seconds=1) if open_window else closes
        return max(after, self.lateness.due_at + backdate_limit)


def open_hearing(
    record: LatenessRecord, now: datetime, closes: datetime, heard: Heard | None
) -> LatenessRecord:
    """Begin (or, for a newly named person, begin again) with a full window; none where history was judged before."""
    return record.told(
        state=LatenessState.RECORDED,
        recorded_at=now,
        notified_at=now,
        window_closes_at=now if heard else closes,
        explained_at=None,
        explanation=None,
        review=None,
        cause=None,
        heard_by=f"{heard.by}: {heard.reason}" if heard else None,
    )


def evidence_removed(record: LatenessRecord) -> LatenessRecord:
    """The miss is gone: annulled before publication, retracted after it (rules R9)."""
    state = LatenessState.RETRACTED if record.state in ON_THE_BOARD else LatenessState.ANNULLED
    return record.told(state=state).model_copy(update={"gone": True})


def corrected_to_agency(record: LatenessRecord, named: Holder, head: str | None) -> LatenessRecord:
    """Naming changed after publication: corrected to the agency, never to another person (rules R9)."""
    changed = record.told(state=LatenessState.CORRECTED, agency=named.agency, official=None, head=head)
    return changed.model_copy(update={"named": named})


def hear(record: LatenessRecord, given: Given, head: str | None) -> tuple[LatenessRecord, EventType]:
    """Apply a hearing action; the record it leads to and the event that tells it. Raises :class:`Refusal`."""
    action = given.action
    lateness = record.lateness
    if given.by.role is not Role.LOG and action.at < lateness.recorded_at:
        raise Refusal(Code.TOO_EARLY, refusals.RECORDED_LATER, lateness=lateness.id)
    match action:
        case Explain():
            return _explain(record, action, given, head), EventType.EXPLAINED
        case ReviewLateness():
            return _review(record, action, given)
        case Correct():
            return _correct(record, action, given, head)
        case _:
            raise Refusal(Code.ILLEGAL_ACTION, refusals.NO_HEARING, action=action.action)


def _explain(record: LatenessRecord, action: Explain, given: Given, head: str | None) -> LatenessRecord:
    lateness = record.lateness
    answers = lateness.official or lateness.head or head
    if (action.official or given.by.name) != answers:
        if answers is None:
            facts = {"lateness": lateness.id, "unit": lateness.agency}
            raise Refusal(Code.FORBIDDEN, refusals.EXPLAINED_BY_HEAD, **facts)
        raise Refusal(Code.FORBIDDEN, refusals.EXPLAINED_BY, lateness=lateness.id, holder=answers)
    if given.by.role is Role.OFFICIAL and given.by.name != answers:
        raise Refusal(Code.FORBIDDEN, refusals.NOT_EXPLAINED_FOR, who=given.by.name, holder=answers)
    if lateness.state in (LatenessState.ANNULLED, LatenessState.RETRACTED):
        raise Refusal(
            Code.ILLEGAL_ACTION,
            refusals.NOTHING_TO_EXPLAIN,
            lateness=lateness.id,
            stands=lateness.state.value,
        )
    in_time = lateness.window_closes_at is None or action.at <= lateness.window_closes_at
    if lateness.explanation is not None and not in_time:
        return record  # the journal keeps the later text; the one given in time stands in the record
    return record.told(explained_at=action.at, explanation=action.text)


def _check_reviewer(record: LatenessRecord, action: HearingAction, given: Given) -> str:
    lateness = record.lateness
    reviewer = action.official or given.by.name
    if not given.by.role.may_override:
        raise Refusal(Code.FORBIDDEN, refusals.NO_JUDGE, who=given.by.name, lateness=lateness.id)
    if reviewer in (lateness.official, lateness.head if lateness.official is None else None):
        raise Refusal(Code.FORBIDDEN, refusals.OWN_CASE, who=reviewer, lateness=lateness.id)
    if not action.reason:
        raise Refusal(Code.INVALID, refusals.NO_REASON, lateness=lateness.id)
    return reviewer


def _review(record: LatenessRecord, action: ReviewLateness, given: Given) -> tuple[LatenessRecord, EventType]:
    lateness = record.lateness
    reviewer = _check_reviewer(record, action, given)
    if lateness.state is LatenessState.EXCUSED:
        raise Refusal(Code.ALREADY_DONE, refusals.EXCUSED_ALREADY, lateness=lateness.id)
    if lateness.state is not LatenessState.RECORDED:
        raise Refusal(
            Code.TOO_LATE, refusals.ONLY_CORRECTED, lateness=lateness.id, stands=lateness.state.value
        )
    excused = action.decision is ReviewDecision.EXCUSED
    if excused and action.cause is None:
        raise Refusal(Code.INVALID, refusals.NO_CAUSE, lateness=lateness.id)
    review = Review(
        by=reviewer, at=action.at, decision=action.decision, cause=action.cause, reason=action.reason or ""
    )
    state = LatenessState.EXCUSED if excused else LatenessState.RECORDED
    event = EventType.EXCUSED if excused else EventType.REVIEWED
    return record.told(review=review, cause=action.cause, state=state), event


def _correct(
    record: LatenessRecord, action: Correct, given: Given, head: str | None
) -> tuple[LatenessRecord, EventType]:
    lateness = record.lateness
    reviewer = _check_reviewer(record, action, given)
    if lateness.state in UNPUBLISHED:
        raise Refusal(Code.TOO_EARLY, refusals.NOT_PUBLISHED, lateness=lateness.id)
    if lateness.state not in ON_THE_BOARD:
        facts = {"lateness": lateness.id, "stands": lateness.state.value}
        raise Refusal(Code.ALREADY_DONE, refusals.STANDS_ALREADY, **facts)
    review = Review(
        by=reviewer, at=action.at, decision=action.decision, cause=lateness.cause, reason=action.reason or ""
    )
    if action.decision is CorrectDecision.RETRACTED:
        return record.told(review=review, state=LatenessState.RETRACTED), EventType.RETRACTED
    return record.told(
        review=review, state=LatenessState.CORRECTED, official=None, head=head
    ), EventType.CORRECTED
