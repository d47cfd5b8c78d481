"""The pages of a unit and of a person: published facts only, each with its hearing (rules R4, R10)."""

from __future__ import annotations

from typing import NamedTuple

from fastapi import APIRouter, Response

from models.bulletin import masked
from models.errors import Code, Refusal
from models.lateness import Lateness, LatenessState
from store import board
from web.pages.figures import Share, names_of, procedure_name, run_of_months, shares_of, step_name
from web.pages.months import trend_of
from web.pages.page import Page, PageRoute, ThePage

router = APIRouter(route_class=PageRoute, include_in_schema=False)


class PublicRecord(NamedTuple):
    """A lateness as the public may see it: its dossier masked, nobody named but the published official."""

    late: Lateness
    dossier: str
    month: str
    procedure: str
    step: str | None
    agency_name: str
    official_name: str | None
    shares: list[Share]
    explained_late: bool


@router.get("/agencies/{code}")
def agency(page: ThePage, code: str) -> Response:
    catalogue = page.office.catalogue
    found = catalogue.agencies.get(code)
    if found is None:
        raise Refusal(Code.NOT_FOUND, f"there is no agency {code}")
    shown = (LatenessState.PUBLISHED, LatenessState.CORRECTED)
    counts = board.state_counts(page.office.engine, code)
    months = run_of_months(page.office, page.now, agency=code)
    return page.render(
        "agency.html",
        agency=found,
        parent=catalogue.agencies.get(found.parent or ""),
        successors=[catalogue.agencies[each] for each in found.successors if each in catalogue.agencies],
        under=sorted(
            (each for each in catalogue.agencies.values() if each.parent == code), key=lambda each: each.name
        ),
        records=[
            public_record(page, late)
            for late in board.listed_latenesses(page.office.engine, shown, agency=code)
        ],
        open_hearings=counts.get(LatenessState.RECORDED, 0),
        excused=counts.get(LatenessState.EXCUSED, 0),
        retracted=counts.get(LatenessState.RETRACTED, 0),
        months=months,
        trend=trend_of(page, months),
    )


@router.get("/officials/{official}")
def person(page: ThePage, official: str) -> Response:
    """Whoever has nothing published, and whoever does not exist, get the same answer."""
    engine = page.office.engine
    published = board.listed_latenesses(engine, (LatenessState.PUBLISHED,), official=official)
    retracted = board.listed_latenesses(engine, (LatenessState.RETRACTED,), official=official)
    if not published and not retracted:
        raise Refusal(Code.NOT_FOUND, f"nothing is published of {official}")
    catalogue = page.office.catalogue
    found = catalogue.officials.get(official)
    return page.render(
        "official.html",
        name=found.name if found else official,
        position=found.position if found else "",
        agency=catalogue.agencies.get(found.agency) if found else None,
        records=[public_record(page, late) for late in published],
        retracted=[public_record(page, late) for late in retracted],
    )


def public_record(page: Page, late: Lateness) -> PublicRecord:
    catalogue = page.office.catalogue
    names = names_of(catalogue)
    is_named = late.state is LatenessState.PUBLISHED and late.official is not None
    closes, explained = late.window_closes_at, late.explained_at
    return PublicRecord(
        late=late,
        dossier=masked(late.dossier),
        month=f"{late.due_at.astimezone(page.office.zone):%Y-%m}",
        procedure=procedure_name(catalogue, late.procedure),
        step=None if late.step is None else step_name(catalogue, late.procedure, late.step),
        agency_name=names.agency(late.agency),
        official_name=names.official(late.official) if is_named else None,
        shares=shares_of(late, names),
        explained_late=closes is not None and explained is not None and explained > closes,
    )
