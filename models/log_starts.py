"""What the rows of one dossier in an event log mean: its start with all its actions, judged by the core (rules R3)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from models import refusals
from models.actions import Actor, Given, Role, parse_action
from models.catalogue import Catalogue
from models.dossier import Dossier
from models.errors import Code, Refusal
from models.instants import parse_instant
from models.log import SUBMIT, Log, Row
from models.procedure import Procedure
from models.submission import FLOW, DossierStart, Heard

_FIELDS = ("step", "official", "reason", "amount", "unit", "text", "lateness", "decision", "cause")


class BadRow(Refusal):
    """A refusal that knows which row and column it speaks of."""

    def __init__(self, row: Row, column: str, reason: str) -> None:
        super().__init__(Code.INVALID, reason)
        self.row, self.column = row, column


class LogReader:
    """Makes starts and actions of rows, with what the catalogue knows of the people and agencies in them."""

    def __init__(self, catalogue: Catalogue, now: datetime, heard: Heard | None = None) -> None:
        self._catalogue, self._now, self._heard = catalogue, now, heard

    def judge(self, log: Log, code: str, rows: Sequence[Row]) -> bool:
        """Whether the core accepts every row of the dossier; otherwise the bad one is noted in the log."""
        try:
            start = self.start(code, rows)
            if (refusal := self._refusal(start)) is not None:
                raise self._bad_row(rows, start, refusal)
        except BadRow as bad:
            log.refuse(code, bad.row.line, bad.column, bad.message)
            return False
        return True

    def start(self, code: str, rows: Sequence[Row]) -> DossierStart:
        """The start of the dossier with all its rows. Raises :class:`BadRow`."""
        first = rows[0]
        _check_first(rows)
        procedure = self._found(first, "procedure", self._catalogue.procedure)
        self._check_names(rows, procedure)
        submitted, received = _instant(first, "submitted_at"), _instant(first, "received_by_competent_at")
        if submitted is not None and submitted > first.at:
            raise BadRow(first, "submitted_at", "must not be later than the acceptance, 'at'")
        if received is not None and received < first.at:
            raise BadRow(first, "received_by_competent_at", "must not be earlier than the acceptance, 'at'")
        try:
            rules = self._catalogue.rules_for(
                procedure.code, first["agency"], accepted_at=first.at, assignees={}
            )
        except Refusal as refusal:
            raise BadRow(first, "agency", refusal.message) from None
        return DossierStart(
            code=code,
            rules=rules,
            accepted_at=first.at,
            submitted_at=submitted,
            received_at=received,
            by=first["official"] or "log",
            row=first.id,
            content=fingerprint(rows),
            flow=FLOW,
            given=tuple(self._given(row) for row in rows[1:]),
            imported=True,
            heard=self._heard,
        )

    def additions(self, rows: Sequence[Row], procedure: str) -> tuple[Given, ...]:
        """The actions in ``rows`` about a dossier that is known already. Raises :class:`BadRow`."""
        actions = [row for row in rows if row["activity"] != SUBMIT]
        if not actions:
            return ()
        known = self._catalogue.procedures.get(procedure)
        if known is None:
            raise BadRow(actions[0], "dossier", f"its procedure {procedure} is no longer in the catalogue")
        self._check_names(actions, known)
        return tuple(self._given(row) for row in actions)

    # --- the names in the rows -------------------------------------------------------------------------------------

    def _found(self, row: Row, column: str, find: Callable[[str], Any]) -> Any:
        try:
            return find(row[column])
        except Refusal as refusal:
            raise BadRow(row, column, refusal.message) from None

    def _check_names(self, rows: Sequence[Row], procedure: Procedure) -> None:
        keys = [step.key for step in procedure.steps]
        for row in rows:
            if row["procedure"] and row["procedure"] != procedure.code:
                raise BadRow(row, "procedure", f"the dossier was submitted for {procedure.code}")
            if row["step"] and row["step"] not in keys:
                close = get_close_matches(row["step"], keys, n=2, cutoff=0.6)
                hint = f"did you mean {' or '.join(close)}?" if close else f"its steps are {', '.join(keys)}"
                raise BadRow(row, "step", f"there is no step '{row['step']}' in {procedure.code}: {hint}")
            for column, find in (("official", self._catalogue.official), ("agency", self._catalogue.agency)):
                if row[column]:
                    self._found(row, column, find)

    # --- the actions -----------------------------------------------------------------------------------------------

    def _given(self, row: Row) -> Given:
        """The row as an action, with what the catalogue knows of the people and the agency in it."""
        name = row["activity"]
        fields: dict[str, Any] = {column: row[column] for column in _FIELDS if row[column]}
        if name == "transfer" and row["agency"]:
            agency = self._catalogue.agency(row["agency"])
            roster = self._catalogue.roster_of(agency.code)
            fields |= {"agency": agency.code, "roster": roster, "head": agency.head, "parent": agency.parent}
        of_agency = self._catalogue.official(row["official"]).agency if row["official"] else None
        if name == "hand_over" and of_agency is not None:
            fields["of_agency"] = of_agency
        try:
            action = parse_action({"action": name, "at": row.at, **fields})
        except Refusal as refusal:
            raise BadRow(row, _column_of(refusal), refusal.message) from None
        actor = row["official"] if name != "hand_over" else ""
        by = Actor(name=actor or "log", role=Role.LOG)
        return Given(action=action, by=by, id=row.id, of_agency=of_agency if row["step"] else None)

    # --- what the core says ----------------------------------------------------------------------------------------

    def _refusal(self, start: DossierStart) -> Refusal | None:
        try:
            Dossier(start).begin(self._now)
        except Refusal as refusal:
            return refusal
        return None

    def _bad_row(self, rows: Sequence[Row], start: DossierStart, refusal: Refusal) -> BadRow:
        """The row that ends the shortest beginning of the log which the core refuses."""
        if (first := self._refusal(start.model_copy(update={"given": ()}))) is not None:
            return BadRow(rows[0], "at", first.message)
        sound, refused = 0, len(start.given)
        while refused - sound > 1:
            middle = (sound + refused) // 2
            shorter = self._refusal(start.model_copy(update={"given": start.given[:middle]}))
            if shorter is None:
                sound = middle
            else:
                refused, refusal = middle, shorter
        column = "lateness" if rows[refused]["lateness"] else "activity"
        if refusal.sentence == refusals.OF_ANOTHER_UNIT:
            column = "official"
        return BadRow(rows[refused], column, refusal.message)


def fingerprint(rows: Iterable[Row]) -> str:
    """Equal for the same rows handed in again."""
    return hashlib.sha256("".join(row.id for row in rows).encode()).hexdigest()


def _check_first(rows: Sequence[Row]) -> None:
    submissions = [row for row in rows if row["activity"] == SUBMIT]
    if not submissions:
        raise BadRow(rows[0], "activity", "the first action of a dossier is its submission, which is missing")
    if rows[0] is not submissions[0]:
        line = submissions[0].line
        raise BadRow(rows[0], "at", f"lies before the acceptance (line {line}): the first action is 'submit'")
    if len(submissions) > 1:
        line = submissions[0].line
        raise BadRow(submissions[1], "activity", f"the dossier was submitted already, in line {line}")


def _instant(row: Row, column: str) -> datetime | None:
    return parse_instant(row[column]) if row[column] else None


def _column_of(refusal: Refusal) -> str:
    """The column that a refused action's sentence speaks of."""
    words = re.findall(r"[a-z_]+", refusal.message)
    return next((word for word in words if word in (*_FIELDS, "agency")), "activity")
