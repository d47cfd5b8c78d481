"""Every refusal of the project, as one small hierarchy.

DanbietError
├── Refusal            an action or submission that the rules refuse; carries a stable code
├── CatalogueError     data of the catalogue that cannot be used
└── Unavailable        the engine or the database is out of reach; nothing was half accepted
    └── Unsure         what was sent got no answer: it is taken whole, or not at all
"""

from __future__ import annotations

from enum import StrEnum

Value = str | int | float
"""A fact in a sentence; instants as ISO 8601 with the offset of the dossier's zone."""


class Code(StrEnum):
    """Stable codes of refusals (interfaces: ``/problems/<code>``)."""

    NOT_FOUND = "not_found"
    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    CONFLICT = "conflict"
    ILLEGAL_ACTION = "illegal_action"
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"
    NOT_HOLDER = "not_holder"
    ALREADY_DONE = "already_done"
    DUPLICATE = "duplicate"
    UNAVAILABLE = "unavailable"
    TOO_MANY_REQUESTS = "too_many_requests"
    STALE = "stale"


class DanbietError(Exception):
    """Root of everything this project raises on purpose."""

    code: Code = Code.INVALID

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Refusal(DanbietError):
    """A rule says no. Nothing has changed; the sentence says what, where and how to mend it.

    ``values`` stand in the named places of the sentence, as in ``models.refusals``: a door that speaks another
    language tells its own sentence with the same facts.
    """

    def __init__(self, code: Code, sentence: str, /, **values: Value) -> None:
        super().__init__(sentence % values if values else sentence)
        self.code, self.sentence, self.values = code, sentence, values

    def after(self, code: Code, beginning: str, /, **values: Value) -> Refusal:
        """This refusal as the end of another one, whose sentence is only ``beginning``."""
        end = self.sentence if self.values else self.sentence.replace("%", "%%")
        return Refusal(code, f"{beginning} {end}", **self.values, **values)


class CatalogueError(DanbietError):
    """Catalogue data that cannot be used, with file and line in the sentence."""


class Unavailable(DanbietError):
    """The engine or the database cannot be reached now; try again, nothing was half accepted."""

    code = Code.UNAVAILABLE


class Unsure(Unavailable):
    """No answer came to what was sent, so it may have been taken; the same sent again is not taken twice."""
