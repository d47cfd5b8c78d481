"""What everybody may read over HTTP, and staff with more of it: latenesses, bulletins, records (interfaces: HTTP)."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import JsonValue

from models.access import Principal, Role
from models.bulletin import Bulletin, check_month, to_csv, to_json
from models.bulletin import public as masked_list
from models.errors import Code, Refusal
from models.instants import localised
from models.lateness import Lateness, LatenessState
from models.publishing import PUBLIC_STATES, public_lateness
from models.workbook import to_xlsx
from store import editions, queries, records
from web.api.answers import Mark, WrittenLists, answer
from web.glance import glance
from web.office import Office, TheOffice
from web.pages.figures import bulletin_of
from web.permissions import Operation
from web.security import allowed

router = APIRouter()
KINDS = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
PERIOD = re.compile(r"^(?P<period>\d{4}-\d{2})(\.(?P<kind>json|csv|xlsx))?$")

MayReadLatenesses = Annotated[Principal, Depends(allowed(Operation.READ_LATENESSES))]
MayReadBulletins = Annotated[Principal, Depends(allowed(Operation.READ_BULLETINS))]
MayReadRecords = Annotated[Principal, Depends(allowed(Operation.READ_RECORDS))]


@router.get("/latenesses", tags=["latenesses"])
async def list_latenesses(
    office: TheOffice,
    principal: MayReadLatenesses,
    *,
    period: Annotated[str | None, Query(max_length=20, examples=["2025-04"])] = None,
    agency: Annotated[str | None, Query(max_length=60)] = None,
    official: Annotated[str | None, Query(max_length=60)] = None,
    state: LatenessState | None = None,
    limit: Annotated[int, Query(ge=1, le=queries.MOST)] = queries.LIMIT,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    """Missed deadlines by due instant. Without a key: published ones, with nobody's name but the named person's."""
    if period is not None:
        check_month(period)
    open_to_all = principal.role is Role.PUBLIC
    states = (state,) if state else PUBLIC_STATES if open_to_all else ()
    if open_to_all and (state not in (None, *PUBLIC_STATES)):
        raise Refusal(
            Code.UNAUTHENTICATED, f"without a key only {' and '.join(PUBLIC_STATES)} ones are shown"
        )

    def read() -> Response:
        page = queries.lateness_page(
            office.engine,
            period=period,
            agency=agency,
            official=official,
            states=states,
            within=None if open_to_all else principal.within(office.catalogue),
            limit=limit,
            cursor=cursor,
        )
        items = [_lateness(office, principal, each) for each in page.items]
        return answer({"items": items, "next_cursor": page.next_cursor})

    return await glance(office.engine, read, limit)


@router.get("/latenesses/{lateness_id}", tags=["latenesses"])
async def show_lateness(
    office: TheOffice, principal: MayReadLatenesses, lateness_id: Annotated[str, Path(max_length=140)]
) -> JsonValue:
    """One missed deadline, whom it names, and its hearing."""
    found = await glance(office.engine, lambda: queries.lateness(office.engine, lateness_id))
    covered = found is not None and principal.covers(office.catalogue, found.agency)
    if found is None or not (covered or found.state in PUBLIC_STATES):
        raise Refusal(Code.NOT_FOUND, f"there is no lateness {lateness_id}")
    return _lateness(office, principal, found)


def _lateness(office: Office, principal: Principal, found: Lateness) -> JsonValue:
    seen = found if principal.covers(office.catalogue, found.agency) else public_lateness(found)
    procedure = office.catalogue.procedures.get(found.procedure)
    zone = office.catalogue.calendar_of(found.procedure).zone if procedure else office.zone
    return localised(seen, zone)


@router.get("/bulletins/{period}", tags=["bulletins"])
async def show_bulletin(
    request: Request,
    office: TheOffice,
    principal: MayReadBulletins,
    period: Annotated[str, Path(max_length=12, examples=["2025-04", "2025-04.csv"])],
    edition: Annotated[int | None, Query(ge=1, le=10_000)] = None,
) -> Response:
    """The monthly list: its newest frozen edition, or as it stands. `.json`, `.csv`, `.xlsx`; codes are masked."""
    asked = PERIOD.match(period)
    if asked is None:
        raise Refusal(Code.INVALID, f"'{period}' is no month: write it like 2025-04 or 2025-04.csv")
    kind = asked["kind"] or "json"
    sees_all = principal.sees_people and principal.agency is None
    lists: WrittenLists = request.app.state.written_lists

    def frozen() -> Mark | None:
        found = edition or max(editions.numbers(office.engine, asked["period"]), default=None)
        return None if found is None else (asked["period"], found, kind, sees_all)

    def write() -> bytes:
        found = bulletin_of(office, asked["period"], datetime.now(UTC), mark[1] if mark else None)
        return _written(found if sees_all else masked_list(found), kind, office.zone)

    mark = await glance(office.engine, frozen)
    content = lists.get(mark) if mark else None
    if content is None:
        content = await asyncio.to_thread(write)
        if mark is not None:
            lists.keep(mark, content)
    headers = {"Cache-Control": "no-store" if sees_all else "public, max-age=60"}
    if kind != "json":
        headers["Content-Disposition"] = f'attachment; filename="{asked["period"]}.{kind}"'
    return Response(content, headers=headers, media_type=KINDS[kind])


def _written(found: Bulletin, kind: str, zone: ZoneInfo) -> bytes:
    match kind:
        case "csv":
            return to_csv(found)
        case "xlsx":
            return to_xlsx(found, zone)
        case _:
            return to_json(found, zone)


@router.get("/officials/{official}", tags=["records"])
async def show_official(
    office: TheOffice, principal: MayReadRecords, official: Annotated[str, Path(max_length=60)]
) -> JsonValue:
    """What a person handled, early, on time, late. Points and scores for supervisors and auditors only."""
    known = office.catalogue.officials.get(official)
    agency = known.agency if known else ""
    full = principal.sees_people and principal.covers(office.catalogue, agency)
    found = await asyncio.to_thread(
        records.official_record, office.engine, office.catalogue, official, datetime.now(UTC), full=full
    )
    return localised(found, office.zone)


@router.get("/agencies/{code}", tags=["records"])
async def show_agency(
    office: TheOffice, principal: MayReadRecords, code: Annotated[str, Path(max_length=60)]
) -> JsonValue:
    """The same for a unit, with its head, its trend, and peers of like volume."""
    full = principal.sees_people and principal.covers(office.catalogue, code)
    found = await asyncio.to_thread(
        records.agency_record, office.engine, office.catalogue, code, datetime.now(UTC), full=full
    )
    return localised(found, office.zone)
