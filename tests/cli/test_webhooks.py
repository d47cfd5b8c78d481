"""`danbiet webhooks`: added, listed, set back, removed; without a server too."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.database import upgrade
from tests.cli.conftest import Danbiet

URL = "https://example.org/hook"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory without a server."""
    monkeypatch.setenv("DANBIET_TEMPORAL_ADDRESS", "127.0.0.1:1")
    upgrade(f"sqlite:///{tmp_path / 'danbiet.db'}")
    return tmp_path


def test_the_life_of_a_webhook(danbiet: Danbiet, data: Path) -> None:
    added = danbiet(
        "webhooks", "add", URL, "--name", "press", "--public", "--types", "published", "--data", data
    )
    assert added.code == 0
    assert added.out.startswith("secret  whsec_")
    assert "delivery begins when" in added.err
    listed = danbiet("webhooks", "list", "--data", data)
    assert "press" in listed.out
    assert "whsec" not in listed.out
    [told] = danbiet("webhooks", "list", "--json", "--data", data).json
    assert (told["name"], told["url"], told["audience"], told["state"]) == ("press", URL, "public", "active")
    assert told["types"] == ["vn.danbiet.disclosure.published"]
    assert (told["position"], told["lag"], told["waiting"], told["dead"], told["last_error"]) == (
        0,
        0,
        0,
        0,
        None,
    )
    assert danbiet("webhooks", "replay", "press", "--dead", "--data", data).code == 0
    assert danbiet("webhooks", "replay", "press", "--from", 1, "--data", data).code == 0
    assert danbiet("webhooks", "remove", "press", "--data", data).code == 0
    assert danbiet("webhooks", "list", "--json", "--data", data).json == []
    assert "no webhooks" in danbiet("webhooks", "list", "--data", data).out


def test_what_cannot_be_is_refused_in_a_sentence(danbiet: Danbiet, data: Path) -> None:
    plain = danbiet("webhooks", "add", "http://example.org/", "--name", "x", "--data", data)
    assert (plain.code, "DANBIET_WEBHOOKS_PRIVATE" in plain.err) == (1, True)
    wrong = danbiet("webhooks", "add", URL, "--name", "x", "--types", "nonsense", "--data", data)
    assert (wrong.code, "no event 'nonsense'" in wrong.err) == (1, True)
    for command in ("remove", "replay"):
        missing = danbiet("webhooks", command, "nobody", "--data", data)
        assert (missing.code, "no webhook 'nobody'" in missing.err) == (1, True)
    assert danbiet("webhooks", "replay", "x", "--dead", "--from", 1, "--data", data).code == 2


def test_plain_http_is_for_ones_own_networks(
    danbiet: Danbiet, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DANBIET_WEBHOOKS_PRIVATE", "true")
    assert danbiet("webhooks", "add", "http://10.0.0.1/hook", "--name", "x", "--data", data).code == 0
