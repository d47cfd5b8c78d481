"""Rules R9, R10: from recorded to published, excused, annulled, corrected, retracted."""

from __future__ import annotations

import pytest

from models.errors import Code, Refusal
from models.lateness import Lateness
from models.procedure import Policies
from models.submission import Heard
from tests.models.office import CODE, Office, days, hours, local, logged, official, step, supervisor

ONE = (step("work", 1, hours(2), "A"),)
ID = f"{CODE}:work:1"
BOSS = supervisor("HEAD-0")


def late_office(**kwargs: object) -> Office:
    office = Office(steps=ONE, total=days(2), **kwargs)  # type: ignore[arg-type]
    office.pass_to("04-01 10:00:01")
    office.act("complete", "04-01 10:30", step="work")
    return office


def lateness(office: Office) -> Lateness:
    (late,) = office.late
    return late


def code_of(office: Office, *args: object, **kwargs: object) -> Code:
    with pytest.raises(Refusal) as refusal:
        office.act(*args, **kwargs)  # type: ignore[arg-type]
    return refusal.value.code


def test_silence_publishes_when_the_window_closes() -> None:
    office = late_office()
    assert local(lateness(office).window_closes_at) == "04-04 10:00:01"
    assert not office.dossier.is_settled
    office.pass_to("04-04 10:00:01")
    assert lateness(office).state == "recorded"
    told = office.pass_to("04-04 10:00:02")
    assert [event.type for event in told] == ["vn.danbiet.disclosure.published"]
    assert (lateness(office).state, local(lateness(office).published_at)) == ("published", "04-04 10:00:02")
    assert office.dossier.is_settled


def test_no_window_publishes_after_the_backdate_limit() -> None:
    office = Office(steps=ONE, total=days(2), policies=Policies(explanation_window=hours(0)))
    office.pass_to("04-01 10:14:59")
    assert lateness(office).state == "recorded"
    office.pass_to("04-01 10:15:00")
    assert lateness(office).state == "published"


def test_explanation_in_time_and_late() -> None:
    office = late_office()
    assert (
        code_of(office, "explain", "04-02 09:00", by=official("B"), lateness=ID, text="tôi") == Code.FORBIDDEN
    )
    office.act("explain", "04-04 10:00:01", by=official("A"), lateness=ID, text="mất điện")
    assert lateness(office).explanation == "mất điện"
    office.act("explain", "04-05 10:00", by=official("A"), lateness=ID, text="thêm")
    late = lateness(office)
    assert (late.state, late.explanation, local(late.explained_at)) == (
        "published",
        "mất điện",
        "04-04 10:00:01",
    )


def test_first_explanation_after_the_window_is_kept_and_marked() -> None:
    office = late_office()
    office.act("explain", "04-08 10:00", by=official("A"), lateness=ID, text="đi công tác")
    late = lateness(office)
    assert late.explanation == "đi công tác"
    assert late.explained_at is not None
    assert late.window_closes_at is not None
    assert late.explained_at > late.window_closes_at


def test_excused_is_never_published() -> None:
    office = late_office()
    told = office.act(
        "review",
        "04-02 09:00",
        by=BOSS,
        lateness=ID,
        decision="excused",
        cause="objective",
        reason="mất điện toàn phường",
    )
    assert [event.type for event in told] == ["vn.danbiet.disclosure.excused"]
    office.pass_to("04-20 09:00")
    late = lateness(office)
    assert (late.state, late.cause, late.published_at) == ("excused", "objective", None)
    assert late.review is not None
    assert late.review.by == "HEAD-0"
    assert (
        code_of(office, "correct", "04-21 09:00", by=BOSS, lateness=ID, decision="retracted", reason="x")
        == Code.TOO_EARLY
    )


def test_upheld_never_publishes_early() -> None:
    office = late_office()
    office.act(
        "review",
        "04-02 09:00",
        by=BOSS,
        lateness=ID,
        decision="upheld",
        cause="subjective",
        reason="không có lý do",
    )
    assert lateness(office).state == "recorded"
    office.pass_to("04-04 10:00:02")
    assert (lateness(office).state, lateness(office).cause) == ("published", "subjective")


def test_nobody_judges_his_own_case() -> None:
    office = late_office()
    own = {"lateness": ID, "decision": "excused", "cause": "objective", "reason": "x"}
    assert code_of(office, "review", "04-02 09:00", by=supervisor("A"), **own) == Code.FORBIDDEN
    assert code_of(office, "review", "04-02 09:00", by=official("B"), **own) == Code.FORBIDDEN
    assert code_of(office, "review", "04-02 09:00", by=BOSS, **own | {"reason": None}) == Code.INVALID
    assert code_of(office, "review", "04-02 09:00", by=BOSS, **own | {"lateness": "x"}) == Code.NOT_FOUND


def test_after_publication_only_correction() -> None:
    office = late_office()
    office.pass_to("04-10 09:00")
    review = {"lateness": ID, "decision": "excused", "cause": "objective", "reason": "x"}
    assert code_of(office, "review", "04-10 09:00", by=BOSS, **review) == Code.TOO_LATE
    office.act("correct", "04-10 09:00", by=BOSS, lateness=ID, decision="corrected", reason="nhầm người")
    assert (lateness(office).state, lateness(office).official, lateness(office).head) == (
        "corrected",
        None,
        "HEAD-2",
    )
    office.act("correct", "04-10 09:05", by=BOSS, lateness=ID, decision="retracted", reason="nhầm")
    assert lateness(office).state == "retracted"
    office.act("request_payment", "04-10 10:00") if office.view.closed_at is None else None
    assert (
        code_of(office, "correct", "04-10 09:10", by=BOSS, lateness=ID, decision="retracted", reason="x")
        == Code.ALREADY_DONE
    )


def test_evidence_after_publication_retracts() -> None:
    office = Office(steps=ONE, total=days(9))
    office.pass_to("04-05 09:00")
    assert lateness(office).state == "published"
    told = office.act("complete", "04-01 09:59", arrives="04-05 09:00", step="work", reason="sổ tiếp nhận")
    assert "vn.danbiet.disclosure.retracted" in [event.type for event in told]
    assert lateness(office).state == "retracted"
    assert not office.step("work").late


def test_naming_that_changes_after_publication_goes_to_the_agency() -> None:
    office = Office(steps=ONE, total=days(9))
    office.pass_to("04-05 09:00")
    office.act(
        "hand_over", "04-01 08:10", arrives="04-05 09:00", step="work", official="B", reason="sổ giao việc"
    )
    late = lateness(office)
    assert (late.state, late.official, late.head) == ("corrected", None, "HEAD-2")


def test_annulled_then_missed_again_is_another_lateness() -> None:
    office = Office(steps=ONE, total=days(9))
    office.pass_to("04-01 10:05")
    office.act("request_payment", "04-01 09:50", arrives="04-01 10:05", reason="phiếu thu")
    assert [late.state for late in office.late] == ["annulled"]
    office.act("payment_received", "04-01 13:00")
    office.pass_to("04-01 13:30")
    assert [(late.id, late.state) for late in office.late] == [
        (ID, "annulled"),
        (f"{CODE}:work:2", "recorded"),
    ]
    assert local(office.late[1].due_at) == "04-01 13:10"


def test_history_judged_elsewhere() -> None:
    office = Office(
        steps=ONE,
        total=days(2),
        given=(logged("complete", "04-01 10:30", step="work"),),
        now="2026-11-01 09:00",
        heard=Heard(by="UBND", reason="thông báo tháng 4"),
        imported=True,
    )
    late = lateness(office)
    assert (late.state, late.heard_by) == ("published", "UBND: thông báo tháng 4")
    assert office.kinds() == [
        "accepted",
        "step_started",
        "recorded",
        "step_completed",
        "settled",
        "closed",
        "published",
    ]
    assert office.dossier.is_settled


def test_excused_in_the_log_is_not_published() -> None:
    office = Office(
        steps=ONE,
        total=days(2),
        given=(
            logged("complete", "04-01 10:30", step="work"),
            logged(
                "review",
                "04-03 09:00",
                lateness=ID,
                decision="excused",
                cause="objective",
                reason="bão",
                official="HEAD-0",
            ),
        ),
        now="2026-11-01 09:00",
        heard=Heard(by="UBND", reason="x"),
    )
    assert lateness(office).state == "excused"


def test_a_dossier_carried_on_is_the_same() -> None:
    office = late_office()
    from models.dossier import Dossier

    again = Dossier(office.dossier.carry())
    assert again.view(office.now) == office.dossier.view(office.now)
    assert again.latenesses(office.now) == office.dossier.latenesses(office.now)
    assert again.next_wake() == office.dossier.next_wake()
    assert again.pass_time(office.now) == []


def test_the_archive_holds_no_applicant() -> None:
    from models.submission import Applicant

    office = late_office(applicant=Applicant(name="Nguyễn Văn X"))
    assert "Nguyễn" not in str(office.dossier.archive())
