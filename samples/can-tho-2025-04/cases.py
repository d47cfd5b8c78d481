"""The telling cases, written out by hand: the eight that were late, and those that were on time for a reason."""

from __future__ import annotations

from datetime import timedelta

from life import BUSINESS, CHANGE, COPY, EXTRACT, LAND_DELETE, LAND_FIRST, PERMIT, City, Life

# --- the eight that were late --------------------------------------------------------------------------------------


def late_after_consultation(city: City) -> None:
    """Ninh Kieu: both consulted agencies answered in time, the appraisal took 5.5 days of 4. The promise was kept."""
    life = Life(city, PERMIT, "H13.2", city.at("04-01 08:12"))
    life.complete("receive", "04-01 10:05")
    life.complete("site_check", "04-03 15:40")
    life.complete("consult_planning", "04-09 10:20")
    life.complete("consult_power", "04-10 16:15")
    life.complete("appraise", "04-18 09:45", reason="Phải đối chiếu lại bản đồ quy hoạch phân khu")
    life.complete("sign", "04-21 14:30")
    life.complete("return", "04-21 16:10")
    life.deliver()


def late_and_handed_over_in_the_last_minutes(city: City) -> None:
    """Ninh Kieu: NK-02 had it for all but ten minutes of its 12 hours and is named; NK-08 had to finish it."""
    life = Life(city, BUSINESS, "H13.2", city.at("04-14 07:40"))
    life.complete("receive", "04-14 09:30")
    due = life.calendar.due(life.begins, life.budget(life.step("process")))
    life.row(
        "hand_over", due - timedelta(minutes=10), step="process", official="NK-08", reason="Chuyển xử lý tiếp"
    )
    life.complete("process", "04-16 10:20", "NK-08")
    life.complete("approve", "04-16 15:10")
    life.complete("sign_return", "04-17 08:30")
    life.deliver()


def late_because_a_saturday_was_worked(city: City) -> None:
    """Co Do: due Saturday 26 April, worked in exchange for 2 May; done on Monday morning."""
    life = Life(city, BUSINESS, "H13.9", city.at("04-24 13:10"))
    life.complete("receive", "04-24 14:55")
    life.complete("process", "04-28 07:50", reason="Chưa cập nhật lịch làm bù thứ Bảy 26/4")
    life.complete("approve", "04-28 09:10")
    life.complete("sign_return", "04-28 10:40")
    life.deliver()


def late_once_more(city: City) -> None:
    """Co Do: the same official as in the Saturday case, two weeks before it."""
    life = Life(city, BUSINESS, "H13.9", city.at("04-08 08:05"))
    life.complete("receive", "04-08 10:15")
    life.complete("process", "04-10 15:35", reason="Nhiều hồ sơ cùng lúc, xử lý chậm")
    life.complete("approve", "04-10 16:40")
    life.complete("sign_return", "04-11 07:55")


def late_signature(city: City) -> None:
    """Phong Dien town: the paper lay for signature until the next morning."""
    life = Life(city, COPY, "H13.7.1", city.at("04-17 07:20"))
    life.complete("receive", "04-17 08:10")
    life.complete("appraise", "04-17 10:30")
    life.complete("sign", "04-18 07:45", reason="Lãnh đạo đi họp tại huyện")
    life.complete("issue", "04-18 08:15")
    life.deliver()


def late_after_a_supplement(city: City) -> None:
    """Giai Xuan: the wait for a paper does not count; what was left after it was overrun all the same."""
    life = Life(city, CHANGE, "H13.7.2", city.at("04-08 09:00"))
    life.complete("receive", "04-08 10:00")
    life.pause(
        "supplement",
        city.at("04-09 08:30"),
        city.at("04-14 14:00"),
        "Thiếu bản sao giấy khai sinh cũ, đề nghị bổ sung",
        life.holder("verify"),
    )
    life.complete("verify", "04-16 13:50", reason="Chờ đối chiếu sổ hộ tịch lưu tại huyện")
    life.complete("sign", "04-16 15:30")
    life.complete("return", "04-16 16:30")
    life.deliver()


def late_on_the_same_day(city: City) -> None:
    """Truong Xuan A: three hours to find an entry and draft the extract; the promise of the day broke with it."""
    life = Life(city, EXTRACT, "H13.8.3", city.at("04-22 07:30"))
    life.complete("receive", "04-22 08:00")
    life.complete("draft", "04-23 07:25", reason="Sổ hộ tịch năm 1989 chưa số hóa, phải tra cứu thủ công")
    life.complete("sign", "04-23 08:10")
    life.complete("seal", "04-23 08:30")
    life.complete("return", "04-23 08:45")


def late_and_not_returned(city: City) -> None:
    """Thanh An: taken in, and nothing since."""
    life = Life(city, CHANGE, "H13.10.2", city.at("04-16 08:20"))
    life.complete("receive", "04-16 09:40")


# --- telling cases that were on time -------------------------------------------------------------------------------


def saved_by_the_three_o_clock_rule(city: City) -> None:
    """Xuan Khanh: accepted at 15:20, so its day is the next one. Counted from 15:20 the first step and the promise
    would have been missed."""
    life = Life(city, COPY, "H13.2.3", city.at("04-10 15:20"))
    for key, at in zip(
        ("receive", "appraise", "sign", "issue"), ("08:40", "13:20", "15:05", "15:50"), strict=True
    ):
        life.complete(key, f"04-11 {at}")
    life.deliver()


def extended_in_time(city: City) -> None:
    """Tan An: the facts had to be verified elsewhere, the law adds three days (domain 8)."""
    life = Life(city, CHANGE, "H13.2.1", city.at("04-14 08:30"))
    life.complete("receive", "04-14 09:30")
    reason = "Cần xác minh tại nơi đăng ký hộ tịch trước đây"
    extension = {"step": "verify", "official": life.holder("verify"), "amount": "3", "unit": "working_days"}
    life.row("extend", city.at("04-15 09:00"), reason=reason, **extension)
    life.complete("verify", "04-18 10:15")
    life.complete("sign", "04-18 15:00")
    life.complete("return", "04-21 07:50")
    life.deliver()


def closed_early(city: City) -> None:
    """One refused, one withdrawn, one stopped: each within its limit."""
    refused = Life(city, BUSINESS, "H13.2", city.at("04-21 13:30"))
    refused.complete("receive", "04-21 14:20")
    reason = "Ngành, nghề đăng ký thuộc danh mục cấm đầu tư kinh doanh"
    refused.row("refuse", city.at("04-22 10:30"), official=refused.holder("process"), reason=reason)
    withdrawn = Life(city, PERMIT, "H13.3", city.at("04-15 09:15"))
    withdrawn.complete("receive", "04-15 10:40")
    withdrawn.row("withdraw", city.at("04-17 14:05"), reason="Người nộp xin rút hồ sơ để thay đổi thiết kế")
    stopped = Life(city, LAND_DELETE, "H13.14.1.1", city.at("04-09 08:45"))
    stopped.complete("receive", "04-09 10:10")
    reason = "Dừng giải quyết theo văn bản ngăn chặn của cơ quan thi hành án"
    stopped.row("stop", city.at("04-10 08:30"), official=stopped.holder("appraise"), reason=reason)


def sent_back(city: City) -> None:
    """Ninh Kieu: the head of division sends a draft back; half the budget is added for it, once (rules R7)."""
    life = Life(city, BUSINESS, "H13.2", city.at("04-03 07:50"))
    life.complete("receive", "04-03 08:40")
    life.complete("process", "04-04 09:30")
    reason = "Ghi sai mã ngành nghề, đề nghị sửa lại"
    life.row(
        "send_back", city.at("04-04 10:20"), step="process", official=life.holder("approve"), reason=reason
    )
    life.complete("process", "04-08 08:15")
    life.complete("approve", "04-08 09:25")
    life.complete("sign_return", "04-08 10:30")
    life.deliver()


def begun_anew_after_a_supplement(city: City) -> None:
    """First registration of land: policy ``restart``, the limit begins again when the papers are complete."""
    life = Life(city, LAND_FIRST, "H13.14.1", city.at("04-02 08:40"))
    life.complete("receive", "04-02 15:10")
    reason = "Thiếu trích lục bản đồ địa chính, đề nghị bổ sung"
    life.pause("supplement", city.at("04-04 09:20"), city.at("04-09 15:30"), reason, life.holder("appraise"))
    life.run_first_registration(first=2)


# --- late, and not on the list ------------------------------------------------------------------------------------


def late_and_excused(city: City) -> None:
    """Binh Thuy: the register was down for a day; explained, confirmed, excused: counted, and nobody is named."""
    life = Life(city, BUSINESS, "H13.3", city.at("04-22 07:45"))
    life.complete("receive", "04-22 09:15")
    life.complete("process", "04-24 10:05")
    life.complete("approve", "04-24 14:20")
    life.complete("sign_return", "04-24 15:30")
    life.hear("explain", "05-05 08:20", "process", life.holder("process"), text=OUTAGE)
    life.hear(
        *("review", "05-06 14:00", "process", city.head("H13.3")),
        decision="excused",
        cause="objective",
        reason="Sở Kế hoạch và Đầu tư xác nhận hệ thống đăng ký ngừng hoạt động ngày 23/4",
    )


def late_and_retracted(city: City) -> None:
    """Cai Rang: published in May; in June it turned out that another dossier's completion had been typed in."""
    life = Life(city, BUSINESS, "H13.4", city.at("04-15 08:10"))
    life.complete("receive", "04-15 09:40")
    life.complete("process", "04-17 08:25")
    life.complete("approve", "04-17 09:50")
    life.complete("sign_return", "04-17 14:10")
    life.hear(
        *("correct", "06-03 09:00", "process", city.head("H13")),
        decision="retracted",
        reason="Nhập nhầm thời điểm hoàn thành của hồ sơ khác, theo biên bản kiểm tra ngày 02/6/2025",
    )


OUTAGE = "Hệ thống thông tin quốc gia về đăng ký doanh nghiệp ngừng hoạt động cả ngày 23/4"
NOT_LISTED = (late_and_excused, late_and_retracted)
CASES = (
    late_after_consultation,
    late_and_handed_over_in_the_last_minutes,
    late_because_a_saturday_was_worked,
    late_once_more,
    late_signature,
    late_after_a_supplement,
    late_on_the_same_day,
    late_and_not_returned,
    saved_by_the_three_o_clock_rule,
    extended_in_time,
    closed_early,
    sent_back,
    begun_anew_after_a_supplement,
)
