"""How a dossier begins: the submission at the counter, and the input of its workflow."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator

from models.actions import Given
from models.budget import Model
from models.errors import Refusal
from models.instants import Instant, WrittenInstant
from models.plain_text import check_plain
from models.rules import Rules

CODE_PATTERN = r"^[A-Z0-9.]+-([0-9]{6}|[0-9]{8})-[0-9]{4,7}$"
"""Dossier codes, old and new form (domain 3); opaque beyond this."""


def _checked_code(code: str) -> str:
    if not re.fullmatch(CODE_PATTERN, code):
        raise ValueError(f"'{code}' is no dossier code: write it like H13.2-250401-0001")
    return code


DossierCode = Annotated[
    str, Field(max_length=60, json_schema_extra={"pattern": CODE_PATTERN}), AfterValidator(_checked_code)
]


class Applicant(Model):
    """Who asked. Lives in the workflow's payload alone (design 3, personal data)."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    phone: Annotated[str, Field(max_length=40)] | None = None
    id_number: Annotated[str, Field(max_length=40)] | None = None
    address: Annotated[str, Field(max_length=500)] | None = None


class Submission(Model):
    """What the counter hands in (interfaces: Submission). ``at`` None: now."""

    code: DossierCode | None = None
    procedure: str
    agency: str
    counter: Annotated[str, Field(max_length=60)] | None = None
    channel: Literal["in_person", "online", "post"] = "in_person"
    at: WrittenInstant | None = None
    submitted_at: WrittenInstant | None = None
    received_by_competent_at: WrittenInstant | None = None
    applicant: Applicant | None = None
    assignees: dict[str, str] = {}

    @model_validator(mode="after")
    def _plain(self) -> Self:
        try:
            check_plain(self.model_dump(exclude_none=True))
        except Refusal as refusal:
            raise ValueError(refusal.message) from None
        return self

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.at is not None:
            if self.submitted_at is not None and self.submitted_at > self.at:
                raise ValueError("submitted_at must not be later than at (the acceptance)")
            if self.received_by_competent_at is not None and self.received_by_competent_at < self.at:
                raise ValueError("received_by_competent_at must not be earlier than at (the acceptance)")
        return self

    def content(self) -> str:
        """Fingerprint of everything but ``at`` and the code it goes by: equal for the same content handed in again.

        The same: also where another keyboard composes its letters otherwise, or leaves other spaces.
        """
        data = self.model_dump(mode="json", exclude={"at", "code"}, exclude_none=True)
        return hashlib.sha256(json.dumps(_normal(data), sort_keys=True).encode()).hexdigest()


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _normal(item) for name, item in value.items()}
    return unicodedata.normalize("NFC", " ".join(value.split())) if isinstance(value, str) else value


class Heard(Model):
    """History judged elsewhere: latenesses are published at once, and every record says by whom (rules R10)."""

    by: str
    reason: str


FLOW = 2
"""The course of commands that a workflow takes which starts now."""


class DossierStart(Model):
    """Input of a dossier's workflow: what was submitted, the rules it starts under, actions known already."""

    code: str
    rules: Rules
    accepted_at: Instant
    submitted_at: Instant | None = None
    received_at: Instant | None = None
    channel: str = "in_person"
    counter: str | None = None
    by: str = "admin"
    row: str | None = None
    """Identity of the log row that submitted it."""
    applicant: Applicant | None = None
    secret_hash: str | None = None
    content: str | None = None
    """Fingerprint of the submission, for the memo: is the same content handed in again?"""
    flow: int = 1
    """Which course of commands its workflow takes: that it began with, so that its history replays (decision 0016).

    Since 2, records that wait are written in one call. Starts of before it was kept are 1.
    """
    jitter_seconds: int = 0
    """Spreads the firing of many deadlines at one instant; the recorded instant never moves."""
    given: tuple[Given, ...] = ()
    imported: bool = False
    heard: Heard | None = None
    carried: dict[str, JsonValue] | None = None
    """The aggregate of an earlier run, when this run goes on with it (continue-as-new, reopening)."""
