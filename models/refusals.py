"""The sentences with which the rules refuse an action or a dossier, with named places for their facts.

An English sentence is also the key under which a door finds it in another language; the facts come beside it. Places
are named for what stands in them, and each kind is told alike everywhere: ``at``, ``since``, ``now``: an instant;
``step``, ``who``, ``holder``, ``unit``, ``dossier``, ``lateness``: a key, id or code, in the plural several of them;
``status``, ``state``, ``stands``, ``kind``, ``action``, ``field``: a value of the core; ``what``: one of the deeds
below; ``units``: of time. ``later`` and ``later_at``: another action, and when.
"""

from __future__ import annotations

from typing import Final

BEFORE_ACCEPTANCE: Final = "%(at)s lies before the acceptance of %(dossier)s at %(since)s"
DELIVERED_ALREADY: Final = "the result of %(dossier)s was delivered already"
NOT_PROCESSED: Final = "%(dossier)s is %(status)s: a result is delivered only after processing"
CLOSED: Final = "%(dossier)s was closed (%(status)s) at %(since)s: '%(action)s' must lie before that"
PAUSED: Final = "%(dossier)s is paused since %(since)s (%(kind)s): '%(action)s' must wait"
NOT_FOR_COUNTERS: Final = "an intake counter may not %(what)s"
NOT_IN_STEAD: Final = "%(who)s may not act for %(holder)s; a supervisor may"
HOLDS_NOT_STEP: Final = (
    "%(who)s holds not step '%(step)s' of %(dossier)s: a holder or a supervisor may %(what)s"
)
HOLDS_NOTHING: Final = "%(who)s holds no active step of %(dossier)s: a holder or a supervisor may %(what)s"
STEP_COMPLETED: Final = "step '%(step)s' was completed at %(at)s"
STEP_NOT_BEGUN: Final = "step '%(step)s' has not begun: the stage before it is not done"
ANOTHER_HOLDS: Final = "%(who)s does not hold step '%(step)s': %(holder)s does"
QUEUE_HOLDS: Final = "%(who)s does not hold step '%(step)s': the queue of %(unit)s does"
STEAD_WITHOUT_REASON: Final = (
    "%(who)s does not hold step '%(step)s', %(holder)s does: "
    "a supervisor who completes it in the holder's stead gives a reason"
)
NOTHING_TO_HAND_OVER: Final = "step '%(step)s' is %(state)s: nothing is left to hand over"
OF_ANOTHER_UNIT: Final = "%(who)s belongs to %(unit)s, step '%(step)s' to %(other_unit)s: transfer it first"
NOTHING_TO_TRANSFER: Final = "step '%(step)s' is %(state)s: nothing is left to transfer"
WITH_UNIT: Final = "%(dossier)s is with %(unit)s already"
STEP_WITH_UNIT: Final = "step '%(step)s' is with %(unit)s already"
NO_STEP: Final = "there is no step '%(step)s' in %(dossier)s: its steps are %(steps)s"
NOT_EARLIER: Final = "step '%(step)s' is not of an earlier stage: a dossier is sent back, not forward"
NOT_PAUSED: Final = "%(dossier)s is not paused: there is nothing to resume"
OTHER_PAUSE: Final = "%(dossier)s waits for a %(kind)s, which '%(action)s' does not bring"
EXTENDED_BEFORE: Final = "%(dossier)s was extended before: a dossier is extended once at most"
NO_DEADLINE: Final = "%(dossier)s has no deadline that could be extended"
NO_AMOUNT: Final = "an extension needs an amount above 0"
NO_WHOLE_MINUTES: Final = "%(amount)s %(units)s does not come to whole minutes (%(minutes)s)"
TOO_FAR: Final = "the deadline lies beyond the year 9999: give a smaller amount"
EXTENDED_TOO_LATE: Final = (
    "an extension needs at least one working day before the promised date; %(dossier)s has "
    "%(left)s of %(needed)s minutes left"
)
NOT_ACTIVE: Final = "step '%(step)s' is %(state)s: only an active step is extended"
SEVERAL_RUN: Final = "several steps run (%(steps)s): say which one is extended"
STALE: Final = (
    "%(dossier)s has gone on from sequence %(read)s to %(sequence)s since you read it: "
    "read it again, and act on what it is now"
)
FUTURE: Final = "'%(action)s' at %(at)s lies in the future (now %(now)s)"
BACKDATED: Final = (
    "'%(action)s' at %(at)s lies more than %(limit)s minutes before now: only a supervisor may send it"
)
BACKDATED_WITHOUT_REASON: Final = (
    "'%(action)s' at %(at)s lies more than %(limit)s minutes before now: give the reason for it"
)
CROSSES_DEADLINE: Final = (
    "'%(action)s' at %(at)s crosses a deadline that has passed: only a supervisor may send it"
)
CROSSES_WITHOUT_REASON: Final = (
    "'%(action)s' at %(at)s crosses a deadline that has passed: give the reason for it"
)
MAKES_ILLEGAL: Final = "it would make '%(later)s' of %(later_at)s, accepted before, illegal:"
"""The sentence that would then refuse the later action follows."""
RECORDED_LATER: Final = "%(lateness)s was recorded only after that instant"
NO_LATENESS: Final = "there is no lateness '%(lateness)s' (this dossier's: %(latenesses)s)"
NO_LATENESS_AT_ALL: Final = "there is no lateness '%(lateness)s' (this dossier's: none)"
NO_HEARING: Final = "'%(action)s' is no action of a hearing"
EXPLAINED_BY: Final = "%(lateness)s is explained by %(holder)s, whom it names"
EXPLAINED_BY_HEAD: Final = "%(lateness)s is explained by the head of %(unit)s, whom it names"
NOT_EXPLAINED_FOR: Final = "%(who)s may not explain for %(holder)s"
NOTHING_TO_EXPLAIN: Final = "%(lateness)s is %(stands)s: there is nothing to explain"
NO_JUDGE: Final = "%(who)s may not judge %(lateness)s: a supervisor may"
OWN_CASE: Final = "%(who)s is named by %(lateness)s and may not judge it"
NO_REASON: Final = "a decision on %(lateness)s needs a reason"
EXCUSED_ALREADY: Final = "%(lateness)s was excused already"
ONLY_CORRECTED: Final = "%(lateness)s is %(stands)s: after publication it can only be corrected"
NO_CAUSE: Final = "to excuse %(lateness)s needs its cause: objective or subjective"
NOT_PUBLISHED: Final = "%(lateness)s is not published: review it instead"
STANDS_ALREADY: Final = "%(lateness)s is %(stands)s already"
NO_ACTION: Final = "'%(action)s' is no action: use one of %(actions)s"
FIELD_MISSING: Final = "'%(action)s': the field '%(field)s' is missing"
FIELD_EMPTY: Final = "'%(action)s': '%(field)s' is empty"
FIELD_UNKNOWN: Final = "'%(action)s': it takes no field '%(field)s'"
FIELD_TOO_LONG: Final = "'%(action)s': '%(field)s' is too long: %(most)s characters at most"
FIELD_TOO_SMALL: Final = "'%(action)s': '%(field)s' must be %(least)s at least"
FIELD_TOO_LARGE: Final = "'%(action)s': '%(field)s' must be %(most)s at most"
FIELD_HIDES: Final = "'%(field)s' holds the invisible character %(character)s: write it without"
NO_INSTANT: Final = "'%(text)s' is not an instant: write it like 2026-01-08T08:00:00+07:00"
NO_ZONE: Final = "'%(text)s' has no time zone: add the offset, like 2026-01-08T08:00:00+07:00"
NO_DATE: Final = "'%(text)s' is no date of this world"
NO_NUMBER: Final = "'%(action)s': '%(field)s' must be a number"
NO_AMOUNT_TAKEN: Final = "'%(action)s' takes no amount or unit; only 'extend' does"
AMOUNT_AND_UNIT: Final = "'extend' needs an amount and a unit (one of %(units)s)"
AMOUNT_MISSING: Final = "'extend' needs both an amount and a unit, like 2 working_days"
EXISTS_OTHERWISE: Final = "%(dossier)s exists already with other content: use another code, or send an action"
EXISTS_FORGOTTEN: Final = "%(dossier)s exists already, and its content can no longer be compared"

COMPLETE: Final = "complete a step"
HAND_OVER: Final = "hand it over"
TRANSFER: Final = "transfer it"
PAUSE: Final = "pause it"
EXTEND: Final = "extend it"
RESUME: Final = "resume it"
SEND_BACK: Final = "send it back"
DELIVER: Final = "deliver it"
REFUSE: Final = "refuse it"
WITHDRAW: Final = "withdraw it"
STOP: Final = "stop it"

SENTENCES: Final = frozenset(
    value for name, value in list(globals().items()) if name.isupper() and isinstance(value, str)
)
"""Everything here that is told in other languages, too."""
