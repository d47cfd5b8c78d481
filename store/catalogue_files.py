"""The one place that reads a catalogue from disk. Nothing is cached: each call reads the files as they are now."""

from __future__ import annotations

from pathlib import Path

from models.catalogue import Catalogue
from models.catalogue_parse import AGENCIES, OFFICIALS, POLICIES, ROSTER, parse_catalogue
from models.catalogue_text import Finding, Report
from models.errors import CatalogueError

TABLES = (AGENCIES, OFFICIALS, ROSTER, POLICIES)
SHOWN = 10
"""Errors that :func:`read_catalogue` lists; `danbiet catalogue check` has them all."""


def read_catalogue(directory: Path) -> Catalogue:
    """The catalogue in ``directory``. Raises :class:`CatalogueError` with the first errors as 'file:line: message'."""
    catalogue, report = _parse(directory)
    if catalogue is not None:
        return catalogue
    lines = [str(finding) for finding in report.errors[:SHOWN]]
    if len(report.errors) > SHOWN:
        more = len(report.errors) - SHOWN
        lines.append(f"... and {more} more: danbiet catalogue check {directory}")
    raise CatalogueError("\n".join([f"the catalogue {directory} cannot be used:", *lines]))


def check_catalogue(directory: Path) -> Report:
    """All errors and warnings of the catalogue in ``directory``."""
    return _parse(directory)[1]


def _parse(directory: Path) -> tuple[Catalogue | None, Report]:
    if not directory.is_dir():
        missing = Finding(
            file=str(directory), line=1, message="there is no such directory: give the catalogue's"
        )
        return None, Report(errors=(missing,))
    files: dict[str, str] = {}
    unreadable = []
    for name, path in _paths(directory).items():
        try:
            files[name] = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            files[name] = ""
            line = error.object[: error.start].count(b"\n") + 1
            unreadable.append(
                Finding(file=name, line=line, message="not UTF-8: save the file with that encoding")
            )
        except OSError as error:
            files[name] = ""
            unreadable.append(Finding(file=name, line=1, message=f"cannot be read: {error.strerror}"))
    catalogue, report = parse_catalogue(files)
    if not unreadable:
        return catalogue, report
    names = {finding.file for finding in unreadable}
    others = (finding for finding in report.errors if finding.file not in names)
    return None, report.model_copy(update={"errors": (*unreadable, *others)})


def _paths(directory: Path) -> dict[str, Path]:
    """Files of the catalogue by name. Calendars that cities share lie beside them; a city's own comes first."""
    paths = {name: directory / name for name in TABLES if (directory / name).exists()}
    shared = directory / ".." / "calendars"
    for folder in ("procedures", "calendars"):
        paths |= {f"{folder}/{path.name}": path for path in _yaml_in(directory / folder)}
    own = {path.stem for path in _yaml_in(directory / "calendars")}
    paths |= {f"../calendars/{path.name}": path for path in _yaml_in(shared) if path.stem not in own}
    return paths


def _yaml_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.suffix in (".yaml", ".yml"))
