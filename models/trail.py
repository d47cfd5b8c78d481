"""Who did the action that the fold applies, and the facts it leaves to be told."""

from __future__ import annotations

from datetime import datetime

from pydantic import JsonValue

from models.actions import Given, HandOver
from models.events import EventType
from models.instants import iso
from models.state import Fact, State


class Trail:
    """Who did the action being applied, and how its facts are keyed."""

    def __init__(self, given: Given, index: int) -> None:
        self.by, self.id = given.by, given.id
        self.index, self.key = index, f"action:{index}"
        official: str | None = None if isinstance(given.action, HandOver) else given.action.official
        self.official = official
        self.actor = official or given.by.name
        self.reason = given.action.reason

    def tell(self, state: State, event: EventType, at: datetime, /, **data: JsonValue) -> None:
        if self.reason:
            data["reason"] = self.reason
        tell(state, self.key, at, event, action=self.id, by=self.actor, **data)


def tell(
    state: State,
    key: str,
    at: datetime,
    event: EventType,
    besides: str = "",
    /,
    *,
    action: str | None = None,
    by: str | None = None,
    **data: JsonValue,
) -> None:
    """``besides``: what else than its instant has the fact told anew when it changes."""
    data = _context(state) | data
    state.facts.append(Fact(key, at, event, data, mark=local(state, at) + besides, action=action, by=by))


def _context(state: State) -> dict[str, JsonValue]:
    """What every event of the dossier says."""
    return {"dossier": state.start.code, "procedure": state.start.rules.procedure, "agency": state.agency}


def local(state: State, at: datetime) -> str:
    return iso(at, state.calendar.zone)
