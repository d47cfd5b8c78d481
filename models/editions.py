"""What one edition of a list says that another did not, in sentences that may be published."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from models.budget import Model
from models.bulletin import Bulletin, Rates, Totals, masked
from models.bulletin_rows import BulletinRow, RowKey, row_key

MOST = 200
"""So many differences are told one by one; who wants all of them compares the editions."""
_HEADLINE = ("agencies", "officials", "dossiers", "excused", "retracted")
_NAMES = ("agency_name", "official_name")
"""A unit or a person is not a different one for being written differently."""


class FrozenMonth(Model):
    """What the schedule's run came to; ``restated``: earlier months whose facts had changed."""

    period: str
    edition: int
    sha256: str
    restated: tuple[str, ...]


def month_before(instant: datetime, zone: str) -> str:
    """The local month (``YYYY-MM``) before the one that ``instant`` lies in."""
    first = instant.astimezone(ZoneInfo(zone)).replace(day=1)
    return f"{first - timedelta(days=1):%Y-%m}"


def differences(before: Bulletin, after: Bulletin) -> list[str]:
    """Empty where both say the same, whatever their edition, watermark and formula."""
    told = _told(before, after)
    shown = list(islice(told, MOST))
    if more := sum(1 for _ in told):
        shown.append(f"and {more} more")
    return shown


def _told(before: Bulletin, after: Bulletin) -> Iterator[str]:
    old, new = _rows(before), _rows(after)
    for key in sorted(old.keys() | new.keys(), key=lambda key: (key[0], key[1] or "", key[2])):
        if key not in new:
            yield f"{_label(old[key])}: no longer listed"
        elif key not in old:
            yield f"{_label(new[key])}: added"
        else:
            yield from (f"{_label(new[key])}: {text}" for text in _row(old[key], new[key]))
    for name in _HEADLINE:
        yield from _figure(name, getattr(before, name), getattr(after, name))
    yield from _totals("", before.totals, after.totals)
    yield from _rates("", before.rates, after.rates)
    units = {each.agency: each for each in before.by_agency}
    for unit in after.by_agency:
        known = units.pop(unit.agency, None)
        if known is None:
            yield f"{unit.agency}: added to the units"
            continue
        yield from _totals(f"{unit.agency}: ", known, unit)
        yield from _rates(f"{unit.agency}: ", known.rates, unit.rates)
        yield from _figure(f"{unit.agency}: group by volume", known.volume, unit.volume)
    yield from (f"{gone}: no longer among the units" for gone in units)


def _rows(bulletin: Bulletin) -> dict[RowKey, BulletinRow]:
    return {row_key(row): row for row in bulletin.rows}


def _label(row: BulletinRow) -> str:
    day, time = row.due_at[:10], row.due_at[11:16]
    return f"{row.agency}, dossier {masked(row.dossier)}, {row.step or 'promise'} due {day} {time}"


def _row(old: BulletinRow, new: BulletinRow) -> Iterator[str]:
    """Fields that differ; nobody is named here, for a name that was taken off the list must not stay in its trail."""
    for name in BulletinRow._fields:
        before, after = getattr(old, name), getattr(new, name)
        if before == after or name in _NAMES:
            continue
        if name == "official":
            yield (
                "names no person any more"
                if after is None
                else "names a person"
                if before is None
                else "names another person"
            )
        elif name == "explanation":
            yield "explanation changed"
        else:
            yield from _figure(name, before, after)


def _totals(prefix: str, before: Totals, after: Totals) -> Iterator[str]:
    for name in Totals.model_fields:
        yield from _figure(f"{prefix}{name}", getattr(before, name), getattr(after, name))


def _rates(prefix: str, before: Rates, after: Rates) -> Iterator[str]:
    for name in ("fair", "national_766"):
        yield from _figure(f"{prefix}rate {name}", getattr(before, name), getattr(after, name))
        for part in ("on_time", "dossiers"):
            counts = f"{name}_counts"
            yield from _figure(
                f"{prefix}{part} of rate {name}",
                getattr(getattr(before, counts), part),
                getattr(getattr(after, counts), part),
            )


def _figure(name: str, before: object, after: object) -> Iterator[str]:
    if before != after:
        yield f"{name.replace('_', ' ')} {_shown(before)} -> {_shown(after)}"


def _shown(value: object) -> str:
    return "none" if value is None else str(value)
