"""Signed notes agree with the vector of Go's package ``note``, and say no to whatever was altered."""

from __future__ import annotations

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Refusal
from models.signed_note import Checkpoint, Signer, opened, read_checkpoint, read_verifier

KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNATURE = (
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
NOTE = f"{TEXT}\n{SIGNATURE}"
SIGNER = Signer("danbiet.local/test", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def test_the_known_vector() -> None:
    verifier = read_verifier(KEY)
    assert str(verifier) == KEY
    assert opened(NOTE, verifier) == TEXT


def test_ours_is_read_back_also_beside_signatures_of_others() -> None:
    note = SIGNER.sign(TEXT)
    assert opened(note, SIGNER.verifier) == TEXT
    assert read_verifier(f"{SIGNER.verifier}\n") == SIGNER.verifier
    assert opened(note + SIGNATURE, SIGNER.verifier) == TEXT
    assert opened(NOTE + note.removeprefix(f"{TEXT}\n"), SIGNER.verifier) == TEXT


@given(st.integers(0, len(NOTE) - 2), st.characters(min_codepoint=32, max_codepoint=126))
def test_an_altered_note_is_refused(place: int, char: str) -> None:
    if NOTE[place] != char:
        with pytest.raises(Refusal):
            opened(NOTE[:place] + char + NOTE[place + 1 :], read_verifier(KEY))


@pytest.mark.parametrize(
    ("note", "why"),
    [
        ("", "no signed note"),
        (TEXT, "no signed note"),
        (f"{TEXT}\n", "no signed note"),
        (NOTE.rstrip("\n"), "no signed note"),
        (f"{TEXT}\n{SIGNATURE * 101}", "no signed note"),
        (f"{TEXT}\n- PeterNeumann x08g\n", "cannot be read"),
        (f"{TEXT}\n— PeterNeumann x08g=\n", "cannot be read"),
        (SIGNER.sign(TEXT), "not signed with the key c74f20a3 of 'PeterNeumann'"),
        (NOTE.replace("x08go/ZJ", "x08go/ZK"), "not of this text"),
    ],
)
def test_what_is_no_note_of_theirs_is_refused(note: str, why: str) -> None:
    with pytest.raises(Refusal, match=why):
        opened(note, read_verifier(KEY))


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("", "cannot be read"),
        ("PeterNeumann", "cannot be read"),
        (KEY[:-4], "cannot be read"),
        (KEY.replace("+AR", "+BR"), "cannot be read"),
        (KEY.replace("c74f20a3", "c74f20a4"), "not copied whole"),
        (KEY.replace("Peter", "Petra"), "not copied whole"),
        (KEY.removeprefix("PeterNeumann"), "cannot name a key"),
    ],
)
def test_what_is_no_key_is_refused(key: str, why: str) -> None:
    with pytest.raises(Refusal, match=why):
        read_verifier(key)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\nb"])
def test_a_name_that_would_break_the_line_is_refused(name: str) -> None:
    with pytest.raises(Refusal, match="cannot name a key"):
        Signer(name, Ed25519PrivateKey.generate())


def test_a_checkpoint_is_three_lines() -> None:
    stated = Checkpoint("danbiet.local/test", 7, bytes(32))
    assert str(stated) == f"danbiet.local/test\n7\n{b64encode(bytes(32)).decode()}\n"
    assert read_checkpoint(opened(SIGNER.sign(str(stated)), SIGNER.verifier)) == stated
    assert read_checkpoint(f"{stated}an extension\n") == stated


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n7\n",
        f"origin\n07\n{b64encode(bytes(32)).decode()}\n",
        f"origin\n-7\n{b64encode(bytes(32)).decode()}\n",
        f"origin\n٧\n{b64encode(bytes(32)).decode()}\n",
        f"origin\n{'9' * 5000}\n{b64encode(bytes(32)).decode()}\n",
        f"\n7\n{b64encode(bytes(32)).decode()}\n",
        f"origin\n7\n{b64encode(bytes(31)).decode()}\n",
        "origin\n7\nnot base64\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="no checkpoint"):
        read_checkpoint(text)
