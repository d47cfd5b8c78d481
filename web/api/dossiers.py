"""Dossiers over HTTP: handing in, acting, asking (interfaces: HTTP)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Body, Depends, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import JsonValue, ValidationError
from starlette.types import Receive, Scope, Send

from models.access import Principal
from models.actions import first_problem
from models.dossier import Dossier
from models.errors import Code, DanbietError, Refusal
from models.instants import localised, parse_instant
from models.submission import DossierStart, Submission
from models.views import Snapshot, Status
from store import keys, queries
from web.api.answers import answer
from web.api.bodies import ACTION_EXAMPLE, SUBMISSION_EXAMPLE, read_json, tidy
from web.etags import read_tags
from web.glance import glance
from web.office import Office, TheOffice
from web.pages.attempts import Attempts
from web.permissions import Operation, check
from web.problems import problem, status_of
from web.scope import agencies_of, visible
from web.security import ThePrincipal, allowed

router = APIRouter(tags=["dossiers"])
LINE = 1_000_000
"""Bytes of one line of a batch."""

DossierCode = Annotated[str, Path(max_length=60, examples=["H13.2.1-250306-0001"])]
MaySubmit = Annotated[Principal, Depends(allowed(Operation.SUBMIT))]
MayAct = Annotated[Principal, Depends(allowed(Operation.ACT))]
MayRead = Annotated[Principal, Depends(allowed(Operation.READ_DOSSIERS))]


# --- handing in ----------------------------------------------------------------------------------------------------


@router.post("/dossiers", status_code=201)
async def submit(
    office: TheOffice,
    principal: MaySubmit,
    body: Annotated[dict[str, Any], Body(examples=[SUBMISSION_EXAMPLE])],
) -> JSONResponse:
    """Hand in a dossier. 201: accepted now; 200: the same content again; 409: other content under this code."""
    status, answer = await _submit(office, principal, body)
    return JSONResponse(answer, status)


async def _submit(office: Office, principal: Principal, body: dict[str, Any]) -> tuple[int, JsonValue]:
    submission = read_submission(tidy(body))
    if not principal.covers(office.catalogue, submission.agency):
        raise Refusal(Code.FORBIDDEN, f"this key hands in for {principal.agency} and the units below it")
    starter = await office.connect()
    answer = await starter.submit(submission, by=principal.name)
    created = isinstance(answer, dict) and answer.get("created") is True
    return 201 if created else 200, answer


def read_submission(body: dict[str, Any]) -> Submission:
    """Raises :class:`Refusal` with the name of the first field that is wrong."""
    try:
        return Submission.model_validate_json(json.dumps(body))
    except ValidationError as error:
        raise Refusal(Code.INVALID, first_problem(error)) from None


@router.post("/dossiers:batch")
async def submit_many(request: Request, office: TheOffice, principal: MaySubmit) -> StreamingResponse:
    """NDJSON in, NDJSON out: for each line `{line, status, receipt}` or `{line, status, problem}`."""

    async def answers() -> AsyncIterator[bytes]:
        number = 0
        async for line in _lines(request):
            number += 1
            if line.strip():
                told = await _one_of_many(office, principal, line)
                yield json.dumps({"line": number, **told}, ensure_ascii=False).encode() + b"\n"

    return _Duplex(answers(), media_type="application/x-ndjson")


class _Duplex(StreamingResponse):
    """Answers while the request still comes in: nobody else may read from it, not even to see whether it ends."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the protocol
        await self.stream_response(send)


async def _one_of_many(office: Office, principal: Principal, line: bytes) -> dict[str, Any]:
    try:
        body = read_json(line)
        if not isinstance(body, dict):
            raise Refusal(Code.INVALID, "each line is one JSON object, a submission")
        status, receipt = await _submit(office, principal, body)
    except DanbietError as error:
        return {"status": status_of(error.code).value, "code": error.code.value, "problem": error.message}
    return {"status": status, "receipt": receipt}


async def _lines(request: Request) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in request.stream():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line
        if len(rest) > LINE:
            yield rest[: LINE + 1]
            return
    yield rest


# --- asking --------------------------------------------------------------------------------------------------------


@router.get("/dossiers")
async def list_dossiers(
    office: TheOffice,
    principal: MayRead,
    *,
    agency: Annotated[str | None, Query(max_length=60)] = None,
    official: Annotated[str | None, Query(max_length=60)] = None,
    procedure: Annotated[str | None, Query(max_length=60)] = None,
    status: Status | None = None,
    late: bool | None = None,
    due_before: Annotated[str | None, Query(max_length=40, examples=["2026-11-24T17:00:00+07:00"])] = None,
    limit: Annotated[int, Query(ge=1, le=queries.MOST)] = queries.LIMIT,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    """Dossiers by nearest deadline, of the key's own units."""
    before = _instant(due_before) if due_before else None

    def read() -> Response:
        page = queries.list_dossiers(
            office.engine,
            agency=agency,
            official=official,
            procedure=procedure,
            status=status,
            late=late,
            due_before=before,
            within=principal.within(office.catalogue),
            limit=limit,
            cursor=cursor,
        )
        return answer({"items": [shown(each) for each in page.items], "next_cursor": page.next_cursor})

    return await glance(office.engine, read, limit)


def _instant(text: str) -> datetime:
    """As :func:`parse_instant`; a `+` that was not written `%2B` arrives as a space."""
    return parse_instant(re.sub(r"(T[0-9:.]+) ([0-9]{2}:?[0-9]{2})$", r"\1+\2", text))


@router.get("/dossiers/{code}")
async def show(
    office: TheOffice,
    principal: MayRead,
    code: DossierCode,
    *,
    consistent: bool = False,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """As recorded last; with `consistent=true` as its workflow knows it now. `ETag` is its sequence."""
    snapshot = await visible(office, principal, code)
    view = await (await office.connect()).state(code) if consistent else None
    sequence = int(str(view["sequence"])) if isinstance(view, dict) else snapshot.view.sequence
    tag = f'"{sequence}"'
    if if_none_match is not None and read_tags(if_none_match, "If-None-Match").has(sequence):
        return Response(status_code=304, headers={"ETag": tag})
    told = answer(view or shown(snapshot))
    told.headers["ETag"] = tag
    return told


def shown(snapshot: Snapshot) -> JsonValue:
    """Interfaces: Dossier."""
    return localised(snapshot.view, ZoneInfo(snapshot.zone))


@router.get("/dossiers/{code}/why")
async def why(
    request: Request,
    office: TheOffice,
    principal: ThePrincipal,
    code: DossierCode,
    *,
    step: Annotated[str | None, Query(max_length=40)] = None,
    secret: Annotated[str | None, Query(max_length=100)] = None,
) -> JsonValue:
    """Why this date, day by day. For the key's own dossiers, or with the secret of the receipt."""
    if secret is None:
        check(principal, Operation.READ_DOSSIERS)
        await visible(office, principal, code)
    else:
        await _opened(request, office, code, secret)
    archive = await asyncio.to_thread(queries.archive, office.engine, code)
    if archive is None:
        return await (await office.connect()).why(code, step)
    dossier = Dossier(DossierStart.model_validate(archive.aggregate))
    return localised(dossier.why(step, datetime.now(UTC)), dossier.zone)


async def _opened(request: Request, office: Office, code: str, secret: str) -> Snapshot:
    """As on the look-up page, and with its brakes for guessing."""
    attempts: Attempts = request.app.state.attempts
    address = request.client.host if request.client else ""
    attempts.check(address, code)
    snapshot = await glance(office.engine, lambda: queries.dossier(office.engine, code))
    kept = (snapshot.secret_hash if snapshot else None) or ""
    matches = hmac.compare_digest(kept, hashlib.sha256(secret.encode()).hexdigest())
    if snapshot is None or not matches:
        attempts.failed(address, code)
        raise Refusal(Code.NOT_FOUND, "there is no dossier with this code and secret")
    return snapshot


@router.get("/dossiers/{code}/events")
async def events(office: TheOffice, principal: MayRead, code: DossierCode) -> JsonValue:
    """All that was told of it, in order."""
    snapshot = await visible(office, principal, code)
    told = await asyncio.to_thread(queries.events, office.engine, code)
    return {"items": localised(told, ZoneInfo(snapshot.zone)), "next_cursor": None}


# --- acting --------------------------------------------------------------------------------------------------------


@router.post("/dossiers/{code}/actions")
async def act(
    office: TheOffice,
    principal: MayAct,
    code: DossierCode,
    body: Annotated[dict[str, Any], Body(examples=[ACTION_EXAMPLE])],
    *,
    if_match: Annotated[str | None, Header()] = None,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> JSONResponse:
    """One action (rules R13). With an `Idempotency-Key` the same body gets the same answer.

    With the `ETag` of the last reading as `If-Match` (or a list of them) it is refused (412) where the dossier has
    gone on since.
    """
    fields = tidy(body)
    snapshot = await visible(office, principal, code)
    # The workflow judges it: the projection here may be behind.
    expected = (
        read_tags(if_match, "If-Match").nearest(snapshot.view.sequence) if if_match is not None else None
    )
    _check_in_anothers_stead(principal, fields)
    identity = _identity(code, fields)
    own = principal.key or principal.name
    if idempotency_key is not None:
        before = await asyncio.to_thread(keys.answer_before, office.engine, own, idempotency_key, identity)
        if before is not None:
            return JSONResponse(before.body, before.status)
    actor = principal.actor(office.catalogue, agencies_of(snapshot))
    # The update's id makes a repetition safe also where the answer was never kept.
    once = hashlib.sha256(f"{own}/{idempotency_key}".encode()).hexdigest() if idempotency_key else None
    try:
        starter = await office.connect()
        receipt = await starter.act(code, fields, actor=actor, id=once, expected=expected)
    except Refusal as refusal:
        if idempotency_key is None:
            raise
        told = problem(refusal.code, refusal.message)
        kept = keys.Answer(status=told.status_code, body=json.loads(bytes(told.body)))
        await asyncio.to_thread(keys.keep_answer, office.engine, own, idempotency_key, kept)
        return told
    if idempotency_key is not None:
        assert isinstance(receipt, dict)  # noqa: S101 - a receipt is an object
        kept = keys.Answer(status=200, body=receipt)
        await asyncio.to_thread(keys.keep_answer, office.engine, own, idempotency_key, kept)
    return JSONResponse(receipt)


def _check_in_anothers_stead(principal: Principal, fields: dict[str, Any]) -> None:
    """Who acts is the key's own official; a hand-over names the new holder (rules R13)."""
    named = fields.get("official")
    if named is None or fields.get("action") == "hand_over" or principal.official is None:
        return
    if named != principal.official and not principal.sees_people:
        raise Refusal(Code.FORBIDDEN, f"this key acts as {principal.official}, not as {named}")


def _identity(code: str, fields: dict[str, Any]) -> str:
    told = json.dumps([code, fields], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(told.encode()).hexdigest()
