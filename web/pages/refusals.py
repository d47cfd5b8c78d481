"""What a refusal says in the reader's language, with its facts: instants in local time, steps and people by name."""

from __future__ import annotations

from typing import Final, NamedTuple

from models.errors import DanbietError, Refusal, Unsure, Value
from models.lateness import LatenessState
from models.refusals import MAKES_ILLEGAL, SENTENCES
from models.views import Status
from web.pages.figures import step_name
from web.pages.page import Page
from web.pages.words import N_, REFUSALS, STEP_STATES, UNAVAILABLE, UNSURE
from web.pages.words import UNITS as TIME_UNITS

INSTANTS = ("at", "since", "now", "later_at")
PEOPLE = ("who", "holder")
UNITS = ("unit", "other_unit")
STATUSES: Final = {
    Status.RUNNING: N_("in process"),
    Status.PAUSED: N_("paused"),
    Status.PROCESSED: N_("processed"),
    Status.DELIVERED: N_("delivered"),
    Status.REFUSED: N_("refused"),
    Status.WITHDRAWN: N_("withdrawn"),
    Status.STOPPED: N_("stopped"),
}
"""As an office speaks of a dossier; ``words.STATUSES`` speaks to the applicant."""
STANDS: Final = {
    LatenessState.RECORDED: N_("recorded"),
    LatenessState.PUBLISHED: N_("published"),
    LatenessState.EXCUSED: N_("excused"),
    LatenessState.ANNULLED: N_("annulled"),
    LatenessState.CORRECTED: N_("corrected"),
    LatenessState.RETRACTED: N_("retracted"),
}
KINDS: Final = {"supplement": N_("supplement"), "payment": N_("payment")}
ACTIONS: Final = {
    "complete": N_("Complete this step"),
    "hand_over": N_("Hand over"),
    "transfer": N_("Transfer"),
    "request_supplement": N_("Ask for papers"),
    "supplement_received": N_("Papers have come"),
    "request_payment": N_("Ask for payment"),
    "payment_received": N_("Payment has come"),
    "extend": N_("Apologise and give a new date"),
    "send_back": N_("Send back"),
    "refuse": N_("Refuse"),
    "withdraw": N_("Withdraw"),
    "stop": N_("Stop"),
    "deliver": N_("The result was handed over"),
    "explain": N_("Answer"),
    "review": N_("Review"),
    "correct": N_("Correct"),
}
FIELDS: Final = {
    "amount": N_("Working days"),
    "official": N_("New holder"),
    "reason": N_("Reason"),
    "step": N_("Step"),
    "text": N_("Text"),
    "decision": N_("Decision"),
    "cause": N_("Cause"),
}
VALUES: Final[dict[str, dict[str, str]]] = {
    "state": {each.value: word for each, word in STEP_STATES.items()},
    "status": {each.value: word for each, word in STATUSES.items()},
    "stands": {each.value: word for each, word in STANDS.items()},
    "kind": KINDS,
    "action": ACTIONS,
    "actions": ACTIONS,
    "later": ACTIONS,
    "field": FIELDS,
    "units": {each.value: word for each, word in TIME_UNITS.items()},
}

REFUSED = N_("This was refused; nothing has changed.")
NOT_TAKEN = N_("This was not taken; nothing has changed.")
NOT_KNOWN = N_("It is not known whether this was taken.")


class Said(NamedTuple):
    """A sentence, and whether it is in the page's language; otherwise it is the core's own, in English."""

    text: str
    is_translated: bool


class Verdict(NamedTuple):
    """Why an action was not taken: what that means for it, what it comes to, and the particulars of a refusal."""

    heading: str
    meaning: str
    particulars: Said | None = None


def verdict(page: Page, error: DanbietError, procedure: str) -> Verdict:
    """In the page's language. ``procedure``: whose steps are meant."""
    if isinstance(error, Refusal):
        meaning = REFUSALS.get(error.code)
        told = page.t.say(meaning) if meaning else ""
        return Verdict(page.t.say(REFUSED), told, said(page, error, procedure))
    if isinstance(error, Unsure):
        return Verdict(page.t.say(NOT_KNOWN), page.t.say(UNSURE))
    return Verdict(page.t.say(NOT_TAKEN), page.t.say(UNAVAILABLE))


def said(page: Page, error: DanbietError, procedure: str) -> Said:
    """``procedure``: whose steps are meant."""
    if not isinstance(error, Refusal):
        return Said(error.message, is_translated=False)
    sentences = _apart(error.sentence)
    if not all(sentence in SENTENCES for sentence in sentences):
        return Said(error.message, is_translated=False)
    facts = {place: _fact(page, place, value, procedure) for place, value in error.values.items()}
    told = " ".join(page.t.say(sentence) for sentence in sentences) % facts
    return Said(told[:1].upper() + told[1:], is_translated=True)


def _apart(sentence: str) -> list[str]:
    """One that ends with another is two sentences in every language."""
    if sentence.startswith(MAKES_ILLEGAL):
        end = sentence.removeprefix(MAKES_ILLEGAL).strip()
        return [MAKES_ILLEGAL, *_apart(end)] if end else [MAKES_ILLEGAL]
    return [sentence]


def _fact(page: Page, place: str, value: Value, procedure: str) -> str:
    catalogue, told = page.office.catalogue, str(value)
    if not isinstance(value, str):
        told = page.t.number(value)
    elif place in INSTANTS:
        told = page.t.moment(value)
    elif place == "what":
        told = page.t.say(value)
    elif place in ("step", "steps"):
        told = ", ".join(step_name(catalogue, procedure, key) for key in value.split(", "))
    elif place in PEOPLE and value in catalogue.officials:
        told = f"{catalogue.officials[value].name} ({value})"
    elif place in UNITS and value in catalogue.agencies:
        told = f"{catalogue.agencies[value].name} ({value})"
    elif place in VALUES:
        told = ", ".join(page.t.say(VALUES[place].get(each, each)) for each in value.split(", "))
    return told
