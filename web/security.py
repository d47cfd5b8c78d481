"""From a request to who asks: a bearer key, or the session cookie of a browser that signed in."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from time import monotonic
from typing import Annotated, Any

from fastapi import Depends, Request

from models.access import ANYBODY, Principal
from models.errors import Code, Refusal
from models.instants import whole
from store import keys
from store.keys import Key
from web.glance import glance
from web.office import office_of
from web.permissions import Operation, check

BEARER = "bearer"
LOOKED_UP_EVERY = 0.05
"""Seconds for which a key that was found good is not looked up again: whoever revokes one sees it refused at once, and
a program that asks hundreds of times a second does not cost as many look-ups."""
MOST_VERIFIED = 10_000
COOKIE = "danbiet"
"""Holds the key of a browser that signed in: HttpOnly, SameSite=Strict."""


async def principal(request: Request) -> Principal:
    """Nobody in particular without a key. Raises :class:`Refusal` (``unauthenticated``) for one that does not hold."""
    told = _bearer(request) or request.cookies.get(COOKIE)
    if told is None:
        return _remembered(request, ANYBODY)
    now, verified = whole(datetime.now(UTC)), verified_of(request)
    key = verified.lately(told, LOOKED_UP_EVERY)
    if key is None or (key.expires_at is not None and key.expires_at <= now):
        engine = office_of(request).engine
        key = await glance(engine, lambda: keys.find(engine, told, now))
        verified.found(told, key)
        if key is not None and key.is_used_after_long(now):
            await asyncio.to_thread(keys.remember_use, engine, key, now)
    if key is None:
        raise Refusal(Code.UNAUTHENTICATED, "this key is unknown, has expired or was revoked")
    return _remembered(request, key.principal)


class Verified:
    """Keys that were found good lately, by the hash of what was presented. In memory: each process has its own."""

    def __init__(self) -> None:
        self._keys: OrderedDict[bytes, tuple[float, Key]] = OrderedDict()

    def found(self, told: str, key: Key | None) -> None:
        """What the look-up came to; None: it is no key, or none any more."""
        mark = _mark(told)
        self._keys.pop(mark, None)
        if key is not None:
            self._keys[mark] = (monotonic(), key)
        while len(self._keys) > MOST_VERIFIED:
            self._keys.popitem(last=False)

    def lately(self, told: str, seconds: float) -> Key | None:
        """The key, if it was found good in the last ``seconds``."""
        at, key = self._keys.get(_mark(told), (0.0, None))
        return key if key is not None and monotonic() - at < seconds else None


def _mark(told: str) -> bytes:
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()


def verified_of(request: Request) -> Verified:
    verified: Verified = request.app.state.verified
    return verified


def presented(request: Request) -> str | None:
    """What may be a key, whether or not it is written rightly."""
    return request.headers.get("Authorization", "").partition(" ")[2].strip() or request.cookies.get(COOKIE)


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
