"""One `up` a directory, the admin's key, and `up.json`."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from cli import data_directory
from cli.data_directory import addresses, only_one
from models.errors import Refusal


def test_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_directory, "PATIENCE", 0.2)
    data = tmp_path / "some" / "where"
    with only_one(data):
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        with pytest.raises(Refusal, match=r"another 'danbiet up' \(process \d+\) runs on"), only_one(data):
            raise AssertionError("two at a time")
    with only_one(data):
        assert not list(data.glob("up.json"))


def test_a_place_that_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(Refusal, match="cannot be used"), only_one(tmp_path / "file"):
        raise AssertionError("a file is no directory")


def test_addresses_are_there_while_it_runs(tmp_path: Path) -> None:
    (tmp_path / "up.json").write_text("of one that was killed", encoding="utf-8")
    with only_one(tmp_path):
        assert not (tmp_path / "up.json").exists()
        with addresses(tmp_path, {"pid": 1}):
            assert json.loads((tmp_path / "up.json").read_text(encoding="utf-8")) == {"pid": 1}
        assert not (tmp_path / "up.json").exists()
