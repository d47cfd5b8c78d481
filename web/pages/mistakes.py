"""What a clerk mends in the counter's form without asking anybody: all of it at once, in the page's language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Final, NamedTuple

from models.access import Principal
from models.dossier import FUTURE_TOLERANCE
from models.errors import Code, DanbietError, Unavailable, Unsure
from models.instants import whole
from models.plain_text import hidden_in
from models.submission import CODE_PATTERN
from web.pages.page import Page
from web.pages.refusals import said
from web.pages.words import CHANNELS, N_, REFUSALS, UNAVAILABLE, UNSURE

LABELS: Final = {
    "procedure": N_("Procedure"),
    "agency": N_("Unit that handles it"),
    "papers": N_("Papers handed in"),
    "name": N_("Name"),
    "phone": N_("Telephone"),
    "id_number": N_("Identity number"),
    "address": N_("Address"),
    "channel": N_("How it was handed in"),
    "at": N_("Received at"),
    "code": N_("Code of the dossier"),
    "counter": N_("Counter"),
}
"""Every field, in the order of the form."""
NEEDED = ("procedure", "agency", "name")
LENGTHS: Final = {
    "papers": 500,
    "name": 200,
    "phone": 30,
    "id_number": 30,
    "address": 500,
    "code": 60,
    "counter": 60,
}
"""Characters."""
MISSING = N_("This is needed.")
NOT_IN_LIST = N_("This is not in the list: choose anew.")
HIDDEN = N_("This holds an invisible character: type it anew.")
TOO_LONG = N_("This is too long: %(n)s characters at most.")
NO_CODE = N_("This is no dossier code: write it like H13.2-250401-0001, or leave it empty.")
NO_INSTANT = N_("This is no date with a time.")
FUTURE = N_("This lies in the future: it is %(now)s now.")
NOT_OURS = N_("Your key does not hand in for this unit.")
NOT_HANDED_IN = N_("The dossier was not handed in.")
NOT_KNOWN = N_("It is not known whether the dossier was handed in.")
NOT_ACCEPTED = N_("This unit does not accept this procedure.")


class Mistake(NamedTuple):
    """What is wrong, at which field (None: with the form as a whole); ``is_translated``: in the page's language."""

    field: str | None
    sentence: str
    is_translated: bool = True


class Wrong(NamedTuple):
    """Why a form was not taken: what that means for the dossier, what it comes to, and each mistake there is."""

    mistakes: tuple[Mistake, ...]
    status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY
    heading: str = NOT_HANDED_IN
    meaning: str = ""

    def at(self, field: str) -> Mistake | None:
        return next((each for each in self.mistakes if each.field == field), None)


def mistakes_of(page: Page, principal: Principal, given: Mapping[str, str]) -> tuple[Mistake, ...]:
    """All that is wrong with the form itself, one mistake a field, in the order of the form."""
    found = ((name, _mistake(page, principal, name, given)) for name in LABELS)
    return tuple(Mistake(name, sentence) for name, sentence in found if sentence is not None)


def refused(page: Page, error: DanbietError, given: Mapping[str, str]) -> Wrong:
    """What the rules refuse: at the field that their sentence names, if it names one."""
    if isinstance(error, Unsure):
        return Wrong((), HTTPStatus.SERVICE_UNAVAILABLE, NOT_KNOWN, UNSURE)
    if isinstance(error, Unavailable):
        return Wrong((), HTTPStatus.SERVICE_UNAVAILABLE, meaning=UNAVAILABLE)
    named = [part for each in re.findall(r"'([a-z_.]+)'", error.message) for part in each.split(".")]
    if error.code is Code.CONFLICT and given.get("code"):
        named.append("code")
    field = next((name for name in named if name in LABELS), None)
    told = said(page, error, given.get("procedure", ""))
    return Wrong((Mistake(field, *told),), meaning=REFUSALS.get(error.code, ""))


def instant_of(page: Page, text: str) -> datetime | None:
    """As browsers send it, without a zone: the office's own. None: it is none."""
    try:
        return whole(datetime.fromisoformat(text).replace(tzinfo=page.office.zone))
    except ValueError:
        return None


def _mistake(page: Page, principal: Principal, name: str, given: Mapping[str, str]) -> str | None:
    text = given.get(name, "")
    if not text:
        return page.t.say(MISSING) if name in NEEDED else None
    if hidden_in(text) is not None:
        return page.t.say(HIDDEN)
    if len(text) > LENGTHS.get(name, len(text)):
        return page.t.say(TOO_LONG) % {"n": page.t.number(LENGTHS[name])}
    return _of_its_kind(page, principal, name, given)


def _of_its_kind(page: Page, principal: Principal, name: str, given: Mapping[str, str]) -> str | None:
    text, catalogue, told = given[name], page.office.catalogue, ""
    at = instant_of(page, text) if name == "at" else None
    match name:
        case "procedure" if text not in catalogue.procedures:
            told = NOT_IN_LIST
        case "channel" if text not in CHANNELS:
            told = NOT_IN_LIST
        case "agency" if text not in catalogue.agencies:
            told = NOT_IN_LIST
        case "agency" if not principal.covers(catalogue, text):
            told = NOT_OURS
        case "agency" if text not in (catalogue.offers.get(given.get("procedure", "")) or (text,)):
            told = NOT_ACCEPTED
        case "code" if not re.fullmatch(CODE_PATTERN, text):
            told = NO_CODE
        case "at" if at is None:
            told = NO_INSTANT
        case "at" if at is not None and at > page.now + FUTURE_TOLERANCE:
            told = FUTURE
    return page.t.say(told) % {"now": page.t.moment(page.now)} if told else None
