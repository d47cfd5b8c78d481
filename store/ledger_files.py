"""The ledger as files that any web server can hand out: `entries`, `checkpoint`, and the `key` to check them with.

`keys` lists all that ever signed it, the newest first.

`entries` only grows; `checkpoint` is replaced when all that it covers is on the disk.
"""

from __future__ import annotations

import fcntl
import json
import os
from base64 import b64decode, b64encode
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from sqlalchemy import Engine

from models.errors import Code, Refusal
from models.ledger import MOST_BYTES
from models.signed_note import Verifier, opened, read_checkpoint
from store import ledger
from store.ledger_keys import keys

FOLDER = "ledger"
"""Below the data directory."""
ENTRIES, CHECKPOINT, KEY, KEYS = "entries", "checkpoint", "key", "keys"
BATCH = 1000
_TAIL = 4 * MOST_BYTES
"""More than two entries take."""


def publish(engine: Engine, directory: Path, verifier: Verifier) -> int:
    """Bring the files up to the newest checkpoint, which ``verifier`` has signed; how many entries were added.

    Raises :class:`Refusal` where the files are of another ledger: they are never rewritten.
    """
    if ledger.checkpoint(engine) is None:
        return 0
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / ENTRIES).open("a+b") as file:
            fcntl.flock(
                file, fcntl.LOCK_EX
            )  # what is newest is asked for now, so that nobody comes behind another
            note = str(ledger.checkpoint(engine))
            size = read_checkpoint(opened(note, verifier)).size
            known = _known(engine, file, size)
            _extend(engine, file, known, size)
            _replace(directory / KEY, f"{verifier}\n")
            _replace(directory / KEYS, "".join(f"{each}\n" for each in keys(engine)))
            _replace(directory / CHECKPOINT, note)
    except OSError as error:
        raise Refusal(
            Code.INVALID,
            f"the ledger's files in {directory} cannot be written ({error.strerror}): let this user write there",
        ) from None
    return size - known


def _known(engine: Engine, file: IO[bytes], size: int) -> int:
    """Entries in the file; half a line, left by a crash, is cut off."""
    end = file.seek(0, os.SEEK_END)
    begin = file.seek(max(0, end - _TAIL))
    tail = file.read()
    whole = tail.rfind(b"\n") + 1
    if begin + whole < end:
        file.truncate(begin + whole)
    if not whole:
        return 0
    try:
        last = b64decode(tail[:whole].splitlines()[-1], validate=True)
        number = int(json.loads(last)["index"])
    except (ValueError, TypeError, KeyError):
        number, last = -1, b""
    if number < 0 or number >= size or ledger.entries(engine, number, 1) != [last]:
        raise Refusal(
            Code.CONFLICT,
            f"{file.name} ends with an entry that the database does not have: it is of another ledger, or the "
            "database was brought back from an old backup; see docs/ledger.md, and never delete what was published",
        )
    return number + 1


def _extend(engine: Engine, file: IO[bytes], known: int, size: int) -> None:
    before = file.seek(0, os.SEEK_END)
    try:
        for start in range(known, size, BATCH):
            added = ledger.entries(engine, start, min(BATCH, size - start))
            file.writelines(b64encode(entry) + b"\n" for entry in added)
        file.flush()
        os.fsync(file.fileno())
    except OSError:  # a full disk: no half line may stay
        file.truncate(before)
        raise


def _replace(path: Path, text: str) -> None:
    """Whole or not at all; what is the same stays."""
    if path.exists() and path.read_bytes() == text.encode():
        return
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as fresh:
        fresh.write(text.encode())
        fresh.flush()
        os.fsync(fresh.fileno())
    Path(fresh.name).chmod(0o644)
    Path(fresh.name).replace(path)
