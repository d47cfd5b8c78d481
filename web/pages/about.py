"""Pages that explain: how figures are computed, how to complain, the ledger and how to verify it."""

from __future__ import annotations

from fastapi import APIRouter, Response

from models.bulletin import FORMULA, SMALLEST, Bin
from web.pages.figures import calendar_of
from web.pages.page import PageRoute, ThePage

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/method")
def method(page: ThePage) -> Response:
    policies = [each.policies for each in page.office.catalogue.procedures.values()]
    return page.render(
        "method.html",
        formula=FORMULA,
        smallest=SMALLEST,
        bins=list(Bin),
        windows=sorted({(each.explanation_window.amount, each.explanation_window.unit) for each in policies}),
        confirmed_until=calendar_of(page.office.catalogue).data.confirmed_until,
    )


@router.get("/ledger")
def ledger(page: ThePage) -> Response:
    """``app.state.ledger_checkpoint``, where set, is called for the latest signed checkpoint (a text)."""
    told = getattr(page.request.app.state, "ledger_checkpoint", None)
    return page.render(
        "ledger.html",
        checkpoint=None if told is None else told(),
        origin=page.office.ledger_origin,
        address=page.absolute("/ledger"),
    )
