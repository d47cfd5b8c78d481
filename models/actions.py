"""What people did: every action of rules R13, with the instant ``at`` when it happened."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from models import refusals
from models.budget import Budget, Model, Unit
from models.errors import Code, Refusal
from models.findings import first_finding
from models.instants import Instant, parse_instant
from models.lateness import Cause, CorrectDecision, ReviewDecision
from models.plain_text import check_plain

OfficialId = Annotated[str, Field(min_length=1, max_length=60)]
StepKey = Annotated[str, Field(min_length=1, max_length=40)]
Sentence = Annotated[str, Field(max_length=2_000)]


def _says_something(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("string_too_short", "it is empty: say what happened")
    return text


Explanation = Annotated[str, Field(max_length=10_000), AfterValidator(_says_something)]


class Role(StrEnum):
    """In whose authority an action comes. ``LOG``: an imported log or a row given with the start."""

    OFFICIAL = "official"
    COUNTER = "counter"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"
    LOG = "log"

    @property
    def may_override(self) -> bool:
        """May act in another's stead, and backdate with a reason (rules R9)."""
        return self in (Role.SUPERVISOR, Role.ADMIN, Role.LOG)


class Actor(Model):
    """Who sends an action: a name for the trail, and the authority it comes in."""

    name: str
    role: Role


class _Action(Model):
    at: Instant
    reason: Sentence | None = None
    note: Sentence | None = None


class _ByOfficial(_Action):
    official: OfficialId | None = None
    """Who acts (rules R13); None: the sender."""


class Complete(_ByOfficial):
    action: Literal["complete"] = "complete"
    step: StepKey


class HandOver(_Action):
    """``official`` is the new holder. ``of_agency`` is the agency he or she belongs to, told by the catalogue."""

    action: Literal["hand_over"] = "hand_over"
    step: StepKey
    official: OfficialId
    of_agency: str


class Transfer(_ByOfficial):
    """To another agency: one step, or (``step`` None) the competence for the dossier with its unfinished steps.

    ``roster`` (role to default official), ``head`` and ``parent`` of that agency are told by the catalogue.
    """

    action: Literal["transfer"] = "transfer"
    agency: str
    step: StepKey | None = None
    roster: dict[str, str] = {}
    head: str | None = None
    parent: str | None = None


class RequestSupplement(_ByOfficial):
    action: Literal["request_supplement"] = "request_supplement"
    text: Sentence | None = None


class SupplementReceived(_ByOfficial):
    action: Literal["supplement_received"] = "supplement_received"
    text: Sentence | None = None


class RequestPayment(_ByOfficial):
    action: Literal["request_payment"] = "request_payment"
    text: Sentence | None = None


class PaymentReceived(_ByOfficial):
    action: Literal["payment_received"] = "payment_received"
    text: Sentence | None = None


class Extend(_ByOfficial):
    action: Literal["extend"] = "extend"
    amount: Annotated[Budget, Field()]
    step: StepKey | None = None


class SendBack(_ByOfficial):
    action: Literal["send_back"] = "send_back"
    step: StepKey


class Refuse(_ByOfficial):
    action: Literal["refuse"] = "refuse"


class Withdraw(_ByOfficial):
    action: Literal["withdraw"] = "withdraw"


class Stop(_ByOfficial):
    action: Literal["stop"] = "stop"


class Deliver(_ByOfficial):
    action: Literal["deliver"] = "deliver"


class Explain(_ByOfficial):
    action: Literal["explain"] = "explain"
    lateness: str
    text: Explanation


class ReviewLateness(_ByOfficial):
    action: Literal["review"] = "review"
    lateness: str
    decision: ReviewDecision
    cause: Cause | None = None


class Correct(_ByOfficial):
    action: Literal["correct"] = "correct"
    lateness: str
    decision: CorrectDecision


Pausing = RequestSupplement | RequestPayment
Resuming = SupplementReceived | PaymentReceived
Closing = Refuse | Withdraw | Stop
HearingAction = Explain | ReviewLateness | Correct
ClockAction = Complete | HandOver | Transfer | Pausing | Resuming | Extend | SendBack | Closing | Deliver
Action = Annotated[ClockAction | HearingAction, Field(discriminator="action")]

ACTION_NAMES: tuple[str, ...] = (
    "complete",
    "hand_over",
    "transfer",
    "request_supplement",
    "supplement_received",
    "request_payment",
    "payment_received",
    "extend",
    "send_back",
    "refuse",
    "withdraw",
    "stop",
    "deliver",
    "explain",
    "review",
    "correct",
)
_adapter: TypeAdapter[Action] = TypeAdapter(Action)


class Given(Model):
    """An action as it was handed in: by whom, and (``id``) which row or request it came from."""

    action: Action
    by: Actor
    id: str | None = None
    of_agency: str | None = None
    """The agency of the official who acts, told by the catalogue: on rows of an event log, the first of which about
    a step shows who has had it (rules R3)."""


def parse_action(fields: dict[str, Any]) -> Action:
    """Make an action of its fields (rules R13 names; ``amount`` and ``unit`` of an extension stand side by side).

    Raises :class:`Refusal` (``invalid``) with a sentence for the first thing that is wrong.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    check_plain(given)
    name = given.get("action")
    if name not in ACTION_NAMES:
        raise Refusal(Code.INVALID, refusals.NO_ACTION, action=str(name), actions=", ".join(ACTION_NAMES))
    if "unit" in given or "amount" in given:
        if name != "extend":
            raise Refusal(Code.INVALID, refusals.NO_AMOUNT_TAKEN, action=name)
        unit = given.pop("unit", None)
        if "amount" not in given or unit is None:
            raise Refusal(Code.INVALID, refusals.AMOUNT_MISSING)
        given["amount"] = {"amount": given["amount"], "unit": unit}
    elif name == "extend":
        raise Refusal(Code.INVALID, refusals.AMOUNT_AND_UNIT, units=", ".join(Unit))
    if "at" in given and not isinstance(given["at"], datetime):
        given["at"] = parse_instant(str(given["at"]))
    try:
        return _adapter.validate_python(given)
    except ValidationError as error:
        raise _unfit(str(name), error) from None


def _unfit(action: str, error: ValidationError) -> Refusal:
    """The refusal for the first thing that is wrong with an action's fields."""
    first = error.errors(include_url=False)[0]
    if first["type"] not in _DAILY:
        return Refusal(Code.INVALID, f"'{action}': {first_problem(error)}")
    sentence, figures = _DAILY[first["type"]]
    field = ".".join(str(part) for part in first["loc"] if part not in ACTION_NAMES)
    told = {place: first["ctx"][name] for place, name in figures.items()}
    return Refusal(Code.INVALID, sentence, action=action, field=field.removeprefix("amount."), **told)


_DAILY: dict[str, tuple[str, dict[str, str]]] = {
    "missing": (refusals.FIELD_MISSING, {}),
    "extra_forbidden": (refusals.FIELD_UNKNOWN, {}),
    "string_too_short": (refusals.FIELD_EMPTY, {}),
    "string_too_long": (refusals.FIELD_TOO_LONG, {"most": "max_length"}),
    "greater_than_equal": (refusals.FIELD_TOO_SMALL, {"least": "ge"}),
    "less_than_equal": (refusals.FIELD_TOO_LARGE, {"most": "le"}),
    **dict.fromkeys(("decimal_parsing", "decimal_type", "finite_number"), (refusals.NO_NUMBER, {})),
}
"""Kinds of pydantic that people meet at a desk, with their figures; the sentences are those of ``models.findings``."""


def first_problem(error: ValidationError) -> str:
    """What is wrong first, as a short sentence with the name that the field has for people."""
    return first_finding(error, besides=ACTION_NAMES).replace("'amount.", "'")
