"""What comes in through the API: JSON of a sane size and depth, text without hidden characters."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from models.errors import Code, Refusal

BODY = 1_000_000
DEPTH = 20
BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
"""Marks that change the direction of what follows: in a name they show another one than is stored."""
KEPT = "\n\t\r"
SUBMISSION_EXAMPLE = {
    "procedure": "2.000908",
    "agency": "H13.2.1",
    "channel": "in_person",
    "applicant": {"name": "Nguyễn Thị Thử", "phone": "0900000000"},
}
ACTION_EXAMPLE = {"action": "complete", "step": "receive", "official": "TAN-01"}


def read_json(raw: bytes) -> Any:
    """Raises :class:`Refusal` for what is no JSON, too long or too deep."""
    if len(raw) > BODY:
        raise Refusal(Code.INVALID, f"longer than {BODY} bytes: send less at once")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise Refusal(Code.INVALID, "this is no readable JSON") from None


def tidy(body: dict[str, Any]) -> dict[str, Any]:
    """The body, if nothing hides in it."""
    _check(body, 0, "")
    return body


def _check(value: Any, depth: int, place: str) -> None:
    if depth > DEPTH:
        raise Refusal(Code.INVALID, f"nested deeper than {DEPTH} levels")
    match value:
        case dict():
            for name, item in value.items():
                _check_text(name, place or "a field's name")
                _check(item, depth + 1, name)
        case list():
            for item in value:
                _check(item, depth + 1, place)
        case str():
            _check_text(value, place)


def _check_text(text: str, place: str) -> None:
    for char in text:
        if char in BIDI or (unicodedata.category(char) in ("Cc", "Cs") and char not in KEPT):
            raise Refusal(
                Code.INVALID,
                f"'{place}' holds the invisible character U+{ord(char):04X}: write it without",
            )
