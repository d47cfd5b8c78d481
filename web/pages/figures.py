"""The figures of the board: the month's list with names, what may be shown of a lateness, the run of months."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import NamedTuple

from models.bulletin import Bulletin, masked
from models.bulletin_rows import BulletinRow, Names
from models.calendar import WorkingCalendar
from models.catalogue import Catalogue
from models.lateness import Lateness, LatenessState
from store import board, editions
from store.board import MonthCount
from store.bulletin import compiled
from store.database import reading
from web.office import Office

MONTHS_SHOWN = 24
FEWEST_MONTHS = 6


class Share(NamedTuple):
    """Part of the working time before the deadline. Only the named official is ever named."""

    holder: str
    minutes: float
    share: float
    is_named: bool


def calendar_of(catalogue: Catalogue) -> WorkingCalendar:
    """The one that most procedures go by."""
    used = Counter(procedure.calendar for procedure in catalogue.procedures.values())
    return WorkingCalendar.of(catalogue.calendars[used.most_common(1)[0][0]])


def names_of(catalogue: Catalogue) -> Names:
    return Names(
        agencies={code: agency.name for code, agency in catalogue.agencies.items()},
        officials={code: official.name for code, official in catalogue.officials.items()},
    )


def bulletin_of(office: Office, period: str, now: datetime, edition: int | None = None) -> Bulletin:
    """The newest frozen edition of the month (or a certain one), else the list as it stands.

    Raises :class:`Refusal` for no month, one to come, or no such edition.
    """
    if edition is not None:
        return editions.edition(office.engine, period, edition).bulletin
    if (frozen := editions.latest(office.engine, period)) is not None:
        return frozen.bulletin
    basis = editions.basis_of(office.catalogue)
    with reading(office.engine) as connection:
        return compiled(connection, period, now=now, basis=basis)


def month_of(office: Office, instant: datetime) -> str:
    return f"{instant.astimezone(office.zone):%Y-%m}"


def month_before(period: str, months: int = 1) -> str:
    number = int(period[:4]) * 12 + int(period[5:]) - 1 - months
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def run_of_months(office: Office, now: datetime, agency: str | None = None) -> list[MonthCount]:
    """Every month up to this one without a gap: at most two years, beginning with the first that has any."""
    this = month_of(office, now)
    since = month_before(this, MONTHS_SHOWN - 1)
    found = {each.month: each for each in board.month_counts(office.engine, since=since, agency=agency)}
    first = min([month_before(this, FEWEST_MONTHS - 1), *found])
    months = []
    month = this
    while month >= first:
        months.append(found.get(month, MonthCount(month, 0, 0, 0)))
        month = month_before(month)
    return months[::-1]


def procedure_name(catalogue: Catalogue, code: str) -> str:
    found = catalogue.procedures.get(code)
    return code if found is None else found.name


def step_name(catalogue: Catalogue, procedure: str, step: str) -> str:
    """As the catalogue calls it; a step of an older version may be known by its key alone."""
    found = catalogue.procedures.get(procedure)
    names = {} if found is None else {each.key: each.name for each in found.steps}
    return names.get(step, step)


def position_of(catalogue: Catalogue, official: str) -> str:
    found = catalogue.officials.get(official)
    return "" if found is None else found.position


def public_row(row: BulletinRow) -> BulletinRow:
    """The row with its dossier's code masked, as every public output has it."""
    return row._replace(dossier=masked(row.dossier))


def shares_of(late: Lateness, names: Names) -> list[Share]:
    """Who held it before the deadline: the named official by name, everybody else as their agency (rules R4)."""
    told: list[Share] = []
    others: dict[str, list[float]] = {}
    for each in late.shares:
        if late.state is LatenessState.PUBLISHED and each.official and each.official == late.official:
            told.append(Share(names.official(each.official) or "", each.minutes, each.share, is_named=True))
        else:
            sums = others.setdefault(each.agency, [0.0, 0.0])
            sums[0] += each.minutes
            sums[1] += each.share
    told += [
        Share(names.agency(agency), round(minutes, 2), round(share, 2), is_named=False)
        for agency, (minutes, share) in others.items()
    ]
    return told
