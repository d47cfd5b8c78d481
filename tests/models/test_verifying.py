"""Whatever is done to a ledger is found, and the first entry that shows it is named."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from models import ledger, merkle
from models.errors import Refusal
from models.ledger import canonical
from models.signed_note import Checkpoint, Signer
from models.verifying import Disagreement, Verified, lines_of, verify

SIGNER = Signer("danbiet.local/test", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
START = datetime(2025, 5, 1, tzinfo=UTC)
SIZE = 12


def made(size: int) -> list[bytes]:
    """A ledger, an entry an hour."""
    entries: list[bytes] = []
    for number in range(size):
        now = START + timedelta(hours=number)
        place = ledger.place_after(number - 1, entries[-1], now) if entries else ledger.first_place(now)
        entries.append(
            ledger.bulletin(place, period="2025-04", edition=number + 1, sha256="ab" * 32, frozen_at=now)
        )
    return entries


ENTRIES = made(SIZE)


def note(entries: Sequence[bytes], signer: Signer = SIGNER, origin: str | None = None) -> str:
    peaks = merkle.Peaks()
    for entry in entries:
        peaks.append(merkle.leaf_hash(entry))
    return signer.sign(str(Checkpoint(origin or signer.verifier.name, len(entries), peaks.root)))


def check(
    entries: Sequence[bytes], signed: Sequence[bytes] = ENTRIES, earlier: str | None = None
) -> Verified:
    return verify(note(signed), (b64encode(entry) for entry in entries), SIGNER.verifier, earlier=earlier)


def altered(number: int, **changes: Any) -> list[bytes]:
    entries = list(ENTRIES)
    entries[number] = canonical(json.loads(entries[number]) | changes)
    return entries


def rewritten(number: int, **changes: Any) -> list[bytes]:
    """An entry altered by somebody who mends the chain after it."""
    entries = altered(number, **changes)
    for later in range(number + 1, SIZE):
        previous = ledger.digest(entries[later - 1])
        entries[later] = canonical(json.loads(entries[later]) | {"previous": previous})
    return entries


@given(st.integers(0, SIZE), st.integers(0, SIZE))
def test_a_ledger_that_only_grew_holds(size: int, old: int) -> None:
    entries = made(size)
    old = min(old, size)
    found = check(entries, entries, note(entries[:old]))
    assert (found.origin, found.size, found.since) == ("danbiet.local/test", size, old)
    assert check(entries, entries).since is None


@pytest.mark.parametrize("number", range(SIZE))
def test_an_altered_entry_is_named(number: int) -> None:
    with pytest.raises(Disagreement, match=rf"^entry {number} was altered") as caught:
        check(altered(number, edition=99))
    assert caught.value.index == number


@pytest.mark.parametrize("number", range(SIZE))
def test_a_dropped_entry_is_named(number: int) -> None:
    with pytest.raises(Disagreement, match=rf"^entry {number} is missing") as caught:
        check(ENTRIES[:number] + ENTRIES[number + 1 :])
    assert caught.value.index == number


@given(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1))
def test_entries_in_another_order_are_named(one: int, other: int) -> None:
    entries = list(ENTRIES)
    entries[one], entries[other] = entries[other], entries[one]
    if one != other:
        with pytest.raises(Disagreement, match="out of place") as caught:
            check(entries)
        assert caught.value.index == min(one, other)


@pytest.mark.parametrize("change", [altered, rewritten])
@pytest.mark.parametrize("number", range(1, SIZE))
def test_a_back_dated_entry_is_named(number: int, change: Any) -> None:
    at = (START + timedelta(hours=number - 2)).isoformat()
    with pytest.raises(Disagreement, match=rf"^entry {number} is back-dated") as caught:
        check(change(number, at=at))
    assert caught.value.index == number


@pytest.mark.parametrize("number", range(SIZE))
def test_a_chain_that_was_mended_is_found_by_the_root(number: int) -> None:
    with pytest.raises(Disagreement, match="not those that were signed"):
        check(rewritten(number, edition=99))


@pytest.mark.parametrize("number", range(SIZE))
def test_a_ledger_that_was_signed_anew_is_found_by_an_earlier_checkpoint(number: int) -> None:
    forged = rewritten(number, edition=99)
    assert check(forged, forged).size == SIZE
    with pytest.raises(Disagreement, match="not those of the earlier checkpoint"):
        check(forged, forged, note(ENTRIES[: number + 1]))
    if number:
        assert check(forged, forged, note(ENTRIES[:number])).since == number


def test_an_added_entry_is_named() -> None:
    with pytest.raises(Disagreement, match=r"^entry 12 is not signed") as caught:
        check(made(SIZE + 1))
    assert caught.value.index == SIZE


def test_a_ledger_that_was_cut_and_signed_anew_is_found_by_an_earlier_checkpoint() -> None:
    with pytest.raises(Disagreement, match=r"^entry 7 is missing: the earlier checkpoint has 12") as caught:
        check(ENTRIES[:7], ENTRIES[:7], note(ENTRIES))
    assert caught.value.index == 7


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"junk",
        b64encode(b"[]"),
        b64encode(b"{"),
        b64encode(b"\xff"),
        b64encode(b'{"v":1,"v":1}'),
        b64encode(ENTRIES[3] + b" "),
        b64encode(ENTRIES[3].replace(b'"v":1', b'"v":1.0')),
        b64encode(ENTRIES[3]) + b"\r",
        b64encode(ENTRIES[3]).rstrip(b"=") + b"===",
        b64encode(canonical(json.loads(ENTRIES[3]) | {"index": "3"})),
        b64encode(canonical(json.loads(ENTRIES[3]) | {"index": 3.5})),
        b64encode(canonical(json.loads(ENTRIES[3]) | {"index": True})),
        b64encode(canonical(json.loads(ENTRIES[3]) | {"at": None})),
        b64encode(canonical(json.loads(ENTRIES[3]) | {"at": "yesterday"})),
        b64encode(canonical(json.loads(ENTRIES[3]) | {"at": "2025-05-01T03:00:00"})),
        b64encode(b"[" * 12_000),
        b64encode(canonical("x" * 20_000)),
        b"A" * 1_000_000,
    ],
)
def test_a_damaged_line_is_named(line: bytes) -> None:
    lines = [b64encode(entry) for entry in ENTRIES]
    lines[3] = line
    with pytest.raises(Disagreement, match=r"^entry 3 is damaged") as caught:
        verify(note(ENTRIES), lines, SIGNER.verifier)
    assert caught.value.index == 3


def test_what_a_later_release_writes_is_not_judged() -> None:
    with pytest.raises(Disagreement, match="entry 5 is of a form that this release cannot read"):
        check(altered(5, v=2))


def test_a_first_entry_has_none_before_it() -> None:
    with pytest.raises(Disagreement, match="entry 0 was altered"):
        check(altered(0, previous=ledger.digest(b"")))


def test_a_checkpoint_of_others_is_refused() -> None:
    other = Signer("danbiet.local/test", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    lines = [b64encode(entry) for entry in ENTRIES]
    with pytest.raises(Refusal, match=r"the checkpoint does not hold: it is not signed with the key"):
        verify(note(ENTRIES, other), lines, SIGNER.verifier)
    with pytest.raises(Refusal, match=r"the earlier checkpoint does not hold: it is not signed"):
        verify(note(ENTRIES), lines, SIGNER.verifier, earlier=note(ENTRIES, other))
    with pytest.raises(Refusal, match="of the ledger 'elsewhere'"):
        verify(note(ENTRIES, origin="elsewhere"), lines, SIGNER.verifier)


@given(st.binary(max_size=60).map(lambda content: content.replace(b"\0", b"\n")), st.integers(1, 9))
def test_lines_are_the_same_however_they_arrive(content: bytes, step: int) -> None:
    chunks = [content[start : start + step] for start in range(0, len(content), step)]
    lines = content.split(b"\n")
    assert list(lines_of(chunks)) == (lines if lines[-1] else lines[:-1])


def test_an_endless_line_is_not_read_to_its_end() -> None:
    read = 0

    def endless() -> Any:
        nonlocal read
        while True:
            read += 1
            yield b"A" * 1000

    with pytest.raises(Disagreement, match="entry 0 is damaged: it is longer"):
        verify(note(ENTRIES), lines_of(endless()), SIGNER.verifier)
    assert read < 100
