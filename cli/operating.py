"""The groups of `danbiet` for those who look after an installation: declared here, done elsewhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.options import Data, Json, Unused

catalogue_app = typer.Typer(
    help="The catalogue: agencies, officials, procedures, calendars.", no_args_is_help=True
)
db_app = typer.Typer(help="The database.", no_args_is_help=True)
keys_app = typer.Typer(help="Keys of the HTTP API: who comes in, as what.", no_args_is_help=True)
ledger_app = typer.Typer(help="The public ledger.", no_args_is_help=True)
webhooks_app = typer.Typer(help="Who is told of events by HTTP.", no_args_is_help=True)
GROUPS = {
    "catalogue": catalogue_app,
    "db": db_app,
    "keys": keys_app,
    "ledger": ledger_app,
    "webhooks": webhooks_app,
}


@catalogue_app.command("check")
def catalogue_check(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The catalogue's directory.")],
    data: Unused = None,  # noqa: ARG001 - as every command
    json: Json = False,
) -> None:
    """Errors with file and line; contradictions as warnings."""
    from cli.upkeep import check_catalogue

    raise typer.Exit(check_catalogue(directory, json=json))


@db_app.command("upgrade")
def db_upgrade(data: Data = None) -> None:
    """Create or migrate the database's tables."""
    from cli.upkeep import upgrade

    upgrade(data)


@db_app.command("rebuild")
def db_rebuild(
    data: Data = None,
    check: Annotated[bool, typer.Option("--check", help="Compare only; a difference exits with 1.")] = False,
    json: Json = False,
) -> None:
    """Compute all projections anew from the journal."""
    from cli.upkeep import rebuild

    raise typer.Exit(rebuild(data, check=check, json=json))


class KeyRole(StrEnum):
    """Those of models.access that have keys."""

    COUNTER = "counter"
    OFFICIAL = "official"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    ADMIN = "admin"


@keys_app.command("create")
def keys_create(
    role: Annotated[KeyRole, typer.Option(help="What it is for.")],
    data: Data = None,
    json: Json = False,
    name: Annotated[
        str | None, typer.Option(help="For the trail (default: the official or the role).")
    ] = None,
    agency: Annotated[
        str | None, typer.Option(help="Sees this unit and all below it (default: all).")
    ] = None,
    official: Annotated[str | None, typer.Option(help="Acts as this person.")] = None,
    expires: Annotated[str | None, typer.Option(help="Until when (default: until revoked).")] = None,
) -> None:
    """Make a key; it is shown once."""
    from cli.keys import create

    create(data, role.value, name, agency, official, expires, json=json)


@keys_app.command("list")
def keys_list(data: Data = None, json: Json = False) -> None:
    """All keys, without their secrets."""
    from cli.keys import show

    show(data, json=json)


@keys_app.command("revoke")
def keys_revoke(
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="As 'keys list' shows it.")],
    data: Data = None,
    json: Json = False,
) -> None:
    """A key opens nothing any more."""
    from cli.keys import revoke

    revoke(prefix, data, json=json)


@webhooks_app.command("add")
def webhooks_add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where events are posted: https://HOST/PATH.")],
    name: Annotated[str, typer.Option(help="Its name: a-z, 0-9 and '-'.")],
    public: Annotated[
        bool, typer.Option("--public", help="Tell only what is published, with dossiers masked.")
    ] = False,
    types: Annotated[
        str | None, typer.Option(help="Only these events, e.g. published,retracted (default: all).")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Add a webhook; prints its secret, once. With a name that is there: change it, and its secret."""
    from cli.webhooks import add

    add(url, name, types, data, public=public, json=json)


@webhooks_app.command("list")
def webhooks_list(data: Data = None, json: Json = False) -> None:
    """Webhooks, and how far each is served."""
    from cli.webhooks import list_webhooks

    list_webhooks(data, json=json)


@webhooks_app.command("remove")
def webhooks_remove(name: Annotated[str, typer.Argument(metavar="NAME")], data: Data = None) -> None:
    """Tell it nothing more, and forget what it has not had."""
    from cli.webhooks import remove

    remove(name, data)


@webhooks_app.command("replay")
def webhooks_replay(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    since: Annotated[
        int | None, typer.Option("--from", metavar="POSITION", min=1, help="Everything from there on.")
    ] = None,
    dead: Annotated[
        bool, typer.Option("--dead", help="What was given up, and what waits (the default).")
    ] = False,
    data: Data = None,
) -> None:
    """Send again. A webhook that was disabled is active again."""
    if dead and since is not None:
        raise typer.BadParameter("--from and --dead exclude each other")
    from cli.webhooks import replay

    replay(name, since, data)


@ledger_app.command("erase")
def ledger_erase(
    official: Annotated[str, typer.Argument(metavar="OFFICIAL", help="Whom the personal parts name.")],
    reason: Annotated[str, typer.Option(help="By which right or order; it is kept.")],
    data: Data = None,
    json: Json = False,
) -> None:
    """Erase what the ledger's entries are committed to about a person; entries and proofs stay as they are."""
    from cli.upkeep import erase

    erase(official, reason, data, json=json)


@ledger_app.command("new-key")
def ledger_new_key(
    lost: Annotated[
        bool, typer.Option("--lost", help="The old key is lost for good: it cannot sign the new one.")
    ] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Sign with a new key from now on; the old one signs the change, and stays listed."""
    from cli.upkeep import new_key

    new_key(data, lost=lost, json=json)
