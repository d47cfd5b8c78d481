"""The ledger in the database: each disclosure once, in order, provable, and still whole after an erasure."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, event, select, update

from models import ledger, merkle
from models.errors import Refusal
from models.events import EventType
from models.lateness import LatenessState
from models.signed_note import Checkpoint, Signer, opened, read_checkpoint
from store import ledger as store
from store.database import reading, writing
from store.journal import Journal
from tests.store.samples import disclosed, lateness, record

NOW = datetime(2025, 6, 1, 2, 0, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)
"""Every row was recorded before it."""
SIGNER = Signer("danbiet.local/test", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def tell(journal: Journal, code: str, official: str = "cb-01") -> None:
    """A dossier whose step is missed, published and retracted: three disclosures among other events."""
    states = {
        2: (EventType.RECORDED, LatenessState.RECORDED),
        3: (EventType.PUBLISHED, LatenessState.PUBLISHED),
        4: (EventType.RETRACTED, LatenessState.RETRACTED),
    }
    events = [
        disclosed(number, lateness(code, state=state, official=official), type_)
        for number, (type_, state) in states.items()
    ]
    journal.record_now([record(code)])
    journal.record_now([record(code, events=events)])
    journal.record_now([record(code, 5, 6)])


def append(engine: Engine, **changes: datetime | int) -> int:
    given: dict[str, datetime | int] = {"settled_before": LATER, "now": NOW}
    return store.append_disclosures(engine, **(given | changes))  # type: ignore[arg-type]


def bulletin(engine: Engine, edition: int = 1, now: datetime = NOW) -> int:
    return store.append_bulletin(
        engine, period="2025-04", edition=edition, sha256="ab" * 32, frozen_at=NOW, now=now
    )


def signed(engine: Engine) -> Checkpoint:
    return read_checkpoint(opened(store.sign_checkpoint(engine, SIGNER), SIGNER.verifier))


def all_entries(engine: Engine) -> list[bytes]:
    return store.entries(engine, 0, 100_000)


def whole_root(entries: list[bytes]) -> bytes:
    peaks = merkle.Peaks()
    for entry in entries:
        peaks.append(merkle.leaf_hash(entry))
    return peaks.root


def test_each_disclosure_is_appended_once_and_in_order(engine: Engine, journal: Journal) -> None:
    tell(journal, "D-1")
    assert append(engine) == 3
    assert append(engine) == 0
    tell(journal, "D-2")
    assert append(engine, now=NOW + timedelta(minutes=5)) == 3
    signed(engine)
    told = [json.loads(entry) for entry in all_entries(engine)]
    assert [each["index"] for each in told] == list(range(6))
    assert [each["state"] for each in told] == ["recorded", "published", "retracted"] * 2
    assert [each["type"].rpartition(".")[2] for each in told] == ["recorded", "published", "retracted"] * 2
    assert [each["at"] for each in told] == ["2025-06-01T02:00:00+00:00"] * 3 + [
        "2025-06-01T02:05:00+00:00"
    ] * 3
    for before, after in zip(all_entries(engine), told[1:], strict=False):
        assert after["previous"] == ledger.digest(before)


def test_a_part_at_a_time_comes_to_the_same(engine: Engine, journal: Journal) -> None:
    for number in range(5):
        tell(journal, f"D-{number}")
    assert [append(engine, limit=4) for _ in range(5)] == [4, 4, 4, 3, 0]
    signed(engine)
    assert [json.loads(entry)["index"] for entry in all_entries(engine)] == list(range(15))


def test_nothing_is_appended_before_it_has_settled(engine: Engine, journal: Journal) -> None:
    tell(journal, "D-1")
    tell(journal, "D-2")
    with writing(engine) as connection:
        rows = connection.execute(select(store.OUTBOX).order_by(store.OUTBOX.c.position)).mappings().all()
        young = [row["position"] for row in rows if row["dossier"] == "D-1"][2]
        connection.execute(update(store.OUTBOX).values(recorded_at=NOW - timedelta(hours=1)))
        connection.execute(
            update(store.OUTBOX).where(store.OUTBOX.c.position == young).values(recorded_at=NOW)
        )
    assert append(engine, settled_before=NOW) == 1
    assert append(engine, settled_before=NOW) == 0
    assert append(engine, settled_before=NOW + timedelta(seconds=1)) == 5
    assert store.size(engine) == 6


def test_several_writers_append_each_once(engine: Engine, journal: Journal) -> None:
    for number in range(8):
        tell(journal, f"D-{number}")
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: append(engine, limit=5), range(12)))
    assert sum(counts) == 24
    assert signed(engine).size == 24
    assert whole_root(all_entries(engine)) == signed(engine).root


def test_an_edition_is_appended_once(engine: Engine, journal: Journal) -> None:
    assert bulletin(engine) == 0
    tell(journal, "D-1")
    assert append(engine) == 3
    assert bulletin(engine, 2) == 4
    assert bulletin(engine, now=NOW + timedelta(days=1)) == 0
    assert store.size(engine) == 5
    signed(engine)
    told = [json.loads(entry) for entry in all_entries(engine)]
    assert [(each["kind"], each.get("edition")) for each in told] == [
        ("bulletin", 1),
        ("disclosure", None),
        ("disclosure", None),
        ("disclosure", None),
        ("bulletin", 2),
    ]


def test_a_clock_that_was_set_back_does_not_disorder_the_ledger(engine: Engine) -> None:
    bulletin(engine, 1)
    bulletin(engine, 2, NOW - timedelta(days=1))
    signed(engine)
    assert {json.loads(entry)["at"] for entry in all_entries(engine)} == {"2025-06-01T02:00:00+00:00"}


def test_a_checkpoint_is_signed_when_the_ledger_grew(engine: Engine) -> None:
    assert store.checkpoint(engine) is None
    assert signed(engine) == ("danbiet.local/test", 0, merkle.EMPTY)
    bulletin(engine)
    first = store.sign_checkpoint(engine, SIGNER)
    assert store.sign_checkpoint(engine, SIGNER) == store.checkpoint(engine) == first
    assert read_checkpoint(opened(first, SIGNER.verifier)).root == whole_root(all_entries(engine))
    bulletin(engine, 2)
    assert len(all_entries(engine)) == 1
    assert signed(engine).size == 2
    assert len(all_entries(engine)) == 2


def test_another_key_does_not_sign_what_was_signed(engine: Engine) -> None:
    bulletin(engine)
    signed(engine)
    note = store.checkpoint(engine)
    other = Signer("danbiet.local/test", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    with pytest.raises(Refusal, match=r"goes by the key .*new-key --lost"):
        store.sign_checkpoint(engine, other)
    with pytest.raises(Refusal, match=r"called 'danbiet\.local/test' and never changes its name"):
        store.sign_checkpoint(engine, Signer("other", Ed25519PrivateKey.from_private_bytes(bytes(range(32)))))
    assert store.checkpoint(engine) == note


def test_an_empty_ledger_binds_nobody_to_a_key(engine: Engine) -> None:
    signed(engine)
    other = Signer("danbiet.local/test", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    assert opened(store.sign_checkpoint(engine, other), other.verifier)
    bulletin(engine)
    assert opened(store.sign_checkpoint(engine, other), other.verifier)
    with pytest.raises(Refusal, match="goes by the key"):
        signed(engine)


def test_every_entry_and_every_earlier_size_can_be_proved(engine: Engine) -> None:
    roots = {}
    for edition in range(1, 22):
        bulletin(engine, edition)
        roots[edition] = signed(engine).root
    entries = all_entries(engine)
    for index, entry in enumerate(entries):
        leaf, size, hashes = store.proof(engine, index)
        assert (leaf, size) == (merkle.leaf_hash(entry), 21)
        assert merkle.included(leaf, index, size, hashes, roots[21])
    for old, root in roots.items():
        assert merkle.consistent(old, root, 21, roots[21], store.consistency(engine, old))
    bulletin(engine, 22)
    for index in (-1, 21, 22):
        with pytest.raises(Refusal, match="has 21 entries"):
            store.proof(engine, index)
    for old in (0, 22):
        with pytest.raises(Refusal, match="has 21 entries"):
            store.consistency(engine, old)


def test_parts_of_the_ledger_are_read_by_index(engine: Engine) -> None:
    for edition in range(1, 6):
        bulletin(engine, edition)
    assert store.entries(engine, 0, 10) == []
    signed(engine)
    assert [json.loads(entry)["index"] for entry in store.entries(engine, 2, 2)] == [2, 3]
    assert [json.loads(entry)["index"] for entry in store.entries(engine, 4, 100)] == [4]
    assert store.entries(engine, 5, 100) == []


def test_the_personal_part_proves_what_was_said_until_it_is_erased(engine: Engine, journal: Journal) -> None:
    tell(journal, "D-1", "cb-01")
    tell(journal, "D-2", "cb-02")
    append(engine)
    stated, entries = signed(engine), all_entries(engine)
    salts = set()
    for index, entry in enumerate(entries):
        part = store.personal(engine, index)
        assert part is not None
        assert ledger.commitment(part.salt, part.document) == json.loads(entry)["commitment"]
        salts.add(part.salt)
    assert len(salts) == 6
    assert store.erase(engine, "cb-01") == 3
    assert store.erase(engine, "cb-01") == 0
    assert [store.personal(engine, index) is None for index in range(6)] == [True] * 3 + [False] * 3
    assert (signed(engine), all_entries(engine)) == (stated, entries)
    with reading(engine) as connection:
        assert set(connection.execute(select(store.PERSON.c.official)).scalars()) == {"cb-02", "truong-01"}
    assert store.erase(engine, "truong-01") == 3
    assert store.personal(engine, 0) is None
    assert b"cb-0" not in b"".join(entries)


def test_appending_and_proving_cost_levels_not_entries(engine: Engine) -> None:
    counts = {}
    for edition in range(1, 301):
        bulletin(engine, edition)
    read = 0

    def count(*_: object) -> None:
        nonlocal read
        read += 1

    event.listen(engine, "before_cursor_execute", count)
    for name, act in {
        "append": lambda: bulletin(engine, 301),
        "sign": lambda: signed(engine),
        "prove": lambda: store.proof(engine, 150),
        "consist": lambda: store.consistency(engine, 150),
    }.items():
        read = 0
        act()
        counts[name] = read
    assert max(counts.values()) <= 25, counts
