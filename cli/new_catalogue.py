"""`danbiet init`: a small, valid, commented catalogue for another city, to be replaced piece by piece."""

from __future__ import annotations

import shutil
from pathlib import Path

from cli.output import as_json
from cli.root import PROJECT_ROOT
from models.errors import Code, Refusal

TEMPLATE = PROJECT_ROOT / "catalogue" / "template"
CALENDAR = PROJECT_ROOT / "catalogue" / "calendars" / "vn.yaml"


def init(directory: Path, *, json: bool) -> None:
    """Write it into ``directory``, which must be new or empty: nothing of anybody's is overwritten."""
    try:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise Refusal(
                Code.CONFLICT, f"{directory} is not empty: give a directory that does not exist yet"
            )
        shutil.copytree(TEMPLATE, directory, dirs_exist_ok=True)
        (directory / "calendars").mkdir()
        shutil.copy(CALENDAR, directory / "calendars")
    except OSError as error:
        raise Refusal(Code.INVALID, f"{directory} cannot be written: {error.strerror}") from None
    written = sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())
    if json:
        print(as_json({"directory": str(directory), "files": written, "errors": [], "warnings": []}))
        return
    print(f"wrote {len(written)} files to {directory}:")
    for name in written:
        print(f"  {name}")
    print(f"\ncheck it   danbiet catalogue check {directory}")
    print(f"run it     danbiet up --catalogue {directory}")
    print(f"an import  danbiet import {directory / 'log-example.csv'}")
