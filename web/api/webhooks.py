"""Webhooks over HTTP, for admins: who is told of events, how far each is served, and sending again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from models.access import Principal
from models.delivery import new_subscriber
from models.errors import Code, Refusal, Unavailable
from store import webhooks
from web.office import Office, TheOffice
from web.permissions import Operation
from web.security import allowed
from workflows.relay import ensure_relays

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
MayManage = Annotated[Principal, Depends(allowed(Operation.MANAGE_WEBHOOKS))]
Name = Annotated[str, Path(max_length=60)]


class NewWebhook(BaseModel):
    """What to post where. ``types``: only these events, like `published`; none: all of its audience."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "press", "url": "https://example.org/hook", "public": True}]
        },
    )

    name: Annotated[str, Field(max_length=60)]
    url: Annotated[str, Field(max_length=2000)]
    public: bool = False
    types: Annotated[list[str], Field(max_length=40)] = []


class Replay(BaseModel):
    """From a position of the feed on; without one, what waits or was given up."""

    model_config = ConfigDict(extra="forbid")

    since: Annotated[int | None, Field(ge=1, le=2**62)] = None


@router.get("")
async def list_webhooks(office: TheOffice, principal: MayManage) -> JsonValue:  # noqa: ARG001 - the guard
    """All of them, with cursor, lag, waiting and dead letters; no secret."""
    found = await asyncio.to_thread(webhooks.standings, office.engine)
    return {"items": [each.told(office.zone) for each in found], "next_cursor": None}


@router.post("", status_code=201)
async def add_webhook(office: TheOffice, principal: MayManage, body: NewWebhook) -> JSONResponse:  # noqa: ARG001
    """Add one, or change the one of that name. Its secret is told in this answer, and never again."""
    subscriber = new_subscriber(body.name, body.url, public=body.public, types=",".join(body.types) or None)
    if not body.url.startswith("https:") and not office.webhooks_private:
        raise Refusal(Code.INVALID, f"'{body.url}' is not https: use https")
    secret = await asyncio.to_thread(webhooks.add, office.engine, subscriber, datetime.now(UTC))
    await _wake(office, body.name)
    told = {"name": body.name, "url": body.url, "audience": subscriber.audience.value, "secret": secret}
    return JSONResponse(told, 201, {"Cache-Control": "no-store"})


@router.delete("/{name}", status_code=204)
async def remove_webhook(office: TheOffice, principal: MayManage, name: Name) -> Response:  # noqa: ARG001
    """Tell it nothing more."""
    await asyncio.to_thread(webhooks.remove, office.engine, name)
    return Response(status_code=204)


@router.post("/{name}/replay")
async def replay(office: TheOffice, principal: MayManage, name: Name, body: Replay) -> JsonValue:  # noqa: ARG001
    """Send again."""
    again = await asyncio.to_thread(webhooks.replay, office.engine, name, datetime.now(UTC), body.since)
    await _wake(office, name)
    return {"name": name, "again": again}


async def _wake(office: Office, name: str) -> None:
    """Without a server its relay begins when the next worker does."""
    try:
        starter = await office.connect()
    except Unavailable:
        return
    await ensure_relays(starter.client, [name], task_queue=starter.task_queue)
