"""The dossier: a pure aggregate. Its state is the fold of its accepted actions, then of time (rules R1).

``begin``, ``accept`` and ``pass_time`` return the events to be told; ``check`` refuses without changing anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import Field, JsonValue, ValidationError, model_validator

from models import refusals
from models.actions import (
    Actor,
    ClockAction,
    Correct,
    Given,
    HandOver,
    HearingAction,
    Pausing,
    Role,
    Transfer,
    first_problem,
    parse_action,
)
from models.budget import Model
from models.errors import Code, Refusal
from models.events import Event, Record
from models.first_rows import FirstRows, first_rows
from models.fold import apply, open_dossier
from models.instants import iso, whole
from models.lateness import Lateness, LatenessState
from models.passing import advance, next_threshold
from models.state import State, first_state
from models.submission import DossierStart, Heard
from models.telling import Teller, Told, refreshed
from models.viewing import promise_due, snapshot_of, view_of
from models.views import DossierView, EventHead, Receipt
from models.why import Why, narrate

FUTURE_TOLERANCE = timedelta(seconds=5)


class Request(Model):
    """Actions handed in together: all are accepted, or none. ``id`` makes a repetition safe."""

    given: tuple[Given, ...] = ()
    id: str | None = None
    heard: Heard | None = None
    imported: bool = False
    expected: int | None = None
    """The sequence that the sender read last; refused (``stale``) where the dossier has gone on since."""
    bare: dict[str, JsonValue] | None = Field(default=None, exclude=True)
    """An action as JSON, just as rules R13 writes it: see :meth:`read`."""

    @model_validator(mode="before")
    @classmethod
    def _bare_action(cls, data: Any) -> Any:
        return {"bare": data} if isinstance(data, dict) and "given" not in data else data

    def read(self, now: datetime) -> Request:
        """A bare action is a request of one, by the local admin, ``at`` ``now`` where it does not say.

        Raises :class:`Refusal` (``invalid``) with a sentence for the first thing that is wrong.
        """
        if self.bare is None:
            return self
        fields = {name: value for name, value in self.bare.items() if value is not None}
        try:
            by = Actor.model_validate(fields.pop("by", {"name": "admin", "role": Role.ADMIN}))
        except ValidationError as error:
            raise Refusal(Code.INVALID, f"'by': {first_problem(error)}") from None
        return Request(given=(Given(action=parse_action({"at": now, **fields}), by=by),))


class Carried(Model):
    """What a later run of the workflow needs to go on exactly where an earlier one stopped."""

    accepted: tuple[Given, ...]
    told: Told
    receipts: dict[str, Receipt]
    cursor: datetime


class Trial(NamedTuple):
    """What a request would lead to, for the dossier as it stood at ``now``."""

    request: Request
    now: datetime
    new: list[Given]
    state: State
    refolded: bool


class Dossier:
    """One dossier's whole life. Not thread-safe, and not shared: its workflow owns it."""

    def __init__(self, start: DossierStart) -> None:
        self.start = start.model_copy(update={"carried": None})
        self._accepted: list[Given] = []
        self._receipts: dict[str, Receipt] = {}
        self._told: Told | None = None
        self._tried: Trial | None = None
        """The last check: an acceptance that follows at once need not fold again."""
        if start.carried is None:
            self._state = first_state(self.start, FirstRows())
        else:
            self._go_on(Carried.model_validate(start.carried))

    def _go_on(self, carried: Carried) -> None:
        self._accepted = list(carried.accepted)
        self._receipts = dict(carried.receipts)
        self._told = carried.told.model_copy(deep=True)
        self._state = self._refold(self._accepted)
        advance(self._state, carried.cursor)
        self._state.facts.clear()

    # --- acting ------------------------------------------------------------------------------------------------

    @property
    def has_begun(self) -> bool:
        return self._told is not None

    def begin(self, now: datetime) -> list[Event]:
        """Take the dossier up: fold what is known already, pass time to ``now``, tell it all."""
        now = max(whole(now), self.start.accepted_at)
        self._told = Told(imported_at=now if self.start.imported else None)
        given = self._unseen(self.start.given)
        self._state = self._refold(given)
        self._accepted = given
        advance(self._state, now)
        teller = Teller(self._told, self._state, now, self.start.heard)
        self._tell(teller, given, refolded=False)
        return teller.events

    def check(self, request: Request, now: datetime) -> None:
        """Raise the :class:`Refusal` that :meth:`accept` would raise. Changes nothing."""
        if request.id is None or request.id not in self._receipts:
            self._tried = self._trial(request, whole(now))

    def accept(self, request: Request, now: datetime) -> tuple[Receipt, list[Event]]:
        """Accept all actions of the request, or raise :class:`Refusal` and change nothing.

        A request whose ``id`` was seen before gets its first answer again.
        """
        if request.id is not None and request.id in self._receipts:
            return self._receipts[request.id], []
        now = whole(now)
        tried, self._tried = self._tried, None
        if tried is None or (tried.request, tried.now) != (request, now):
            tried = self._trial(request, now)
        new, self._state = tried.new, tried.state
        self._accepted += new
        now = max(now, self._state.cursor)
        advance(self._state, now)
        if request.imported:
            self._known.imported_at = now
        teller = Teller(self._known, self._state, now, request.heard)
        self._tell(teller, new, refolded=tried.refolded)
        receipt = self.receipt(teller.events)
        if request.id is not None:
            self._receipts[request.id] = receipt
        return receipt, teller.events

    def pass_time(self, now: datetime) -> list[Event]:
        """Pass every deadline, rung and hearing window before ``now``."""
        self._tried = None
        now = max(whole(now), self._state.cursor)
        advance(self._state, now)
        teller = Teller(self._known, self._state, now)
        teller.tell_facts(refolded=False)
        teller.publish_due(now)
        return teller.events

    # --- asking ------------------------------------------------------------------------------------------------

    def next_wake(self) -> datetime | None:
        """When time alone will change something next: a second after the nearest threshold, or a publication."""
        wakes = []
        threshold = next_threshold(self._state)
        if threshold is not None:
            wakes.append(threshold + timedelta(seconds=1))
        limit = timedelta(minutes=self.start.rules.policies.backdate_limit_minutes)
        wakes += [at for record in self._known.records if (at := record.publish_at(limit)) is not None]
        return min(wakes, default=None)

    @property
    def is_settled(self) -> bool:
        """Closed, and every hearing has come to its end: nothing is left to wait for."""
        return self._state.closed_at is not None and all(
            record.gone or record.state is not LatenessState.RECORDED for record in self._known.records
        )

    @property
    def zone(self) -> ZoneInfo:
        return self._state.calendar.zone

    @property
    def jitter(self) -> timedelta:
        return timedelta(seconds=self.start.jitter_seconds)

    @property
    def late_count(self) -> int:
        """Latenesses that stand: neither annulled nor removed by later evidence."""
        return sum(
            not record.gone and record.state is not LatenessState.ANNULLED for record in self._known.records
        )

    def latenesses(self, now: datetime) -> list[Lateness]:
        return [refreshed(record, self._state, whole(now)) for record in self._known.records]

    def view(self, now: datetime) -> DossierView:
        return view_of(self._state, self._known, whole(now))

    def why(self, step: str | None, now: datetime) -> Why:
        """How the deadline of a step (None: the promise) came about (design 4.9)."""
        return narrate(self._state, step, whole(now))

    def record(self, events: list[Event], now: datetime, *, imported: bool = False) -> Record:
        """What the store is told of these events; the last one of a settled dossier brings its archive."""
        return Record(
            dossier=self.start.code,
            events=tuple(events),
            snapshot=snapshot_of(self._state, self._known, now),
            imported=imported,
            archive=self.archive() if self.is_settled else None,
        )

    def carry(self) -> DossierStart:
        """The input of the run that goes on with this dossier."""
        carried = Carried(
            accepted=tuple(self._accepted),
            told=self._known,
            receipts=self._receipts,
            cursor=self._state.cursor,
        )
        return self.start.model_copy(update={"given": (), "carried": carried.model_dump(mode="json")})

    def archive(self) -> dict[str, JsonValue]:
        """The aggregate without the applicant, from which a later action reopens an ended workflow."""
        return self.carry().model_dump(mode="json", exclude={"applicant", "content"}, exclude_defaults=True)

    # --- the fold ----------------------------------------------------------------------------------------------

    @property
    def _known(self) -> Told:
        if self._told is None:
            raise RuntimeError("the dossier has not begun")
        return self._told

    def _refold(self, accepted: list[Given]) -> State:
        """Fold the actions anew, in the order of their instants, then of acceptance."""
        ordered = _in_order(accepted)
        state = first_state(self.start, first_rows(self.start.rules, ordered))
        open_dossier(state)
        for index, given in ordered:
            if isinstance(given.action, ClockAction):
                self._apply(state, given, index)
        return state

    def _apply(self, state: State, given: Given, index: int) -> None:
        try:
            apply(state, given, index)
        except Refusal as refusal:
            if index >= len(self._accepted):
                raise
            raise refusal.after(
                Code.CONFLICT,
                refusals.MAKES_ILLEGAL,
                later=given.action.action,
                later_at=iso(given.action.at, state.calendar.zone),
            ) from None

    def _trial(self, request: Request, now: datetime) -> Trial:
        """New actions of the request, the state they lead to, whether by a refold; this dossier stays as it is."""
        self._check_expected(request)
        new = self._unseen(request.given)
        for given in new:
            self._check_instant(given, now)
        moves = [given for given in new if isinstance(given.action, ClockAction)]
        refolded = any(given.action.at < self._state.cursor for given in moves) or self._shows_holders(new)
        if refolded:
            state = self._refold(self._accepted + new)
        else:
            state = self._state.clone()
            for index, given in _in_order(new, len(self._accepted)):
                if isinstance(given.action, ClockAction):
                    self._apply(state, given, index)
        if any(isinstance(given.action, HearingAction) for given in new):
            self._rehearse(request, new, state.clone(), now, refolded=refolded)
        return Trial(request, now, new, state, refolded)

    def _shows_holders(self, new: list[Given]) -> bool:
        """Whether rows of a log show somebody to have had a step of whom the fold so far knows nothing."""
        if all(given.of_agency is None for given in new):
            return False
        return first_rows(self.start.rules, _in_order(self._accepted + new)) != self._state.first_rows

    def _check_expected(self, request: Request) -> None:
        """Of two who act on the same reading, the second does not know what the first has done."""
        if request.expected is not None and request.expected != self._known.sequence:
            raise Refusal(
                Code.STALE,
                refusals.STALE,
                dossier=self.start.code,
                read=request.expected,
                sequence=self._known.sequence,
            )

    def _unseen(self, given: Iterable[Given]) -> list[Given]:
        """What was not accepted before: a row or request that comes again, also in one request, counts once."""
        seen = {each.id for each in self._accepted} | {self.start.row}
        new: list[Given] = []
        for each in given:
            if each.id is None or each.id not in seen:
                new.append(each)
                seen.add(each.id)
        return new

    def _rehearse(
        self, request: Request, new: list[Given], state: State, now: datetime, *, refolded: bool
    ) -> None:
        """Tell it to nobody: a hearing may be refused for what other actions and time have made of its lateness."""
        now = max(now, state.cursor)
        advance(state, now)
        teller = Teller(self._known.model_copy(deep=True), state, now, request.heard)
        self._tell(teller, new, refolded=refolded)

    def _tell(self, teller: Teller, new: list[Given], *, refolded: bool) -> None:
        """Facts first, then what was said in the hearings, then what publishes itself, then corrections of that.

        A window that closed before something was said has published, also if no worker was there to see it.
        """
        teller.tell_facts(refolded=refolded)
        hearings = [given for given in new if isinstance(given.action, HearingAction)]
        for given in hearings:
            if not isinstance(given.action, Correct):
                teller.publish_due(given.action.at)
                teller.hear(given)
        teller.publish_due(teller.now)
        for given in hearings:
            if isinstance(given.action, Correct):
                teller.hear(given)

    def _check_instant(self, given: Given, now: datetime) -> None:
        """No future; the past beyond the backdate limit only by a supervisor with a reason (rules R9)."""
        action, zone = given.action, self._state.calendar.zone
        if action.at > now + FUTURE_TOLERANCE:
            raise Refusal(
                Code.INVALID,
                refusals.FUTURE,
                action=action.action,
                at=iso(action.at, zone),
                now=iso(now, zone),
            )
        if given.by.role is Role.LOG:
            return
        limit = self.start.rules.policies.backdate_limit_minutes
        crossed = isinstance(action, Pausing | HandOver | Transfer) and any(
            action.at <= due for due in self._passed_deadlines(now)
        )
        if now - action.at <= timedelta(minutes=limit) and not crossed:
            return
        facts = {"action": action.action, "at": iso(action.at, zone)}
        if not given.by.role.may_override:
            if crossed:
                raise Refusal(Code.FORBIDDEN, refusals.CROSSES_DEADLINE, **facts)
            raise Refusal(Code.FORBIDDEN, refusals.BACKDATED, limit=limit, **facts)
        if not action.reason:
            if crossed:
                raise Refusal(Code.INVALID, refusals.CROSSES_WITHOUT_REASON, **facts)
            raise Refusal(Code.INVALID, refusals.BACKDATED_WITHOUT_REASON, limit=limit, **facts)

    def _passed_deadlines(self, now: datetime) -> Iterator[datetime]:
        """Those that were missed, and those that no timer has told yet."""
        yield from (miss.due_at for miss in self._state.misses)
        nearest = self._state.nearest_deadline()
        if nearest is not None and nearest < now:
            state = self._state.clone()
            advance(state, now)
            yield from (miss.due_at for miss in state.misses)

    def receipt(self, events: list[Event]) -> Receipt:
        return Receipt(
            code=self.start.code,
            sequence=self._known.sequence,
            status=self._state.status,
            due_at=promise_due(self._state),
            events=tuple(EventHead(sequence=e.sequence, type=e.type, at=e.at) for e in events),
        )


def _in_order(given: list[Given], first: int = 0) -> list[tuple[int, Given]]:
    """By instant, then acceptance (rules R1); each with its place in the order of acceptance, from ``first`` on."""
    return sorted(enumerate(given, first), key=lambda item: (item[1].action.at, item[0]))
