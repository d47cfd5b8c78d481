"""Look up my dossier: code and secret of the receipt, the same answer for all that is wrong, brakes for guessing."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Query, Response

from models.errors import Code, Refusal
from models.views import Snapshot
from store import queries
from web.pages.attempts import Attempts
from web.pages.figures import names_of, procedure_name
from web.pages.page import PRIVATE, Page, PageRoute, ThePage
from web.pages.timeline import responsible, timeline

router = APIRouter(route_class=PageRoute, include_in_schema=False)
NOBODYS = hashlib.sha256(secrets.token_bytes(32)).hexdigest()
"""Compared with where there is no dossier, so that it takes as long."""

LookupCode = Annotated[str, Form(max_length=60)]
LookupSecret = Annotated[str, Form(max_length=60)]


@router.get("/lookup")
def form(page: ThePage, code: Annotated[str, Query(max_length=60)] = "") -> Response:
    return page.render("lookup.html", headers=PRIVATE, code=code, wrong=False)


@router.post("/lookup")
def look_up(page: ThePage, code: LookupCode, secret: LookupSecret) -> Response:
    try:
        snapshot = opened(page, code, secret)
    except Refusal as refusal:
        if refusal.code is not Code.NOT_FOUND:
            raise
        return page.render(
            "lookup.html", status=HTTPStatus.NOT_FOUND, headers=PRIVATE, code=tidy(code), wrong=True
        )
    return found(page, snapshot, secret.strip())


@router.get("/lookup/{code}/{secret}")
def from_receipt(page: ThePage, code: str, secret: str) -> Response:
    """Where the receipt's QR code leads."""
    return found(page, opened(page, code, secret), secret)


def found(page: Page, snapshot: Snapshot, secret: str) -> Response:
    catalogue, view = page.office.catalogue, snapshot.view
    engine = page.office.engine
    return page.render(
        "dossier.html",
        headers=PRIVATE,
        view=view,
        secret=secret,
        promised=view.due_at or snapshot.promise_due_at,
        procedure=procedure_name(catalogue, view.procedure),
        agency=names_of(catalogue).agency(view.agency),
        responsible=responsible(catalogue, view),
        pause=next((pause for pause in snapshot.pauses if pause.end is None), None),
        timeline=timeline(
            page, snapshot, queries.events(engine, view.code), queries.latenesses(engine, dossier=view.code)
        ),
    )


def opened(page: Page, code: str, secret: str) -> Snapshot:
    """The dossier that ``secret`` opens. Raises :class:`Refusal`, the same for no such code and a wrong secret."""
    code, attempts = tidy(code), attempts_of(page)
    address = page.request.client.host if page.request.client else ""
    attempts.check(address, code)
    snapshot = queries.dossier(page.office.engine, code)
    kept = snapshot.secret_hash if snapshot is not None else None
    given = hashlib.sha256(secret.strip().encode()).hexdigest()
    is_right = hmac.compare_digest(given, kept or NOBODYS)
    if snapshot is None or kept is None or not is_right:
        attempts.failed(address, code)
        raise Refusal(Code.NOT_FOUND, "no dossier has this code and this secret")
    return snapshot


def tidy(code: str) -> str:
    return code.strip().upper()


def attempts_of(page: Page) -> Attempts:
    """One for each application."""
    attempts: Attempts = page.request.app.state.attempts
    return attempts
