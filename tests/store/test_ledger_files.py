"""The ledger's files: they only grow, survive a crash, and are never overwritten with another ledger."""

from __future__ import annotations

import errno
import os
from base64 import b64decode
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete

from models.errors import Refusal
from models.verifying import lines_of, verify
from store import ledger as store
from store import ledger_files
from store.database import writing
from store.journal import Journal
from store.ledger_files import publish
from tests.store.test_ledger import SIGNER, all_entries, append, bulletin, signed, tell

FILES = {"entries", "checkpoint", "key", "keys"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "ledger"


def holds(directory: Path) -> int:
    """Entries in the files, once they were verified."""
    lines = lines_of([(directory / "entries").read_bytes()])
    note = (directory / "checkpoint").read_text()
    assert (directory / "key").read_text() == f"{SIGNER.verifier}\n"
    assert {each.name for each in directory.iterdir()} == FILES
    return verify(note, lines, SIGNER.verifier).size


def test_files_follow_the_ledger(engine: Engine, journal: Journal, folder: Path) -> None:
    assert publish(engine, folder, SIGNER.verifier) == 0
    assert not folder.exists()
    signed(engine)
    assert (publish(engine, folder, SIGNER.verifier), holds(folder)) == (0, 0)
    tell(journal, "D-1")
    append(engine)
    assert (publish(engine, folder, SIGNER.verifier), holds(folder)) == (0, 0)
    signed(engine)
    assert (publish(engine, folder, SIGNER.verifier), holds(folder)) == (3, 3)
    before = (folder / "entries").read_bytes()
    bulletin(engine)
    signed(engine)
    assert (publish(engine, folder, SIGNER.verifier), holds(folder)) == (1, 4)
    assert (publish(engine, folder, SIGNER.verifier), holds(folder)) == (0, 4)
    assert (folder / "entries").read_bytes().startswith(before)
    assert [b64decode(line) for line in (folder / "entries").read_bytes().split()] == all_entries(engine)


def test_more_than_a_batch(engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_files, "BATCH", 4)
    for edition in range(1, 12):
        bulletin(engine, edition)
    signed(engine)
    assert (publish(engine, folder, SIGNER.verifier), holds(folder)) == (11, 11)


def test_half_a_line_is_mended(engine: Engine, folder: Path) -> None:
    for edition in range(1, 4):
        bulletin(engine, edition)
    signed(engine)
    publish(engine, folder, SIGNER.verifier)
    whole = (folder / "entries").read_bytes()
    for left in (len(whole) - 1, len(whole) - 40, 10, 0):
        (folder / "entries").write_bytes(whole[:left])
        publish(engine, folder, SIGNER.verifier)
        assert (folder / "entries").read_bytes() == whole


def test_a_full_disk_leaves_what_was_published(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bulletin(engine, 1)
    signed(engine)
    publish(engine, folder, SIGNER.verifier)
    bulletin(engine, 2)
    signed(engine)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(Refusal, match="No space left"):
            publish(engine, folder, SIGNER.verifier)
    assert holds(folder) == 1
    assert (publish(engine, folder, SIGNER.verifier), holds(folder)) == (1, 2)


@pytest.mark.parametrize("content", ["eyJpbmRleCI6MH0=\n", "junk\n", "bnVsbA==\n", "\n"])
def test_files_of_another_ledger_are_left_alone(engine: Engine, folder: Path, content: str) -> None:
    bulletin(engine)
    signed(engine)
    folder.mkdir(parents=True)
    (folder / "entries").write_text(content)
    with pytest.raises(Refusal, match="the database does not have"):
        publish(engine, folder, SIGNER.verifier)
    assert (folder / "entries").read_text() == content
    assert not (folder / "checkpoint").exists()


def test_a_database_that_went_back_does_not_take_entries_back(engine: Engine, folder: Path) -> None:
    for edition in (1, 2):
        bulletin(engine, edition)
        signed(engine)
    publish(engine, folder, SIGNER.verifier)
    with writing(engine) as connection:
        connection.execute(delete(store.ENTRY).where(store.ENTRY.c.number == 1))
        connection.execute(delete(store.CHECKPOINT).where(store.CHECKPOINT.c.size == 2))
    with pytest.raises(Refusal, match="an old backup"):
        publish(engine, folder, SIGNER.verifier)
    assert holds(folder) == 2
