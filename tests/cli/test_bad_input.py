"""What is wrong with something handed in, said in words: nothing of it reaches the server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Danbiet

LIKE = "write it like 2026-01-08T08:00:00+07:00"
OF_A_PROGRAM = re.compile(r"[Ii]nput should|string should|[Vv]alue error|pydantic|Traceback|validation error")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"procedure": 5}, "'procedure' must be a text"),
        ({"procedure": None}, "'procedure' must be a text"),
        ({"channel": "fax"}, "'channel' must be 'in_person', 'online' or 'post'"),
        ({"code": "abc"}, "'code': 'abc' is no dossier code: write it like H13.2-250401-0001"),
        ({"code": "H13.2.1-260101-1"}, "'code': 'H13.2.1-260101-1' is no dossier code"),
        ({"code": "H13.2.1-260101-0001\n"}, "'code': 'H13.2.1-260101-0001\n' is no dossier code"),
        (
            {"code": "H13.2.1-260101-\u0660\u0660\u0660\u0661"},
            "'code': 'H13.2.1-260101-\u0660\u0660\u0660\u0661' is no",
        ),
        ({"code": f"{'H' * 60}-260101-0001"}, "'code' is too long: 60 characters at most"),
        ({"at": "yesterday"}, f"'at': 'yesterday' is not an instant: {LIKE}"),
        ({"at": ""}, f"'at': '' is not an instant: {LIKE}"),
        ({"at": "2026-02-30T08:00:00+07:00"}, "'at': '2026-02-30T08:00:00+07:00' is not an instant"),
        ({"at": "2026-01-02T08:00:00"}, "'at': '2026-01-02T08:00:00' has no time zone: add the offset"),
        ({"at": 1_700_000_000}, f"'at': '1700000000' is not an instant: {LIKE}"),
        ({"at": True}, "'at': 'True' is not an instant"),
        ({"at": "9999-12-31T23:59:59Z"}, "'at': '9999-12-31T23:59:59+00:00' is no date of this world"),
        ({"at": "0001-01-01T00:00:00+07:00"}, "'at': '0001-01-01T00:00:00+07:00' is no date of this world"),
        ({"submitted_at": "soon"}, "'submitted_at': 'soon' is not an instant"),
        (
            {"at": "2026-01-02T08:00:00+07:00", "received_by_competent_at": "2026-01-01T08:00:00+07:00"},
            "received_by_competent_at must not be earlier than at (the acceptance)",
        ),
        ({"applicant": {}}, "the field 'applicant.name' is missing"),
        ({"applicant": "A"}, "'applicant' must be an object with fields of its own"),
        ({"applicant": {"name": ""}}, "'applicant.name' is empty"),
        ({"applicant": {"name": "x" * 201}}, "'applicant.name' is too long: 200 characters at most"),
        ({"applicant": {"name": "A", "age": 5}}, "it takes no field 'applicant.age'"),
        ({"applicant": {"name": "A\u202eB"}}, "'applicant.name' holds the invisible character U+202E"),
        ({"applicant": {"name": "A\x00"}}, "'applicant.name' holds the invisible character U+0000"),
        ({"counter": "\u2066A"}, "'counter' holds the invisible character U+2066"),
        ({"assignees": {"sign": 5}}, "'assignees.sign' must be a text"),
        ({"assignees": ["sign"]}, "'assignees' must be an object with fields of its own"),
    ],
)
def test_a_submission(danbiet: Danbiet, data: Path, fields: dict[str, Any], sentence: str) -> None:
    told = json.dumps({"procedure": "2.000908", "agency": "H13.2.1", **fields})
    answer = danbiet("submit", "-", stdin=told)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"danbiet: invalid: standard input: {sentence}")
    assert not OF_A_PROGRAM.search(answer.err)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{}", "the field 'procedure' is missing"),
        ("null", "write a JSON object"),
        ('"a"', "write a JSON object"),
        ('{"procedure": "2.000908"', "no readable JSON: "),
        ("", "no readable JSON: "),
    ],
)
def test_what_is_no_submission(danbiet: Danbiet, data: Path, text: str, sentence: str) -> None:
    answer = danbiet("submit", "-", stdin=text)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"danbiet: invalid: standard input: {sentence}")
