"""What the public may see of a lateness (rules R4 and R9): the named official, and of everybody else the agency."""

from __future__ import annotations

from models.bulletin import masked
from models.lateness import Lateness, LatenessState

PUBLIC_STATES = (LatenessState.PUBLISHED, LatenessState.CORRECTED)


def public_id(lateness: str) -> str:
    """``…0006:verify:1`` of a whole id: only the last group of the dossier's code."""
    code, _, rest = lateness.partition(":")
    return f"{masked(code)}:{rest}"


def public_lateness(lateness: Lateness) -> Lateness:
    """A published (or corrected) one as everybody may see it: no co-holder, head or reviewer by name, no whole code."""
    named = lateness.official if lateness.state is LatenessState.PUBLISHED else None
    return lateness.model_copy(
        update={
            "id": public_id(lateness.id),
            "dossier": masked(lateness.dossier),
            "official": named,
            "head": None,
            "explanation": lateness.explanation if lateness.state is LatenessState.PUBLISHED else None,
            "review": None,
            "shares": tuple(
                each if each.official == named else each.model_copy(update={"official": None})
                for each in lateness.shares
            ),
            "after": tuple(
                each if each.official == named else each.model_copy(update={"official": None})
                for each in lateness.after
            ),
        }
    )
