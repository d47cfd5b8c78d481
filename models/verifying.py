"""Whether a ledger is what its checkpoint signs, entry by entry, in bounded memory; if not, which entry is first."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from models import merkle
from models.errors import Code, Refusal
from models.ledger import MOST_BYTES, VERSION, canonical, digest
from models.ledger_keys import Keys, change_told
from models.signed_note import Checkpoint, Verifier, opened, read_checkpoint, unverified

MOST_NOTE = 65_536
"""Bytes of a checkpoint with many signatures."""
_MOST_LINE = (MOST_BYTES + 2) // 3 * 4
_GARBLED = "is damaged: it is not canonical JSON in base64"


class Disagreement(Refusal):
    """The ledger is not what it should be. ``index``: of the first entry that shows it."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(Code.CONFLICT, message)
        self.index = index


class Verified(NamedTuple):
    """What was found in order. ``since``: entries of the earlier checkpoint, all of them unchanged.

    ``signed_by``: the key that signs now, which the one that was trusted has handed over to if it is another.
    """

    origin: str
    size: int
    root: str
    last_at: str | None
    since: int | None
    signed_by: str


class _Entry(NamedTuple):
    content: bytes
    at: datetime
    told: dict[str, Any]


def lines_of(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a stream. One that is too long for an entry is cut, and is the last."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
        if len(rest) > _MOST_LINE:
            break
    if rest:
        yield rest


def verify(note: str, lines: Iterable[bytes], verifier: Verifier, *, earlier: str | None = None) -> Verified:
    """Check the entries in ``lines`` against the checkpoint ``note``, and against an earlier one.

    Raises :class:`Disagreement` for a ledger that was touched, :class:`Refusal` for a checkpoint that cannot be
    relied upon.
    """
    stated = _stated(note, verifier, "the checkpoint")
    before = None if earlier is None else _stated(earlier, verifier, "the earlier checkpoint")
    if before is not None and before.size > stated.size:
        raise Disagreement(
            stated.size,
            f"entry {stated.size} is missing: the earlier checkpoint has {before.size} entries, "
            f"this one has {stated.size}",
        )
    peaks = merkle.Peaks()
    _compare_before(peaks, before)
    last: _Entry | None = None
    keys = Keys(verifier)
    for index, line in enumerate(lines):
        if index == stated.size:
            raise Disagreement(
                index, f"entry {index} is not signed: the checkpoint has {stated.size} entries"
            )
        last = _read(index, line, last)
        peaks.append(merkle.leaf_hash(last.content))
        _follow(keys, index, last.told)
        _compare_before(peaks, before)
    if peaks.size < stated.size:
        raise Disagreement(
            peaks.size, f"entry {peaks.size} is missing: the checkpoint has {stated.size} entries"
        )
    if peaks.root != stated.root:
        first = 0 if before is None else before.size
        raise Disagreement(
            max(stated.size - 1, 0),
            f"{_suspects(first, stated.size)}: the entries fit each other, but they are not those that were signed",
        )
    signed_by = _signed(note, stated, "the checkpoint", keys.believe)
    if earlier is not None and before is not None:
        _signed(earlier, before, "the earlier checkpoint", keys.of)
    return Verified(
        origin=stated.origin,
        size=stated.size,
        root=b64encode(stated.root).decode(),
        last_at=None if last is None else last.at.isoformat(),
        since=None if before is None else before.size,
        signed_by=str(signed_by),
    )


def _follow(keys: Keys, index: int, told: dict[str, Any]) -> None:
    try:
        if (change := change_told(index, told)) is not None:
            keys.add(change)
    except Refusal as refusal:
        raise Disagreement(
            index, f"entry {index} changes the key and does not hold: {refusal.message}"
        ) from None


def _signed(note: str, stated: Checkpoint, which: str, whose: Callable[[int], Verifier]) -> Verifier:
    """Who has signed ``note``: the key that the ledger had when it was so long."""
    try:
        verifier = whose(stated.size)
        opened(note, verifier)
    except Refusal as refusal:
        raise _not_held(which, refusal) from None
    return verifier


def _not_held(which: str, refusal: Refusal) -> Refusal:
    return Refusal(refusal.code, f"{which} does not hold: {refusal.message}")


def _stated(note: str, verifier: Verifier, which: str) -> Checkpoint:
    """What it states. One that another key has signed is judged when the entries have told of the keys."""
    try:
        text, is_ours = unverified(note, verifier)
        stated = read_checkpoint(opened(note, verifier) if is_ours else text)
    except Refusal as refusal:
        raise _not_held(which, refusal) from None
    if stated.origin != verifier.name:
        raise Refusal(
            Code.INVALID, f"{which} is of the ledger '{stated.origin}', the key of '{verifier.name}'"
        )
    return stated


def _compare_before(peaks: merkle.Peaks, before: Checkpoint | None) -> None:
    if before is not None and peaks.size == before.size and peaks.root != before.root:
        raise Disagreement(
            max(before.size - 1, 0),
            f"{_suspects(0, before.size)}: the first {before.size} are not those of the earlier checkpoint",
        )


def _suspects(first: int, end: int) -> str:
    """Who changes an entry and mends all that follow leaves no trace of where it began."""
    if end - first <= 1:
        return f"entry {first} was altered"
    return f"entry {end - 1} was altered, or one from entry {first} on with all that follow it"


def _read(index: int, line: bytes, before: _Entry | None) -> _Entry:
    """The entry at ``index``, if it stands in its place behind the one before it."""
    content, told = _decoded(index, line)
    number, at = told.get("index"), _instant(told.get("at"))
    if told.get("v") != VERSION:
        raise Disagreement(
            index, f"entry {index} is of a form that this release cannot read (not v {VERSION})"
        )
    if type(number) is not int or at is None:
        raise Disagreement(index, f"entry {index} {_GARBLED}, with its index and its instant")
    if number != index:
        raise Disagreement(
            index, f"entry {index} is missing or out of place: entry {number} stands where it belongs"
        )
    previous = told.get("previous")
    if before is None:
        if previous is not None:
            raise Disagreement(0, "entry 0 was altered: it is the first and names one before it")
    elif at < before.at:
        raise Disagreement(
            index,
            f"entry {index} is back-dated: it says {at.isoformat()}, "
            f"entry {index - 1} before it {before.at.isoformat()}",
        )
    elif previous != digest(before.content):
        raise Disagreement(
            index - 1, f"entry {index - 1} was altered: it is not the one that entry {index} names"
        )
    return _Entry(content, at, told)


def _decoded(index: int, line: bytes) -> tuple[bytes, dict[str, Any]]:
    if len(line) > _MOST_LINE:
        raise Disagreement(index, f"entry {index} is damaged: it is longer than an entry can be")
    try:
        content = b64decode(line, validate=True)
        told = json.loads(content)
        intact = isinstance(told, dict) and b64encode(content) == line and canonical(told) == content
    except (ValueError, RecursionError):
        intact = False
    if not intact:
        raise Disagreement(index, f"entry {index} {_GARBLED}")
    return content, told


def _instant(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return None if at is None or at.tzinfo is None else at
