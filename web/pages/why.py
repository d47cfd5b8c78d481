"""Why this date, as a permalink for who has the receipt: the calculation, day by day, in both languages.

An ended dossier is narrated from its archive, without the engine; an open one by its workflow.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Response

from models.calendar import LineKind
from models.dossier import Dossier
from models.errors import Code, Refusal, Unavailable
from models.instants import localised
from models.submission import DossierStart
from models.views import Snapshot
from models.why import COUNTED
from store import queries
from web.office import Office
from web.pages import words
from web.pages.figures import names_of, procedure_name, step_name
from web.pages.lookup import opened
from web.pages.page import PRIVATE, Page, PageRoute, ThePage

router = APIRouter(route_class=PageRoute, include_in_schema=False)
ANSWER_WITHIN = 10.0
DAY = timedelta(days=1)
Json = dict[str, Any]


class Day(NamedTuple):
    """One line of the narration; ``total`` runs along with what counted."""

    begin: datetime
    span: str
    minutes: float | None
    total: float
    kind: str
    is_counted: bool
    text: str
    source: str
    is_new_day: bool


@router.get("/why/{code}/{secret}")
async def why(
    page: ThePage, code: str, secret: str, step: Annotated[str | None, Query(max_length=40)] = None
) -> Response:
    snapshot = await asyncio.to_thread(opened, page, code, secret)
    view = snapshot.view
    if step is not None and step not in {each.key for each in view.steps}:
        raise Refusal(Code.NOT_FOUND, f"there is no step {step}")
    told = await _told(page, snapshot, step)
    catalogue = page.office.catalogue
    return page.render(
        "why.html",
        headers=PRIVATE,
        view=view,
        secret=secret,
        step=step,
        step_name=None if step is None else step_name(catalogue, view.procedure, step),
        steps=[
            (each.key, step_name(catalogue, view.procedure, each.key))
            for each in view.steps
            if each.started_at is not None
        ],
        procedure=procedure_name(catalogue, view.procedure),
        agency=names_of(catalogue).agency(view.agency),
        amount=told["amount"],
        unit=page.t.say(words.UNITS[told["unit"]]),
        budget=told["budget_minutes"],
        confirmed=told["confirmed"],
        start=_instant(told["start"]),
        clock_start=_instant(told["clock_start"]),
        due_at=_instant(told["due_at"]),
        days=days(page, told["lines"]),
    )


def _instant(told: str | None) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)


async def _told(page: Page, snapshot: Snapshot, step: str | None) -> Json:
    """The narration as JSON (interfaces: Why)."""
    office, code = page.office, snapshot.view.code
    archived = await asyncio.to_thread(_archived, office, code, step, page.now)
    if archived is not None:
        return archived
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            starter = await office.connect()
            told: Any = await starter.why(code, step)
    except TimeoutError:
        raise Unavailable(f"no worker answered within {ANSWER_WITHIN:g} s") from None
    return dict(told)


def _archived(office: Office, code: str, step: str | None, now: datetime) -> Json | None:
    archive = queries.archive(office.engine, code)
    if archive is None:
        return None
    dossier = Dossier(DossierStart.model_validate(archive.aggregate))
    told = localised(dossier.why(step, now), dossier.zone)
    assert isinstance(told, dict)  # noqa: S101 - a model is a mapping
    return told


def days(page: Page, lines: list[Json]) -> list[Day]:
    """A line for each session, day off, pause or note; nights and breaks are left out."""
    shown: list[Day] = []
    total, last = 0.0, None
    for line in lines:
        begin, end = datetime.fromisoformat(line["from"]), datetime.fromisoformat(line["to"])
        kind = LineKind(line["kind"])
        if kind is LineKind.CLOSED and end - begin < DAY:
            continue
        is_counted = kind in COUNTED
        total += line["minutes"] if is_counted else 0
        day = page.t.local(begin).date()
        shown.append(
            Day(
                begin=begin,
                span=_span(page, begin, end),
                minutes=line["minutes"] if is_counted or line["minutes"] else None,
                total=round(total, 2),
                kind=kind.value,
                is_counted=is_counted,
                text=page.t.say(line["text"]),
                source=page.t.say(line["source"] or ""),
                is_new_day=day != last,
            )
        )
        last = day
    return shown


def _span(page: Page, begin: datetime, end: datetime) -> str:
    first, last = page.t.local(begin), page.t.local(end)
    if begin == end:
        return f"{first:%H:%M}"
    if first.time() == last.time() == datetime.min.time():
        ended = last - DAY
        whole_day: str = page.t.say(words.ALL_DAY)
        return whole_day if ended.date() == first.date() else f"→ {page.t.day(ended.date())}"
    if first.date() == last.date():
        return f"{first:%H:%M}–{last:%H:%M}"
    return f"{first:%H:%M} → {last:%H:%M}, {page.t.day(last.date())}"
