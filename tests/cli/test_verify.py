"""`danbiet verify`: a directory or an address, the key given or found, and one sentence that names the entry."""

from __future__ import annotations

import shutil
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Engine

from store import ledger
from store.ledger_files import publish
from store.ledger_key import signer
from tests.cli.conftest import Danbiet

NOW = datetime(2025, 6, 1, 2, 0, tzinfo=UTC)
ORIGIN = "danbiet.local/test"
Grow = Callable[[int], None]


@pytest.fixture
def grow(data: Path, engine: Engine) -> Grow:
    """Adds so many entries, signs, and writes the files below the data directory."""

    def more(count: int) -> None:
        size = ledger.size(engine)
        key = signer(data, ORIGIN, size=size)
        for edition in range(size + 1, size + count + 1):
            ledger.append_bulletin(
                engine, period="2025-04", edition=edition, sha256="ab" * 32, frozen_at=NOW, now=NOW
            )
        ledger.sign_checkpoint(engine, key)
        publish(engine, data / "ledger", key.verifier)

    return more


@pytest.fixture
def folder(data: Path, grow: Grow) -> Path:
    grow(5)
    return data / "ledger"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    """Of a web server that hands out a folder with the ledger in `ledger`, and nothing private."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder.parent)) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def lines(folder: Path) -> list[bytes]:
    return (folder / "entries").read_bytes().splitlines(keepends=True)


def alter(folder: Path, number: int) -> None:
    """Somebody changes a word of an entry."""
    found = lines(folder)
    entry = b64decode(found[number]).replace(b"2025-04", b"2025-03")
    found[number] = b64encode(entry) + b"\n"
    (folder / "entries").write_bytes(b"".join(found))


def test_a_ledger_that_holds(danbiet: Danbiet, folder: Path) -> None:
    answer = danbiet("verify", folder)
    assert answer.code == 0
    assert "the ledger of danbiet.local/test holds: 5 entries" in answer.out
    key = (folder / "key").read_text().strip()
    assert f"give it with --key '{key}'" in answer.err
    answer = danbiet("verify", folder, "--key", key)
    assert (answer.code, answer.err) == (0, "")


def test_for_programs(danbiet: Danbiet, folder: Path) -> None:
    key = (folder / "key").read_text().strip()
    _, size, root, *_ = (folder / "checkpoint").read_text().splitlines()
    assert danbiet("verify", folder, "--json").json == {
        "holds": True,
        "origin": ORIGIN,
        "size": int(size),
        "root": root,
        "last_at": "2025-06-01T02:00:00+00:00",
        "since": None,
        "signed_by": key,
        "key": key,
        "trust": "first_use",
    }
    assert danbiet("verify", folder, "--json", "--key", key).json["trust"] == "given"
    alter(folder, 2)
    answer = danbiet("verify", folder, "--json")
    assert answer.code == 1
    assert answer.json == {
        "holds": False,
        "index": 2,
        "reason": "entry 2 was altered: it is not the one that entry 3 names",
    }


@pytest.mark.parametrize("below", [True, False])
def test_at_an_address(danbiet: Danbiet, address: str, folder: Path, below: bool) -> None:
    place = f"{address}/ledger/" if below else address
    answer = danbiet("verify", place)
    assert (answer.code, "holds: 5 entries" in answer.out) == (0, True)
    alter(folder, 1)
    answer = danbiet("verify", place)
    assert (answer.code, answer.out) == (1, "")
    assert "entry 1 was altered" in answer.err


def test_in_the_data_directory(danbiet: Danbiet, data: Path, folder: Path) -> None:
    assert "holds: 5 entries" in danbiet("verify", data).out


def test_an_earlier_checkpoint(danbiet: Danbiet, data: Path, grow: Grow, tmp_path: Path) -> None:
    grow(3)
    folder, saved = data / "ledger", tmp_path / "saved"
    shutil.copy(folder / "checkpoint", saved)
    grow(4)
    answer = danbiet("verify", folder, "--checkpoint", saved)
    assert answer.code == 0
    assert "its 3 entries are unchanged" in answer.out
    later = tmp_path / "later"
    shutil.copy(folder / "checkpoint", later)
    shutil.copy(saved, folder / "checkpoint")
    (folder / "entries").write_bytes(b"".join(lines(folder)[:3]))
    assert danbiet("verify", folder).code == 0
    answer = danbiet("verify", folder, "--checkpoint", later)
    assert answer.code == 1
    assert "entry 3 is missing: the earlier checkpoint has 7 entries" in answer.err


@pytest.mark.parametrize(
    ("touch", "sentence"),
    [
        (lambda found: [*found[:2], *found[3:]], "entry 2 is missing"),
        (lambda found: found[:-1], "entry 4 is missing"),
        (lambda found: [found[0], found[2], found[1], *found[3:]], "entry 1 is missing or out of place"),
        (lambda found: [*found, found[-1]], "entry 5 is not signed"),
        (lambda _: [], "entry 0 is missing"),
    ],
)
def test_lines_that_were_taken_moved_or_added(
    danbiet: Danbiet, folder: Path, touch: Any, sentence: str
) -> None:
    (folder / "entries").write_bytes(b"".join(touch(lines(folder))))
    answer = danbiet("verify", folder)
    assert (answer.code, answer.out) == (1, "")
    assert sentence in answer.err


def test_a_ledger_that_grows_meanwhile_holds(
    danbiet: Danbiet, folder: Path, grow: Grow, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cli import verifying

    grown = False
    lines_of = verifying.lines_of

    def slowly(chunks: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal grown
        if not grown:
            grown = True
            grow(2)
        return lines_of(chunks)

    monkeypatch.setattr(verifying, "lines_of", slowly)
    answer = danbiet("verify", folder)
    assert (answer.code, "holds: 7 entries" in answer.out) == (0, True)


def test_another_key_is_not_this_ledgers(danbiet: Danbiet, folder: Path, tmp_path: Path) -> None:
    other = signer(tmp_path / "other", ORIGIN, size=0).verifier
    answer = danbiet("verify", folder, "--key", other)
    assert answer.code == 1
    assert "the checkpoint does not hold: it is not signed with the key" in answer.err
    assert "the key cannot be read" in danbiet("verify", folder, "--key", "nonsense").err


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("checkpoint", None, "there is no ledger at"),
        ("entries", None, "there is no 'entries'"),
        ("key", None, "give its key with --key"),
        ("checkpoint", b"nothing\n", "no signed note"),
        ("checkpoint", b"\xff\n", "not text in UTF-8"),
        ("checkpoint", b"x" * 100_000, "too long"),
    ],
)
def test_what_is_no_ledger(
    danbiet: Danbiet, folder: Path, file: str, content: bytes | None, sentence: str
) -> None:
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    answer = danbiet("verify", folder)
    assert (answer.code, answer.out) == (1, "")
    assert sentence in answer.err


def test_an_address_that_does_not_answer(danbiet: Danbiet) -> None:
    answer = danbiet("verify", "http://127.0.0.1:1")
    assert answer.code == 1
    assert answer.err.startswith("danbiet: unavailable: http://127.0.0.1:1/checkpoint cannot be reached")


def test_an_address_without_a_ledger(danbiet: Danbiet, address: str) -> None:
    answer = danbiet("verify", f"{address}/nowhere")
    assert (answer.code, "there is no ledger at" in answer.err) == (1, True)


def test_an_earlier_checkpoint_that_is_not_there(danbiet: Danbiet, folder: Path) -> None:
    answer = danbiet("verify", folder, "--checkpoint", folder / "none")
    assert (answer.code, "there is no 'none'" in answer.err) == (1, True)
