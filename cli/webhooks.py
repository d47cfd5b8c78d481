"""`danbiet webhooks`: who is told of events by HTTP, how far each is served, and sending again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from temporalio.service import RPCError

from cli.installation import Installation
from cli.output import as_json, short, table, tell
from models.delivery import SubscriberState, new_subscriber
from models.errors import Code, Refusal, Unavailable
from starter import connect
from store import webhooks
from store.webhooks import Standing
from workflows.relay import ensure_relays


def add(url: str, name: str, types: str | None, data: Path | None, *, public: bool, json: bool) -> None:
    """Add a webhook, or change the one of that name; its secret is told once."""
    installation = Installation(data)
    subscriber = new_subscriber(name, url, public=public, types=types)
    if not url.startswith("https:") and not installation.settings.webhooks_private:
        raise Refusal(
            Code.INVALID,
            f"'{url}' is not https: use https, or inside your own network set DANBIET_WEBHOOKS_PRIVATE=true "
            "for `danbiet up` and workers",
        )
    secret = webhooks.add(installation.engine, subscriber, datetime.now(UTC))
    _start(installation, name)
    if json:
        print(as_json({"name": name, "url": url, "audience": subscriber.audience.value, "secret": secret}))
        return
    print(f"secret  {secret}")
    tell("keep this secret now, it is not shown again; docs/webhooks.md says how the receiver checks it")


def list_webhooks(data: Path | None, *, json: bool) -> None:
    installation = Installation(data)
    zone = installation.calendar.zone
    found = webhooks.standings(installation.engine)
    if json:
        print(as_json([standing.told(zone) for standing in found]))
        return
    if not found:
        print("no webhooks: `danbiet webhooks add URL --name NAME` adds one")
        return
    header = ("name", "audience", "state", "position", "behind", "waiting", "dead", "last trouble")
    print(table(header, [_row(standing) for standing in found], right=(3, 4, 5, 6)))
    print()
    for standing in found:
        kinds = ", ".join(each.removeprefix("vn.danbiet.") for each in standing.subscriber.types)
        rest = standing.rest_until and standing.rest_until.astimezone(zone)
        pause = f", takes nothing: asked again {short(rest)}" if rest and rest > datetime.now(UTC) else ""
        print(f"{standing.subscriber.name}: {standing.subscriber.url}  ({kinds or 'all events'}{pause})")


def _row(standing: Standing) -> tuple[str, ...]:
    figures = (standing.position, standing.lag, standing.waiting, standing.dead)
    is_active = standing.subscriber.state is SubscriberState.ACTIVE
    return (
        standing.subscriber.name,
        standing.subscriber.audience.value,
        standing.subscriber.state.value,
        *map(str, figures),
        (standing.last_error if is_active else standing.reason) or "-",
    )


def remove(name: str, data: Path | None) -> None:
    """Its relay ends by itself."""
    webhooks.remove(Installation(data).engine, name)
    tell(f"webhook '{name}' is removed")


def replay(name: str, since: int | None, data: Path | None) -> None:
    """Send again what waits or was given up, or everything from a position on."""
    installation = Installation(data)
    again = webhooks.replay(installation.engine, name, datetime.now(UTC), since)
    _start(installation, name)
    tell(
        f"'{name}' is sent {again} waiting or dead events again"
        if since is None
        else f"'{name}' is sent everything from position {since} on again"
    )


def _start(installation: Installation, name: str) -> None:
    """Wake the relay. Without a server it begins when the next worker does."""

    async def wake() -> None:
        client = await connect(installation.temporal, installation.settings.temporal_namespace)
        await ensure_relays(client, [name], task_queue=installation.settings.task_queue)

    try:
        asyncio.run(wake())
    except (Unavailable, RPCError):
        tell("no Temporal server answers: delivery begins when `danbiet up` or a worker starts")
