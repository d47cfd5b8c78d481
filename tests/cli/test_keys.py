"""`danbiet keys`: made and shown once, listed without secrets, revoked; the admin's own key."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from cli.keys import ensure_admin_key
from models.access import Role
from store import keys
from tests.cli.conftest import Danbiet


def test_made_listed_revoked(danbiet: Danbiet, data: Path, engine: Engine) -> None:
    made = danbiet("keys", "create", "--role", "counter", "--agency", "H13.2.1", "--json").json
    found = keys.find(engine, made["key"], datetime.now(UTC))
    assert found is not None
    assert (found.role, found.agency, found.prefix) == (Role.COUNTER, "H13.2.1", made["prefix"])
    listed = danbiet("keys", "list")
    assert made["prefix"] in listed.out
    assert made["key"] not in listed.out + danbiet("keys", "list", "--json").out
    assert danbiet("keys", "revoke", made["prefix"]).code == 0
    assert keys.find(engine, made["key"], datetime.now(UTC)) is None
    assert "revoked" in danbiet("keys", "list").out
    assert danbiet("keys", "revoke", "00000000").err.startswith("danbiet: not_found: ")


def test_instants_are_told_in_the_calendars_zone(danbiet: Danbiet, data: Path) -> None:
    ends = ("--expires", "2036-01-08T23:30:00Z")
    made = danbiet("keys", "create", "--role", "auditor", *ends, "--json").json
    assert made["expires_at"] == "2036-01-09T06:30:00+07:00"
    assert made["created_at"].endswith("+07:00")
    (listed,) = danbiet("keys", "list", "--json").json
    assert listed == {name: value for name, value in made.items() if name != "key"}
    assert "until 2036-01-09 06:30" in danbiet("keys", "list").out
    assert danbiet("keys", "revoke", made["prefix"], "--json").json["revoked_at"].endswith("+07:00")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--role", "official"), "give --official ID"),
        (("--role", "counter"), "give --agency CODE"),
        (("--role", "counter", "--agency", "H99"), "unknown agency 'H99'"),
        (("--role", "official", "--official", "XX-99"), "unknown official 'XX-99'"),
        (("--role", "auditor", "--expires", "2020-01-01T00:00:00+07:00"), "must expire later"),
    ],
)
def test_refused(danbiet: Danbiet, data: Path, options: tuple[str, ...], sentence: str) -> None:
    answer = danbiet("keys", "create", *options)
    assert (answer.code, answer.out) == (1, "")
    assert sentence in answer.err


def test_an_officials_key_is_of_the_officials_unit(danbiet: Danbiet, data: Path) -> None:
    made = danbiet("keys", "create", "--role", "official", "--official", "TAN-01", "--json").json
    assert (made["agency"], made["official"], made["name"]) == ("H13.2.1", "TAN-01", "TAN-01")


def test_the_admins_key_is_made_once(engine: Engine, tmp_path: Path) -> None:
    told = ensure_admin_key(engine, tmp_path)
    path = tmp_path / "admin.key"
    assert told == path.read_text(encoding="ascii").strip()
    assert ensure_admin_key(engine, tmp_path) is None
    assert path.read_text(encoding="ascii").strip() == told
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = keys.find(engine, told or "", datetime.now(UTC))
    assert found is not None
    assert found.role is Role.ADMIN
