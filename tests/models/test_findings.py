"""An action that cannot be understood: what is wrong with it, in words for whoever sent it."""

from __future__ import annotations

from typing import Any

import pytest

from models.actions import parse_action
from models.errors import Code, Refusal

EXTEND = {"action": "extend", "unit": "working_days"}
CORRECT = {"action": "correct", "lateness": "x"}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"action": "dance"}, "'dance' is no action: use one of complete, "),
        ({"action": "complete"}, "'complete': the field 'step' is missing"),
        ({"action": "complete", "step": ""}, "'complete': 'step' is empty"),
        ({"action": "complete", "step": ["receive"]}, "'complete': 'step' must be a text"),
        ({"action": "complete", "step": "a" * 41}, "'complete': 'step' is too long: 40 characters at most"),
        ({"action": "complete", "step": "a", "agency": "H13"}, "'complete': it takes no field 'agency'"),
        ({"action": "complete", "step": "a", "amount": 1}, "'complete' takes no amount or unit"),
        ({"action": "withdraw", "at": "noon"}, "'noon' is not an instant: write it like 2026-01-08T08:00:00"),
        ({"action": "withdraw", "at": 1_700_000_000}, "'1700000000' is not an instant"),
        ({"action": "withdraw", "at": "2026-01-02T08:00:00"}, "'2026-01-02T08:00:00' has no time zone"),
        ({"action": "withdraw", "at": "9999-12-31T23:59:59Z"}, "is no date of this world"),
        ({"action": "withdraw", "reason": "x" * 2001}, "'reason' is too long: 2000 characters at most"),
        (EXTEND, "'extend' needs both an amount and a unit"),
        (EXTEND | {"amount": "-1"}, "'extend': 'amount' must be 0 at least"),
        (EXTEND | {"amount": "abc"}, "'extend': 'amount' must be a number"),
        (EXTEND | {"amount": "NaN"}, "'extend': 'amount' must be a number"),
        (EXTEND | {"amount": "100001"}, "'extend': 'amount' must be 100000 at most"),
        (
            EXTEND | {"amount": 1, "unit": "weeks"},
            "'extend': 'unit' must be 'working_hours', 'working_days', ",
        ),
        (EXTEND | {"amount": "0.5", "unit": "months"}, "'extend': 'amount': months must be a whole number"),
        ({"action": "explain", "lateness": "x", "text": " "}, "'explain': 'text' is empty"),
        (CORRECT | {"decision": "maybe"}, "'correct': 'decision' must be 'corrected' or 'retracted'"),
    ],
)
def test_an_action(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_action({"at": "2026-01-02T08:00:00+07:00", **fields})
    assert refused.value.code is Code.INVALID
    assert sentence in refused.value.message
