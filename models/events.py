"""What the engine concluded: numbered events of one dossier, the only thing the store is fed with."""

from __future__ import annotations

from enum import StrEnum

from pydantic import JsonValue

from models.budget import Model
from models.instants import Instant
from models.views import Snapshot


class EventType(StrEnum):
    """Types of events. All but ``explained`` and ``reviewed`` go out to subscribers (interfaces: Events out)."""

    ACCEPTED = "vn.danbiet.dossier.accepted"
    STEP_STARTED = "vn.danbiet.dossier.step_started"
    STEP_COMPLETED = "vn.danbiet.dossier.step_completed"
    HANDED_OVER = "vn.danbiet.dossier.handed_over"
    PAUSED = "vn.danbiet.dossier.paused"
    RESUMED = "vn.danbiet.dossier.resumed"
    EXTENDED = "vn.danbiet.dossier.extended"
    SENT_BACK = "vn.danbiet.dossier.sent_back"
    WARNED = "vn.danbiet.dossier.warned"
    ESCALATED = "vn.danbiet.dossier.escalated"
    CLOSED = "vn.danbiet.dossier.closed"
    DELIVERED = "vn.danbiet.dossier.delivered"
    RECORDED = "vn.danbiet.disclosure.recorded"
    PUBLISHED = "vn.danbiet.disclosure.published"
    EXCUSED = "vn.danbiet.disclosure.excused"
    ANNULLED = "vn.danbiet.disclosure.annulled"
    CORRECTED = "vn.danbiet.disclosure.corrected"
    RETRACTED = "vn.danbiet.disclosure.retracted"
    SETTLED = "vn.danbiet.disclosure.settled"
    EXPLAINED = "vn.danbiet.disclosure.explained"
    REVIEWED = "vn.danbiet.disclosure.reviewed"

    @property
    def is_disclosure(self) -> bool:
        """The event's data is a whole Lateness."""
        return self.startswith("vn.danbiet.disclosure.")

    @property
    def goes_out(self) -> bool:
        return self not in (EventType.EXPLAINED, EventType.REVIEWED)


class Event(Model):
    """One conclusion. ``at``: event time (for ``recorded`` the due instant); ``data``: JSON with local instants."""

    sequence: int
    type: EventType
    at: Instant
    subject: str
    """Lateness id, or the dossier's code."""
    data: dict[str, JsonValue]
    action: str | None = None
    """Identity of the action that the event tells, where it has one (the hash of a log row, a request's key)."""
    by: str | None = None


class Record(Model):
    """What one activation of a workflow tells the store; written whole in one transaction.

    ``snapshot`` is the dossier after the last event: projections are a function of the journal alone.
    """

    dossier: str
    events: tuple[Event, ...]
    snapshot: Snapshot
    imported: bool = False
    """History told by an import or a start: its deadlines count in no lag metric."""
    archive: dict[str, JsonValue] | None = None
    """The whole aggregate, when the workflow ends with this record; a later action reopens it from here."""
