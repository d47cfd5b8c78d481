"""Papers for the counter, on A5: the receipt with its appointment (Form 01) and the apology (Form 04).

An applicant's data and the secret are in no database: the counter sends them along, and they are kept nowhere.
"""

from __future__ import annotations

import asyncio
from typing import Annotated
from urllib.parse import quote

import segno
from fastapi import APIRouter, Form, Response
from markupsafe import Markup

from models.errors import Code, Refusal
from models.events import EventType
from models.instants import parse_instant
from models.views import Snapshot
from store import queries
from web.pages.figures import names_of, procedure_name
from web.pages.lookup import opened, tidy
from web.pages.page import PRIVATE, Page, PageRoute, ThePage
from web.scope import visible
from web.security import ThePrincipal

router = APIRouter(route_class=PageRoute, include_in_schema=False)
Field = Annotated[str, Form(max_length=500)]


@router.get("/dossiers/{code}/receipt")
async def receipt(page: ThePage, principal: ThePrincipal, code: str) -> Response:
    """Printed again: without the secret, with lines to fill in by hand."""
    snapshot = await visible(page.office, principal, tidy(code))
    return await asyncio.to_thread(receipt_page, page, snapshot, secret=None, applicant={})


@router.post("/dossiers/{code}/receipt")
def receipt_with_secret(
    page: ThePage,
    code: str,
    secret: Field,
    *,
    name: Field = "",
    address: Field = "",
    phone: Field = "",
    papers: Field = "",
    counter: Field = "",
) -> Response:
    applicant = {"name": name, "address": address, "phone": phone, "papers": papers, "counter": counter}
    return receipt_page(page, opened(page, code, secret), secret=secret.strip(), applicant=applicant)


def receipt_page(
    page: Page, snapshot: Snapshot, *, secret: str | None, applicant: dict[str, str]
) -> Response:
    """Form 01. ``secret`` None: a copy, for whoever has the first one."""
    catalogue, view = page.office.catalogue, snapshot.view
    procedure = catalogue.procedures.get(view.procedure)
    accepted = next(
        (
            event.data
            for event in queries.events(page.office.engine, view.code)
            if event.type is EventType.ACCEPTED
        ),
        {},
    )
    place = page.absolute("/lookup" if secret is None else f"/lookup/{quote(view.code)}/{quote(secret)}")
    if secret is None:
        place += f"?code={quote(view.code)}"
    return page.render(
        "receipt.html",
        headers=PRIVATE,
        view=view,
        secret=secret,
        applicant=applicant,
        procedure=procedure_name(catalogue, view.procedure),
        total=None if procedure is None or procedure.version != view.procedure_version else procedure.total,
        agency=names_of(catalogue).agency(view.agency),
        channel=str(accepted.get("channel") or ""),
        promised=view.original_due_at,
        qr=qr_code(place),
        lookup=page.absolute("/lookup"),
    )


@router.get("/dossiers/{code}/apology")
async def apology(page: ThePage, principal: ThePrincipal, code: str) -> Response:
    """Goes with an extension: its reason and the new date. Refused where there is none."""
    snapshot = await visible(page.office, principal, tidy(code))
    return await asyncio.to_thread(_apology, page, snapshot)


def _apology(page: Page, snapshot: Snapshot) -> Response:
    catalogue, view = page.office.catalogue, snapshot.view
    extended = [
        event for event in queries.events(page.office.engine, view.code) if event.type is EventType.EXTENDED
    ]
    if not extended:
        raise Refusal(
            Code.ILLEGAL_ACTION, f"{view.code} was not extended: an apology needs a new date, extend it first"
        )
    data = extended[-1].data
    new = data.get("due_at")
    return page.render(
        "apology.html",
        headers=PRIVATE,
        view=view,
        procedure=procedure_name(catalogue, view.procedure),
        agency=names_of(catalogue).agency(view.agency),
        reason=str(data.get("reason") or ""),
        given_at=extended[-1].at,
        first=view.original_due_at,
        new=snapshot.promise_due_at if new is None else parse_instant(str(new)),
    )


def qr_code(text: str) -> Markup:
    """As inline SVG with a title for those who do not see it; escaped by segno."""
    drawn = segno.make_qr(text, error="m").svg_inline(border=2, omitsize=True, dark="#000", light="#fff")
    return Markup(drawn)  # noqa: S704 - drawn here, from an address of ours
