"""The working calendar by example: the rules of R2, the edges of a day, narration, and reading the file."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from models.budget import Budget, Unit
from models.calendar import CalendarData, Line, LineKind, Session, WorkingCalendar, load_calendar
from models.errors import CatalogueError, Code, Refusal
from models.instants import whole

FILE = Path(__file__).parents[2] / "catalogue" / "calendars" / "vn.yaml"
TEXT = FILE.read_text(encoding="utf-8")
VN = WorkingCalendar.of(load_calendar(TEXT, file="vn.yaml"))
HOUR = 3600
OFFICE = "07:00-11:00 13:00-17:00"


def at(text: str, calendar: WorkingCalendar = VN) -> datetime:
    """'2025-04-07 09:30[:15]' in the calendar's zone."""
    return whole(datetime.fromisoformat(text).replace(tzinfo=calendar.zone))


def told(instant: datetime, calendar: WorkingCalendar = VN) -> str:
    return instant.astimezone(calendar.zone).strftime("%a %Y-%m-%d %H:%M:%S").removesuffix(":00")


def budget(amount: str | int, unit: Unit) -> Budget:
    return Budget(amount=Decimal(amount), unit=unit)


def made(zone: str = "Asia/Ho_Chi_Minh", week: tuple[str, ...] | None = None, **more: object) -> CalendarData:
    given: dict[str, object] = {
        "name": "test",
        "zone": zone,
        "week": week or (*[OFFICE] * 5, "", ""),
        "covers_from": date(2020, 1, 1),
        "covers_until": date(2029, 12, 31),
        "confirmed_until": date(2028, 12, 31),
    }
    return CalendarData.model_validate(given | more)


class TestDue:
    @pytest.mark.parametrize(
        ("start", "hours", "due"),
        [
            ("2025-04-02 07:00", "4", "Wed 2025-04-02 11:00"),  # used up at 11:00: not 13:00
            ("2025-04-02 07:00", "8", "Wed 2025-04-02 17:00"),  # at the close: not the next opening
            ("2025-04-02 10:00", "2", "Wed 2025-04-02 14:00"),  # over lunch
            ("2025-04-02 11:00", "1", "Wed 2025-04-02 14:00"),  # the close belongs to lunch: half-open
            ("2025-04-02 12:00", "1", "Wed 2025-04-02 14:00"),  # starts in lunch
            ("2025-04-02 17:00", "1", "Thu 2025-04-03 08:00"),
            ("2025-04-02 23:59:59", "1", "Thu 2025-04-03 08:00"),  # no gap before midnight
            ("2025-04-03 00:00", "1", "Thu 2025-04-03 08:00"),
            ("2025-04-05 09:00", "1", "Tue 2025-04-08 08:00"),  # Saturday, Hung Kings on Monday
            ("2025-04-07 09:00", "8", "Tue 2025-04-08 17:00"),  # on a holiday
            ("2025-04-02 16:59:30", "0.5", "Thu 2025-04-03 07:29:30"),  # below the minute
            ("2025-04-25 16:00", "2", "Sat 2025-04-26 08:00"),  # the swapped Saturday counts
            ("2025-04-29 16:00", "2", "Mon 2025-05-05 08:00"),  # 30 April to 2 May do not
        ],
    )
    def test_examples(self, start: str, hours: str, due: str) -> None:
        seconds = VN.seconds(budget(hours, Unit.WORKING_HOURS))
        assert told(VN.due(at(start), seconds)) == due
        assert VN.working_time(at(start), VN.due(at(start), seconds)) == seconds

    def test_nothing_is_due_at_once_also_out_of_session(self) -> None:
        assert VN.due(at("2025-04-05 12:34:56"), 0) == at("2025-04-05 12:34:56")

    def test_asked_again_of_another_start_or_amount(self) -> None:
        start = at("2025-04-02 07:00")
        answers = [VN.due(start, n * HOUR) for n in (1, 2, 1)] + [VN.due(start + timedelta(hours=1), HOUR)]
        assert [told(answer)[-5:] for answer in answers] == ["08:00", "09:00", "08:00", "09:00"]

    def test_a_negative_budget_is_a_mistake(self) -> None:
        with pytest.raises(ValueError, match="never negative"):
            VN.due(at("2025-04-02 07:00"), -1)

    def test_beyond_the_calendar_and_before_it_the_week_alone_counts(self) -> None:
        assert told(VN.due(at("2031-01-01 07:00"), 8 * HOUR)) == "Wed 2031-01-01 17:00"
        assert told(VN.due(at("2023-04-28 16:00"), 2 * HOUR)) == "Mon 2023-05-01 08:00"

    def test_further_than_years_go_is_refused(self) -> None:
        thin = WorkingCalendar(made(week=("07:00-07:01", *[""] * 6)))
        with pytest.raises(Refusal, match="beyond the year 9999"):
            thin.due(at("2025-04-02 07:00"), VN.seconds(budget(100_000, Unit.WORKING_DAYS)))


class TestWorkingTime:
    @pytest.mark.parametrize(
        ("a", "b", "seconds"),
        [
            ("2025-04-02 08:00", "2025-04-02 08:00", 0),
            ("2025-04-02 09:00", "2025-04-02 08:00", 0),  # backwards is nothing, not less than nothing
            ("2025-04-02 11:00", "2025-04-02 13:00", 0),
            ("2025-04-02 10:59:59", "2025-04-02 13:00:01", 2),
            ("2025-04-04 17:00", "2025-04-08 07:00", 0),
            ("2025-04-01 00:00", "2025-05-01 00:00", (30 - 8 - 2 + 1) * 8 * HOUR),
            ("2025-01-01 00:00", "2026-01-01 00:00", (261 - 12 + 1) * 8 * HOUR),
        ],
    )
    def test_examples(self, a: str, b: str, seconds: int) -> None:
        assert VN.working_time(at(a), at(b)) == seconds


class TestIntake:
    @pytest.mark.parametrize(
        ("accepted", "start"),
        [
            ("2025-04-02 14:59:59", "Wed 2025-04-02 14:59:59"),
            ("2025-04-02 15:00:00", "Wed 2025-04-02 15:00"),  # counts the same day
            ("2025-04-02 15:00:01", "Thu 2025-04-03 07:00"),
            ("2025-04-02 06:00", "Wed 2025-04-02 07:00"),
            ("2025-04-02 11:00", "Wed 2025-04-02 13:00"),
            ("2025-04-02 12:30", "Wed 2025-04-02 13:00"),
            ("2025-04-02 19:00", "Thu 2025-04-03 07:00"),
            ("2025-04-04 15:01", "Tue 2025-04-08 07:00"),  # over the weekend and Hung Kings
            ("2025-04-05 10:00", "Tue 2025-04-08 07:00"),
            ("2025-04-07 16:00", "Tue 2025-04-08 07:00"),  # the cut-off does not skip a day on a day off
            ("2025-04-25 15:01", "Sat 2025-04-26 07:00"),  # next working day is a swapped Saturday
            ("2025-04-26 14:00", "Sat 2025-04-26 14:00"),
            ("2025-04-26 15:01", "Mon 2025-04-28 07:00"),
        ],
    )
    def test_examples(self, accepted: str, start: str) -> None:
        assert told(VN.intake(at(accepted))) == start

    def test_step_done_before_the_clock_starts(self) -> None:
        """Rules R2: accepted Mon 15:30, step 1 done 15:40, step 2 of 3 h is due Tue 10:00."""
        clock_start = VN.intake(at("2025-03-31 15:30"))
        begin = max(clock_start, at("2025-03-31 15:40"))
        assert told(VN.due(begin, 3 * HOUR)) == "Tue 2025-04-01 10:00"

    def test_the_cutoff_is_the_calendars(self) -> None:
        early = WorkingCalendar(made(cutoff=time(9, 30)))
        assert told(early.intake(at("2025-04-02 09:30:01"))) == "Thu 2025-04-03 07:00"
        assert told(early.intake(at("2025-04-02 09:30"))) == "Wed 2025-04-02 09:30"


class TestBudgets:
    def test_a_working_day_is_the_calendars(self) -> None:
        assert VN.seconds(budget(3, Unit.WORKING_DAYS)) == 3 * 8 * HOUR
        short = WorkingCalendar(made(day_minutes=420))
        assert short.seconds(budget(3, Unit.WORKING_DAYS)) == 3 * 7 * HOUR
        assert short.seconds(budget(3, Unit.WORKING_HOURS)) == 3 * HOUR

    @pytest.mark.parametrize(("amount", "minutes"), [("0.5", 240), ("0.1", 48), ("0.0125", 6), ("0", 0)])
    def test_fractions_of_days_that_come_to_whole_minutes(self, amount: str, minutes: int) -> None:
        assert VN.seconds(budget(amount, Unit.WORKING_DAYS)) == minutes * 60

    @pytest.mark.parametrize(
        ("amount", "unit"),
        [("0.001", Unit.WORKING_DAYS), ("0.01", Unit.WORKING_HOURS), ("1.005", Unit.WORKING_DAYS)],
    )
    def test_others_are_refused_with_a_sentence(self, amount: str, unit: Unit) -> None:
        with pytest.raises(Refusal, match="whole minutes") as refused:
            VN.seconds(budget(amount, unit))
        assert refused.value.code is Code.INVALID

    def test_calendar_units_have_no_fixed_length(self) -> None:
        with pytest.raises(ValueError, match="no fixed length"):
            VN.seconds(budget(3, Unit.CALENDAR_DAYS))
        with pytest.raises(ValueError, match="no particular day"):
            VN.end_of(budget(3, Unit.WORKING_DAYS), at("2025-04-02 08:00"))


class TestCalendarUnits:
    @pytest.mark.parametrize(
        ("start", "amount", "unit", "due"),
        [
            ("2025-04-01 08:00", 0, Unit.CALENDAR_DAYS, "Tue 2025-04-01 17:00"),  # same day
            ("2025-04-01 08:00", 1, Unit.CALENDAR_DAYS, "Wed 2025-04-02 17:00"),  # first day excluded
            ("2025-04-01 08:00", 4, Unit.CALENDAR_DAYS, "Tue 2025-04-08 17:00"),  # Saturday, then Hung Kings
            (
                "2025-04-01 08:00",
                25,
                Unit.CALENDAR_DAYS,
                "Sat 2025-04-26 17:00",
            ),  # a swapped Saturday is worked
            (
                "2025-04-01 23:30",
                1,
                Unit.CALENDAR_DAYS,
                "Wed 2025-04-02 17:00",
            ),  # local date, not that of UTC
            ("2025-04-01 00:30", 1, Unit.CALENDAR_DAYS, "Wed 2025-04-02 17:00"),
            ("2025-04-12 10:00", 3, Unit.CALENDAR_DAYS, "Tue 2025-04-15 17:00"),  # counted from the Saturday
            ("2025-04-12 10:00", 0, Unit.CALENDAR_DAYS, "Mon 2025-04-14 17:00"),
            ("2026-03-31 08:00", 1, Unit.MONTHS, "Mon 2026-05-04 17:00"),  # 30 April, Labour Day, weekend
            ("2025-01-31 08:00", 1, Unit.MONTHS, "Fri 2025-02-28 17:00"),  # clipped
            ("2024-01-31 08:00", 1, Unit.MONTHS, "Thu 2024-02-29 17:00"),  # leap year
            ("2025-10-31 08:00", 4, Unit.MONTHS, "Mon 2026-03-02 17:00"),  # 28 February is a Saturday
            ("2025-12-15 08:00", 1, Unit.MONTHS, "Thu 2026-01-15 17:00"),  # into the next year
            ("2024-12-31 08:00", 24, Unit.MONTHS, "Thu 2026-12-31 17:00"),
            ("2025-04-01 08:00", 0, Unit.MONTHS, "Tue 2025-04-01 17:00"),
        ],
    )
    def test_end_at_the_close_of_a_working_day(self, start: str, amount: int, unit: Unit, due: str) -> None:
        limit = budget(amount, unit)
        assert told(VN.end_of(limit, at(start))) == due
        assert told(VN.due(at(start), VN.budget_seconds(limit, at(start)))) == due

    @pytest.mark.parametrize("start", ["2025-04-01 17:00", "2025-04-01 18:00"])
    def test_same_day_after_the_close_is_the_next_day(self, start: str) -> None:
        """Otherwise whoever gets it would be late without a working minute."""
        limit = budget(0, Unit.CALENDAR_DAYS)
        assert told(VN.end_of(limit, at(start))) == "Tue 2025-04-01 17:00"
        assert VN.budget_seconds(limit, at(start)) == 8 * HOUR
        assert told(VN.explain(at(start), limit).due_at) == "Wed 2025-04-02 17:00"

    def test_converted_once_to_working_time(self) -> None:
        assert (
            VN.budget_seconds(budget(7, Unit.CALENDAR_DAYS), at("2025-04-01 10:00"))
            == ((1 + 4) + 3 * 8 + 8) * HOUR
        )

    def test_further_than_years_go_is_refused(self) -> None:
        for limit in (
            budget(100_000, Unit.MONTHS),
            budget((9999 - 2025) * 12, Unit.MONTHS),
            budget((9999 - 2025) * 12 + 12, Unit.MONTHS),
        ):
            with pytest.raises(Refusal, match="beyond the year 9999"):
                VN.end_of(limit, at("2025-04-01 08:00"))
        late = at("9900-04-01 08:00")
        with pytest.raises(Refusal, match="beyond the year 9999"):
            VN.end_of(budget(100_000, Unit.CALENDAR_DAYS), late)


class TestDays:
    def test_questions_about_days(self) -> None:
        office = (Session(start=time(7), end=time(11)), Session(start=time(13), end=time(17)))
        assert VN.sessions_on(date(2025, 4, 26)) == office
        assert VN.sessions_on(date(2025, 5, 2)) == ()
        assert not VN.is_working_day(date(2025, 4, 27))
        assert VN.next_working_day(date(2025, 4, 30)) == date(2025, 5, 5)
        assert VN.next_working_day(date(2025, 4, 29)) == date(2025, 4, 29)
        assert told(VN.opening_after(at("2025-04-02 10:59:59"))) == "Wed 2025-04-02 10:59:59"
        assert told(VN.opening_after(at("2025-04-02 11:00"))) == "Wed 2025-04-02 13:00"
        assert told(VN.opening_after(at("2025-04-29 17:00"))) == "Mon 2025-05-05 07:00"

    def test_a_session_up_to_midnight(self) -> None:
        night = WorkingCalendar(made(week=("00:00-06:00 22:00-24:00", "00:00-06:00", *[""] * 5)))
        assert night.sessions_on(date(2025, 3, 31))[1] == Session(start=time(22), end=time(0))
        assert told(night.due(at("2025-03-31 22:00"), 2 * HOUR)) == "Tue 2025-04-01 00:00"
        assert told(night.due(at("2025-03-31 22:00"), 3 * HOUR)) == "Tue 2025-04-01 01:00"
        assert night.confirmed(at("2028-12-31 22:00"), at("2029-01-01 00:00"))
        assert not night.confirmed(at("2028-12-31 22:00"), at("2029-01-01 00:00:01"))

    def test_a_swapped_day_has_the_sessions_of_the_day_it_stands_in_for(self) -> None:
        data = made(
            week=(OFFICE, OFFICE, OFFICE, OFFICE, "08:00-12:00", "", ""),
            sources=("a", "b", "c"),
            days_off={date(2025, 5, 2): 0},
            worked={date(2025, 4, 26): 1, date(2025, 5, 10): 2},
            worked_as={date(2025, 4, 26): 4},
        )
        calendar = WorkingCalendar.of(data)
        assert calendar.sessions_on(date(2025, 4, 26)) == (Session(start=time(8), end=time(12)),)
        assert len(calendar.sessions_on(date(2025, 5, 10))) == 2
        assert calendar.working_time(at("2025-04-26 00:00"), at("2025-04-27 00:00")) == 4 * HOUR
        assert calendar.working_time(at("2025-05-10 00:00"), at("2025-05-11 00:00")) == 8 * HOUR
        assert data.slice(date(2026, 1, 1)).worked_as == {}
        assert data.slice(date(2025, 1, 1)).worked_as == data.worked_as

    def test_a_swap_day_on_a_weekday_with_other_sessions(self) -> None:
        """A Saturday with a morning session, worked in full: the longer day replaces the shorter one."""
        data = made(week=(*[OFFICE] * 5, "07:00-11:00", ""), sources=("n",), worked={date(2025, 4, 26): 0})
        calendar = WorkingCalendar.of(data)
        week = (at("2025-04-21 00:00"), at("2025-04-28 00:00"))
        assert calendar.working_time(*week) == 6 * 8 * HOUR
        assert calendar.working_time(week[0] - timedelta(7), week[1] - timedelta(7)) == 44 * HOUR

    def test_summer_time_keeps_wall_clock_sessions(self) -> None:
        berlin = WorkingCalendar(made("Europe/Berlin"))
        friday = at("2025-03-28 16:00", berlin)
        assert told(berlin.due(friday, 2 * HOUR), berlin) == "Mon 2025-03-31 08:00"
        assert berlin.due(friday, 2 * HOUR) - friday == timedelta(hours=63)
        assert berlin.due(friday - timedelta(7), 2 * HOUR) - (friday - timedelta(7)) == timedelta(hours=64)

    @pytest.mark.parametrize(
        ("zone", "day"),
        [
            ("Europe/Berlin", "2025-03-30"),
            ("Europe/Berlin", "2025-10-26"),
            ("Australia/Lord_Howe", "2025-04-06"),
            ("Asia/Beirut", "2025-03-30"),
            ("America/Santiago", "2025-09-07"),
        ],
    )
    def test_the_very_day_on_which_clocks_change(self, zone: str, day: str) -> None:
        calendar = WorkingCalendar(made(zone, week=(OFFICE,) * 7))
        start = at(f"{day} 00:00", calendar) - timedelta(hours=3)
        assert told(calendar.due(start, HOUR), calendar)[4:] == f"{day} 08:00"
        assert told(calendar.intake(start - timedelta(hours=3)), calendar)[4:] == f"{day} 07:00"
        counted = [line for line in calendar.narrate(start, start + timedelta(hours=24)) if line.minutes]
        assert [told(line.start, calendar)[4:] for line in counted] == [f"{day} 07:00", f"{day} 13:00"]

    @pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia"])
    def test_sessions_across_a_change_of_the_clock_do_not_crash(self, zone: str) -> None:
        calendar = WorkingCalendar(made(zone, week=("00:00-24:00",) * 7, covers_from=date(2010, 1, 1)))
        for begin in ("2011-12-28 00:00", "2025-03-28 00:30", "2025-10-24 00:30", "2025-04-04 12:00"):
            for hour in range(0, 72, 1):
                start = at(begin, calendar) + timedelta(hours=hour)
                due = calendar.due(start, HOUR)
                assert due >= start
                assert calendar.working_time(start, due) >= 0
                assert calendar.intake(start) >= start
                lines = calendar.narrate(start, start + timedelta(hours=30))
                assert (lines[0].start, lines[-1].end) == (start, start + timedelta(hours=30))


class TestNarration:
    def test_a_day_with_lunch_and_night(self) -> None:
        lines = VN.narrate(at("2025-04-02 10:00"), at("2025-04-03 08:30"))
        assert [(told(line.start)[-5:], line.kind.value, line.minutes, line.text) for line in lines] == [
            ("10:00", "counted", 60, "working session"),
            ("11:00", "closed", 0, "break between sessions"),
            ("13:00", "counted", 240, "working session"),
            ("17:00", "closed", 0, "office closed"),
            ("07:00", "counted", 90, "working session"),
        ]

    def test_days_off_and_weekends_stand_apart(self) -> None:
        lines = VN.narrate(at("2025-04-04 17:00"), at("2025-04-08 07:00"))
        assert [(told(line.start)[4:], line.kind.value, line.text, line.source) for line in lines] == [
            ("2025-04-04 17:00", "closed", "office closed", None),
            ("2025-04-05 00:00", "closed", "weekly rest day", None),
            ("2025-04-07 00:00", "day_off", "day off", "Hung Kings (10/3 lunar), Labour Code art. 112"),
            ("2025-04-08 00:00", "closed", "office closed", None),
        ]

    def test_in_vietnamese_and_in_no_other_language(self) -> None:
        (line,) = VN.narrate(at("2025-04-02 10:00"), at("2025-04-02 10:30"), "vi")
        assert line.text == "ca làm việc"
        with pytest.raises(ValueError, match="use one of en, vi"):
            VN.narrate(at("2025-04-02 10:00"), at("2025-04-02 10:30"), "fr")

    def test_nothing_to_tell(self) -> None:
        assert VN.narrate(at("2025-04-02 10:00"), at("2025-04-02 10:00")) == ()
        assert VN.narrate(at("2025-04-02 10:00"), at("2025-04-02 09:00")) == ()

    def test_minutes_below_two_decimals_still_sum(self) -> None:
        """10 s + 4 h + 10 s: each session rounded by itself would tell 240.34 of 240.33 minutes."""
        lines = VN.narrate(at("2025-04-02 10:59:50"), at("2025-04-03 07:00:10"))
        minutes = [line.minutes for line in lines if line.minutes]
        assert minutes == [0.17, 240, 0.16]

    def test_as_json_it_is_the_interface(self) -> None:
        (line,) = VN.narrate(at("2025-04-02 10:00"), at("2025-04-02 10:30:30"))
        assert json.loads(line.model_dump_json(by_alias=True)) == {
            "from": "2025-04-02T03:00:00Z",
            "to": "2025-04-02T03:30:30Z",
            "minutes": 30.5,
            "kind": "counted",
            "text": "working session",
            "source": None,
        }


class TestExplanation:
    def test_intake_is_told_and_counts_nothing(self) -> None:
        why = VN.explain(at("2025-03-31 15:30"), budget(3, Unit.WORKING_HOURS), intake=True)
        assert (told(why.clock_start), told(why.due_at)) == ("Tue 2025-04-01 07:00", "Tue 2025-04-01 10:00")
        assert [(line.kind, line.minutes) for line in why.lines] == [
            (LineKind.POLICY, 0),
            (LineKind.COUNTED, 180),
        ]
        assert "cut-off" in why.lines[0].text
        lunch = VN.explain(at("2025-03-31 12:00"), budget(3, Unit.WORKING_HOURS), intake=True)
        assert "outside working sessions" in lunch.lines[0].text
        assert told(lunch.due_at) == "Mon 2025-03-31 16:00"

    def test_without_intake_the_cutoff_is_none_of_its_business(self) -> None:
        why = VN.explain(at("2025-03-31 15:30"), budget(3, Unit.WORKING_HOURS))
        assert why.clock_start == why.start
        assert told(why.due_at) == "Tue 2025-04-01 08:30"
        assert {line.kind for line in why.lines} == {LineKind.COUNTED, LineKind.CLOSED}

    @pytest.mark.parametrize(
        ("amount", "unit"),
        [
            ("2.5", Unit.WORKING_DAYS),
            ("20", Unit.CALENDAR_DAYS),
            ("2", Unit.MONTHS),
            ("0", Unit.CALENDAR_DAYS),
        ],
    )
    def test_its_total_is_the_engines(self, amount: str, unit: Unit) -> None:
        why = VN.explain(at("2025-04-24 15:30:20"), budget(amount, unit), intake=True)
        counted = sum(Decimal(str(line.minutes)) for line in why.lines)
        assert counted == Decimal(str(why.budget_minutes))
        assert VN.working_time(why.clock_start, why.due_at) == counted * 60
        assert why.lines[-1].end == why.due_at

    def test_numbers_are_numbers_in_json(self) -> None:
        why = json.loads(
            VN.explain(at("2025-04-02 08:00"), budget("0.5", Unit.WORKING_DAYS)).model_dump_json()
        )
        assert (why["amount"], why["budget_minutes"], why["lines"][0]["minutes"]) == (0.5, 240, 180)

    @pytest.mark.parametrize(
        ("start", "days", "confirmed"),
        [
            ("2026-12-30 07:00", 2, True),  # due at the close of the last confirmed day
            ("2026-12-30 07:00", 3, False),
            ("2029-01-02 07:00", 1, False),
            ("2023-12-29 07:00", 1, False),  # before the calendar begins
            ("2023-12-29 07:00", 3, False),
            ("2024-01-01 00:00", 1, True),
        ],
    )
    def test_what_is_not_confirmed_is_computed_and_flagged(
        self, start: str, days: int, confirmed: bool
    ) -> None:
        assert VN.explain(at(start), budget(days, Unit.WORKING_DAYS)).confirmed is confirmed


class TestData:
    def test_equal_data_share_one_calendar(self) -> None:
        assert WorkingCalendar.of(VN.data.slice(date(2025, 2, 3))) is WorkingCalendar.of(
            VN.data.slice(date(2025, 11, 3))
        )
        assert WorkingCalendar.of(VN.data.slice(date(2025, 2, 3))) is not VN

    def test_a_slice_of_any_year_is_valid(self) -> None:
        for year in (1990, 2024, 2027, 2040):
            part = VN.data.slice(date(year, 6, 1))
            assert CalendarData.model_validate_json(part.model_dump_json()) == part
        assert VN.data.slice(date(1990, 1, 1)) == VN.data.slice(date(2024, 1, 1))

    @pytest.mark.parametrize(
        "wrong",
        [
            {"week": ("", *[OFFICE] * 6)},
            {"week": (OFFICE,) * 6},
            {"covers_from": date(2030, 1, 1)},
            {"confirmed_until": date(2030, 1, 1)},
            {"days_off": {date(2025, 1, 1): 0}},
            {"sources": ("a",), "days_off": {date(2025, 1, 1): 1}},
            {"sources": ("a",), "days_off": {date(2019, 1, 1): 0}},
            {"sources": ("a",), "worked": {date(2030, 1, 1): 0}},
            {"sources": ("a",), "days_off": {date(2025, 1, 4): 0}, "worked": {date(2025, 1, 4): 0}},
            {"sources": ("a",), "worked": {date(2025, 1, 4): 0}, "worked_as": {date(2025, 1, 4): 5}},
            {"worked_as": {date(2025, 1, 4): 0}},
            {"zone": "Asia"},
            {"zone": "Asia/Hanoi"},
            {"zone": "../etc"},
            {"zone": "x" * 300},
            {"day_minutes": 0},
            {"more": 1},
        ],
    )
    def test_contradictions_are_refused(self, wrong: dict[str, object]) -> None:
        with pytest.raises(ValidationError):
            made(**wrong)

    def test_minutes_of_a_line_keep_their_kind(self) -> None:
        (line,) = VN.narrate(at("2025-04-02 10:00"), at("2025-04-02 10:30"))
        assert Line.model_validate(line.model_dump()) == line
        assert isinstance(line.minutes, int)


SMALL = """\
name: small
zone: Asia/Ho_Chi_Minh
covers_from: 2025-01-01
covers_until: 2026-12-31
confirmed_until: 2025-12-31
cutoff: 15:30
sessions:
  monday: [07:00-11:00, 13:00-17:00]
  friday: 08:00-12:00
days_off:
  2025-05-02: notice
worked:
  2025-04-26: {source: the same notice, as: friday}
  2025-05-10: notice
"""


class TestFile:
    def test_unquoted_times_are_times(self) -> None:
        """YAML 1.1 would read 15:30 as 930."""
        data = load_calendar(SMALL, file="small.yaml")
        assert data.cutoff == time(15, 30)
        assert data.week == (OFFICE, "", "", "", "08:00-12:00", "", "")
        assert data.sources == ("notice", "the same notice")
        assert data.days_off == {date(2025, 5, 2): 0}
        assert data.worked == {date(2025, 4, 26): 1, date(2025, 5, 10): 0}
        assert data.worked_as == {date(2025, 4, 26): 4}

    def test_empty_lists_of_days(self) -> None:
        text = SMALL.partition("days_off:")[0]
        for more in ("", "days_off:\nworked:\n", "days_off: {}\nworked: {}\n"):
            data = load_calendar(text + more, file="small.yaml")
            assert (data.days_off, data.worked) == ({}, {})

    @pytest.mark.parametrize(
        ("old", "new", "line", "says"),
        [
            ("2025-05-02: notice", "2025-05-10: notice", 14, "both a day off (line 11) and worked"),
            ("2025-05-02: notice", "2027-05-02: notice", 11, "lies outside what the calendar covers"),
            ("2025-05-10: notice", "2024-05-10: notice", 14, "lies outside what the calendar covers"),
            ("2025-05-02: notice", "2025-05-02:", 11, "needs its source"),
            ("2025-05-02: notice", "2025-05-02: [notice]", 11, "needs its source"),
            ("2025-05-02: notice", "2 May: notice", 11, "is no date"),
            ("2025-05-02: notice", "2025-02-30: notice", 11, "is no date"),
            ("  2025-05-10: notice", "  2025-05-10: a\n  2025-05-10: b", 15, "stands here twice"),
            ("13:00-17:00]", "10:00-17:00]", 8, "begins before the one before it has ended"),
            ("08:00-12:00", "12:00-08:00", 9, "does not end after it begins"),
            ("08:00-12:00", "8-12", 9, "is no session"),
            ("friday:", "vendredi:", 9, "is no weekday"),
            ("Asia/Ho_Chi_Minh", "Asia/Hanoi", 2, "is no time zone"),
            ("confirmed_until: 2025", "confirmed_until: 2027", 5, "must not lie after covers_until"),
            ("covers_from: 2025", "covers_from: 2027", 3, "must not lie after covers_until"),
            ("cutoff: 15:30", "cutoff: tea", 6, "cutoff"),
            ("cutoff:", "cut_off:", 6, "unknown key 'cut_off'"),
            ("zone: Asia/Ho_Chi_Minh\n", "", 1, "needs 'zone'"),
            ("as: friday}", "as: sunday}", 13, "stands in for sunday, which has no sessions"),
            ("as: friday}", "as: freitag}", 13, "a weekday like friday"),
            (", as: friday}", "}", 13, "a weekday like friday"),
            ("worked:", "worked: [", 14, "did not find expected"),
            ("days_off:\n", "days_off: none\nmore:\n", 11, "unknown key"),
            ("  2025-05-02: notice\n", "  - 2025-05-02\n", 11, "must be a mapping"),
        ],
    )
    def test_errors_name_file_and_line(self, old: str, new: str, line: int, says: str) -> None:
        assert SMALL.count(old) == 1
        with pytest.raises(CatalogueError) as refused:
            load_calendar(SMALL.replace(old, new), file="small.yaml")
        assert refused.value.message.startswith(f"small.yaml:{line}: ")
        assert says in refused.value.message

    @pytest.mark.parametrize("text", ["", "- a", "name: \x00", "a: *b", "a: b\n---\nc: d", "[" * 2_000])
    def test_what_is_no_calendar(self, text: str) -> None:
        with pytest.raises(CatalogueError, match=r"^odd\.yaml:\d+: "):
            load_calendar(text, file="odd.yaml")
