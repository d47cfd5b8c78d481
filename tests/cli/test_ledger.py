"""`danbiet ledger new-key`: the key is changed, in words and as JSON, and who verifies follows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine

from cli.keeping import Keeper
from cli.settings import Settings
from models.events import EventType
from models.lateness import LatenessState
from store.journal import Journal
from tests.cli.conftest import Danbiet
from tests.store.samples import disclosed, event, lateness, record

DOSSIER = "H13.9-250408-0006"


def publish(engine: Engine) -> None:
    named = {"agency": "H13.9", "official": "CD-02", "head": None}
    told = [
        event(1, subject=DOSSIER),
        disclosed(2, lateness(DOSSIER, state=LatenessState.RECORDED, **named)),
        disclosed(3, lateness(DOSSIER, **named), EventType.PUBLISHED),
    ]
    Journal(engine, "test").record_now([record(DOSSIER, events=told)])


def test_the_key_is_changed_and_verify_follows(danbiet: Danbiet, data: Path, engine: Engine) -> None:
    refused = danbiet("ledger", "new-key")
    assert (refused.code, "nothing was signed yet" in refused.err) == (1, True)
    publish(engine)
    Keeper(engine, data, Settings().ledger_origin, settling=timedelta(0)).keep()
    old = (data / "ledger" / "key").read_text().strip()
    saved = data / "saved"
    saved.write_bytes((data / "ledger" / "checkpoint").read_bytes())
    told = danbiet("ledger", "new-key", "--json").json
    assert told["before"] == [old]
    assert (data / "ledger" / "key").read_text().strip() == told["key"] != old
    answer = danbiet("verify", data, "--key", old, "--checkpoint", saved)
    assert (answer.code, f"from now on give --key '{told['key']}'" in answer.err) == (0, True)
    assert danbiet("verify", data, "--key", told["key"], "--checkpoint", saved).err == ""
    (data / "ledger.key").unlink()
    refused = danbiet("ledger", "new-key")
    assert (refused.code, "--lost" in refused.err) == (1, True)
    assert "the old key could not sign it" in danbiet("ledger", "new-key", "--lost").out
    refused = danbiet("verify", data, "--key", told["key"])
    assert (refused.code, "learn the new key from the office" in refused.err) == (1, True)
