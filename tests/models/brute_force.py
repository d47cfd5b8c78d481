"""A dossier lived cell by cell on a grid of five minutes, from the words of rules R1 to R8 alone.

Slow, naive and independent of the core: no code is shared, no instant is computed ahead but by walking there, and
each cell of working time is booked on whoever holds then. Where both agree to the minute, that is what the rules say.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

CELL = 5
"""Minutes. Instants are counted in cells since ``EPOCH``, in local time."""
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
EPOCH = datetime(2025, 3, 24, tzinfo=ZONE)
HOUR, DAY = 60 // CELL, 24 * 60 // CELL
HORIZON = 90 * DAY
WORKING_DAY = 480
DAYS_OFF = (date(2025, 4, 7), date(2025, 4, 30), date(2025, 5, 1), date(2025, 5, 2))
WORKED = date(2025, 4, 26)
"""A Saturday, for Friday 2 May."""
SESSIONS = ((7, 11), (13, 17))
WHILE_PAUSED = ("hand_over", "transfer", "extend", "refuse", "withdraw", "stop")

Holder = tuple[str, str | None]
"""Agency and official; None: its queue."""


class Illegal(Exception):
    """The rules do not allow it there."""


class OffTheGrid(Exception):
    """Half of a budget that is no whole number of cells: this simulation cannot tell."""


def cell_of(instant: datetime) -> int:
    return int((instant - EPOCH) / timedelta(minutes=CELL))


def instant_of(cell: int) -> datetime:
    return EPOCH + cell * timedelta(minutes=CELL)


def is_working_day(day: date) -> bool:
    return day == WORKED or (day.weekday() < 5 and day not in DAYS_OFF)


def _works(cell: int) -> bool:
    instant = instant_of(cell)
    return is_working_day(instant.date()) and any(start <= instant.hour < end for start, end in SESSIONS)


WORKS = [_works(cell) for cell in range(HORIZON)]


def opening(cell: int) -> int:
    while not WORKS[cell]:
        cell += 1
    return cell


def intake(cell: int) -> int:
    """R2: strictly after 15:00 the next working day's opening; out of session the next opening."""
    instant = instant_of(cell)
    if is_working_day(instant.date()) and cell % DAY > 15 * HOUR:
        return opening(cell - cell % DAY + DAY)
    return opening(cell)


def after_working(cell: int, minutes: int) -> int:
    """Where so many working minutes from ``cell`` on end."""
    while minutes > 0:
        minutes -= CELL if WORKS[cell] else 0
        cell += 1
    return cell


def budget_minutes(amount: int, unit: str, start: int) -> int | None:
    """R2, in working minutes from ``start`` on; None: no deadline of its own."""
    if unit in ("working_hours", "working_days"):
        return amount * (60 if unit == "working_hours" else WORKING_DAY) or None
    day = instant_of(start).date()
    if unit == "calendar_days":
        day += timedelta(days=amount)
    else:
        year, month = divmod(day.year * 12 + day.month - 1 + amount, 12)
        day = date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
    while not is_working_day(day):
        day += timedelta(days=1)
    close = cell_of(datetime(day.year, day.month, day.day, 17, tzinfo=ZONE))
    return CELL * sum(WORKS[start:close])


@dataclass
class Clock:
    base: int | None = None
    extra: int = 0
    runs_from: int | None = None
    booked: dict[Holder, int] = field(default_factory=dict)
    after: dict[Holder, int] = field(default_factory=dict)
    missed: int | None = None
    last_due: int | None = None

    @property
    def limit(self) -> int | None:
        return None if self.base is None else self.base + self.extra

    @property
    def consumed(self) -> int:
        return sum(self.booked.values())

    def runs(self, now: int) -> bool:
        return self.runs_from is not None and self.runs_from <= now

    def due(self, now: int) -> int | None:
        if self.missed is not None or self.limit is None:
            return self.missed
        assert self.runs_from is not None
        return after_working(max(now, self.runs_from), self.limit - self.consumed)

    def stop(self, now: int) -> None:
        if self.runs_from is not None:
            self.last_due, self.runs_from = self.due(now), None

    def book(self, holder: Holder) -> None:
        self.booked[holder] = self.booked.get(holder, 0) + CELL
        if self.missed is not None:
            self.after[holder] = self.after.get(holder, 0) + CELL


@dataclass
class Step:
    key: str
    stage: int
    role: str
    budget: tuple[int, str]
    holders: list[tuple[int, Holder]]
    """Each from when on; the last one has it now."""
    clocks: list[Clock] = field(default_factory=lambda: [Clock()])
    state: str = "pending"
    started: int | None = None
    completed: int | None = None
    has_begun: bool = False
    reworked: bool = False

    @property
    def clock(self) -> Clock:
        return self.clocks[-1]

    @property
    def holder(self) -> Holder:
        return self.holders[-1][1]

    @property
    def is_unfinished(self) -> bool:
        return self.state not in ("done", "cancelled")


@dataclass(frozen=True)
class Missed:
    """One deadline; ``step`` None: the promise's. ``shares``: working minutes by holder, ``clock``: for the overrun."""

    step: str | None
    due: int
    named: Holder
    shares: dict[Holder, int]
    clock: Clock


class BruteForce:
    """One dossier. ``live_to`` passes time, ``act`` does what happens at an instant; both only go forward."""

    def __init__(
        self,
        steps: list[Step],
        total: tuple[int, str],
        agency: str,
        accepted: int,
        received: int,
        *,
        restarts: bool,
    ) -> None:
        self.steps, self.total, self.accepted, self.restarts = steps, total, accepted, restarts
        self.agencies: list[tuple[int, Holder]] = [(-1, (agency, None))]
        self.clock_start = self.not_before = intake(max(accepted, received))
        self.promises = [Clock(budget_minutes(*total, self.clock_start), runs_from=self.clock_start)]
        self.original_due = self.promise.due(self.clock_start)
        self.now, self.status, self.stage = accepted, "running", min(step.stage for step in steps)
        self.closed: int | None = None
        self.pause: str | None = None
        self.extended = False
        self.missed: list[Missed] = []
        self.overdue: dict[Holder, int] = {}
        """Working minutes that steps were overdue under the present promise, by agency."""
        self._begin_stage(accepted)

    @property
    def promise(self) -> Clock:
        return self.promises[-1]

    @property
    def agency(self) -> str:
        return self.agencies[-1][1][0]

    def step(self, key: str) -> Step:
        return next(step for step in self.steps if step.key == key)

    def active(self) -> list[Step]:
        return [step for step in self.steps if step.state in ("running", "paused")]

    # --- time ------------------------------------------------------------------------------------------------------

    def live_to(self, until: int) -> None:
        """Every cell before ``until``: what is due there passes first, then the cell is worked."""
        while self.now < until:
            for _, step, clock in self._running():
                if clock.limit is not None and clock.missed is None and clock.consumed >= clock.limit:
                    self._miss(step, clock)
            for holder, step, clock in self._running() if WORKS[self.now] else ():
                self._work(holder, step, clock)
            self.now += 1

    def _running(self) -> Iterator[tuple[Holder, Step | None, Clock]]:
        for step in self.steps:
            if step.clock.runs(self.now):
                yield step.holder, step, step.clock
        if self.promise.runs(self.now):
            yield (self.agency, None), None, self.promise

    def _work(self, holder: Holder, step: Step | None, clock: Clock) -> None:
        clock.book(holder)
        if step is not None and clock.missed is not None and self.promise.missed is None:
            self.overdue[holder[0], None] = self.overdue.get((holder[0], None), 0) + CELL

    def _miss(self, step: Step | None, clock: Clock) -> None:
        """R4: the largest holder; of tied ones who held last before the due instant."""
        clock.missed = self.now
        most = max(clock.booked.values())
        tied = {holder for holder, minutes in clock.booked.items() if minutes == most}
        held = self.agencies if step is None else step.holders
        ends = [start for start, _ in held[1:]] + [self.now + 1]
        before = [
            holder for (start, holder), end in zip(held, ends, strict=True) if start < min(end, self.now)
        ]
        named = next(holder for holder in reversed(before) if holder in tied)
        shares = dict(clock.booked) if step is not None else self.overdue or {named: clock.consumed}
        self.missed.append(Missed(None if step is None else step.key, self.now, named, dict(shares), clock))

    # --- what happens ------------------------------------------------------------------------------------------------

    def act(self, at: int, action: str, **fields: Any) -> None:
        """Raises :class:`Illegal`; then nothing but time has passed."""
        if at < self.accepted:
            raise Illegal
        self.live_to(at)
        if action == "deliver":
            if self.status != "processed":
                raise Illegal
            self.status = "delivered"
            return
        if self.closed is not None or (
            self.pause and action not in (*WHILE_PAUSED, f"{self.pause}_received")
        ):
            raise Illegal
        getattr(self, f"_{action}")(**fields)

    def _begin_stage(self, at: int) -> bool:
        pending = [step for step in self.steps if step.stage == self.stage and step.state == "pending"]
        for step in pending:
            self._run(step, at)
        return bool(pending)

    def _run(self, step: Step, at: int) -> None:
        begin = max(at, self.not_before)
        if not step.has_begun:
            step.clock.base, step.has_begun, step.started = budget_minutes(*step.budget, begin), True, at
        step.state, step.completed, step.clock.runs_from = "running", None, begin

    def _complete(self, step: str) -> None:
        done = self.step(step)
        if done.state != "running":
            raise Illegal
        done.clock.stop(self.now)
        done.state, done.completed = "done", self.now
        if any(each.state != "done" for each in self.steps if each.stage == self.stage):
            return
        for stage in sorted({each.stage for each in self.steps if each.stage > self.stage}):
            self.stage = stage
            if self._begin_stage(self.now):
                return
        self._close("processed")

    def _close(self, status: str) -> None:
        for step in self.steps:
            step.clock.stop(self.now)
            step.state = step.state if step.state == "done" else "cancelled"
        self.promise.stop(self.now)
        self.closed, self.status, self.pause = self.now, status, None

    def _refuse(self) -> None:
        self._close("refused")

    def _withdraw(self) -> None:
        self._close("withdrawn")

    def _stop(self) -> None:
        self._close("stopped")

    def _hand_over(self, step: str, official: str, of_agency: str) -> None:
        held = self.step(step)
        if not held.is_unfinished or of_agency != held.holder[0]:
            raise Illegal
        held.holders.append((self.now, (of_agency, official)))

    def _transfer(self, agency: str, roster: dict[str, str], step: str | None = None) -> None:
        moved = [self.step(step)] if step else [each for each in self.steps if each.holder[0] == self.agency]
        if agency == (moved[0].holder[0] if step else self.agency) or (step and not moved[0].is_unfinished):
            raise Illegal
        for each in moved:
            if each.is_unfinished:
                each.holders.append((self.now, (agency, roster.get(each.role))))
        if not step:
            self.agencies.append((self.now, (agency, None)))

    def _request_supplement(self, kind: str = "supplement") -> None:
        for step in self.active():
            step.clock.stop(self.now)
            step.state = "paused"
        self.promise.stop(self.now)
        self.pause, self.status = kind, "paused"

    def _request_payment(self) -> None:
        self._request_supplement("payment")

    def _supplement_received(self, kind: str = "supplement") -> None:
        if self.pause != kind:
            raise Illegal
        self.pause, self.status = None, "running"
        if kind == "supplement" and self.restarts:
            self._restart()
        begin = max(self.now, self.not_before)
        self.promise.runs_from = begin
        for step in self.active():
            step.state, step.clock.runs_from = "running", begin

    def _payment_received(self) -> None:
        self._supplement_received("payment")

    def _restart(self) -> None:
        """R5: new clocks with the full budget from normalised intake; what was added before is not lost (0007)."""
        self.not_before, self.overdue = intake(self.now), {}
        self.promises.append(Clock(budget_minutes(*self.total, self.not_before), self.promise.extra))
        for step in self.active():
            step.clocks.append(Clock(budget_minutes(*step.budget, self.not_before), step.clock.extra))

    def _extend(self, minutes: int, step: str | None = None) -> None:
        active = [each for each in self.active() if step in (None, each.key)]
        limit = self.promise.limit
        if self.extended or len(active) != 1 or limit is None or limit - self.promise.consumed < WORKING_DAY:
            raise Illegal
        self.extended = True
        for clock in (self.promise, active[0].clock):
            clock.extra += minutes

    def _send_back(self, step: str) -> None:
        """R7: half of the budget once, and what is left of the rest."""
        target = self.step(step)
        if target.stage >= self.stage:
            raise Illegal
        for each in self.steps:
            if each.state == "running":
                each.clock.stop(self.now)
            if each.state == "running" or (each.state == "done" and target.stage < each.stage < self.stage):
                each.state = "pending"
        self.stage = target.stage
        if not target.reworked and target.clock.base is not None:
            if target.clock.base % (2 * CELL):
                raise OffTheGrid
            target.clock.extra += target.clock.base // 2
        target.reworked = True
        self._run(target, self.now)
