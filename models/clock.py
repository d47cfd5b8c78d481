"""A clock is a ledger: budget, consumed, running since. The due instant is derived, never stored (design 4.2).

Every counted second belongs to exactly one holder, before the deadline (``held``) or after it (``after``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from models.calendar import WorkingCalendar
from models.lateness import Holder


@dataclass(slots=True)
class Clock:
    """Working seconds of one step or promise. ``base`` None: no deadline of its own (rules R2)."""

    base: int | None
    holder: Holder
    extra: int = 0
    """Added by extension and rework allowance."""
    consumed: int = 0
    since: datetime | None = None
    """Settled up to here, when running; lies ahead while the clock waits for its opening."""
    run_start: datetime | None = None
    missed_at: datetime | None = None
    last_due: datetime | None = None
    held: dict[Holder, int] = field(default_factory=dict)
    taken_at: datetime | None = None
    """When ``holder`` took it over; None: had it from the first."""
    last_held: dict[Holder, datetime] = field(default_factory=dict)
    """Up to when each held before the deadline, also while nothing counted: breaks ties (rules R4)."""
    after: dict[Holder, int] = field(default_factory=dict)
    runs: list[tuple[datetime, datetime]] = field(default_factory=list)
    """When it ran; one that was stopped before or as it opened has a run of no length."""
    rungs: set[str] = field(default_factory=set)
    """Keys of ladder rungs this clock has passed."""

    def clone(self) -> Clock:
        return Clock(  # field by field: a quarter of the time of dataclasses.replace, once for each clock and action
            base=self.base,
            holder=self.holder,
            extra=self.extra,
            consumed=self.consumed,
            since=self.since,
            run_start=self.run_start,
            missed_at=self.missed_at,
            last_due=self.last_due,
            held=dict(self.held),
            taken_at=self.taken_at,
            last_held=dict(self.last_held),
            after=dict(self.after),
            runs=list(self.runs),
            rungs=set(self.rungs),
        )

    @property
    def budget(self) -> int | None:
        return None if self.base is None else self.base + self.extra

    @property
    def limit(self) -> int | None:
        """Working seconds up to the deadline. Once that is missed, growth of the budget moves nothing (rules R6)."""
        return self.budget if self.missed_at is None else sum(self.held.values())

    @property
    def is_running(self) -> bool:
        return self.since is not None

    def start(self, at: datetime) -> None:
        self.since = self.run_start = at

    def stop(self, at: datetime, calendar: WorkingCalendar) -> None:
        """Stop counting at ``at``; what was consumed is kept."""
        if self.since is None or self.run_start is None:
            return
        self.last_due = self.due(calendar)
        self.settle(at, calendar)
        self.runs.append((self.run_start, max(at, self.run_start)))
        self.since = self.run_start = None

    def settle(self, until: datetime, calendar: WorkingCalendar) -> None:
        """Book the working time from ``since`` to ``until`` on the present holder."""
        if self.since is None or until <= self.since:
            return
        counted = calendar.working_time(self.since, until)
        book = self.held if self.missed_at is None else self.after
        if counted or self.missed_at is not None:
            book[self.holder] = book.get(self.holder, 0) + counted
        self.consumed += counted
        self.since = until

    def pass_to(self, holder: Holder, at: datetime, calendar: WorkingCalendar) -> None:
        """From ``at`` on the time is ``holder``'s. No clock restarts (design 4.4)."""
        self.settle(at, calendar)
        self._held_until(at)
        self.holder, self.taken_at = holder, at

    def _held_until(self, at: datetime) -> None:
        if self.missed_at is None and (self.taken_at is None or self.taken_at < at):
            self.last_held[self.holder] = at

    def extend(self, seconds: int, at: datetime, calendar: WorkingCalendar) -> None:
        """Let the budget grow at ``at``: nothing that lies behind is reached by it, what was missed stays so."""
        self.settle(at, calendar)
        if self.since is None and self.last_due is not None and self.missed_at is None:
            self.last_due = calendar.due(self.last_due, seconds)
        self.extra += seconds

    def due(self, calendar: WorkingCalendar) -> datetime | None:
        """The deadline: the missed one, or the instant the running clock will have used up its budget."""
        if self.missed_at is not None:
            return self.missed_at
        return None if self.budget is None else self.reaches(self.budget, calendar)

    def reaches(self, position: int, calendar: WorkingCalendar) -> datetime | None:
        """When the running clock will have consumed ``position`` seconds; None while it stands still."""
        if self.since is None:
            return None
        return calendar.due(self.since, max(0, position - self.consumed))

    def miss(self, due: datetime, calendar: WorkingCalendar) -> None:
        """The deadline passes: from ``due`` on, time is overrun."""
        self.settle(due, calendar)
        self._held_until(due)
        self.missed_at = self.last_due = due

    def runs_after_due(self) -> list[tuple[datetime, datetime | None]]:
        """From when to when (None: on) it ran after the deadline it missed."""
        if self.missed_at is None:
            return []
        runs: list[tuple[datetime, datetime | None]] = [
            (max(start, self.missed_at), end) for start, end in self.runs if end > self.missed_at
        ]
        if self.run_start is not None:
            runs.append((max(self.run_start, self.missed_at), None))
        return runs

    def named(self) -> Holder:
        """Whom a missed deadline names: the largest holder; of tied ones who held last (rules R4)."""
        if not self.held:
            return self.holder
        return max(self.held, key=lambda holder: (self.held[holder], self.last_held[holder]))

    def held_ordered(self) -> dict[Holder, int]:
        """What each holder consumed before the deadline, largest first, the tied by who held last."""
        order = sorted(self.held, key=lambda h: (self.held[h], self.last_held[h]), reverse=True)
        return {holder: self.held[holder] for holder in order}

    def consumed_at(self, now: datetime, calendar: WorkingCalendar) -> int:
        if self.since is None:
            return self.consumed
        return self.consumed + calendar.working_time(self.since, now)

    def after_at(self, now: datetime, calendar: WorkingCalendar) -> dict[Holder, int]:
        """Overrun by holder up to ``now`` (working seconds), in the order they held."""
        after = dict(self.after)
        if self.missed_at is not None and self.since is not None and now > self.since:
            after[self.holder] = after.get(self.holder, 0) + calendar.working_time(self.since, now)
        return after
