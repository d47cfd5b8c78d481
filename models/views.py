"""A dossier as people and programs see it (interfaces: Dossier, Receipt), and the snapshot the store keeps."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from pydantic import AwareDatetime

from models.budget import Model
from models.instants import Instant


class Status(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    PROCESSED = "processed"
    DELIVERED = "delivered"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    STOPPED = "stopped"

    @property
    def is_open(self) -> bool:
        return self in (Status.RUNNING, Status.PAUSED)


class StepState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


class PortalStatus(IntEnum):
    """The national portal's numbers (domain 3)."""

    REFUSED = 3
    RUNNING = 4
    SUPPLEMENT = 5
    PAYMENT = 6
    WITHDRAWN = 7
    STOPPED = 8
    PROCESSED = 9
    DELIVERED = 10


class StepView(Model):
    key: str
    stage: int
    name: str
    agency: str
    official: str | None
    state: StepState
    budget_minutes: float | None
    consumed_minutes: float
    started_at: Instant | None
    due_at: Instant | None
    completed_at: Instant | None
    late: bool


class DossierView(Model):
    code: str
    procedure: str
    procedure_version: str
    agency: str
    status: Status
    portal_status: PortalStatus
    submitted_at: Instant | None
    accepted_at: Instant
    clock_start: Instant
    due_at: Instant | None
    original_due_at: Instant | None
    closed_at: Instant | None
    steps: tuple[StepView, ...]
    latenesses: tuple[str, ...]
    sequence: int
    confirmed: bool


class Pause(Model):
    """An interval in which the applicant, not the office, had to act. ``end`` None: still so."""

    kind: str
    start: Instant
    end: Instant | None


class Run(Model):
    """An interval in which a clock ran. ``end`` None: it runs on."""

    start: Instant
    end: Instant | None


class Overdue(Model):
    """When the clock of a missed deadline ran on after it: the working time in these intervals is the overrun.

    They are apart where the dossier was paused or the step sent back, and end for good where the clock was started
    anew (rules R5, R7).
    """

    lateness: str
    ended_at: Instant | None
    """When the late work was completed or cancelled; None: it is not, or was sent back since."""
    runs: tuple[Run, ...]


class Snapshot(Model):
    """The dossier after an event, as the store's projections need it."""

    view: DossierView
    zone: str
    next_deadline_at: Instant | None
    """Nearest running deadline not yet passed (steps and promise)."""
    promise_due_at: Instant | None
    """The promise's due instant as last known, also while paused or closed; None: no deadline."""
    pauses: tuple[Pause, ...] = ()
    supplements: int = 0
    secret_hash: str | None = None
    extended_at: Instant | None = None
    """When the applicant was sent an apology with a new date (Form 04): that is what an extension is."""
    overdue: tuple[Overdue, ...] = ()
    """Of each lateness that stands; snapshots of before it was kept have none."""
    told_at: AwareDatetime | None = None
    """Start of the workflow task that told it, with its fractions: of two that disagree the later one counts."""


class EventHead(Model):
    sequence: int
    type: str
    at: Instant


class Receipt(Model):
    """Answer to an action."""

    code: str
    sequence: int
    status: Status
    due_at: Instant | None
    events: tuple[EventHead, ...]


class SubmissionReceipt(Receipt):
    """Answer to a submission; ``secret`` is told once, for the citizen's look-up."""

    accepted_at: Instant
    clock_start: Instant
    created: bool
    secret: str | None
