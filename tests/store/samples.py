"""Small dossiers and their records, written by hand: the store must not need the core to be tested."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select

from models.events import Event, EventType, Record
from models.instants import localised
from models.lateness import Lateness, LatenessState
from models.tables import Row
from models.views import DossierView, Pause, PortalStatus, Snapshot, Status, StepState, StepView
from store.database import reading

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
T0 = datetime(2025, 4, 1, 1, 0, tzinfo=UTC)
"""08:00 on Tuesday 1 April 2025 in Can Tho."""

PORTAL = {
    Status.RUNNING: PortalStatus.RUNNING,
    Status.PAUSED: PortalStatus.SUPPLEMENT,
    Status.PROCESSED: PortalStatus.PROCESSED,
    Status.DELIVERED: PortalStatus.DELIVERED,
    Status.REFUSED: PortalStatus.REFUSED,
    Status.WITHDRAWN: PortalStatus.WITHDRAWN,
    Status.STOPPED: PortalStatus.STOPPED,
}


def local(text: str) -> datetime:
    """``2025-04-10 17:00`` on the wall in Can Tho, as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)


def step(key: str = "verify", **changes: Any) -> StepView:
    values: dict[str, Any] = {
        "key": key,
        "stage": 1,
        "name": key.title(),
        "agency": "CT-LAND",
        "official": "cb-01",
        "state": StepState.RUNNING,
        "budget_minutes": 960,
        "consumed_minutes": 0,
        "started_at": T0,
        "due_at": T0 + timedelta(days=2),
        "completed_at": None,
        "late": False,
    }
    return StepView.model_validate(values | changes)


def snapshot(code: str = "D-1", sequence: int = 1, **changes: Any) -> Snapshot:
    """A running dossier of one step; ``changes`` by name, of the snapshot or its view."""
    own = {name: changes.pop(name) for name in list(changes) if name in Snapshot.model_fields}
    status = changes.get("status", Status.RUNNING)
    view: dict[str, Any] = {
        "code": code,
        "procedure": "land-transfer",
        "procedure_version": "1",
        "agency": "CT-LAND",
        "status": status,
        "portal_status": PORTAL[status],
        "submitted_at": None,
        "accepted_at": T0,
        "clock_start": T0,
        "due_at": T0 + timedelta(days=7),
        "original_due_at": T0 + timedelta(days=7),
        "closed_at": None,
        "steps": (step(),),
        "latenesses": (),
        "sequence": sequence,
        "confirmed": True,
    }
    values: dict[str, Any] = {
        "view": DossierView.model_validate(view | changes),
        "zone": "Asia/Ho_Chi_Minh",
        "next_deadline_at": T0 + timedelta(days=2),
        "promise_due_at": T0 + timedelta(days=7),
    }
    return Snapshot.model_validate(values | own)


def lateness(code: str = "D-1", step: str | None = "verify", ordinal: int = 1, **changes: Any) -> Lateness:
    values: dict[str, Any] = {
        "id": f"{code}:{step or 'promise'}:{ordinal}",
        "dossier": code,
        "procedure": "land-transfer",
        "step": step,
        "agency": "CT-LAND",
        "official": "cb-01" if step else None,
        "head": "truong-01",
        "due_at": local("2025-04-10 17:00"),
        "recorded_at": local("2025-04-10 17:00") + timedelta(seconds=1),
        "state": LatenessState.PUBLISHED,
    }
    return Lateness.model_validate(values | changes)


def event(sequence: int, type_: EventType = EventType.STEP_STARTED, **changes: Any) -> Event:
    values: dict[str, Any] = {
        "sequence": sequence,
        "type": type_,
        "at": T0 + timedelta(minutes=sequence),
        "subject": "D-1",
        "data": {"step": "verify"},
        "action": f"a{sequence}",
    }
    return Event.model_validate(values | changes)


def disclosed(sequence: int, late: Lateness, type_: EventType = EventType.RECORDED) -> Event:
    data = localised(late, ZONE)
    return event(sequence, type_, at=late.due_at, subject=late.id, data=data, action=None)


def record(
    code: str = "D-1", first: int = 1, last: int = 1, *, events: Sequence[Event] = (), **changes: Any
) -> Record:
    """A record of plain events ``first`` to ``last``, or of ``events``."""
    own = {name: changes.pop(name) for name in ("imported", "archive") if name in changes}
    told = tuple(events) or tuple(event(number, subject=code) for number in range(first, last + 1))
    return Record(dossier=code, events=told, snapshot=snapshot(code, told[-1].sequence, **changes), **own)


def paused(start: datetime, end: datetime | None = None, kind: str = "supplement") -> Pause:
    return Pause(kind=kind, start=start, end=end)


def contents(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Everything in the database, to see that nothing changes."""
    with reading(engine) as connection:
        return {
            name: sorted(tuple(map(str, row)) for row in connection.execute(select(table)))
            for name, table in Row.metadata.tables.items()
        }
