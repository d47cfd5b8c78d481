"""The ledger's key is changed: the old one vouches for the new, or is lost; old checkpoints stay good for something."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, delete

from models import ledger as entries
from models.errors import Refusal
from models.ledger import handover
from models.merkle import Peaks, leaf_hash
from models.signed_note import Checkpoint, Signer, Verifier, read_verifier
from models.verifying import Disagreement, Verified, lines_of, verify
from store import ledger, ledger_key
from store.database import writing
from store.ledger_keeping import keep
from store.ledger_key import NAME, NEXT, new_key
from store.ledger_keys import KEY, keys
from tests.store.test_ledger import NOW, bulletin
from tests.store.test_ledger_keeping import SETTLING

Kept = Callable[[], Verifier]
ORIGIN = "danbiet.local/test"


@pytest.fixture
def kept(engine: Engine, tmp_path: Path) -> Kept:
    """One more edition, signed and written to the files; the key that is published with them."""

    def more() -> Verifier:
        bulletin(engine, ledger.size(engine) + 1)
        keep(engine, tmp_path, origin=ORIGIN, now=NOW, settling=SETTLING)
        return read_verifier((tmp_path / "ledger" / "key").read_text())

    return more


def change(engine: Engine, data: Path, *, lost: bool = False) -> Verifier:
    made = new_key(engine, data, ORIGIN, lost=lost, now=NOW).verifier
    keep(engine, data, origin=ORIGIN, now=NOW, settling=SETTLING)
    return made


def saved(data: Path) -> str:
    return (data / "ledger" / "checkpoint").read_text()


def checked(data: Path, verifier: Verifier, earlier: str | None = None) -> Verified:
    content = (data / "ledger" / "entries").read_bytes()
    return verify(saved(data), lines_of([content]), verifier, earlier=earlier)


def test_the_old_key_vouches_for_the_new_one(engine: Engine, tmp_path: Path, kept: Kept) -> None:
    first = kept()
    notes = [saved(tmp_path)]
    second = change(engine, tmp_path)
    assert kept() == second != first
    notes.append(saved(tmp_path))
    third = change(engine, tmp_path)
    assert kept() == third
    for trusted in (first, second, third):
        for note in (None, *notes):
            found = checked(tmp_path, trusted, note)
            assert (found.size, found.signed_by) == (5, str(third))
    assert (tmp_path / "ledger" / "keys").read_text() == f"{third}\n{second}\n{first}\n"
    told = [json.loads(b64decode(line)) for line in (tmp_path / "ledger" / "entries").read_bytes().split()]
    changes = [(each["index"], each["replaces"], each["key"]) for each in told if each["kind"] == "key"]
    assert changes == [(1, str(first), str(second)), (3, str(second), str(third))]
    assert not (tmp_path / NEXT).exists()
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_a_lost_key_vouches_for_nobody(engine: Engine, tmp_path: Path, kept: Kept) -> None:
    first = kept()
    note = saved(tmp_path)
    (tmp_path / NAME).unlink()
    with pytest.raises(Refusal, match=r"is gone, and 1 entries .*new-key --lost"):
        kept()
    with pytest.raises(Refusal, match=r"does not hold the key .*say --lost"):
        change(engine, tmp_path)
    second = change(engine, tmp_path, lost=True)
    assert kept() == second
    found = checked(tmp_path, second, note)  # who has learnt it relies on what the old one signed
    assert (found.since, found.signed_by) == (1, str(second))
    with pytest.raises(Refusal, match=r"entry 2 replaces the key .* without that key's own signature.*--key"):
        checked(tmp_path, first, note)


def test_a_key_that_is_there_is_not_lost(engine: Engine, tmp_path: Path, kept: Kept) -> None:
    kept()
    with pytest.raises(Refusal, match="leave out --lost"):
        change(engine, tmp_path, lost=True)
    (tmp_path / NAME).write_text("damaged")
    change(engine, tmp_path, lost=True)


def test_before_anything_is_signed_there_is_nothing_to_change(engine: Engine, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(Refusal, match="nothing was signed yet"):
            change(engine, tmp_path)
        keep(engine, tmp_path, origin=ORIGIN, now=NOW, settling=SETTLING)  # an empty ledger is no commitment


def test_a_ledger_keeps_its_name(engine: Engine, tmp_path: Path, kept: Kept) -> None:
    kept()
    with pytest.raises(Refusal, match="never changes its name"):
        new_key(engine, tmp_path, "other", lost=False, now=NOW)


@pytest.mark.parametrize("dies", ["before", "after"])
def test_killed_in_between_one_key_is_whole(
    engine: Engine, tmp_path: Path, kept: Kept, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    first = kept()

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        if dies == "before":
            killed.setattr(ledger_key, "change_key", die)
        else:
            killed.setattr(ledger_key, "_finish_change", _dies_at(2))
        with pytest.raises(KeyboardInterrupt):
            new_key(engine, tmp_path, ORIGIN, lost=False, now=NOW)
    assert (tmp_path / NEXT).exists()
    now = kept()
    assert (now == first) is (dies == "before")
    assert checked(tmp_path, first).signed_by == str(now)
    assert change(engine, tmp_path) == kept()


def _dies_at(call: int) -> Callable[..., None]:
    """Finishing as it is, until the call that does not come back."""
    finish, calls = ledger_key._finish_change, [0]

    def counted(*given: object) -> None:
        calls[0] += 1
        if calls[0] == call:
            raise KeyboardInterrupt
        finish(*given)  # type: ignore[arg-type]

    return counted


def test_several_that_change_it_at_once(engine: Engine, tmp_path: Path, kept: Kept) -> None:
    first = kept()
    with ThreadPoolExecutor(4) as pool:
        made = list(
            pool.map(lambda _: str(new_key(engine, tmp_path, ORIGIN, lost=False, now=NOW).verifier), range(4))
        )
    last = kept()
    assert set(map(str, keys(engine))) == {str(first), *made}
    assert checked(tmp_path, first).signed_by == str(last) == str(keys(engine)[0])


def test_a_ledger_of_an_earlier_release(engine: Engine, tmp_path: Path, kept: Kept) -> None:
    """It kept no list of its keys."""
    first = kept()
    with writing(engine) as connection:
        connection.execute(delete(KEY))
    own = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(b64encode(bytes(32)))
    with pytest.raises(Refusal, match="goes by another key"):
        kept()
    (tmp_path / NAME).unlink()
    second = change(engine, tmp_path, lost=True)
    assert [*keys(engine)] == [second, first]
    with writing(engine) as connection:
        connection.execute(delete(KEY))
    (tmp_path / NAME).write_bytes(own)
    with pytest.raises(Refusal, match="goes by another key"):
        kept()


def _forged(*, note: str | None, signs: Signer, old: Signer, new: Signer) -> tuple[str, bytes]:
    """A ledger with one entry, which changes the key, and its checkpoint."""
    place = entries.first_place(NOW)
    entry = entries.key_change(place, key=str(new.verifier), replaces=str(old.verifier), note=note)
    peaks = Peaks()
    peaks.append(leaf_hash(entry))
    return signs.sign(str(Checkpoint(ORIGIN, 1, peaks.root))), b64encode(entry) + b"\n"


def test_nobody_else_makes_himself_the_next_key() -> None:
    old, new, thief = (
        Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)) for number in (1, 2, 3)
    )
    text = handover(str(thief.verifier))
    for note in (thief.sign(text), old.sign(handover(str(new.verifier))), "garbled"):
        checkpoint, content = _forged(note=note, signs=thief, old=old, new=thief)
        with pytest.raises(Disagreement, match="entry 0 changes the key and does not hold"):
            verify(checkpoint, [content.strip()], old.verifier)
    checkpoint, content = _forged(note=None, signs=thief, old=old, new=thief)
    with pytest.raises(Refusal, match="without that key's own signature"):
        verify(checkpoint, [content.strip()], old.verifier)
    note = old.sign(handover(str(new.verifier)))
    checkpoint, content = _forged(note=note, signs=old, old=old, new=new)  # a key that was given up signs on
    with pytest.raises(Refusal, match="not signed with the key"):
        verify(checkpoint, [content.strip()], old.verifier)
    checkpoint, content = _forged(note=note, signs=new, old=old, new=new)
    with pytest.raises(Refusal, match="not signed with the key"):
        verify(checkpoint, [content.strip()], thief.verifier)
    assert verify(checkpoint, [content.strip()], old.verifier).signed_by == str(new.verifier)
