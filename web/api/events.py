"""The feed of events: page by page, or as they come (Server-Sent Events) (interfaces: Events out)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from models.access import Principal
from models.errors import Code, Refusal
from store import queries
from store.queries import OutEvent
from web.api.answers import answer
from web.glance import FEW, glance
from web.office import Office, TheOffice
from web.permissions import Operation
from web.security import allowed

router = APIRouter(tags=["events"])
PLACE = re.compile(r"[0-9]{1,18}")
POLL = 0.5
CLOSING = b"event: closing\nretry: 5000\ndata: {}\n\n"
"""Without an id, so that `Last-Event-ID` stays what it was; to connect again after so many milliseconds."""
BEAT = 15.0
"""Seconds without an event after which the stream says that it lives."""

MayReadEvents = Annotated[Principal, Depends(allowed(Operation.READ_EVENTS))]


@router.get("/events")
async def list_events(
    office: TheOffice,
    principal: MayReadEvents,
    *,
    after: Annotated[str, Query(max_length=80, examples=["1200", "H13.2-250414-0006/7"])] = "0",
    limit: Annotated[int, Query(ge=1, le=queries.MOST)] = queries.LIMIT,
) -> Response:
    """CloudEvents in the order in which they were told, of the key's own units.

    `after`: a page's `next_cursor`; or the `id` of the last event taken, which goes on where the feed ended, too.
    """

    def read() -> Response:
        told = queries.outbox_after(office.engine, _place(office, principal, after or "0"), limit)
        items = [each.cloud_event() for each in told if _concerns(office, principal, each)]
        return answer({"items": items, "next_cursor": str(told[-1].position) if len(told) == limit else None})

    return await glance(office.engine, read, limit)


@router.get("/events/stream")
async def stream_events(
    request: Request,
    office: TheOffice,
    principal: MayReadEvents,
    *,
    after: Annotated[str, Query(max_length=80)] = "0",
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Server-Sent Events; the id of each is its place in the feed, from which `Last-Event-ID` goes on.

    `closing` says that the server stops: connect again after some seconds.
    """
    told_last = (after or "0") if last_event_id is None else last_event_id
    place = await glance(office.engine, lambda: _place(office, principal, told_last))
    closing: asyncio.Event = request.app.state.closing

    async def told() -> AsyncIterator[bytes]:
        position, quiet = place, 0.0
        yield b": danbiet\n\n"
        while not closing.is_set() and not await request.is_disconnected():
            found = await glance(office.engine, partial(queries.outbox_after, office.engine, position), FEW)
            for each in found:
                position = each.position
                if _concerns(office, principal, each):
                    yield _framed(position, each.cloud_event())
            quiet = 0.0 if found else quiet + POLL
            if quiet >= BEAT:
                quiet = 0.0
                yield b": still here\n\n"
            if not found:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(closing.wait(), POLL)
        yield CLOSING

    return StreamingResponse(
        told(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _place(office: Office, principal: Principal, after: str) -> int:
    """Where in the feed ``after`` is. Raises :class:`Refusal` for what is no place in it, nor an event for this key."""
    if PLACE.fullmatch(after):
        return int(after)
    place = queries.place_in_outbox(office.engine, after)
    found = [] if place is None else queries.outbox_after(office.engine, place - 1, 1)
    if place is None or not all(_concerns(office, principal, each) for each in found):
        raise Refusal(
            Code.INVALID,
            f"'{after[:80]}' is no place in the feed: give a 'next_cursor', or the 'id' of an event",
        )
    return place


def _framed(position: int, event: Mapping[str, Any]) -> bytes:
    data = json.dumps(event, ensure_ascii=False)
    return f"id: {position}\nevent: {event['type']}\ndata: {data}\n\n".encode()


def _concerns(office: Office, principal: Principal, event: OutEvent) -> bool:
    agency = event.data.get("agency")
    return principal.agency is None or (
        isinstance(agency, str) and principal.covers(office.catalogue, agency)
    )
