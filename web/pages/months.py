"""The front page and the month's page: units, individuals, dossiers, who is named and what they answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Query, Response

from models.bulletin import AgencyTotals, Bin, Bulletin
from models.bulletin_rows import BulletinRow
from models.lateness import LatenessState
from store import editions
from store.board import MonthCount
from web.pages.charts import Bar, columns, strip
from web.pages.figures import (
    bulletin_of,
    month_before,
    month_of,
    position_of,
    procedure_name,
    public_row,
    run_of_months,
    step_name,
)
from web.pages.page import Page, PageRoute, ThePage

router = APIRouter(route_class=PageRoute, include_in_schema=False)
ALL_LABELS_UP_TO = 12


class Entry(NamedTuple):
    """One lateness of the list, with every code turned into words."""

    row: BulletinRow
    procedure: str
    step: str | None
    position: str


class Person(NamedTuple):
    """A named person of the month, with everything that names him or her."""

    official: str
    name: str
    position: str
    entries: list[Entry]


class Told(NamedTuple):
    """A month on the front page: its headline, who is named, and how many records name nobody."""

    counts: MonthCount
    people: list[Person]
    unnamed: int


class Choice(NamedTuple):
    value: str
    text: str


class Filters(NamedTuple):
    agency: str
    procedure: str
    named: str
    """``person``, ``agency`` (nobody named) or empty: all."""
    open: str
    """``yes``: not completed; ``no``; or empty."""

    @property
    def any(self) -> bool:
        return any(self)

    def keeps(self, row: BulletinRow) -> bool:
        return (
            self.agency in ("", row.agency)
            and self.procedure in ("", row.procedure)
            and self.named in ("", "agency" if row.official is None else "person")
            and self.open in ("", "yes" if row.completed_at is None else "no")
        )


@router.get("/")
def front(page: ThePage) -> Response:
    this = month_of(page.office, page.now)
    last = month_before(this)
    months = run_of_months(page.office, page.now)
    by_month = {each.month: each for each in months}
    recent = [by_month[month] for month in (this, last)]
    with_records = [each for each in months if each.dossiers]
    told = [each for each in recent if each.dossiers] or with_records[-1:]
    return page.render(
        "front.html",
        recent=recent,
        told=[_told(page, each) for each in told],
        trend=trend_of(page, months),
        months=months,
    )


def _told(page: Page, counts: MonthCount) -> Told:
    listed = bulletin_of(page.office, counts.month, page.now).rows
    rows = [row for row in listed if row.state != LatenessState.RETRACTED]
    return Told(counts, people_of(page, rows), sum(row.official is None for row in rows))


@router.get("/bulletins")
def all_months(page: ThePage) -> Response:
    months = run_of_months(page.office, page.now)
    return page.render("months.html", months=months[::-1], trend=trend_of(page, months))


@router.get("/bulletins/{period}")
def month(
    page: ThePage,
    period: str,
    *,
    agency: Annotated[str, Query(max_length=60)] = "",
    procedure: Annotated[str, Query(max_length=60)] = "",
    named: Annotated[str, Query(max_length=10)] = "",
    open: Annotated[str, Query(max_length=10)] = "",  # noqa: A002 - the name in the address
    edition: Annotated[int | None, Query(ge=1, le=10_000)] = None,
) -> Response:
    bulletin = bulletin_of(page.office, period, page.now, edition)
    filters = Filters(agency, procedure, named, open)
    rows = [row for row in bulletin.rows if filters.keeps(row)]
    catalogue = page.office.catalogue
    following = month_before(period, -1)
    totals = bulletin.totals.model_dump()
    return page.render(
        "month.html",
        bulletin=bulletin,
        editions=editions.numbers(page.office.engine, period),
        filters=filters,
        entries=entries_of(page, rows),
        agencies=_choices((row.agency, row.agency_name or row.agency) for row in bulletin.rows),
        procedures=_choices(
            (row.procedure, procedure_name(catalogue, row.procedure)) for row in bulletin.rows
        ),
        strip=strip([(bin_.value, totals[bin_.value]) for bin_ in Bin]),
        bins=[(bin_, totals[bin_.value]) for bin_ in Bin],
        by_agency=_with_names(page, bulletin),
        before=month_before(period),
        after=following if following <= month_of(page.office, page.now) else None,
        unpublished=sum(row.state == LatenessState.RECORDED for row in bulletin.rows),
    )


def entries_of(page: Page, rows: Sequence[BulletinRow]) -> list[Entry]:
    catalogue = page.office.catalogue
    return [
        Entry(
            row=public_row(row),
            procedure=procedure_name(catalogue, row.procedure),
            step=None if row.step is None else step_name(catalogue, row.procedure, row.step),
            position="" if row.official is None else position_of(catalogue, row.official),
        )
        for row in rows
    ]


def people_of(page: Page, rows: Sequence[BulletinRow]) -> list[Person]:
    """In the order of the list, each person once."""
    people: dict[str, Person] = {}
    for entry in entries_of(page, rows):
        row = entry.row
        if row.official is not None:
            new = Person(row.official, row.official_name or row.official, entry.position, [])
            people.setdefault(row.official, new).entries.append(entry)
    return list(people.values())


def trend_of(page: Page, months: Sequence[MonthCount]) -> list[Bar]:
    every = 1 if len(months) <= ALL_LABELS_UP_TO else 3
    return columns([(page.t.short_month(each.month), each.dossiers) for each in months], every)


def _choices(pairs: Iterable[tuple[str, str]]) -> list[Choice]:
    return sorted({Choice(*pair) for pair in pairs}, key=lambda choice: choice.text)


def _with_names(page: Page, bulletin: Bulletin) -> list[tuple[str, AgencyTotals]]:
    """Totals of every agency with its name, those with something late first."""
    agencies = page.office.catalogue.agencies
    found = [
        (agencies[each.agency].name if each.agency in agencies else each.agency, each)
        for each in bulletin.by_agency
    ]
    return sorted(found, key=lambda pair: (-(pair[1].late + pair[1].open_overdue), pair[0]))
