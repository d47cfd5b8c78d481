"""Words for the values of the core: what the board calls a state, a cause, a bin. English is the key of gettext."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from models.budget import Unit
from models.bulletin import Bin
from models.calendar import LineKind
from models.errors import Code
from models.lateness import Cause, CorrectDecision, LatenessState, ReviewDecision
from models.views import Status, StepState


def N_(text: str) -> str:  # noqa: N802 - the name that gettext's tools look for
    """Marks a key for translation where it is only looked up later."""
    return text


STATES: Final = {
    LatenessState.RECORDED: N_("Recorded; the named person may still answer"),
    LatenessState.PUBLISHED: N_("Published"),
    LatenessState.EXCUSED: N_("Excused: a reviewer confirmed an objective reason"),
    LatenessState.ANNULLED: N_("Annulled: evidence showed there was no lateness"),
    LatenessState.CORRECTED: N_("Corrected: the agency answers, no person"),
    LatenessState.RETRACTED: N_("Retracted"),
}
CAUSES: Final = {
    Cause.OBJECTIVE: N_("objective"),
    Cause.SUBJECTIVE: N_("subjective"),
}
DECISIONS: Final = {
    ReviewDecision.UPHELD: N_("upheld"),
    ReviewDecision.EXCUSED: N_("excused"),
    CorrectDecision.CORRECTED: N_("corrected"),
    CorrectDecision.RETRACTED: N_("retracted"),
}
BINS: Final = {
    Bin.ON_TIME: N_("closed on time"),
    Bin.LATE: N_("closed late"),
    Bin.OPEN_OVERDUE: N_("open and overdue"),
    Bin.PAUSED: N_("waiting for the applicant"),
    Bin.NO_DEADLINE: N_("without a deadline"),
    Bin.OPEN_IN_TIME: N_("open, still in time"),
}
STATUSES: Final = {
    Status.RUNNING: N_("In process"),
    Status.PAUSED: N_("Waiting for you"),
    Status.PROCESSED: N_("Done: the result is ready"),
    Status.DELIVERED: N_("Result handed over"),
    Status.REFUSED: N_("Refused"),
    Status.WITHDRAWN: N_("Withdrawn by the applicant"),
    Status.STOPPED: N_("Stopped"),
}
STEP_STATES: Final = {
    StepState.PENDING: N_("not begun"),
    StepState.RUNNING: N_("in process"),
    StepState.PAUSED: N_("paused"),
    StepState.DONE: N_("done"),
    StepState.CANCELLED: N_("not needed any more"),
}
PAUSES: Final = {
    "supplement": N_("papers are missing: the clock stops until you bring them"),
    "payment": N_("a fee or tax is to be paid: the clock stops until you have paid"),
}
RESUMED: Final = {
    "supplement": N_("papers complete: the clock runs again"),
    "payment": N_("payment received: the clock runs again"),
}
UNITS: Final = {
    Unit.WORKING_HOURS: N_("working hours"),
    Unit.WORKING_DAYS: N_("working days"),
    Unit.CALENDAR_DAYS: N_("calendar days"),
    Unit.MONTHS: N_("months"),
}
KINDS: Final = {
    LineKind.COUNTED: N_("counted"),
    LineKind.CLOSED: N_("office closed"),
    LineKind.DAY_OFF: N_("day off"),
    LineKind.WORKED_SWAP: N_("counted: swapped working day"),
    LineKind.PAUSED: N_("clock stopped"),
    LineKind.EXTENDED: N_("extension"),
    LineKind.REWORK: N_("sent back"),
    LineKind.POLICY: N_("rule"),
}
CHANGES: Final = {
    "facts": N_("facts changed"),
    "method": N_("method changed"),
}
CHANNELS: Final = {
    "in_person": N_("in person"),
    "online": N_("online"),
    "post": N_("by public post"),
}
ERRORS: Final = {
    HTTPStatus.BAD_REQUEST: (
        N_("This request cannot be read"),
        N_(
            "Something in the form or the address is missing or not in the expected form. Go back and check it."
        ),
    ),
    HTTPStatus.UNAUTHORIZED: (
        N_("Sign in first"),
        N_("This page is for officials: sign in with your key."),
    ),
    HTTPStatus.FORBIDDEN: (
        N_("You may not see this page"),
        N_("It is for officials who have signed in."),
    ),
    HTTPStatus.NOT_FOUND: (
        N_("There is no such page"),
        N_(
            "The address may be mistyped, or nothing has been published there. "
            "Start from the front page, or look up your dossier with its code."
        ),
    ),
    HTTPStatus.CONFLICT: (
        N_("This paper cannot be printed"),
        N_("The dossier is not in the state that this paper is for."),
    ),
    HTTPStatus.TOO_MANY_REQUESTS: (
        N_("Too many attempts"),
        N_(
            "To protect dossiers from being guessed, look-ups are limited. "
            "Wait a few minutes, check the code and the secret on your receipt, and try again."
        ),
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        N_("Not available right now"),
        N_(
            "The part of the system that knows this is being restarted or cannot be reached. Nothing is lost: "
            "your dossier and its deadlines go on. Please try again in a minute."
        ),
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        N_("This page failed"),
        N_("The fault is ours and has been noted. Please try again, or go to the front page."),
    ),
}
REFUSALS: Final = {
    Code.NOT_FOUND: N_("There is no such thing, or not in your units."),
    Code.INVALID: N_("Something that was entered is missing or cannot be right."),
    Code.FORBIDDEN: N_("Your key may not do this; a supervisor may."),
    Code.CONFLICT: N_("It contradicts what is on record already."),
    Code.ILLEGAL_ACTION: N_("The dossier is not in a state that allows this."),
    Code.TOO_EARLY: N_("It is too early for this."),
    Code.TOO_LATE: N_("It is too late for this."),
    Code.NOT_HOLDER: N_(
        "You do not hold this step; a supervisor may act in the holder's stead, with a reason."
    ),
    Code.ALREADY_DONE: N_("This has been done already."),
    Code.DUPLICATE: N_("This has been handed in already."),
    Code.STALE: N_(
        "The dossier has gone on since you read it: somebody acted on it, or a deadline passed. "
        "What you typed is kept: look at what the dossier is now, and send it again if it still holds."
    ),
}
"""What a refusal comes to; the core's own sentence stands beside it, with the particulars."""
UNAVAILABLE: Final = N_(
    "The engine does not answer right now. What you typed is kept: try again in a minute."
)
UNSURE: Final = N_(
    "The engine has not answered in time. What you typed is kept: send it again in a minute, "
    "as it is; it is not taken twice."
)
ALL_DAY: Final = N_("all day")
