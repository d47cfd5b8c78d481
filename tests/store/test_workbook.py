"""The list as a workbook, read back by another program."""

from __future__ import annotations

import io
from datetime import datetime

import openpyxl

from models.bulletin import Bin, Change, ChangeKind, Tally, agency_totals
from models.bulletin_rows import BulletinRow
from models.workbook import to_xlsx
from tests.store.samples import ZONE
from tests.store.test_bulletin_files import example


def test_the_rows_are_there_and_nothing_runs() -> None:
    row = (
        example()
        .rows[0]
        ._replace(official_name="=HYPERLINK()", explanation="+1", procedure="https://example.org", cause="@x")
    )
    listed = example().model_copy(update={"rows": (row, row)})
    book = openpyxl.load_workbook(io.BytesIO(to_xlsx(listed, ZONE)))
    sheet = book["latenesses"]
    header, first, second = sheet.iter_rows(values_only=True)
    assert header == BulletinRow._fields
    assert first == second
    told = dict(zip(header, first, strict=True))
    assert told["agency_name"] == "Chi nhánh, Đất đai"
    assert told["official_name"] == "=HYPERLINK()"
    assert told["due_at"] == datetime(2025, 4, 10, 17)  # noqa: DTZ001 - a spreadsheet knows no zones
    assert (told["completed_at"], told["overrun_working_days"]) == (None, 2.25)
    for cells in sheet.iter_rows(min_row=2):
        assert all(cell.data_type in ("s", "n", "d") and cell.hyperlink is None for cell in cells)


def test_units_changes_and_what_it_is() -> None:
    units = agency_totals([Tally("CT-LAND", Bin.ON_TIME, on_time_766=True, dossiers=30, received=5)])
    change = Change(edition=2, kind=ChangeKind.FACTS, text="=retracted")
    listed = example().model_copy(update={"by_agency": units, "changes": (change,), "edition": 2})
    book = openpyxl.load_workbook(io.BytesIO(to_xlsx(listed, ZONE)))
    rows = list(book["units"].iter_rows(values_only=True))
    assert rows[2][:4] == ("CT-LAND", "20 to 99", 5, 30)
    assert rows[2][-2:] == (100, 100)
    assert list(book["changes"].iter_rows(values_only=True))[1] == (2, "facts", "=retracted")
    about = dict(book["about"].iter_rows(values_only=True))
    assert (about["period"], about["edition"], about["frozen_at"]) == ("2025-04", 2, None)
    assert about["watermark"] == datetime(2025, 6, 2, 9)  # noqa: DTZ001


def test_the_same_bytes_each_time() -> None:
    assert to_xlsx(example(), ZONE) == to_xlsx(example(), ZONE)
    assert to_xlsx(example(), ZONE) != to_xlsx(example().model_copy(update={"edition": 7}), ZONE)
