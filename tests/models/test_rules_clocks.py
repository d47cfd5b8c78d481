"""Rules R1, R2, R5, R6, R7, R8 by their own examples: when clocks run, stop, grow and end."""

from __future__ import annotations

import pytest

from models.budget import Budget, Unit
from models.errors import Code, Refusal
from models.procedure import Policies, Supplement
from models.views import PortalStatus, Status, StepState
from tests.models.office import (
    AGENCY,
    FOUR_STEPS,
    OTHER,
    Office,
    action_of,
    at,
    days,
    hours,
    local,
    logged,
    official,
    step,
)


def refuses(code: Code, office: Office, *args: object, **kwargs: object) -> str:
    when = str(args[1])
    office.pass_to(max(str(kwargs.get("arrives", when)), str(local(office.now))))
    before = (office.view, office.late, len(office.events))
    with pytest.raises(Refusal) as refusal:
        office.act(*args, **kwargs)  # type: ignore[arg-type]
    assert refusal.value.code == code, refusal.value.message
    assert (office.view, office.late, len(office.events)) == before
    return refusal.value.message


class TestIntake:
    """R2: normalised once; no step clock runs before clock_start."""

    @pytest.mark.parametrize(
        ("accepted", "start"),
        [
            ("04-01 08:00", "04-01 08:00"),
            ("04-01 06:30", "04-01 07:00"),
            ("04-01 11:30", "04-01 13:00"),
            ("04-01 15:00", "04-01 15:00"),
            ("04-01 15:00:01", "04-02 07:00"),
            ("04-04 15:30", "04-08 07:00"),  # Friday afternoon; Monday 7 April is Hung Kings' day
            ("04-26 09:00", "04-26 09:00"),  # a worked Saturday
            ("04-27 09:00", "04-28 07:00"),
        ],
    )
    def test_clock_start(self, accepted: str, start: str) -> None:
        assert local(Office(accepted).view.clock_start) == start

    def test_received_later_by_the_competent_agency(self) -> None:
        office = Office("04-01 09:00", received_at=at("04-02 15:10"), now="04-03 09:00")
        assert local(office.view.clock_start) == "04-03 07:00"

    def test_step_done_before_the_clock_starts(self) -> None:
        office = Office("04-07 15:30")  # a holiday: counts from Tuesday 8 April 07:00
        office = Office("03-31 15:30")
        office.act("complete", "03-31 15:40", step="receive")
        assert office.due("appraise") == "04-01 10:00"
        assert local(office.step("appraise").started_at) == "03-31 15:40"
        assert office.step("receive").consumed_minutes == 0

    def test_zero_budget_is_no_deadline(self) -> None:
        office = Office(steps=(step("receive", 1, hours(0), "A"), step("sign", 2, hours(1), "B")))
        assert office.step("receive").budget_minutes is None
        assert office.due("receive") is None
        office.pass_to("04-01 10:00")
        assert office.late == []
        office.act("complete", "04-01 10:00", step="receive")
        assert office.due("sign") == "04-01 11:00"

    def test_same_day_promise(self) -> None:
        assert Office("04-01 14:59", total=Budget(amount=0, unit=Unit.CALENDAR_DAYS)).due() == "04-01 17:00"
        assert Office("04-01 15:01", total=Budget(amount=0, unit=Unit.CALENDAR_DAYS)).due() == "04-02 17:00"

    def test_calendar_days_end_on_a_working_day(self) -> None:
        assert Office("04-01 08:00", total=Budget(amount=4, unit=Unit.CALENDAR_DAYS)).due() == "04-08 17:00"


class TestDeadlines:
    """R1: late means completed after the due instant."""

    def test_done_at_the_due_instant_is_on_time(self) -> None:
        office = Office()
        office.act("complete", "04-01 10:00", step="receive")
        office.pass_to("04-01 10:30")
        assert office.late == []

    def test_a_second_later_is_late(self) -> None:
        office = Office()
        office.act("complete", "04-01 10:00:01", step="receive")
        (late,) = office.late
        assert (late.step, late.official, local(late.due_at)) == ("receive", "A", "04-01 10:00")
        assert late.overrun_minutes == 0.02

    def test_timer_passes_only_after_the_instant(self) -> None:
        office = Office()
        assert local(office.dossier.next_wake()) == "04-01 10:00:01"
        assert "recorded" not in [e.type.rsplit(".", 1)[1] for e in office.pass_to("04-01 10:00")]
        assert "recorded" in [e.type.rsplit(".", 1)[1] for e in office.pass_to("04-01 10:00:01")]

    def test_overrun_may_be_nothing(self) -> None:
        """Due Friday 17:00, done Saturday 10:00."""
        office = Office("04-11 15:00", steps=(step("receive", 1, hours(2), "A"),))
        office.act("complete", "04-12 10:00", step="receive")
        (late,) = [x for x in office.late if x.step]
        assert (local(late.due_at), late.overrun_minutes) == ("04-11 17:00", 0)
        assert [(h.official, h.minutes) for h in late.after] == [("A", 0)]

    def test_evidence_that_arrives_late_annuls(self) -> None:
        office = Office("04-11 15:00", steps=(step("receive", 1, hours(2), "A"),))
        office.pass_to("04-11 17:20")
        assert office.step("receive").late
        told = office.act("complete", "04-11 16:50", arrives="04-11 17:30", step="receive", reason="sổ giấy")
        assert [e.type.rsplit(".", 1)[1] for e in told] == ["step_completed", "closed", "annulled"]
        assert office.late[0].state == "annulled"
        assert not office.step("receive").late
        assert office.view.status is Status.PROCESSED

    def test_worker_was_down_across_the_deadline(self) -> None:
        """The completion's own instant decides, not who was first to be seen."""
        office = Office()
        done = action_of("complete", "04-01 09:30", step="receive")
        assert office.dossier.next_wake() is not None
        office.now = at("04-01 12:00")
        from models.actions import Given
        from models.dossier import Request
        from tests.models.office import LOG

        _, told = office.dossier.accept(Request(given=(Given(action=done, by=LOG),)), office.now)
        assert "recorded" not in [e.type.rsplit(".", 1)[1] for e in told]

    def test_the_promise_names_no_person(self) -> None:
        office = Office(steps=(step("receive", 1, hours(0), "A"),))
        office.pass_to("04-02 08:30")
        (late,) = office.late
        assert (late.id, late.step, late.official, late.head) == (
            f"{office.start.code}:promise:1",
            None,
            None,
            "HEAD-2",
        )
        assert late.shares[0].share == 100


class TestPauses:
    """R5."""

    def test_pause_takes_no_time_and_due_follows(self) -> None:
        office = Office()
        office.act("request_supplement", "04-01 09:00")
        assert (office.view.status, office.view.portal_status) == (Status.PAUSED, PortalStatus.SUPPLEMENT)
        assert office.due() is None
        assert office.due("receive") is None
        office.pass_to("04-03 09:00")
        office.act("supplement_received", "04-03 09:00")
        assert office.due("receive") == "04-03 10:00"
        assert office.due() == "04-04 08:00"
        assert local(office.view.original_due_at) == "04-02 08:00"
        assert office.late == []

    def test_paused_exactly_at_the_due_instant_is_not_missed(self) -> None:
        office = Office()
        office.act("request_payment", "04-01 10:00")
        office.pass_to("04-01 16:00")
        assert office.late == []
        office.act("payment_received", "04-01 16:10")
        assert office.due("receive") == "04-01 16:10"
        office.pass_to("04-01 16:10:01")
        assert local(office.late[0].due_at) == "04-01 16:10"

    def test_one_pause_at_a_time_and_only_its_own_resume(self) -> None:
        office = Office()
        office.act("request_payment", "04-01 09:00")
        refuses(Code.ILLEGAL_ACTION, office, "request_supplement", "04-01 09:01")
        refuses(Code.ILLEGAL_ACTION, office, "supplement_received", "04-01 09:02")
        refuses(Code.ILLEGAL_ACTION, office, "complete", "04-01 09:02", step="receive")
        refuses(Code.ILLEGAL_ACTION, office, "send_back", "04-01 09:02", step="receive")
        office.act("hand_over", "04-01 09:03", step="receive", official="B")
        assert office.step("receive").official == "B"

    def test_resume_without_pause(self) -> None:
        refuses(Code.ILLEGAL_ACTION, Office(), "payment_received", "04-01 09:00")

    def test_restart_opens_new_clocks(self) -> None:
        office = Office(policies=Policies(supplement=Supplement.RESTART))
        office.act("complete", "04-01 09:00", step="receive")
        office.act("hand_over", "04-01 10:00", step="appraise", official="X")
        office.act("request_supplement", "04-01 11:00")
        office.act("supplement_received", "04-03 15:30")
        assert office.step("receive").state is StepState.DONE
        assert office.due("appraise") == "04-04 10:00"  # three full hours from the next opening
        assert office.due() == "04-04 17:00"
        office.pass_to("04-04 10:30")
        (late,) = office.late
        assert [(s.official, s.minutes) for s in late.shares] == [("X", 180)]  # shares count the new clock

    def test_restart_may_miss_again(self) -> None:
        office = Office(policies=Policies(supplement=Supplement.RESTART))
        office.pass_to("04-01 10:30")
        office.act("request_supplement", "04-01 10:40")
        office.act("supplement_received", "04-02 08:00")
        office.pass_to("04-02 10:30")
        assert [late.id.rsplit(":", 2)[1:] for late in office.late] == [["receive", "1"], ["receive", "2"]]

    def test_a_restarted_promise_is_shared_by_what_came_after(self) -> None:
        steps = (step("survey", 1, hours(3), "Q", OTHER), step("appraise", 1, hours(2), "B"))
        office = Office(
            "04-01 13:00", steps=steps, total=hours(4), policies=Policies(supplement=Supplement.RESTART)
        )
        office.act("request_supplement", "04-02 09:00")
        office.act("supplement_received", "04-03 07:00")
        office.pass_to("04-03 14:00")
        first, second = (late for late in office.late if late.step is None)
        assert (local(first.due_at), local(second.due_at)) == ("04-01 17:00", "04-03 11:00")
        # Due at 15:00 and 16:00 at first, then at 09:00 and 10:00.
        assert [(s.agency, s.minutes) for s in first.shares] == [(AGENCY, 120), (OTHER, 60)]
        assert [(s.agency, s.minutes) for s in second.shares] == [(AGENCY, 120), (OTHER, 60)]

    def test_overrun_excludes_pauses(self) -> None:
        office = Office()
        office.act("request_payment", "04-01 10:10")
        office.act("payment_received", "04-01 14:00")
        office.act("complete", "04-01 14:05", step="receive")
        assert office.late[0].overrun_minutes == 15


class TestExtension:
    """R6."""

    def test_adds_to_promise_and_step(self) -> None:
        office = Office(total=days(2))
        office.act("extend", "04-01 09:00", amount=1, unit="working_days")
        assert office.due() == "04-04 08:00"
        assert office.due("receive") == "04-02 10:00"
        assert local(office.view.original_due_at) == "04-03 08:00"

    def test_needs_a_working_day_left(self) -> None:
        office = Office("04-01 08:00", total=days(2))
        assert "480" in refuses(
            Code.TOO_LATE,
            office,
            "extend",
            "04-02 08:00:01",
            amount=1,
            unit="working_days",
            arrives="04-02 08:00:01",
        )
        office.act("extend", "04-02 08:00:00", arrives="04-02 08:00:02", amount=1, unit="working_days")
        assert office.due() == "04-04 08:00"

    def test_also_while_paused(self) -> None:
        office = Office(total=days(2))
        office.act("request_payment", "04-01 08:30")
        office.act("extend", "04-10 09:00", amount=4, unit="working_hours")
        office.act("payment_received", "04-10 10:00")
        assert office.due() == "04-14 15:30"

    def test_once(self) -> None:
        office = Office(total=days(3))
        office.act("extend", "04-01 09:00", amount=1, unit="working_days")
        refuses(Code.ALREADY_DONE, office, "extend", "04-01 09:10", amount=1, unit="working_days")

    def test_says_which_of_several(self) -> None:
        steps = (step("a", 1, hours(8), "A"), step("b", 1, hours(8), "B"))
        office = Office(total=days(3), steps=steps)
        assert "a, b" in refuses(Code.INVALID, office, "extend", "04-01 09:00", amount=1, unit="working_days")
        office.act("extend", "04-01 09:00", amount=1, unit="working_days", step="b")
        assert (office.due("a"), office.due("b")) == ("04-02 08:00", "04-03 08:00")

    def test_a_missed_deadline_stays_missed(self) -> None:
        office = Office(total=days(3))
        office.pass_to("04-01 10:30")
        office.act("extend", "04-01 10:40", amount=1, unit="working_days")
        assert office.step("receive").late
        office.act("complete", "04-01 10:50", step="receive")
        assert [late.overrun_minutes for late in office.late] == [50]

    def test_calendar_days(self) -> None:
        office = Office(total=days(2))  # due 3 April 08:00
        office.act(
            "extend", "04-01 09:00", amount=3, unit="calendar_days"
        )  # 6 April is a Sunday, 7 a holiday
        assert office.due() == "04-08 17:00"


class TestSentBack:
    """R7."""

    def test_goes_on_with_what_remains_and_half_once(self) -> None:
        office = Office(total=days(3))
        office.act("complete", "04-01 09:00", step="receive")  # 60 of 120 consumed
        office.act("complete", "04-01 10:00", step="appraise")  # 60 of 180
        office.act("send_back", "04-01 10:30", step="receive", reason="thiếu")
        assert office.step("receive").state is StepState.RUNNING
        assert office.step("receive").budget_minutes == 180
        assert office.due("receive") == "04-01 14:30"  # 60 left + 60: 30 before noon, 90 after
        assert (office.step("appraise").state, office.step("sign").state) == (
            StepState.PENDING,
            StepState.PENDING,
        )
        assert office.step("sign").consumed_minutes == 30
        office.act("complete", "04-01 13:00", step="receive")
        assert office.due("appraise") == "04-01 15:00"  # the stage between repeats with its 120 left
        office.act("complete", "04-01 14:00", step="appraise")
        assert office.due("sign") == "04-01 15:30"
        office.act("send_back", "04-01 14:10", step="receive", reason="thiếu")
        assert office.step("receive").budget_minutes == 180  # no second allowance

    def test_a_late_step_gets_no_second_lateness(self) -> None:
        office = Office(total=days(3))
        office.act("complete", "04-01 10:30", step="receive")
        office.act("send_back", "04-01 13:00", step="receive")
        office.act("complete", "04-01 14:00", step="receive")
        (late,) = office.late
        assert (late.overrun_minutes, local(late.completed_at)) == (90, "04-01 14:00")
        assert office.kinds().count("settled") == 2

    def test_siblings_stay_done(self) -> None:
        steps = (step("a", 1, hours(4), "A"), step("b", 1, hours(4), "B"), step("c", 2, hours(4), "C"))
        office = Office(total=days(3), steps=steps)
        office.act("complete", "04-01 09:00", step="a")
        office.act("complete", "04-01 09:30", step="b")
        office.act("send_back", "04-01 10:00", step="a")
        assert office.step("b").state is StepState.DONE
        office.act("complete", "04-01 10:10", step="a")
        assert office.step("c").state is StepState.RUNNING

    def test_only_to_an_earlier_stage(self) -> None:
        refuses(Code.ILLEGAL_ACTION, Office(), "send_back", "04-01 09:00", step="receive")
        refuses(Code.ILLEGAL_ACTION, Office(), "send_back", "04-01 09:00", step="sign")


class TestClosing:
    """R8."""

    def test_the_last_completion_processes(self) -> None:
        office = Office()
        for minute, key in enumerate(s.key for s in FOUR_STEPS):
            office.act("complete", f"04-01 08:{10 + minute}", step=key)
        view = office.view
        assert (view.status, view.portal_status, local(view.closed_at)) == (
            Status.PROCESSED,
            9,
            "04-01 08:13",
        )
        assert office.due() == "04-02 08:00"
        assert office.dossier.is_settled
        assert office.dossier.next_wake() is None
        office.act("deliver", "04-01 09:00")
        assert (office.view.status, office.view.portal_status) == (Status.DELIVERED, 10)
        refuses(Code.ALREADY_DONE, office, "deliver", "04-01 09:10")

    @pytest.mark.parametrize(
        ("action", "status", "portal"),
        [("refuse", "refused", 3), ("withdraw", "withdrawn", 7), ("stop", "stopped", 8)],
    )
    def test_closing_cancels(self, action: str, status: str, portal: int) -> None:
        office = Office()
        office.act(action, "04-01 09:00", reason="x")
        office.pass_to("04-09 09:00")
        assert (office.view.status, office.view.portal_status) == (status, portal)
        assert office.late == []
        assert {s.state for s in office.view.steps} == {StepState.CANCELLED}

    def test_a_missed_step_is_late_up_to_the_closing(self) -> None:
        office = Office()
        office.act("refuse", "04-01 10:45", reason="x")
        (late,) = office.late
        assert (late.overrun_minutes, local(late.completed_at)) == (45, "04-01 10:45")

    def test_after_closing_only_what_lies_before_it(self) -> None:
        office = Office()
        office.act("withdraw", "04-01 09:00")
        refuses(Code.ILLEGAL_ACTION, office, "complete", "04-01 09:05", step="receive")
        office.act("complete", "04-01 08:50", arrives="04-01 09:05", step="receive")
        assert office.step("receive").state is StepState.DONE
        assert office.view.status is Status.WITHDRAWN

    def test_deliver_only_after_processing(self) -> None:
        refuses(Code.TOO_EARLY, Office(), "deliver", "04-01 09:00")


class TestRefusals:
    """Bad input: a stable code and a sentence; nothing changes."""

    def test_step_twice_too_early_unknown(self) -> None:
        office = Office()
        office.act("complete", "04-01 09:00", step="receive")
        refuses(Code.ALREADY_DONE, office, "complete", "04-01 09:10", step="receive")
        refuses(Code.TOO_EARLY, office, "complete", "04-01 09:10", step="sign")
        assert "receive, appraise" in refuses(Code.INVALID, office, "complete", "04-01 09:10", step="nope")

    def test_instants(self) -> None:
        office = Office()
        office.pass_to("04-01 09:00")
        refuses(Code.INVALID, office, "complete", "04-01 09:00:06", arrives="04-01 09:00", step="receive")
        refuses(
            Code.TOO_EARLY,
            office,
            "complete",
            "04-01 07:59",
            arrives="04-01 09:00",
            step="receive",
            reason="x",
        )
        office.act("complete", "04-01 09:00:05", arrives="04-01 09:00", step="receive")

    def test_backdating(self) -> None:
        office = Office()
        holder = official("A")
        refuses(
            Code.FORBIDDEN,
            office,
            "complete",
            "04-01 08:30",
            arrives="04-01 08:45:01",
            step="receive",
            by=holder,
        )
        refuses(Code.INVALID, office, "complete", "04-01 08:30", arrives="04-01 08:45:01", step="receive")
        office = Office()
        office.act("complete", "04-01 08:30", arrives="04-01 08:45", step="receive", by=holder)
        assert office.step("receive").state is StepState.DONE

    def test_what_crosses_a_passed_deadline_needs_a_supervisor(self) -> None:
        office = Office()
        office.pass_to("04-01 10:05")
        holder = official("A")
        refuses(
            Code.FORBIDDEN,
            office,
            "hand_over",
            "04-01 09:55",
            arrives="04-01 10:05",
            step="receive",
            official="B",
            by=holder,
        )
        refuses(Code.INVALID, office, "request_supplement", "04-01 09:55", arrives="04-01 10:05")
        office.act("request_supplement", "04-01 09:55", arrives="04-01 10:05", reason="đã gửi phiếu")
        assert office.late[0].state == "annulled"

    def test_holders_only(self) -> None:
        office = Office()
        refuses(Code.NOT_HOLDER, office, "complete", "04-01 09:00", step="receive", by=official("B"))
        refuses(Code.NOT_HOLDER, office, "complete", "04-01 09:00", step="receive", official="B")
        refuses(
            Code.FORBIDDEN, office, "complete", "04-01 09:00", step="receive", official="A", by=official("B")
        )
        refuses(Code.NOT_HOLDER, office, "refuse", "04-01 09:00", by=official("B"))
        office.act("complete", "04-01 09:00", step="receive", official="A")

    def test_supervisor_in_the_holders_stead(self) -> None:
        office = Office()
        office.act("complete", "04-01 09:00", step="receive", official="B", reason="thay mặt")
        assert office.step("receive").official == "A"

    def test_a_late_action_that_breaks_a_later_one(self) -> None:
        office = Office()
        office.act("complete", "04-01 09:00", step="receive", by=official("A"))
        message = refuses(Code.CONFLICT, office, "withdraw", "04-01 08:55", arrives="04-01 09:05")
        assert "complete" in message
        assert office.view.status is Status.RUNNING


def test_import_tells_history_and_no_warning_that_had_passed() -> None:
    rows = (
        logged("complete", "04-01 10:30", step="receive", id="r2"),
        logged("complete", "04-01 10:50", step="appraise"),
    )
    office = Office(given=rows, now="2026-11-01 09:00", imported=True)
    kinds = office.kinds()
    assert kinds[:4] == ["accepted", "step_started", "recorded", "step_completed"]
    assert "warned" not in kinds
    assert "escalated" not in kinds
    assert [late.id.split(":", 1)[1] for late in office.late] == ["receive:1", "sign:1", "promise:1"]
