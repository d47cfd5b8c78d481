"""Whom the rows of an event log show to have had a step since it began (rules R3).

Only all of them together tell: the first row about a step may come in a later part of the log, and an earlier one
later still. So it is found anew at each fold, and no start or transfer keeps anything of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from models.actions import Complete, Extend, Given, HandOver, SendBack, Transfer
from models.rules import Rules


@dataclass(frozen=True, slots=True)
class FirstRows:
    """What the first rows about the steps show. Places are those of actions in the order of acceptance."""

    held: Mapping[str, tuple[int | None, str]] = field(default_factory=dict)
    """Step -> (the transfer since which, None: since the submission; official), where the plan says otherwise."""
    strangers: frozenset[int] = frozenset()
    """First rows whose official is of an agency that the step has not come to."""

    def holder(self, step: str, since: int | None, default: str | None) -> str | None:
        """Who has the step since that transfer or the submission; ``default``: where no row tells."""
        place, official = self.held.get(step, (since, default))
        return official if place == since else default


class _Coming(NamedTuple):
    """A step comes to an agency: by which transfer (None: the submission), and who has it there by default."""

    by: int | None
    agency: str
    official: str | None


def first_rows(rules: Rules, ordered: Iterable[tuple[int, Given]]) -> FirstRows:
    """What ``ordered`` shows: all actions in the order of the fold, each with its place in that of acceptance.

    An official has had a step since the submission or, where a transfer brought it to his or her agency, since then.
    """
    roles = {step.key: step.role for step in rules.steps}
    comings = {step.key: [_Coming(None, step.agency, step.official)] for step in rules.steps}
    competent, seen = rules.agency, set[str]()
    held: dict[str, tuple[int | None, str]] = {}
    strangers: set[int] = set()
    for index, given in ordered:
        action = given.action
        if isinstance(action, Transfer):
            for key, known in comings.items():
                if key == action.step or (action.step is None and known[-1].agency == competent):
                    known.append(_Coming(index, action.agency, action.roster.get(roles[key])))
            competent = action.agency if action.step is None else competent
        elif isinstance(action, Complete | Extend | SendBack | HandOver) and action.step not in seen:
            if action.step is None or action.step not in comings:
                continue
            seen.add(action.step)
            if isinstance(action, HandOver) or action.official is None or given.of_agency is None:
                continue
            coming = next((one for one in comings[action.step] if one.agency == given.of_agency), None)
            if coming is None:
                strangers.add(index)
            elif coming.official != action.official:
                held[action.step] = (coming.by, action.official)
    return FirstRows(held, frozenset(strangers))
