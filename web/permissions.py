"""Who may do what, in one table: operation -> roles. How far a role sees is ``Principal.covers``.

An operation on something outside a key's units is answered as if the thing did not exist.
"""

from __future__ import annotations

from enum import StrEnum

from models.access import Principal, Role
from models.errors import Code, Refusal

STAFF = frozenset({Role.COUNTER, Role.OFFICIAL, Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN})
EVERYBODY = STAFF | {Role.PUBLIC}


class Operation(StrEnum):
    """What a route does."""

    SUBMIT = "submit"
    ACT = "act"
    READ_DOSSIERS = "read_dossiers"
    READ_LATENESSES = "read_latenesses"
    READ_BULLETINS = "read_bulletins"
    READ_RECORDS = "read_records"
    READ_EVENTS = "read_events"
    PRINT = "print"
    WORK = "work"
    MANAGE_WEBHOOKS = "manage_webhooks"


MAY = {
    Operation.SUBMIT: frozenset({Role.COUNTER, Role.SUPERVISOR, Role.ADMIN}),
    Operation.ACT: frozenset({Role.COUNTER, Role.OFFICIAL, Role.SUPERVISOR, Role.ADMIN}),
    Operation.READ_DOSSIERS: STAFF,
    Operation.READ_LATENESSES: EVERYBODY,
    Operation.READ_BULLETINS: EVERYBODY,
    Operation.READ_RECORDS: EVERYBODY,
    Operation.READ_EVENTS: frozenset({Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN}),
    Operation.WORK: frozenset({Role.COUNTER, Role.OFFICIAL, Role.SUPERVISOR, Role.ADMIN}),
    Operation.MANAGE_WEBHOOKS: frozenset({Role.ADMIN}),
    Operation.PRINT: frozenset({Role.COUNTER, Role.OFFICIAL, Role.SUPERVISOR, Role.ADMIN}),
}


def check(principal: Principal, operation: Operation) -> None:
    """Raises :class:`Refusal`: ``unauthenticated`` without a key, ``forbidden`` with one of another role."""
    if principal.role in MAY[operation]:
        return
    if principal.role is Role.PUBLIC:
        raise Refusal(Code.UNAUTHENTICATED, "this needs a key: send 'Authorization: Bearer <key>'")
    raise Refusal(Code.FORBIDDEN, f"a key of role '{principal.role}' may not do this")
