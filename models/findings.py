"""What pydantic finds wrong in something handed in, in words for the person who handed it in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

_INSTANT = "is not an instant: write it like 2026-01-08T08:00:00+07:00"
_NUMBER, _WHOLE, _LIST = "must be a number", "must be a whole number", "must be a list"
_OBJECT, _YES_NO = "must be an object with fields of its own", "must be true or false"
_TROUBLES = {
    "string_type": "must be a text",
    "string_too_short": "is empty",
    "string_pattern_mismatch": "does not match {pattern}",
    "string_too_long": "is too long: {max_length} characters at most",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be {ge} at least",
    "less_than_equal": "must be {le} at most",
    "timezone_aware": "has no time zone: add the offset, like 2026-01-08T08:00:00+07:00",
    **dict.fromkeys(("datetime_type", "datetime_parsing", "datetime_from_date_parsing"), _INSTANT),
    **dict.fromkeys(
        ("decimal_type", "decimal_parsing", "float_type", "float_parsing", "finite_number"), _NUMBER
    ),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), _WHOLE),
    **dict.fromkeys(("list_type", "tuple_type"), _LIST),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), _OBJECT),
    **dict.fromkeys(("bool_type", "bool_parsing"), _YES_NO),
}
"""Kinds of pydantic, as people say them; with the figures that pydantic has."""


def first_finding(error: ValidationError, *, besides: tuple[str, ...] = ()) -> str:
    """The first finding as a short sentence with the field's name; ``besides``: parts of the path that are none."""
    finding: Mapping[str, Any] = error.errors(include_url=False)[0]
    return in_words(finding, ".".join(str(part) for part in finding["loc"] if part not in besides))


def in_words(finding: Mapping[str, Any], field: str) -> str:
    """One finding of pydantic about ``field``, which is empty where the whole of it is meant."""
    kind, context = finding["type"], finding.get("ctx", {})
    match kind:
        case "missing":
            return f"the field '{field}' is missing"
        case "extra_forbidden":
            return f"it takes no field '{field}'"
        case "value_error":
            told = finding["msg"].removeprefix("Value error, ")
            return f"'{field}': {told}" if field else told
        case "json_invalid":
            return f"no readable JSON: {finding['msg'].removeprefix('Invalid JSON: ')}"
        case _ if kind in _TROUBLES:
            return f"'{field}' {_TROUBLES[kind].format(**context)}"
        case _:
            return f"'{field}' cannot be used: {finding['msg'][0].lower()}{finding['msg'][1:]}"
