"""What comes in through the API: JSON of a sane size and depth, text without hidden characters."""

from __future__ import annotations

import json
from typing import Any

from models.errors import Code, Refusal
from models.plain_text import check_plain

BODY = 1_000_000
DEPTH = 20
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
    """The body, if it is not too deep and nothing hides in it."""
    _check_depth(body, 0)
    check_plain(body)
    return body


def _check_depth(value: Any, depth: int) -> None:
    if depth > DEPTH:
        raise Refusal(Code.INVALID, f"nested deeper than {DEPTH} levels")
    match value:
        case dict():
            for item in value.values():
                _check_depth(item, depth + 1)
        case list():
            for item in value:
                _check_depth(item, depth + 1)
