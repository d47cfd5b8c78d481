"""The Merkle tree of the ledger (RFC 9162, section 2.1): roots, proofs, and how a stranger checks them.

A tree of any size is a row of complete subtrees, its *peaks*: to append needs the peaks alone, and a proof needs
about as many stored hashes as the tree has levels. Subtree ``(level, place)`` covers the leaves
from ``place << level`` up to ``(place + 1) << level``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import NamedTuple

EMPTY = sha256(b"").digest()
"""Root of a tree without leaves."""

Subtree = Callable[[int, int], bytes]
"""Hash of the complete subtree ``(level, place)``."""


class Node(NamedTuple):
    """A complete subtree."""

    level: int
    place: int
    hash: bytes


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Peaks:
    """A tree that only grows, as the hashes of its complete subtrees from the widest to the narrowest."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if size.bit_count() != len(hashes):
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} peaks, not {len(hashes)}")
        self.size = size
        self._hashes = list(hashes)

    def append(self, leaf: bytes) -> list[Node]:
        """Add a leaf's hash; the subtrees that it completed, itself first."""
        completed = [Node(0, self.size, leaf)]
        while self.size >> completed[-1].level & 1:
            level, place, right = completed[-1]
            completed.append(Node(level + 1, place >> 1, node_hash(self._hashes.pop(), right)))
        self._hashes.append(completed[-1].hash)
        self.size += 1
        return completed

    @property
    def root(self) -> bytes:
        return _joined(self._hashes)


def peaks_of(size: int, subtree: Subtree) -> Peaks:
    """The tree of ``size`` leaves, from its stored subtrees."""
    return Peaks(size, [subtree(level, place) for level, place in _peaks(0, size)])


def from_leaves(leaves: Sequence[bytes]) -> Subtree:
    """Subtrees of a tree that is held whole, for tests and small ledgers."""

    def subtree(level: int, place: int) -> bytes:
        if level == 0:
            return leaves[place]
        return node_hash(subtree(level - 1, 2 * place), subtree(level - 1, 2 * place + 1))

    return subtree


def inclusion(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Proof that leaf ``index`` is in the tree of ``size`` leaves, from the leaf upwards."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    low, high = 0, size
    path = []
    while high - low > 1:
        middle = low + _left(high - low)
        if index < middle:
            path.append(_range(middle, high, subtree))
            high = middle
        else:
            path.append(_range(low, middle, subtree))
            low = middle
    return path[::-1]


def consistency(old: int, size: int, subtree: Subtree) -> list[bytes]:
    """Proof that the tree of ``size`` leaves only added to the one of ``old`` leaves."""
    if not 0 < old <= size:
        raise ValueError(f"a tree of {size} leaves has no earlier one of {old}")
    low, high = 0, size
    path = []
    while old < high:
        middle = low + _left(high - low)
        if old <= middle:
            path.append(_range(middle, high, subtree))
            high = middle
        else:
            path.append(_range(low, middle, subtree))
            low = middle
    if low > 0:  # otherwise the verifier has this hash: it is the old root
        path.append(_range(low, high, subtree))
    return path[::-1]


def included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether ``proof`` shows that ``leaf`` is leaf ``index`` of the tree (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def consistent(old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether ``proof`` shows that the tree only added to the old one (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= size:
        return False
    if old == size:
        return not proof and old_root == root
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    place, last = old - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and before == old_root and after == root


def _left(size: int) -> int:
    """Leaves of the left part: the largest power of two smaller than ``size``."""
    return 1 << (size - 1).bit_length() - 1


def _peaks(low: int, high: int) -> list[tuple[int, int]]:
    """The complete subtrees that make up the leaves from ``low`` to ``high``, as the tree splits them."""
    found = []
    while low < high:
        level = (high - low).bit_length() - 1
        found.append((level, low >> level))
        low += 1 << level
    return found


def _range(low: int, high: int, subtree: Subtree) -> bytes:
    return _joined([subtree(level, place) for level, place in _peaks(low, high)])


def _joined(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY
    *others, root = peaks
    for peak in reversed(others):
        root = node_hash(peak, root)
    return root
