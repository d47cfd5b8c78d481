"""The data directory of `danbiet up`: one `up` at a time, the admin's key, and where everything is to be found."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from models.errors import Code, Refusal

ADDRESSES = "up.json"
PATIENCE = 3.0
"""Seconds for another `up` that is stopping, or for the server of one that was killed."""


@contextmanager
def only_one(data: Path) -> Iterator[int]:
    """Makes the directory and holds its lock, whose descriptor it yields. Raises :class:`Refusal` if it is held."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (data / "up.lock").open("a+", encoding="ascii")
    except OSError as error:
        raise Refusal(Code.INVALID, f"the data directory {data} cannot be used: {error.strerror}") from None
    with lock:
        _take(lock, data)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        (data / ADDRESSES).unlink(missing_ok=True)
        yield lock.fileno()


def _take(lock: IO[str], data: Path) -> None:
    began = time.monotonic()
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() - began > PATIENCE:
                lock.seek(0)
                raise Refusal(
                    Code.CONFLICT,
                    f"another 'danbiet up' (process {lock.read() or 'unknown'}) runs on {data}: "
                    "stop it, or use another directory with --data",
                ) from None
            time.sleep(0.1)
        else:
            return


@contextmanager
def addresses(data: Path, told: Mapping[str, Any]) -> Iterator[None]:
    """`up.json`, for every other command: written whole, gone when we are."""
    path = data / ADDRESSES
    fresh = path.with_suffix(".tmp")
    fresh.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
