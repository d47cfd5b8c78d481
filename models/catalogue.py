"""The catalogue: agencies, officials, procedures, who has which step by default, working calendars.

Checked when it is read (`models.catalogue_parse`); what stands here can be relied on. Its answer to a submission
is a :class:`Rules`: everything a dossier carries along, so that a later change of the catalogue never reaches it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from difflib import get_close_matches

from models.budget import Model
from models.calendar import CalendarData, WorkingCalendar
from models.errors import Code, Refusal
from models.procedure import Procedure, Step
from models.rules import PlannedStep, Rules


class Agency(Model):
    """A unit that answers for steps. ``head``: the official who answers where no person is named.

    The dates and ``successors`` record a reorganisation (domain 7); ``valid_until`` is its last day. Nothing is
    refused because of them. ``volume_group``: agencies that may fairly be compared with each other.
    """

    code: str
    name: str
    parent: str | None = None
    head: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    successors: tuple[str, ...] = ()
    volume_group: str | None = None


class Official(Model):
    """A person who holds steps. The id is what logs, latenesses and shares speak of."""

    id: str
    name: str
    position: str
    agency: str


class Catalogue(Model):
    """All of it, by code or id. ``roster``: agency -> role -> default official. ``offers``: procedure -> the agencies
    that accept it; a procedure that is not in there is accepted everywhere."""

    agencies: dict[str, Agency]
    officials: dict[str, Official]
    procedures: dict[str, Procedure]
    roster: dict[str, dict[str, str]]
    calendars: dict[str, CalendarData]
    offers: dict[str, tuple[str, ...]] = {}

    # --- looking up --------------------------------------------------------------------------------------------

    def procedure(self, code: str) -> Procedure:
        if (found := self.procedures.get(code)) is not None:
            return found
        raise _unknown("procedure", code, {p.code: p.name for p in self.procedures.values()})

    def agency(self, code: str) -> Agency:
        if (found := self.agencies.get(code)) is not None:
            return found
        raise _unknown("agency", code, {a.code: a.name for a in self.agencies.values()})

    def official(self, official: str) -> Official:
        if (found := self.officials.get(official)) is not None:
            return found
        raise _unknown("official", official, {o.id: o.agency for o in self.officials.values()})

    def chain(self, agency: str) -> tuple[str, ...]:
        """The agency and all above it, upward. Raises :class:`Refusal` if it is unknown."""
        above = self.agency(agency)
        codes = [above.code]
        while above.parent is not None and above.parent not in codes:
            above = self.agency(above.parent)
            codes.append(above.code)
        return tuple(codes)

    def is_supervisor(self, official: str, agency: str) -> bool:
        """Heads that agency or one above it. Nobody supervises an agency that is not in the catalogue."""
        if agency not in self.agencies:
            return False
        return any(self.agencies[code].head == official for code in self.chain(agency))

    def roster_default(self, agency: str, role: str) -> str | None:
        """Who has that role's steps at that agency from the start; None: its queue."""
        return self.roster.get(agency, {}).get(role)

    def roster_of(self, agency: str) -> dict[str, str]:
        """Default official of every role at that agency."""
        return dict(self.roster.get(agency, {}))

    def calendar_of(self, procedure: str) -> WorkingCalendar:
        """The calendar on which that procedure's time is counted. Raises :class:`Refusal` if it is unknown."""
        return WorkingCalendar.of(self.calendars[self.procedure(procedure).calendar])

    @property
    def main_calendar(self) -> WorkingCalendar:
        """The one that most procedures go by: its zone is the installation's."""
        used = Counter(procedure.calendar for procedure in self.procedures.values())
        return WorkingCalendar.of(self.calendars[used.most_common(1)[0][0]])

    # --- submission --------------------------------------------------------------------------------------------

    def rules_for(
        self, procedure: str, agency: str, *, accepted_at: datetime, assignees: Mapping[str, str]
    ) -> Rules:
        """The rules under which a dossier of that procedure starts at that (competent) agency.

        ``assignees``: step -> official, where the first holder is not the roster's (rules R3).
        Raises :class:`Refusal` (``invalid``) with a sentence for what does not fit the catalogue.
        """
        found = self.procedure(procedure)
        self._check_offered(found, self.agency(agency))
        self._check_steps(found, assignees)
        steps = tuple(
            self._planned(step, number, step.agency or agency, assignees.get(step.key))
            for number, stage in enumerate(found.stages, 1)
            for step in stage.steps
        )
        in_play = dict.fromkeys(
            code for start in (agency, *(step.agency for step in steps)) for code in self.chain(start)
        )
        known = [self.agencies[code] for code in in_play]
        zone = self.calendar_of(procedure).zone
        return Rules(
            procedure=found.code,
            procedure_version=found.version,
            agency=agency,
            total=found.total,
            steps=steps,
            policies=found.policies,
            calendar=self.calendars[found.calendar].slice(accepted_at.astimezone(zone).date()),
            heads={each.code: each.head for each in known if each.head is not None},
            parents={each.code: each.parent for each in known if each.parent is not None},
        )

    def _check_offered(self, procedure: Procedure, agency: Agency) -> None:
        offers = self.offers.get(procedure.code)
        if offers is None or agency.code in offers:
            return
        shown = ", ".join(offers[:5]) + (f" and {len(offers) - 5} more" if len(offers) > 5 else "")
        raise Refusal(
            Code.INVALID,
            f"{agency.code} ({agency.name}) does not accept {procedure.code} ({procedure.name}): {shown} do",
        )

    def _check_steps(self, procedure: Procedure, assignees: Mapping[str, str]) -> None:
        known = [step.key for step in procedure.steps]
        for key in assignees:
            if key not in known:
                raise Refusal(
                    Code.INVALID,
                    f"assignees: there is no step '{key}' in {procedure.code}: its steps are {', '.join(known)}",
                )

    def _planned(self, step: Step, stage: int, agency: str, assignee: str | None) -> PlannedStep:
        official = self.roster_default(agency, step.role)
        if assignee is not None:
            person = self.official(assignee)
            if person.agency != agency:
                raise Refusal(
                    Code.INVALID,
                    f"assignees: {person.id} belongs to {person.agency}, step '{step.key}' to {agency}: "
                    f"name an official of {agency}, or leave it out",
                )
            official = person.id
        return PlannedStep(
            key=step.key,
            stage=stage,
            name=step.name,
            role=step.role,
            agency=agency,
            official=official,
            budget=step.budget,
        )


def _unknown(kind: str, name: str, known: Mapping[str, str]) -> Refusal:
    """The refusal of a name that is not ``known`` (code -> name), with the nearest codes, or else names."""
    close = get_close_matches(name, list(known), n=3, cutoff=0.5)
    if not close:
        codes = {told.casefold(): code for code, told in known.items()}
        close = [codes[told] for told in get_close_matches(name.casefold(), list(codes), n=3, cutoff=0.6)]
    hint = "did you mean " + " or ".join(f"{code} ({known[code]})" for code in close) + "?"
    return Refusal(
        Code.INVALID, f"unknown {kind} '{name}': {hint if close else 'the catalogue has none like it'}"
    )
