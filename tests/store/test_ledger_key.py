"""The ledger's key: made once, private, never replaced behind anybody's back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models.errors import Refusal
from models.signed_note import opened
from store.ledger_key import NAME, signer

ORIGIN = "danbiet.local/test"


def test_the_first_use_makes_a_private_key_and_later_ones_find_it(tmp_path: Path) -> None:
    made = signer(tmp_path / "data", ORIGIN, size=0)
    key = tmp_path / "data" / NAME
    assert key.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in key.parent.iterdir()] == [NAME]
    found = signer(tmp_path / "data", ORIGIN, size=9)
    assert found.verifier == made.verifier
    assert opened(found.sign("text\n"), made.verifier) == "text\n"


def test_several_that_begin_at_once_have_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = {str(each.verifier) for each in pool.map(lambda _: signer(tmp_path, ORIGIN, size=0), range(8))}
    assert len(keys) == 1


def test_a_key_that_others_may_read_is_shut(tmp_path: Path) -> None:
    signer(tmp_path, ORIGIN, size=0)
    (tmp_path / NAME).chmod(0o644)
    signer(tmp_path, ORIGIN, size=0)
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"not base64!", b"c2hvcnQ=\n"])
def test_a_damaged_key_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(Refusal, match=r"ledger\.key is damaged .* backup"):
        signer(tmp_path, ORIGIN, size=0)
    assert (tmp_path / NAME).read_bytes() == content


def test_a_key_that_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(Refusal, match=r"ledger\.key cannot be read"):
        signer(tmp_path, ORIGIN, size=0)


def test_a_lost_key_is_not_replaced_while_there_are_entries(tmp_path: Path) -> None:
    signer(tmp_path, ORIGIN, size=0)
    (tmp_path / NAME).unlink()
    with pytest.raises(Refusal, match=r"is gone, and 7 entries .* backup.*new-key --lost"):
        signer(tmp_path, ORIGIN, size=7)
    assert not (tmp_path / NAME).exists()
