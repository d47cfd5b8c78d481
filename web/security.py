"""From a request to who asks: a bearer key, or the session cookie of a browser that signed in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Request

from models.access import ANYBODY, Principal
from models.errors import Code, Refusal
from models.instants import whole
from store import keys
from web.office import TheOffice
from web.permissions import Operation, check

BEARER = "bearer"
COOKIE = "danbiet"
"""Holds the key of a browser that signed in: HttpOnly, SameSite=Strict."""


async def principal(request: Request, office: TheOffice) -> Principal:
    """Nobody in particular without a key. Raises :class:`Refusal` (``unauthenticated``) for one that does not hold."""
    told = _bearer(request) or request.cookies.get(COOKIE)
    if told is None:
        return _remembered(request, ANYBODY)
    key = await asyncio.to_thread(keys.find, office.engine, told, whole(datetime.now(UTC)))
    if key is None:
        raise Refusal(Code.UNAUTHENTICATED, "this key is unknown, has expired or was revoked")
    return _remembered(request, key.principal)


def _bearer(request: Request) -> str | None:
    given = request.headers.get("Authorization")
    if given is None:
        return None
    scheme, _, token = given.partition(" ")
    if scheme.lower() != BEARER or not token.strip():
        raise Refusal(Code.UNAUTHENTICATED, "write 'Authorization: Bearer <key>'")
    return token.strip()


def _remembered(request: Request, found: Principal) -> Principal:
    """For the audit log, which is written when the answer is known."""
    request.state.principal = found
    return found


ThePrincipal = Annotated[Principal, Depends(principal)]


def allowed(operation: Operation) -> Callable[..., Coroutine[Any, Any, Principal]]:
    """A dependency: the principal, if its role may do this."""

    async def guarded(found: ThePrincipal) -> Principal:
        check(found, operation)
        return found

    return guarded
