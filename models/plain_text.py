"""Text that people hand in: nothing in it is invisible, and nothing makes it read otherwise than it is stored.

Judged where it comes in (submission, action, row of a log), not where it is read again: what was accepted before
stays readable.
"""

from __future__ import annotations

import re
from typing import Any

from models import refusals
from models.errors import Code, Refusal

_HIDDEN = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters but tab and ends of lines
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what changes the direction: a name shows as another one
    "\u2028\u2029"  # ends of lines that only some programs see
    "\ud800-\udfff"  # halves of characters: no UTF-8
    "]"
)


def hidden_in(text: str) -> str | None:
    """What is wrong with ``text``, as the end of a sentence; None: nothing."""
    character = _hidden(text)
    return None if character is None else f"holds the invisible character {character}: write it without"


def _hidden(text: str) -> str | None:
    found = _HIDDEN.search(text)
    return None if found is None else f"U+{ord(found[0]):04X}"


def check_plain(value: Any, place: str = "") -> None:
    """Raises :class:`Refusal` (``invalid``) with the field for any text inside ``value`` that hides something."""
    match value:
        case str():
            if (character := _hidden(value)) is not None:
                raise Refusal(Code.INVALID, refusals.FIELD_HIDES, field=place, character=character)
        case dict():
            for name, item in value.items():
                check_plain(name, place or "a field's name")
                check_plain(item, f"{place}.{name}" if place else str(name))
        case list() | tuple():
            for item in value:
                check_plain(item, place)
