"""The Merkle tree agrees with the RFC's vector, with its definitions, and with an implementation of others."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from models import merkle

VECTOR = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = st.integers(1, 70)


def hashes(size: int) -> list[bytes]:
    return [merkle.leaf_hash(b"entry %d" % number) for number in range(size)]


def root(leaves: list[bytes]) -> bytes:
    peaks = merkle.Peaks()
    for leaf in leaves:
        peaks.append(leaf)
    return peaks.root


def tree_of_others(entries: list[bytes]) -> InmemoryTree:
    tree = InmemoryTree(algorithm="sha256")
    for entry in entries:
        tree.append_entry(entry)
    return tree


def split(leaves: list[bytes]) -> int:
    return max(1 << level for level in range(len(leaves).bit_length()) if 1 << level < len(leaves))


def defined_root(leaves: list[bytes]) -> bytes:
    """MTH as the RFC writes it."""
    if len(leaves) == 1:
        return leaves[0]
    k = split(leaves)
    return merkle.node_hash(defined_root(leaves[:k]), defined_root(leaves[k:]))


def defined_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH as the RFC writes it."""
    if len(leaves) == 1:
        return []
    k = split(leaves)
    if m < k:
        return [*defined_path(m, leaves[:k]), defined_root(leaves[k:])]
    return [*defined_path(m - k, leaves[k:]), defined_root(leaves[:k])]


def defined_subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF as the RFC writes it."""
    if m == len(leaves):
        return [] if whole else [defined_root(leaves)]
    k = split(leaves)
    if m <= k:
        return [*defined_subproof(m, leaves[:k], whole), defined_root(leaves[k:])]
    return [*defined_subproof(m - k, leaves[k:], False), defined_root(leaves[:k])]


@pytest.mark.parametrize("size", range(9))
def test_the_known_vector(size: int) -> None:
    assert root([merkle.leaf_hash(entry) for entry in VECTOR[:size]]).hex() == ROOTS[size]


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=70))
def test_roots_are_those_of_others(entries: list[bytes]) -> None:
    other = tree_of_others(entries)
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    peaks = merkle.Peaks()
    for size, leaf in enumerate(leaves, start=1):
        peaks.append(leaf)
        assert peaks.root == other.get_root(size)
        assert merkle.peaks_of(size, merkle.from_leaves(leaves)).root == peaks.root


@given(SIZES, st.data())
def test_inclusion_is_that_of_others_and_verifies(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = hashes(size)
    other = tree_of_others([b"entry %d" % number for number in range(size)])
    proof = merkle.inclusion(index, size, merkle.from_leaves(leaves))
    theirs = [bytes.fromhex(text) for text in other.prove_inclusion(index + 1, size).serialize()["path"]]
    assert proof == defined_path(index, leaves)
    assert proof == [each for each in theirs if each != leaves[index]]
    assert len(proof) <= size.bit_length()
    assert merkle.included(leaves[index], index, size, proof, root(leaves))
    for wrong in range(size):
        if wrong != index:
            assert not merkle.included(leaves[wrong], index, size, proof, root(leaves))
            assert not merkle.included(leaves[index], wrong, size, proof, root(leaves))
    assert not merkle.included(leaves[index], index, size, [*proof, leaves[0]], root(leaves))
    assert not proof or not merkle.included(leaves[index], index, size, proof[:-1], root(leaves))


@given(SIZES, st.data())
def test_consistency_is_that_of_others_and_verifies(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size))
    leaves = hashes(size)
    other = tree_of_others([b"entry %d" % number for number in range(size)])
    old_root, new_root = other.get_root(old), other.get_root(size)
    proof = merkle.consistency(old, size, merkle.from_leaves(leaves))
    assert proof == defined_subproof(old, leaves, True)
    assert merkle.consistent(old, old_root, size, new_root, proof)
    altered = root([*leaves[: old - 1], merkle.leaf_hash(b"another")])
    assert not merkle.consistent(old, altered, size, new_root, proof)
    assert not merkle.consistent(old, old_root, size, merkle.EMPTY, proof)
    assert not merkle.consistent(old, old_root, size, new_root, [*proof, leaves[0]])
    assert not proof or not merkle.consistent(old, old_root, size, new_root, proof[:-1])


@given(SIZES)
def test_append_tells_each_subtree_once(size: int) -> None:
    leaves = hashes(size)
    peaks = merkle.Peaks()
    told = [node for leaf in leaves for node in peaks.append(leaf)]
    places = [node[:2] for node in told]
    whole = merkle.from_leaves(leaves)
    assert len(set(places)) == len(places) == 2 * size - size.bit_count()
    assert all(node.hash == whole(node.level, node.place) for node in told)
    assert all(before != after for before, after in pairwise(places))


def test_a_proof_reads_few_hashes() -> None:
    read: list[tuple[int, int]] = []

    def subtree(level: int, index: int) -> bytes:
        read.append((level, index))
        return bytes(32)

    merkle.inclusion(123_456, 1_000_000, subtree)
    merkle.consistency(654_321, 1_000_000, subtree)
    merkle.peaks_of(1_000_000, subtree)
    assert len(read) <= 80


def test_what_no_tree_has_is_refused() -> None:
    with pytest.raises(ValueError, match="no leaf 3"):
        merkle.inclusion(3, 3, merkle.from_leaves(hashes(3)))
    with pytest.raises(ValueError, match="no earlier one"):
        merkle.consistency(0, 3, merkle.from_leaves(hashes(3)))
    with pytest.raises(ValueError, match="2 peaks"):
        merkle.Peaks(3, [])
    assert not merkle.included(merkle.EMPTY, 0, 0, [], merkle.EMPTY)
    assert not merkle.consistent(3, merkle.EMPTY, 2, merkle.EMPTY, [])
