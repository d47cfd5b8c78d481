"""The recipe in docs/ledger.md does what it says: it holds for our ledger and fails for a touched one."""

from __future__ import annotations

import re
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from store.journal import Journal
from store.ledger import erase
from store.ledger_files import publish
from tests.store.test_ledger import SIGNER, append, bulletin, signed, tell

DOCUMENT = Path(__file__).parents[2] / "docs" / "ledger.md"


def recipe(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it as a stranger does: without this project's modules."""
    found = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == 1
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", found[0]], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture
def folder(engine: Engine, journal: Journal, tmp_path: Path) -> Path:
    tell(journal, "D-1", "cb-01")
    append(engine)
    bulletin(engine)
    tell(journal, "D-2", "cb-02")
    append(engine)
    signed(engine)
    publish(engine, tmp_path / "ledger", SIGNER.verifier)
    return tmp_path / "ledger"


def test_it_holds_also_after_an_erasure(engine: Engine, folder: Path) -> None:
    assert erase(engine, "cb-01") == 3
    signed(engine)
    publish(engine, folder, SIGNER.verifier)
    done = recipe(folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "danbiet.local/test: 7 entries, as they were signed\n"


def test_it_holds_for_an_empty_ledger(engine: Engine, tmp_path: Path) -> None:
    signed(engine)
    publish(engine, tmp_path / "ledger", SIGNER.verifier)
    assert recipe(tmp_path / "ledger").stdout == "danbiet.local/test: 0 entries, as they were signed\n"


def altered(lines: list[bytes]) -> list[bytes]:
    entry = b64decode(lines[2]).replace(b"land-transfer", b"land-transfes")
    return [*lines[:2], b64encode(entry) + b"\n", *lines[3:]]


@pytest.mark.parametrize(
    ("touch", "sentence"),
    [
        (altered, "entry 2 was altered"),
        (lambda lines: lines[:-1], "6 entries, but 7 are signed"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "entry 0 is missing or out of place"),
    ],
)
def test_it_fails_for_a_touched_ledger(
    folder: Path, touch: Callable[[list[bytes]], list[bytes]], sentence: str
) -> None:
    path = folder / "entries"
    path.write_bytes(b"".join(touch(path.read_bytes().splitlines(keepends=True))))
    done = recipe(folder)
    assert done.returncode == 1
    assert sentence in done.stderr


def test_it_fails_for_a_touched_checkpoint(folder: Path) -> None:
    path = folder / "checkpoint"
    path.write_text(path.read_text().replace("\n7\n", "\n8\n"))
    done = recipe(folder)
    assert done.returncode == 1
    assert "openssl" in done.stderr
