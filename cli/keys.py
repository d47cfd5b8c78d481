"""`danbiet keys`: who may come in by HTTP, as what, and how far they see."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from sqlalchemy import Engine

from cli.installation import Installation
from cli.output import as_json, short, table
from models.access import Role
from models.errors import Code, Refusal
from models.instants import localised, parse_instant
from models.plain_text import check_plain
from store import keys
from store.keys import Key

ADMIN_KEY = "admin.key"


def create(
    data: Path | None,
    role: str,
    name: str | None,
    agency: str | None,
    official: str | None,
    expires: str | None,
    *,
    json: bool,
) -> None:
    """Make a key and show it: this once."""
    check_plain({"name": name or ""})
    installation = Installation(data)
    catalogue, wanted = installation.catalogue, Role(role)
    if wanted is Role.PUBLIC:
        raise Refusal(Code.INVALID, "the public needs no key")
    if wanted is Role.OFFICIAL and official is None:
        raise Refusal(Code.INVALID, "a key of role 'official' is bound to a person: give --official ID")
    if wanted is Role.COUNTER and agency is None:
        raise Refusal(Code.INVALID, "a key of role 'counter' is bound to a unit: give --agency CODE")
    if official is not None:
        agency = agency or catalogue.official(official).agency
    if agency is not None:
        catalogue.agency(agency)
    until = parse_instant(expires, zone=installation.calendar.zone) if expires else None
    if until is not None and until <= datetime.now(UTC):
        raise Refusal(Code.INVALID, f"'{expires}' has passed: a key must expire later")
    told, key = keys.create(
        installation.engine,
        name or official or role,
        wanted,
        agency=agency,
        official=official,
        expires_at=until,
    )
    if json:
        print(as_json({"key": told, **_told(key, installation.calendar.zone)}))
        return
    print(
        f"{told}\n\nThis is the only time it is shown. Prefix {key.prefix}, role {key.role}, "
        f"{'all units' if key.agency is None else f'{key.agency} and below'}."
    )


def show(data: Path | None, *, json: bool) -> None:
    """Every key that was ever made, without its secret."""
    installation = Installation(data)
    found, zone = keys.listed(installation.engine), installation.calendar.zone
    if json:
        print(as_json([_told(each, zone) for each in found]))
        return
    rows = [
        (
            each.prefix,
            each.name,
            each.role.value,
            each.agency or "all",
            each.official or "-",
            _short(each.created_at, zone),
            _short(each.last_used_at, zone),
            _standing(each, zone),
        )
        for each in found
    ]
    header = ("prefix", "name", "role", "units", "official", "made", "last used", "")
    print(table(header, rows) if rows else "there are no keys yet: danbiet keys create --role ...")


def revoke(prefix: str, data: Path | None, *, json: bool) -> None:
    """From now on it opens nothing."""
    installation = Installation(data)
    key = keys.revoke(installation.engine, prefix)
    print(
        as_json(_told(key, installation.calendar.zone)) if json else f"{key.prefix} ({key.name}) is revoked"
    )


def ensure_admin_key(engine: Engine, data: Path) -> str | None:
    """The first start makes the key of the local admin, readable by its owner alone; the key, if it was made now."""
    try:
        descriptor = os.open(data / ADMIN_KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return None
    told, _ = keys.create(engine, "admin", Role.ADMIN)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{told}\n")
    return told


def _told(key: Key, zone: ZoneInfo) -> dict[str, JsonValue]:
    return {name: localised(value, zone) for name, value in key}


def _short(instant: datetime | None, zone: ZoneInfo) -> str:
    return short(instant and instant.astimezone(zone))


def _standing(key: Key, zone: ZoneInfo) -> str:
    if key.revoked_at is not None:
        return f"revoked {_short(key.revoked_at, zone)}"
    if key.expires_at is not None:
        return f"until {_short(key.expires_at, zone)}"
    return ""
