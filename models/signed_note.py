"""Signed checkpoints of the ledger: the C2SP formats ``signed-note`` and ``tlog-checkpoint``, with Ed25519.

A note is a text that ends with a line feed, an empty line, and signature lines. A checkpoint is a note whose text
says which ledger (its origin), how many entries, and the root of their Merkle tree. Other tools read both.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from models.errors import Code, Refusal

ED25519 = b"\x01"
MOST_SIGNATURES = 100
_DASH = "\u2014 "
_KEY_BYTES = 32


class Verifier(NamedTuple):
    """Name and public key of who signs; as text ``<name>+<key id>+<key>``."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{b64encode(ED25519 + self.public).decode()}"


class Signer:
    """Signs notes under a name that never changes once something is published."""

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        _check_name(name)
        self._private = private
        self.verifier = Verifier(name, private.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """The note: ``text``, which ends with a line feed, and our signature."""
        if not text.endswith("\n"):
            raise ValueError("the text of a note ends with a line feed")
        signature = self.verifier.key_id + self._private.sign(text.encode())
        return f"{text}\n{_DASH}{self.verifier.name} {b64encode(signature).decode()}\n"


class Checkpoint(NamedTuple):
    """What a checkpoint states."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


def read_verifier(text: str) -> Verifier:
    """Raises :class:`Refusal` (``invalid``) for what is no verifier key."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    key = _decoded(encoded)
    if key is None or len(key) != 1 + _KEY_BYTES or key[:1] != ED25519:
        raise Refusal(
            Code.INVALID, "the key cannot be read: it is written NAME+KEYID+KEY, as in the file 'key'"
        )
    _check_name(name)
    verifier = Verifier(name, key[1:])
    if verifier.key_id.hex() != key_id:
        raise Refusal(
            Code.INVALID,
            f"the key of '{name}' has the id {verifier.key_id.hex()}, not {key_id}: it was not copied whole",
        )
    return verifier


def opened(note: str, verifier: Verifier) -> str:
    """The text of ``note``, if ``verifier`` has signed it; other signatures are passed over.

    Raises :class:`Refusal` (``invalid``) for what is no note, lacks this signature or has a wrong one.
    """
    text, signatures = _parts(note)
    public = Ed25519PublicKey.from_public_bytes(verifier.public)
    found = False
    for name, signature in signatures:
        if (name, signature[:4]) != (verifier.name, verifier.key_id):
            continue
        try:
            public.verify(signature[4:], text.encode())
        except InvalidSignature:
            raise Refusal(Code.INVALID, f"the signature of '{name}' is not of this text") from None
        found = True
    if not found:
        raise Refusal(
            Code.INVALID, f"it is not signed with the key {verifier.key_id.hex()} of '{verifier.name}'"
        )
    return text


def unverified(note: str, verifier: Verifier) -> tuple[str, bool]:
    """The text of ``note``, which nobody has checked yet, and whether ``verifier`` is said to have signed it.

    Raises :class:`Refusal` (``invalid``) for what is no note.
    """
    text, signatures = _parts(note)
    return text, any((name, each[:4]) == (verifier.name, verifier.key_id) for name, each in signatures)


def _parts(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Text, and who is said to have signed it with what: key id and signature."""
    text, gap, rest = note.rpartition("\n\n")
    lines = rest.split("\n")
    if not gap or lines.pop() != "" or not 0 < len(lines) <= MOST_SIGNATURES:
        raise Refusal(Code.INVALID, "it is no signed note: a text, an empty line, then lines of signatures")
    signatures = []
    for line in lines:
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        signature = _decoded(encoded)
        if not line.startswith(_DASH) or not name or signature is None or len(signature) <= 4:
            raise Refusal(Code.INVALID, "a line of its signatures cannot be read")
        signatures.append((name, signature))
    return text + "\n", signatures


def read_checkpoint(text: str) -> Checkpoint:
    """What an opened note states; lines after the root are for others. Raises :class:`Refusal` (``invalid``)."""
    origin, size, root, *_ = [*text.split("\n"), "", "", ""]
    decoded = _decoded(root)
    plain = size.isascii() and size.isdecimal() and len(size) <= 18 and str(int(size)) == size
    if not origin or not plain or decoded is None or len(decoded) != 32:
        raise Refusal(Code.INVALID, "it is no checkpoint: origin, number of entries and root, a line each")
    return Checkpoint(origin, int(size), decoded)


def _check_name(name: str) -> None:
    if not name or "+" in name or any(char.isspace() for char in name):
        raise Refusal(Code.INVALID, f"'{name}' cannot name a key: it has no '+' and no spaces")


def _decoded(text: str) -> bytes | None:
    """Strict base64: what is written in one way only."""
    try:
        decoded = b64decode(text, validate=True)
    except ValueError:
        return None
    return decoded if b64encode(decoded).decode() == text else None
