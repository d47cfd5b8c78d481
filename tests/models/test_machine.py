"""A dossier under random actions by all kinds of people at random instants, while time passes as a timer lets it.

Whatever happens: shares sum to 100, no clock is reset, nothing fires twice, a refusal changes nothing (design 4).
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from models.actions import Actor, Given, HandOver, Role, SendBack, Transfer, parse_action
from models.clock import Clock
from models.dossier import Dossier, Request
from models.errors import Refusal
from models.events import Event, EventType
from models.lateness import Lateness, LatenessState
from models.passing import advance, next_threshold
from models.submission import DossierStart, Heard
from models.views import Status, StepState
from tests.models.lives_of_dossiers import OFFICIALS, SECOND, Life, effort, gaps, starts
from tests.models.office import ADMIN, CODE, HEADS, LOG
from tests.models.test_rules_more import assert_told

people = st.sampled_from(
    [
        *(Actor(name=name, role=Role.OFFICIAL) for name in OFFICIALS[:2]),
        Actor(name="HEAD-0", role=Role.SUPERVISOR),
        Actor(name="counter", role=Role.COUNTER),
        LOG,
        ADMIN,
        None,  # whoever holds the step
        None,
    ]
)
ago = st.one_of(st.integers(-5, 120), st.integers(0, 6 * 3600), st.integers(0, 7 * 24 * 3600))
kinds = st.integers(0, 19)
picks = st.integers(0, 10_000)
ENDS = (StepState.DONE, StepState.CANCELLED)


class DossierMachine(RuleBasedStateMachine):
    life: Life

    @initialize(start=starts())
    def submit(self, start: DossierStart) -> None:
        self.life = Life(start)
        self.most_clocks: Counter[str] = Counter()
        self.consumed: dict[tuple[str, int], int] = {}

    @property
    def dossier(self) -> Dossier:
        return self.life.dossier

    # --- what happens ------------------------------------------------------------------------------------------

    @rule(gap=gaps)
    def time_passes(self, gap: timedelta) -> None:
        self.life.live_to(self.life.now + gap)

    @rule(days=st.integers(1, 12))
    def the_worker_is_down(self, days: int) -> None:
        self.life.jump_to(self.life.now + timedelta(days=days))

    @precondition(lambda self: self.dossier._state.nearest_deadline() is not None)
    @rule(seconds=st.sampled_from((-1, 0, 1)), wakes=st.booleans())
    def until_a_deadline(self, seconds: int, wakes: bool) -> None:
        due = self.dossier._state.nearest_deadline()
        assert due is not None
        until = max(self.life.now, due + seconds * SECOND)
        if wakes:
            self.life.live_to(until)
        self.life.now = until

    def _before(self, seconds: int) -> datetime:
        """That long ago; where nothing more is legal after the closing, before that."""
        last = self.dossier._state.closed_at
        latest = self.life.now if last is None or self._can_go_on() else last - SECOND
        return max(latest - seconds * SECOND, self.dossier.start.accepted_at)

    def _can_go_on(self) -> bool:
        return self.dossier._state.status in (Status.RUNNING, Status.PAUSED, Status.PROCESSED)

    @precondition(_can_go_on)
    @rule(kind=kinds, pick=picks, by=people)
    def act(self, kind: int, pick: int, by: Actor | None) -> None:
        """Now; by whoever."""
        self._hand_in(self.life.sensible(kind, pick, self.life.now, by=by))

    @precondition(_can_go_on)
    @rule(kind=kinds, pick=picks)
    def act_with_authority(self, kind: int, pick: int) -> None:
        self._hand_in(self.life.sensible(kind, pick, self.life.now))

    @precondition(_can_go_on)
    @rule(gap=gaps, pick=picks)
    def work_goes_on(self, gap: timedelta, pick: int) -> None:
        """Time, then a step done: so that lives get somewhere."""
        self.life.live_to(self.life.now + gap)
        self._hand_in(self.life.sensible(0, pick, self.life.now))

    @rule(kind=kinds, pick=picks, by=people, seconds=ago)
    def act_late(self, kind: int, pick: int, by: Actor | None, seconds: int) -> None:
        """It happened up to a week ago, or seems to lie a little ahead."""
        self._hand_in(self.life.sensible(kind, pick, self._before(seconds), by=by))

    @rule(
        rows=st.lists(st.tuples(kinds, picks, st.integers(0, 5 * 24 * 3600)), min_size=2, max_size=4),
        judged=st.booleans(),
    )
    def import_rows(self, rows: list[tuple[int, int, int]], judged: bool) -> None:
        """Rows of a log that arrive together: all of them, or none."""
        given = [
            self.life.sensible(kind, pick, self._before(seconds), by=LOG) for kind, pick, seconds in rows
        ]
        heard = Heard(by="Sở Tư pháp", reason="đã xét") if judged else None
        self._hand_in(*given, heard=heard, imported=True)

    @precondition(lambda self: bool(self.dossier.latenesses(self.life.now)))
    @rule(
        which=picks,
        by=people,
        seconds=st.sampled_from((0, 60, 3600)),
        fields=st.sampled_from(
            [
                {"action": "explain", "text": "mất điện"},
                {"action": "review", "decision": "excused", "cause": "objective", "reason": "bão"},
                {"action": "review", "decision": "upheld", "cause": "subjective", "reason": "không"},
                {"action": "correct", "decision": "corrected", "reason": "nhầm"},
                {"action": "correct", "decision": "retracted", "reason": "nhầm"},
            ]
        ),
    )
    def hear(self, which: int, by: Actor | None, seconds: int, fields: dict[str, Any]) -> None:
        latenesses = self.dossier.latenesses(self.life.now)
        late = latenesses[which % len(latenesses)]
        if fields["action"] == "explain" and which % 2:
            by = Actor(name=late.official or late.head or HEADS[late.agency], role=Role.OFFICIAL)
        action = parse_action({**fields, "lateness": late.id, "at": self.life.now - seconds * SECOND})
        self._hand_in(Given(action=action, by=by or ADMIN))

    @precondition(lambda self: bool(self.life.accepted))
    @rule(pick=picks)
    def hand_in_again(self, pick: int) -> None:
        """A request that comes again gets its first answer; nothing happens twice."""
        self.life.now = max(self.life.now, self.dossier._state.cursor)
        given = self.life.sensible(5, pick, self.life.now).model_copy(update={"id": f"row-{pick}"})
        request = Request(given=(given,), id=f"request-{pick}")
        try:
            first, told = self.dossier.accept(request, self.life.now)
        except Refusal:
            return
        self.life.events += told
        before = self._all()
        assert self.dossier.accept(request, self.life.now + SECOND) == (first, [])
        renewed = Dossier(self.dossier.carry())
        assert renewed.accept(request, self.life.now + SECOND) == (first, [])
        again = Request(given=(given,), id=f"other-{pick}")
        assert self.dossier.accept(again, self.life.now)[1] == []
        assert self._all() == before

    @rule()
    def go_on_in_a_new_run(self) -> None:
        """Continue-as-new, or reopened from the archive: the very same dossier, which goes on the same way."""
        old, before = self.dossier, self._all()
        carried = DossierStart.model_validate_json(old.carry().model_dump_json())
        archived = DossierStart.model_validate_json(json.dumps(old.archive()))
        self.life.dossier = Dossier(carried)
        assert self._all() == before
        told = old.pass_time(self.life.now)
        assert self.dossier.pass_time(self.life.now) == told
        assert Dossier(archived).pass_time(self.life.now) == told
        self.life.events += told

    def _all(self) -> tuple[Any, ...]:
        now = self.life.now
        seen = self.dossier.view(now), self.dossier.latenesses(now), self.dossier.why(None, now)
        return *seen, self.dossier.next_wake(), self.dossier.late_count, self.dossier.is_settled

    def _hand_in(self, *given: Given, heard: Heard | None = None, imported: bool = False) -> None:
        request = Request(given=given, heard=heard, imported=imported)
        before, count = self._all(), len(self.life.events)
        first = min(each.action.at for each in given)
        in_order = first >= self.dossier._state.cursor
        consumed, dues = self._consumed(first), self._dues()
        refused: Refusal | None = None
        try:
            self.dossier.check(request, self.life.now)
        except Refusal as refusal:
            refused = refusal
        assert self._all() == before
        if not self.life.hand_in(request):
            assert refused is not None
            assert (self._all(), len(self.life.events)) == (before, count)
            return
        assert refused is None
        if in_order:
            self._nothing_was_reset(given, consumed, dues)
        if first < max(self.life.now, self.dossier._state.cursor):
            self.consumed = {}  # evidence of what was before now: the fold says anew what was consumed

    def _nothing_was_reset(
        self,
        given: tuple[Given, ...],
        consumed: dict[tuple[str, int], int],
        dues: dict[tuple[str, int], datetime],
    ) -> None:
        """Design 4.4: no clock restarts, and no due instant moves because a step changes hands or goes back."""
        now = self._consumed(self.dossier._state.cursor)
        assert all(now[key] >= seconds for key, seconds in consumed.items())
        if all(isinstance(each.action, HandOver | Transfer | SendBack) for each in given):
            for key, due in self._dues().items():
                assert due == dues.get(key, due), f"{given[0].action.action} moved the deadline of {key}"

    # --- what always holds -------------------------------------------------------------------------------------

    def _clocks(self) -> dict[tuple[str, int], Clock]:
        state = self.dossier._state
        subjects = [*((step.key, step.clocks) for step in state.steps), ("promise", state.promises)]
        return {(key, number): clock for key, clocks in subjects for number, clock in enumerate(clocks, 1)}

    def _consumed(self, when: datetime) -> dict[tuple[str, int], int]:
        calendar = self.dossier._state.calendar
        return {key: clock.consumed_at(when, calendar) for key, clock in self._clocks().items()}

    def _dues(self) -> dict[tuple[str, int], datetime]:
        """Due instants of the clocks that run."""
        calendar = self.dossier._state.calendar
        running = {key: clock.due(calendar) for key, clock in self._clocks().items() if clock.is_running}
        return {key: due for key, due in running.items() if due is not None}

    @invariant()
    def consumed_time_never_falls(self) -> None:
        consumed = self._consumed(max(self.life.now, self.dossier._state.cursor))
        assert all(consumed[key] >= seconds for key, seconds in self.consumed.items())
        self.consumed = consumed

    @invariant()
    def every_second_has_one_holder(self) -> None:
        for key, clock in self._clocks().items():
            assert sum(clock.held.values()) + sum(clock.after.values()) == clock.consumed, key

    @invariant()
    def shares_sum_to_a_hundred(self) -> None:
        for late in self.dossier.latenesses(self.life.now):
            assert sum(Decimal(str(share.share)) for share in late.shares) == 100
            sizes = [share.share for share in late.shares]
            assert sizes == sorted(sizes, reverse=True)
            if late.state is LatenessState.RECORDED and late.step is not None:
                assert (late.shares[0].agency, late.shares[0].official) == (late.agency, late.official)
            assert late.head is None or late.official is None

    @invariant()
    def events_are_numbered_without_gaps(self) -> None:
        events = self.life.events
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        assert self.dossier.view(self.life.now).sequence == len(events)

    @invariant()
    def nothing_fires_twice(self) -> None:
        for key, number in self._clocks():
            self.most_clocks[key] = max(self.most_clocks[key], number)
        rungs: Counter[tuple[str, str]] = Counter()
        last: dict[str, Event] = {}
        for event in self.life.events:
            if event.type in (EventType.WARNED, EventType.ESCALATED):
                rungs[str(event.data["step"] or "promise"), str(event.data["rung"])] += 1
            if event.type is EventType.RECORDED:
                before = last.get(event.subject)
                assert before is None or self._naming(before) != self._naming(event), "recorded twice"
                last[event.subject] = event
        assert all(count <= self.most_clocks[step] for (step, _), count in rungs.items())
        missed = Counter(
            late.step or "promise"
            for late in self.dossier.latenesses(self.life.now)
            if late.state is not LatenessState.ANNULLED and late.review is None
        )
        published_then_gone = sum(event.type is EventType.RETRACTED for event in self.life.events)
        assert all(count <= self.most_clocks[step] + published_then_gone for step, count in missed.items())

    @staticmethod
    def _naming(event: Event) -> tuple[Any, ...]:
        return tuple(str(event.data[name]) for name in ("agency", "official", "due_at", "shares"))

    @invariant()
    def a_lateness_is_told_in_order(self) -> None:
        for late in self.dossier.latenesses(self.life.now):
            assert late.recorded_at > late.due_at or late.state is LatenessState.ANNULLED
            if late.published_at is not None:
                assert late.published_at >= late.due_at + timedelta(minutes=15)
                assert late.window_closes_at is not None
                assert late.published_at > late.window_closes_at or late.heard_by
            assert late.overrun_minutes == pytest.approx(sum(held.minutes for held in late.after), abs=0.05)
            assert late.id.startswith(f"{CODE}:{late.step or 'promise'}:")

    @invariant()
    def states_fit_together(self) -> None:
        view = self.dossier.view(self.life.now)
        states = {step.state for step in view.steps}
        match view.status:
            case Status.RUNNING:
                assert StepState.RUNNING in states
                assert states <= {StepState.RUNNING, StepState.PENDING, StepState.DONE}
            case Status.PAUSED:
                assert StepState.PAUSED in states
                assert states <= {StepState.PAUSED, StepState.PENDING, StepState.DONE}
                assert view.due_at is None
            case Status.PROCESSED | Status.DELIVERED:
                assert states == {StepState.DONE}
            case _:
                assert states <= set(ENDS)
        active = {step.stage for step in view.steps if step.state in (StepState.RUNNING, StepState.PAUSED)}
        assert len(active) <= 1
        for step in view.steps:
            if active:
                assert step.stage >= min(active) or step.state is StepState.DONE
            assert (step.due_at is None) or step.state in (StepState.RUNNING, *ENDS)
            assert (step.completed_at is not None) == (step.state is StepState.DONE)
        assert (view.closed_at is None) == view.status.is_open
        running = [key for key, clock in self._clocks().items() if clock.is_running]
        assert bool(running) == (view.status is Status.RUNNING)

    @invariant()
    def what_was_told_is_what_the_fold_says(self) -> None:
        """Rules R1: the last event of every lateness against the misses of the fold, folded anew."""
        cursor = self.dossier._state.cursor
        fold = self.dossier._refold(self.dossier._accepted)
        advance(fold, cursor)
        misses = {miss.key: miss for miss in fold.misses}
        last = {event.subject: event.data for event in self.life.events if ":" in event.subject}
        for record in self.dossier._known.records:
            told = Lateness.model_validate(last[record.lateness.id])
            assert told.state is record.state
            if record.gone:
                assert record.state in (LatenessState.ANNULLED, LatenessState.RETRACTED)
                continue
            miss = misses.pop(record.fact)
            if record.state is not LatenessState.RETRACTED:
                assert (told.due_at, told.shares, told.agency) == (
                    miss.due_at,
                    miss.shares,
                    miss.named.agency,
                )
                assert told.official in (miss.named.official, None)
            if record.state in (LatenessState.RECORDED, LatenessState.EXCUSED):
                assert told.official == miss.named.official
        assert not misses, "missed and not told"
        late = {r.lateness.step for r in self.dossier._known.records if not r.gone}
        assert {step.key for step in self.dossier.view(self.life.now).steps if step.late} == late - {None}

    @invariant()
    def a_closed_dossier_waits_for_hearings_only(self) -> None:
        if self.dossier.view(self.life.now).closed_at is not None:
            assert next_threshold(self.dossier._state) is None
            recorded = [late for late in self._latenesses() if late.state is LatenessState.RECORDED]
            assert (self.dossier.next_wake() is None) == (not recorded)
            assert self.dossier.is_settled == (not recorded)

    def _latenesses(self) -> list[Lateness]:
        return self.dossier.latenesses(self.life.now)

    def teardown(self) -> None:
        """Left alone, it comes to rest, and is the same when folded anew."""
        if hasattr(self, "life"):
            self._why_tells_every_deadline()
            self.life.live_to(self.life.now + timedelta(days=60))
            self.go_on_in_a_new_run()
            self._why_tells_every_deadline()

    def _why_tells_every_deadline(self) -> None:
        view = self.dossier.view(self.life.now)
        for subject in (None, *(step.key for step in view.steps)):
            why = self.dossier.why(subject, self.life.now)
            assert_told(why)
            if subject is None and view.due_at is not None:
                assert why.due_at == view.due_at


DossierMachine.TestCase.settings = settings(effort(120), stateful_step_count=30)
TestDossier = DossierMachine.TestCase
