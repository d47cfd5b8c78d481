"""Which key a ledger was signed with when, as its own entries tell it, and who may be believed for whose sake.

Who trusts a key trusts those that it handed over to, by its own signature; and, since the ledger that a trusted key
has signed says so, that earlier checkpoints were signed with the keys before it. A key that was lost hands nothing
over: who knew only that one must learn the new one elsewhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from models.errors import Code, Refusal
from models.ledger import KEY, handover
from models.signed_note import Verifier, opened, read_verifier


class Change(NamedTuple):
    """Entry ``number``: ``new`` signs from there on. ``handed_over``: the old key says so itself."""

    number: int
    old: Verifier
    new: Verifier
    handed_over: bool


def change_told(index: int, told: dict[str, Any]) -> Change | None:
    """The change of keys that an entry tells, if it is one. Raises :class:`Refusal` for one that cannot be read."""
    if told.get("kind") != KEY:
        return None
    old, new = read_verifier(str(told.get("replaces"))), read_verifier(str(told.get("key")))
    note = told.get("note")
    if note is not None and opened(str(note), old) != handover(str(new)):
        raise Refusal(Code.INVALID, "the old key has signed something else than the new one")
    return Change(index, old, new, handed_over=note is not None)


class Keys:
    """The keys of one ledger, as far as it was read; ``trusted`` is the one that the reader believes."""

    def __init__(self, trusted: Verifier) -> None:
        self.trusted = trusted
        self._changes: list[Change] = []

    def add(self, change: Change) -> None:
        """Raises :class:`Refusal` for a change of a key that was not the ledger's."""
        if self._changes and change.old != self._changes[-1].new:
            raise Refusal(Code.INVALID, "it replaces a key that was not the ledger's")
        self._changes.append(change)

    def of(self, size: int) -> Verifier:
        """Which key signs the ledger of ``size`` entries."""
        signs = self._changes[0].old if self._changes else self.trusted
        for change in self._changes:
            if change.number < size:
                signs = change.new
        return signs

    def believe(self, size: int) -> Verifier:
        """The key that signs ``size`` entries, if it may be believed; :class:`Refusal` (``invalid``) if not."""
        signs = self.of(size)
        if self._changes and self.trusted not in (
            self._changes[0].old,
            *(each.new for each in self._changes),
        ):
            raise Refusal(Code.INVALID, f"it is not signed with the key {_called(self.trusted)}")
        believed = self.trusted
        for change in self._changes:
            if change.old == believed and change.number < size:
                if not change.handed_over:
                    raise Refusal(
                        Code.INVALID,
                        f"entry {change.number} replaces the key {_called(change.old)} without that key's own "
                        "signature, as one that was lost: learn the new key from the office, elsewhere than beside "
                        "the ledger, and give it with --key",
                    )
                believed = change.new
        return signs


def _called(verifier: Verifier) -> str:
    return f"{verifier.key_id.hex()} of '{verifier.name}'"
