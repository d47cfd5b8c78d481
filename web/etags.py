"""Entity tags of a dossier (RFC 9110, 8.8.3 and 13.1): its sequence in quotes, and lists of such tags in requests."""

from __future__ import annotations

import re
from typing import NamedTuple

from models.errors import Code, Refusal

LONGEST = 2_000
"""Characters of a list of tags: some readings of one dossier, not all that ever were."""
TAG = r'(?P<weak>W/)?"(?P<told>[\x21\x23-\x7e\x80-\xff]*)"'
LIST = re.compile(rf"[\s,]*{TAG}(?=\s*(?:,|$))")
SEQUENCE = re.compile(r"[0-9]{1,15}", re.ASCII)


class Tags(NamedTuple):
    """The readings that a request names; ``is_any``: it was `*`, which only asks that there is a dossier."""

    sequences: frozenset[int]
    is_any: bool = False

    def has(self, sequence: int) -> bool:
        return self.is_any or sequence in self.sequences

    def nearest(self, sequence: int) -> int | None:
        """The reading that the dossier must still be at, where its projection is at ``sequence`` and may be behind.

        None: it may be at any. 0, which no dossier is at: none of the tags was ever one of ours.
        """
        if self.has(sequence):
            return None if self.is_any else sequence
        return max(self.sequences, default=0)


def read_tags(header: str, name: str) -> Tags:
    """What `If-Match` or `If-None-Match` (``name``) says: `*`, or tags with commas between them.

    Weak ones are read as strong ones. A proxy that compresses makes ours weak, and they stand for what is on record
    about the dossier, not for the bytes of one answer. Raises :class:`Malformed`.
    """
    text = header.strip(" \t,")
    if text == "*":
        return Tags(frozenset(), is_any=True)
    sequences: set[int] = set()
    position = 0
    while position < len(text) and len(text) <= LONGEST:
        found = LIST.match(text, position)
        if found is None:
            raise Malformed(name)
        if SEQUENCE.fullmatch(found["told"]):
            sequences.add(int(found["told"]))
        position = found.end()
    if not text or len(text) > LONGEST:
        raise Malformed(name)
    return Tags(frozenset(sequences))


class Malformed(Refusal):
    """A list of tags that cannot be read: the request itself is wrong (400), not what it asks for."""

    def __init__(self, name: str) -> None:
        super().__init__(
            Code.INVALID,
            f'{name} is a list of ETags of the dossier, each a number in quotes such as "7", '
            'with commas between them ("7", "8"), or *',
        )
