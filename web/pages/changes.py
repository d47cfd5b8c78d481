"""What a later edition changed, said in the reader's language.

Editions keep these sentences in one language (``models.editions``), for they are hashed as they are. What is not
understood here is shown as it is kept.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from web.pages.language import Tongue
from web.pages.words import BINS, CAUSES, N_, STATES

ROW = re.compile(
    r"(?P<agency>\S+), dossier (?P<dossier>\S+), (?P<step>\S+) due (?P<due>\S+ \S+): (?P<rest>.+)"
)
UNIT = re.compile(r"(?P<agency>[A-Z0-9.]+): (?P<rest>.+)")
MORE = re.compile(r"and (?P<n>\d+) more")
SENTENCES = {
    "no longer listed": N_("no longer listed"),
    "added": N_("added to the list"),
    "added to the units": N_("added to the units"),
    "no longer among the units": N_("no longer among the units"),
    "names no person any more": N_("names no person any more"),
    "names a person": N_("names a person"),
    "names another person": N_("names another person"),
    "explanation changed": N_("the answer changed"),
}
NAMES = {
    "agencies": N_("Units"),
    "officials": N_("Individuals"),
    "dossiers": N_("Dossiers"),
    "excused": N_("Excused"),
    "retracted": N_("Retracted"),
    "received": N_("received"),
    "state": N_("state"),
    "cause": N_("cause"),
    "completed at": N_("completed at"),
    "apology at": N_("apology sent at"),
    "overrun minutes": N_("minutes late"),
    "overrun working days": N_("working days late"),
    "rate fair": N_("fair rate"),
    "rate national 766": N_("rate of Decision 766"),
    "on time of rate fair": N_("on time, of the fair rate"),
    "dossiers of rate fair": N_("dossiers, of the fair rate"),
    "on time of rate national 766": N_("on time, of the rate of Decision 766"),
    "dossiers of rate national 766": N_("dossiers, of the rate of Decision 766"),
    "group by volume": N_("group by volume"),
    **{each.value.replace("_", " "): words for each, words in BINS.items()},
}
VALUES = {
    **{each.value: words for each, words in STATES.items()},
    **{each.value: words for each, words in CAUSES.items()},
    "none": N_("none"),
}


class Change(NamedTuple):
    """A sentence, and the language it is in."""

    text: str
    lang: str


def told(text: str, t: Tongue) -> Change:
    """The sentence of an edition in the language of ``t``; as it is kept where that is not possible."""
    found = _row(text, t) or _unit(text, t) or _rest(text, t)
    return Change(found, t.language.value) if found else Change(text, "en")


def _row(text: str, t: Tongue) -> str | None:
    row = ROW.fullmatch(text)
    if row is None or (rest := _rest(row["rest"], t)) is None:
        return None
    try:
        due = t.moment(datetime.strptime(row["due"], "%Y-%m-%d %H:%M").replace(tzinfo=t.zone))
    except ValueError:
        return None
    step = t.say(N_("promise")) if row["step"] == "promise" else row["step"]
    label = t.say(N_("%(agency)s, dossier %(dossier)s, %(step)s due %(due)s"))
    known = {"agency": row["agency"], "dossier": row["dossier"], "step": step, "due": due}
    return f"{label % known}: {rest}"


def _unit(text: str, t: Tongue) -> str | None:
    unit = UNIT.fullmatch(text)
    rest = None if unit is None else _rest(unit["rest"], t)
    return None if unit is None or rest is None else f"{unit['agency']}: {rest}"


def _rest(text: str, t: Tongue) -> str | None:
    if text in SENTENCES:
        return t.say(SENTENCES[text])
    if more := MORE.fullmatch(text):
        return t.say(N_("and %(n)s more")) % {"n": more["n"]}
    # The longest name first: that of a rate's counts begins as that of a total does.
    for name in sorted(NAMES, key=len, reverse=True):
        before, arrow, after = text.removeprefix(f"{name} ").partition(" -> ")
        if arrow and text.startswith(f"{name} "):
            return f"{t.say(NAMES[name])}: {_value(before, t)} → {_value(after, t)}"
    return None


def _value(text: str, t: Tongue) -> str:
    return t.say(VALUES[text]) if text in VALUES else text
