"""The monthly list as an XLSX workbook: a view of the same rows and totals, the same bytes each time."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from models.bulletin import Bulletin, Rates, Totals
from models.bulletin_rows import BulletinRow

_INSTANTS = ("received_at", "due_at", "completed_at", "apology_at")
_WIDEST = 60
"""Characters of the widest column."""


def to_xlsx(bulletin: Bulletin, zone: ZoneInfo) -> bytes:
    """Sheets of the latenesses, the units, and what changed. Texts stay texts: nothing runs, nothing is a link."""
    stream = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_date_format": "yyyy-mm-dd hh:mm",
    }
    with xlsxwriter.Workbook(stream, options) as book:
        made = (bulletin.frozen_at or bulletin.watermark).astimezone(zone).replace(tzinfo=None)
        book.set_properties({"title": f"{bulletin.period}, edition {bulletin.edition}", "created": made})
        bold = book.add_format({"bold": True})
        _sheet(book.add_worksheet("latenesses"), bold, BulletinRow._fields, map(_cells, bulletin.rows))
        names = [*Totals.model_fields, "fair", "national_766"]
        units: list[Sequence[object]] = [
            ["all", "", *_figures(bulletin.totals, bulletin.rates)],
            *([unit.agency, unit.volume, *_figures(unit, unit.rates)] for unit in bulletin.by_agency),
        ]
        _sheet(book.add_worksheet("units"), bold, ["agency", "volume", *names], units)
        changes = [[change.edition, change.kind.value, change.text] for change in bulletin.changes]
        _sheet(book.add_worksheet("changes"), bold, ["edition", "kind", "text"], changes)
        about: list[Sequence[object]] = [
            ["period", bulletin.period],
            ["edition", bulletin.edition],
            ["frozen_at", _local(bulletin.frozen_at, zone)],
            ["watermark", _local(bulletin.watermark, zone)],
            ["formula", bulletin.formula],
            *([name, getattr(bulletin, name)] for name in ("agencies", "officials", "dossiers")),
            *([name, getattr(bulletin, name)] for name in ("excused", "retracted")),
        ]
        _sheet(book.add_worksheet("about"), bold, ["what", "value"], about)
    return stream.getvalue()


def _cells(row: BulletinRow) -> list[object]:
    """A spreadsheet knows no offsets: instants stand in it as local date-times."""
    return [
        datetime.fromisoformat(value).replace(tzinfo=None)
        if name in _INSTANTS and isinstance(value, str)
        else value
        for name, value in zip(BulletinRow._fields, row, strict=True)
    ]


def _figures(totals: Totals, rates: Rates) -> list[object]:
    return [*(getattr(totals, name) for name in Totals.model_fields), rates.fair, rates.national_766]


def _local(instant: datetime | None, zone: ZoneInfo) -> datetime | None:
    return None if instant is None else instant.astimezone(zone).replace(tzinfo=None)


def _sheet(sheet: Worksheet, bold: Format, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    sheet.write_row(0, 0, header, bold)
    widths = [len(name) for name in header]
    for number, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            if value is None:
                continue
            if isinstance(value, str):
                sheet.write_string(number, column, value)
            else:
                sheet.write(number, column, value)
            shown = 16 if isinstance(value, datetime) else len(str(value))
            widths[column] = max(widths[column], min(shown, _WIDEST))
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width + 2)
    sheet.freeze_panes(1, 0)
