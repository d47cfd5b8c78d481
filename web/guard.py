"""What every request to the API passes: a size limit, a rate limit, the audit log, and headers of the answer."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from http import HTTPStatus
from time import monotonic

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.access import ANYBODY, Principal
from models.errors import Code, DanbietError
from store import keys
from web.api.bodies import BODY
from web.office import Office
from web.problems import API, problem
from web.security import presented, verified_of

log = logging.getLogger("danbiet.web")
RATE, BURST = 250.0, 600.0
"""Requests a second that one address may make for long, and at once."""
KEYED_RATE, KEYED_BURST = 500.0, 3000.0
"""The same for one key, from wherever: whom it was given to is known, and can be asked to ask less."""
KEYED_FOR = 60.0
"""Seconds for which a key that was found good is counted as one; before, its requests are its address's."""
REMEMBERED = 20_000
WRITES = ("POST", "PUT", "PATCH", "DELETE")
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
TOLD = (401, 403, 429)
"""Attempts that are kept whatever their method."""


class Guard:
    """ASGI middleware; pages outside the API pass untouched."""

    def __init__(self, app: ASGIApp, office: Office) -> None:
        self._app, self._office = app, office
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(API):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        status, code = 0, None

        async def sent(message: Message) -> None:
            nonlocal status, code
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *HEADERS]
            elif status >= HTTPStatus.BAD_REQUEST and code is None:
                code = _code(message.get("body", b""))
            await send(message)

        refusal = self._refusal(request)
        if refusal is not None:
            await refusal(scope, receive, sent)
        else:
            await self._app(scope, self._limited(scope, receive), sent)
        await self._keep(request, status, code)

    def _refusal(self, request: Request) -> ASGIApp | None:
        length = request.headers.get("content-length", "0")
        is_batch = request.scope["path"].endswith(":batch")
        if not is_batch and length.isdecimal() and int(length) > BODY:
            sentence = f"a body of more than {BODY} bytes: send less at once"
            return problem(Code.INVALID, sentence, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        told = presented(request)
        key = None if told is None else verified_of(request).lately(told, KEYED_FOR)
        if key is not None:
            whose, may_go_on = "with this key", self._may_go_on(f"key {key.prefix}", KEYED_RATE, KEYED_BURST)
        else:
            address = request.client.host if request.client else ""
            whose, may_go_on = "from this address", self._may_go_on(address, RATE, BURST)
        if not may_go_on:
            return problem(Code.TOO_MANY_REQUESTS, f"too many requests {whose}: wait some seconds")
        return None

    def _may_go_on(self, who: str, rate: float, burst: float) -> bool:
        now = monotonic()
        left, seen = self._buckets.get(who, (burst, now))
        left = min(burst, left + (now - seen) * rate) - 1
        self._buckets[who] = (max(left, 0.0), now)
        self._buckets.move_to_end(who)
        while len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return left >= 0

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        """A body without a length may not go on for ever either; a batch is limited by its lines."""
        if scope["path"].endswith(":batch"):
            return receive
        got = 0

        async def limited() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > BODY:
                return {"type": "http.disconnect"}
            return message

        return limited

    async def _keep(self, request: Request, status: int, code: str | None) -> None:
        if request.method not in WRITES and status not in TOLD:
            return
        principal: Principal = getattr(request.state, "principal", ANYBODY)
        try:
            await asyncio.to_thread(
                lambda: keys.audit(
                    self._office.engine,
                    principal,
                    method=request.method,
                    path=request.url.path[:300],
                    status=status,
                    code=code,
                )
            )
        except DanbietError as error:
            log.warning("the audit log misses %s %s: %s", request.method, status, error.message)


def _code(body: bytes) -> str | None:
    try:
        told = json.loads(body)
    except ValueError:
        return None
    return told.get("code") if isinstance(told, dict) else None
