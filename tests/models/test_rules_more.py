"""Corners of the rules, each by an example that once failed or that nobody had written down yet."""

from __future__ import annotations

from itertools import pairwise

import pytest

from models.actions import Actor, Given
from models.budget import Budget, Unit
from models.calendar import Line, LineKind
from models.dossier import Dossier, Request
from models.errors import Code, Refusal
from models.events import Event
from models.lateness import Lateness
from models.procedure import Policies, Rung, RungOf, RungTo, Supplement
from models.why import Why
from tests.models.office import (
    ADMIN,
    AGENCY,
    CODE,
    LOG,
    OTHER,
    VN,
    Office,
    action_of,
    at,
    days,
    hours,
    local,
    logged,
    official,
    step,
    supervisor,
)

ONE = (step("work", 1, hours(2), "A"),)
ID = f"{CODE}:work:1"
BOSS = supervisor("HEAD-0")
RESTART = Policies(supplement=Supplement.RESTART)


def rung(key: str, **position: object) -> Rung:
    return Rung(key=key, of=RungOf.STEP, to=RungTo.HOLDER, **position)  # type: ignore[arg-type]


def ladder(*rungs: Rung) -> Policies:
    return Policies(ladder=rungs)


def given(action: str, when: str, *, by: Actor = ADMIN, **fields: object) -> Given:
    return Given(action=action_of(action, when, **fields), by=by)


def kinds(events: list[Event]) -> list[str]:
    return [event.type.rsplit(".", 1)[1] for event in events]


def lateness(office: Office) -> Lateness:
    (late,) = office.late
    return late


class TestWhole:
    """A request is accepted whole, or refused and nothing has changed."""

    def test_evidence_and_an_explanation_of_what_it_removes(self) -> None:
        """R9: the lateness is gone with the evidence, so the explanation in the same request has nothing to explain."""
        office = Office(steps=ONE, total=days(2))
        office.pass_to("04-01 10:05")
        assert lateness(office).state == "recorded"
        before = (office.view, office.late, office.dossier.next_wake())
        request = Request(
            given=(
                given("complete", "04-01 09:59", step="work"),
                given("explain", "04-01 10:05", by=official("A"), lateness=ID, text="đã xong"),
            )
        )
        with pytest.raises(Refusal):
            office.dossier.check(request, office.now)
        with pytest.raises(Refusal):
            office.dossier.accept(request, office.now)
        assert (office.view, office.late, office.dossier.next_wake()) == before

    def test_a_log_that_judges_what_time_alone_has_made_late(self) -> None:
        """R10: rows of a log may speak of a lateness that no action crosses, at the start as in a later import."""
        rows = (
            logged(
                "review", "04-03 09:00", lateness=ID, decision="excused", cause="objective", reason="bão",
                official="HEAD-0",
            ),
        )  # fmt: skip
        assert lateness(Office(steps=ONE, total=days(9), given=rows, now="04-10 09:00")).state == "excused"
        office = Office(steps=ONE, total=days(9))
        request = Request(given=rows, imported=True)
        office.dossier.check(request, at("04-10 09:00"))
        office.dossier.accept(request, at("04-10 09:00"))
        assert lateness(office).state == "excused"

    def test_a_repeated_request_is_answered_before_it_is_checked(self) -> None:
        office = Office()
        request = Request(given=(given("complete", "04-01 09:00", step="receive"),), id="key-1")
        first, _ = office.dossier.accept(request, at("04-01 09:00"))
        office.dossier.check(request, at("04-01 09:01"))
        assert office.dossier.accept(request, at("04-01 09:01")) == (first, [])

    def test_the_same_row_twice_in_one_request(self) -> None:
        office = Office()
        row = logged("complete", "04-01 09:00", id="row-1", step="receive")
        office.dossier.accept(Request(given=(row, row)), at("04-01 09:00"))
        assert local(office.step("receive").completed_at) == "04-01 09:00"

    def test_the_same_row_twice_at_the_start(self) -> None:
        row = logged("complete", "04-01 09:00", id="row-1", step="receive")
        office = Office(given=(row, row), now="04-01 09:30")
        assert local(office.step("receive").completed_at) == "04-01 09:00"


class TestInstants:
    """R1, R9: which instant an action may claim."""

    def test_the_future_is_measured_from_now_and_not_from_the_last_action(self) -> None:
        """Five seconds ahead, again and again, must not lead into next week."""
        office = Office()
        now = at("04-01 09:00")
        office.dossier.accept(Request(given=(given("request_payment", "04-01 09:00:05"),)), now)
        with pytest.raises(Refusal) as refusal:
            office.dossier.accept(Request(given=(given("payment_received", "04-01 09:00:10"),)), now)
        assert refusal.value.code == Code.INVALID

    def test_nothing_is_recorded_before_it_is_due(self) -> None:
        office = Office(steps=ONE, total=days(2))
        done = given("complete", "04-01 10:00:03", step="work")
        office.dossier.accept(Request(given=(done,)), at("04-01 09:59:58"))
        late = office.dossier.latenesses(at("04-01 10:00:03"))[0]
        assert late.recorded_at > late.due_at

    def test_what_crosses_a_deadline_that_no_timer_has_told_yet(self) -> None:
        """R9: the deadline has passed, whether or not the worker was there to see it."""
        office = Office(steps=ONE, total=days(2))
        request = Request(given=(given("request_supplement", "04-01 09:55", by=official("A")),))
        with pytest.raises(Refusal) as refusal:
            office.dossier.accept(request, at("04-01 10:05"))
        assert refusal.value.code == Code.FORBIDDEN

    def test_deliver_with_an_instant_before_the_processing(self) -> None:
        office = Office(steps=ONE, total=days(2))
        office.act("complete", "04-01 09:00", step="work")
        with pytest.raises(Refusal) as refusal:
            office.act("deliver", "04-01 08:59", arrives="04-01 09:05")
        assert refusal.value.code == Code.TOO_EARLY
        office.act("deliver", "04-01 09:00", arrives="04-01 09:05")
        assert office.view.status == "delivered"

    def test_at_the_closing_instant_it_is_no_longer_before_it(self) -> None:
        """R8: only what lies before the closing."""
        office = Office()
        office.act("withdraw", "04-01 09:00")
        with pytest.raises(Refusal) as refusal:
            office.act("complete", "04-01 09:00", arrives="04-01 09:01", step="receive")
        assert refusal.value.code == Code.ILLEGAL_ACTION


class TestNaming:
    """R4, R9."""

    def test_the_head_answers_only_where_no_person_is_named(self) -> None:
        """In whatever order the hand-over became known."""
        office = Office(steps=ONE, total=days(2))
        office.pass_to("04-01 10:05")
        office.act("hand_over", "04-01 08:10", arrives="04-01 10:06", step="work", official="B", reason="sổ")
        assert (lateness(office).official, lateness(office).head) == ("B", None)

    def test_the_head_answers_once_the_queue_is_named(self) -> None:
        office = Office(steps=ONE, total=days(2))
        office.pass_to("04-01 10:05")
        office.act(
            "transfer", "04-01 08:10", arrives="04-01 10:06", step="work", agency=OTHER, head="HEAD-3",
            reason="sổ",
        )  # fmt: skip
        late = lateness(office)
        assert (late.agency, late.official, late.head) == (OTHER, None, "HEAD-3")


class TestHearing:
    """R10."""

    REVIEW = {"lateness": ID, "decision": "excused", "cause": "objective", "reason": "bão"}

    def test_a_closed_window_has_published_also_while_the_worker_was_down(self) -> None:
        """Silence publishes: a decision after the window is too late, whoever looked at the clock first."""
        office = Office(steps=ONE, total=days(9))
        office.pass_to("04-01 10:00:01")  # the window closes on 4 April at 10:00:01
        late_review = Request(given=(given("review", "04-04 11:00", by=BOSS, **self.REVIEW),))
        with pytest.raises(Refusal) as refusal:
            office.dossier.accept(late_review, at("04-04 11:00"))
        assert refusal.value.code == Code.TOO_LATE

    def test_a_decision_within_the_window_that_arrives_before_publication(self) -> None:
        office = Office(steps=ONE, total=days(9))
        office.pass_to("04-01 10:00:01")
        review = Request(given=(given("review", "04-04 10:00:01", by=BOSS, **self.REVIEW),))
        office.dossier.accept(review, at("04-04 10:05"))
        assert lateness(office).state == "excused"

    def test_no_correction_after_a_retraction(self) -> None:
        office = Office(steps=ONE, total=days(9))
        office.pass_to("04-05 09:00")
        office.act("complete", "04-01 09:59", arrives="04-05 09:00", step="work", reason="sổ")
        assert lateness(office).state == "retracted"
        with pytest.raises(Refusal) as refusal:
            office.act("correct", "04-05 09:10", by=BOSS, lateness=ID, decision="corrected", reason="x")
        assert refusal.value.code == Code.ALREADY_DONE

    def test_an_excuse_is_annulled_by_evidence(self) -> None:
        office = Office(steps=ONE, total=days(9))
        office.pass_to("04-01 10:05")
        office.act("review", "04-01 10:06", by=BOSS, **self.REVIEW)
        office.act("complete", "04-01 09:59", arrives="04-01 10:10", step="work")
        assert lateness(office).state == "annulled"


class TestLadder:
    """R12: once per (clock, rung)."""

    def test_an_extension_after_the_deadline_moves_no_escalation(self) -> None:
        """R6: missed deadlines stay missed, so what is measured from them stays too."""
        office = Office(steps=ONE, total=days(9), policies=ladder(rung("later", after=hours(2))))
        office.act("extend", "04-01 10:30", amount=1, unit="working_days")
        office.pass_to("04-01 14:00")  # due 10:00; 2 working hours later: 14:00
        assert "escalated" not in office.kinds()
        office.pass_to("04-01 14:00:01")
        assert [local(e.at) for e in office.events if e.type.endswith("escalated")] == ["04-01 14:00"]

    def test_a_rung_that_only_the_extension_brings_is_reached_with_it(self) -> None:
        """A warning 3 h before a 2 h deadline never comes; with 2 h more it is due at once, and not in the past."""
        office = Office(steps=ONE, total=days(9), policies=ladder(rung("soon", before=hours(3))))
        office.act("extend", "04-01 09:30", amount=2, unit="working_hours")
        told = office.pass_to("04-01 09:30:01")
        assert [(kind, local(e.at)) for kind, e in zip(kinds(told), told, strict=True)] == [
            ("warned", "04-01 09:30")
        ]

    def test_a_submission_taken_up_late_tells_what_it_would_have_told(self) -> None:
        """Design 4.7: also if no worker was there for two days."""
        office = Office(
            steps=ONE, total=days(9), now="04-03 08:00",
            policies=ladder(rung("soon", percent=50), rung("later", after=hours(2))),
        )  # fmt: skip
        assert [k for k in office.kinds() if k in ("warned", "recorded", "escalated")] == [
            "warned", "recorded", "escalated",
        ]  # fmt: skip

    def test_rows_imported_later_tell_no_warning_that_had_passed(self) -> None:
        steps = (step("a", 1, hours(8), "A"), step("b", 2, hours(2), "B"))
        office = Office(steps=steps, total=days(9), policies=ladder(rung("soon", percent=50)))
        done = logged("complete", "04-01 09:00", id="r1", step="a")
        _, told = office.dossier.accept(Request(given=(done,), imported=True), at("04-01 10:30"))
        assert kinds(told) == ["step_completed", "step_started"]  # b's warning would have been at 10:00


class TestClosedWhilePaused:
    """R5, R8: paused time never counts, also not where the dossier ends in the pause."""

    def test_refused_in_a_pause_before_the_promise_was_due(self) -> None:
        office = Office(total=days(1))
        office.act("request_supplement", "04-01 09:00")
        office.act("refuse", "04-20 09:00", reason="không bổ sung")
        snapshot = office.dossier.record([], office.now).snapshot
        assert snapshot.view.closed_at is not None
        assert snapshot.promise_due_at is not None
        assert snapshot.promise_due_at >= snapshot.view.closed_at  # what the bulletin calls on time
        assert office.due() == "04-02 08:00"  # the view keeps its last due
        assert office.late == []

    def test_refused_in_a_pause_after_the_promise_was_missed(self) -> None:
        office = Office(total=days(1))
        office.act("request_supplement", "04-02 09:00")
        office.act("refuse", "04-20 09:00", reason="không bổ sung")
        snapshot = office.dossier.record([], office.now).snapshot
        assert local(snapshot.promise_due_at) == "04-02 08:00"
        promise = next(late for late in office.late if late.step is None)
        assert (promise.overrun_minutes, local(promise.completed_at)) == (60, "04-20 09:00")

    def test_an_extension_in_the_pause_moves_the_last_due(self) -> None:
        office = Office(total=days(2))
        office.act("request_payment", "04-01 08:30")
        office.act("extend", "04-01 09:00", amount=4, unit="working_hours")
        office.act("withdraw", "04-01 09:30")
        assert office.due() == "04-03 14:00"
        assert_told(office.dossier.why(None, office.now))


def total_of(why: Why) -> float:
    counted = (LineKind.COUNTED, LineKind.WORKED_SWAP)
    return round(sum(line.minutes for line in why.lines if line.kind in counted), 2)


def assert_told(why: Why) -> None:
    """Design 4.9: the minutes told are the budget, and no instant is told twice."""
    spans = sorted((line.start, line.end) for line in why.lines if line.end > line.start)
    for (_, end), (begin, _) in pairwise(spans):
        assert begin >= end, (why.subject, why.lines)
    if why.due_at is not None and why.budget_minutes is not None:
        assert total_of(why) == why.budget_minutes, (why.subject, why.lines)


class TestWhy:
    """Design 4.9: the narration's total equals the engine's, whatever became of the clock."""

    def test_done_before_the_clock_started(self) -> None:
        office = Office("03-31 15:30")
        office.act("complete", "03-31 15:40", step="receive")
        why = office.dossier.why("receive", office.now)
        assert (local(why.due_at), total_of(why)) == ("04-01 09:00", 120)

    def test_done_the_instant_it_began(self) -> None:
        office = Office()
        office.act("complete", "04-01 08:00", step="receive")
        assert_told(office.dossier.why("receive", office.now))

    def test_extended_after_it_was_missed(self) -> None:
        office = Office(total=days(9))
        office.act("extend", "04-01 10:30", amount=1, unit="working_days")
        why = office.dossier.why("receive", office.now)
        assert (local(why.due_at), why.budget_minutes) == ("04-01 10:00", 120)
        assert_told(why)
        assert_told(office.dossier.why(None, office.now))

    def test_late_and_sent_back(self) -> None:
        office = Office(total=days(9))
        office.act("complete", "04-01 10:30", step="receive")
        office.act("send_back", "04-01 13:00", step="receive")
        for when in ("04-01 13:30", "04-01 15:00"):
            office.pass_to(when)
            assert_told(office.dossier.why("receive", office.now))

    def test_seconds_do_not_get_lost_between_runs(self) -> None:
        office = Office(total=days(2))
        for minute in (10, 20, 30):
            office.act("request_payment", f"04-01 08:{minute}:20")
            office.act("payment_received", f"04-01 08:{minute + 5}")
        why = office.dossier.why("receive", office.now)
        assert_told(why)
        assert why.budget_minutes == 120

    def test_a_pause_before_the_clock_started(self) -> None:
        office = Office("03-31 15:30")
        office.act("request_payment", "03-31 15:40")
        assert_told(office.dossier.why(None, office.now))
        office.act("payment_received", "04-02 09:00")
        office.act("complete", "04-02 09:30", step="receive")
        for subject in (None, "receive", "appraise"):
            assert_told(office.dossier.why(subject, office.now))
        told = [(line.kind, local(line.start), local(line.end)) for line in _gaps(office, None)]
        assert told == [
            ("policy", "03-31 15:30", "03-31 15:40"),
            ("paused", "03-31 15:40", "04-02 09:00"),
        ]

    def test_a_day_off_before_the_clock_started_has_its_source(self) -> None:
        office = Office("04-04 15:30")
        for subject in (None, "receive"):
            why = office.dossier.why(subject, office.now)
            assert_told(why)
            told = [(line.kind, local(line.start), local(line.end)) for line in why.lines[:3]]
            assert told == [
                ("policy", "04-04 15:30", "04-07 00:00"),
                ("day_off", "04-07 00:00", "04-08 00:00"),
                ("policy", "04-08 00:00", "04-08 07:00"),
            ]
            assert why.lines[1].source is not None

    def test_restart_says_what_the_earlier_clock_was(self) -> None:
        office = Office(policies=RESTART, total=days(2))
        office.act("request_supplement", "04-01 09:00")
        office.act("supplement_received", "04-01 15:30")
        told = [(line.kind, local(line.start), local(line.end)) for line in _gaps(office, "receive")]
        assert told == [
            ("policy", "04-01 08:00", "04-01 09:00"),
            ("paused", "04-01 09:00", "04-01 15:30"),
            ("policy", "04-01 15:30", "04-01 15:30"),  # papers complete: a new clock
            ("policy", "04-01 15:30", "04-02 07:00"),
        ]
        for subject in (None, "receive"):
            assert_told(office.dossier.why(subject, office.now))

    def test_paused_while_another_step_had_it(self) -> None:
        """Sent back, and paused there: one stretch is told as both, one after the other."""
        office = Office(total=days(9))
        office.act("complete", "04-01 08:30", step="receive")
        office.act("send_back", "04-01 09:00", step="receive")
        office.act("request_payment", "04-01 09:10")
        office.act("payment_received", "04-01 09:40")
        office.act("complete", "04-01 10:00", step="receive")
        told = [(line.kind, local(line.start), local(line.end)) for line in _gaps(office, "appraise")]
        assert told == [
            ("policy", "04-01 09:00", "04-01 09:10"),
            ("paused", "04-01 09:10", "04-01 09:40"),
            ("policy", "04-01 09:40", "04-01 10:00"),
        ]
        for subject in (None, "receive", "appraise", "sign"):
            assert_told(office.dossier.why(subject, office.now))


def _gaps(office: Office, subject: str | None) -> list[Line]:
    lines = office.dossier.why(subject, office.now).lines
    return [line for line in lines if line.kind in (LineKind.PAUSED, LineKind.POLICY)]


class TestTransfers:
    """R3, R4: no clock moves, wherever the dossier stands."""

    def test_of_the_dossier_while_paused(self) -> None:
        office = Office(total=days(2))
        office.act("request_payment", "04-01 09:00")
        office.act("transfer", "04-01 09:30", agency=OTHER, roster={"receiveer": "X"}, head="HEAD-3")
        office.act("payment_received", "04-01 10:00")
        assert (office.step("receive").agency, office.step("receive").official) == (OTHER, "X")
        assert (office.due("receive"), office.due()) == ("04-01 11:00", "04-03 09:00")
        office.act("complete", "04-01 11:00", step="receive")
        assert office.late == []

    def test_of_the_dossier_before_the_clock_starts(self) -> None:
        office = Office("03-31 15:30", steps=ONE, total=days(1))
        office.act("transfer", "03-31 15:45", agency=OTHER, head="HEAD-3")
        assert (office.due("work"), office.due()) == ("04-01 09:00", "04-01 17:00")
        office.pass_to("04-02 08:00")
        assert [(late.agency, late.head, [s.share for s in late.shares]) for late in office.late] == [
            (OTHER, "HEAD-3", [100]),
            (OTHER, "HEAD-3", [100]),
        ]


def test_calendar_days_and_months_go_through_pauses_as_working_time() -> None:
    """R2: converted once to working minutes, so that pauses work."""
    month = Budget(amount=1, unit=Unit.MONTHS)
    office = Office(total=month, steps=(step("work", 1, Budget(amount=2, unit=Unit.CALENDAR_DAYS), "A"),))
    assert (office.due("work"), office.due()) == ("04-03 17:00", "05-05 17:00")  # 1 to 4 May are days off
    office.act("request_payment", "04-02 09:00")
    office.act("payment_received", "04-03 09:00")
    assert (office.due("work"), office.due()) == ("04-04 17:00", "05-06 17:00")


def test_a_late_clock_that_restarts_is_late_for_what_it_was() -> None:
    """R5: the old clock is frozen and kept on record; the new one may still be in time."""
    office = Office(policies=RESTART, total=days(3))
    office.act("request_supplement", "04-01 10:30")
    office.act("supplement_received", "04-02 09:00")
    office.act("complete", "04-02 10:00", step="receive")
    late = lateness(office)
    assert (local(late.due_at), late.overrun_minutes, local(late.completed_at)) == (
        "04-01 10:00", 30, "04-02 10:00",
    )  # fmt: skip
    assert office.step("receive").late


def test_the_store_is_told_when_a_missed_clock_ran_on() -> None:
    """R5, R7: what a list counts the overrun of an unfinished step from; a paused or returned step adds nothing."""

    def runs(office: Office) -> list[tuple[str | None, str | None]]:
        (overdue,) = office.dossier.record([], office.now).snapshot.overdue
        assert overdue.ended_at is None
        return [(local(run.start), local(run.end)) for run in overdue.runs]

    office = Office(total=days(9))
    office.pass_to("04-01 10:30")
    assert runs(office) == [("04-01 10:00", None)]
    office.act("request_payment", "04-01 10:40")
    assert runs(office) == [("04-01 10:00", "04-01 10:40")]
    office.act("payment_received", "04-01 14:00")
    office.act("complete", "04-01 14:30", step="receive")
    assert office.dossier.record([], office.now).snapshot.overdue[0].ended_at == at("04-01 14:30")
    office.act("send_back", "04-01 15:00", step="receive")
    assert runs(office) == [
        ("04-01 10:00", "04-01 10:40"),
        ("04-01 14:00", "04-01 14:30"),
        ("04-01 15:00", None),
    ]

    office = Office(policies=RESTART, total=days(3))
    office.act("request_supplement", "04-01 10:30")
    office.act("supplement_received", "04-02 09:00")
    office.pass_to("04-02 10:00")
    assert runs(office) == [("04-01 10:00", "04-01 10:30")]


def test_restart_and_extension() -> None:
    """R5, R6: what an extension added is not lost with the old clock; and it stays the only one."""
    office = Office(policies=RESTART, total=days(2))
    office.act("extend", "04-01 08:30", amount=4, unit="working_hours")
    office.act("request_supplement", "04-01 09:00")
    office.act("supplement_received", "04-02 07:00")
    assert (office.due("receive"), office.due()) == ("04-02 15:00", "04-04 11:00")
    for subject in (None, "receive"):
        assert_told(office.dossier.why(subject, office.now))
    with pytest.raises(Refusal):
        office.act("extend", "04-02 08:00", amount=4, unit="working_hours")


def test_send_back_suspends_every_running_sibling() -> None:
    """R7: the current stage is suspended, its consumed kept; siblings that were done stay done."""
    steps = (step("a", 1, hours(2), "A"), *(step(key, 2, hours(4), key.upper()) for key in ("x", "y", "z")))
    office = Office(steps=steps, total=days(3))
    office.act("complete", "04-01 08:30", step="a")
    office.act("complete", "04-01 09:00", step="x")
    office.act("send_back", "04-01 09:30", step="a")
    states = {s.key: (s.state, s.consumed_minutes) for s in office.view.steps}
    assert states == {"a": ("running", 30), "x": ("done", 30), "y": ("pending", 60), "z": ("pending", 60)}
    office.act("complete", "04-01 10:00", step="a")
    assert (office.due("y"), office.due("z")) == ("04-01 15:00", "04-01 15:00")


def test_evidence_that_arrives_after_the_closing_changes_whom_it_names() -> None:
    """R8, R9: legal at its place, so folded in."""
    office = Office(steps=ONE, total=days(2))
    office.act("complete", "04-01 10:30", step="work")
    assert lateness(office).official == "A"
    office.act("hand_over", "04-01 08:20", arrives="04-01 11:00", step="work", official="B", reason="sổ")
    late = lateness(office)
    assert (late.official, late.agency, [s.minutes for s in late.shares]) == ("B", AGENCY, [100, 20])
    assert [(h.official, h.minutes) for h in late.after] == [("B", 30)]


def test_a_request_of_one_by_a_log_needs_no_reason() -> None:
    office = Office()
    office.pass_to("04-01 10:30")
    office.act("complete", "04-01 09:00", arrives="04-01 10:30", by=LOG, step="receive")
    assert lateness(office).state == "annulled"


def test_who_acts_on_an_older_reading_is_refused_and_a_repetition_is_not() -> None:
    office = Office(steps=ONE)
    read = office.view.sequence

    def sent(official: str, id: str) -> Request:
        given = Given(action=action_of("hand_over", "04-01 08:05", step="work", official=official), by=ADMIN)
        return Request(given=(given,), id=id, expected=read)

    now = at("04-01 08:05")
    first, _ = office.dossier.accept(sent("B", "first"), now)
    with pytest.raises(Refusal, match="read it again") as refused:
        office.dossier.check(sent("C", "second"), now)
    assert refused.value.code is Code.STALE
    with pytest.raises(Refusal, match="read it again"):
        office.dossier.accept(sent("C", "second"), now)
    later = Dossier(office.dossier.carry())
    for dossier in (office.dossier, later):
        dossier.check(sent("B", "first"), now)
        assert dossier.accept(sent("B", "first"), now) == (first, [])
    assert office.step("work").official == "B"


def test_the_days_of_an_overrun_are_its_minutes_by_480_as_the_bulletin_has_them() -> None:
    office = Office(steps=ONE, total=days(5))
    office.act("complete", "04-02 08:40:48", step="work")
    assert (lateness(office).overrun_minutes, lateness(office).overrun_working_days) == (400.8, 0.84)


def test_the_days_of_an_overrun_compare_where_days_are_shorter() -> None:
    """R12: minutes / 480, whatever a budget in working days is counted by."""
    office = Office(steps=ONE, total=days(5), calendar=VN.model_copy(update={"day_minutes": 420}))
    office.act("complete", "04-03 08:00", step="work")
    late = lateness(office)
    assert (
        late.overrun_working_days
        == round(late.overrun_minutes / 480, 2)
        != round(late.overrun_minutes / 420, 2)
    )
