"""Reading a working calendar from its YAML text; every error names file and line and says how to mend it."""

from __future__ import annotations

from datetime import date
from typing import Any

import yaml
from pydantic import ValidationError

from models.calendar_data import CalendarData, parse_sessions
from models.errors import CatalogueError

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_REQUIRED = ("name", "zone", "sessions", "covers_from", "covers_until", "confirmed_until")
_KNOWN = (*_REQUIRED, "day_minutes", "cutoff", "days_off", "worked")


def load_calendar(text: str, *, file: str) -> CalendarData:
    """Parse and check a calendar. Raises :class:`CatalogueError` for the first thing that is wrong."""
    try:
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CatalogueError(f"{file}:{line}: {error.problem or 'not YAML'}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise CatalogueError(f"{file}:1: not readable as YAML: {str(error).splitlines()[0]}") from None
    reader = _Reader(file)
    fields = reader.mapping(root, "the calendar")
    for key, (key_line, _) in fields.items():
        if key not in _KNOWN:
            raise reader.error(key_line, f"unknown key '{key}': use one of {', '.join(_KNOWN)}")
    for key in _REQUIRED:
        if key not in fields:
            raise reader.error(1, f"the calendar needs '{key}'")
    return _calendar(reader, fields)


def _calendar(reader: _Reader, fields: dict[str, tuple[int, yaml.Node]]) -> CalendarData:
    week = [""] * 7
    for name, (line, node) in reader.mapping(fields["sessions"][1], "sessions").items():
        if name not in _WEEKDAYS:
            raise reader.error(line, f"'{name}' is no weekday: use {', '.join(_WEEKDAYS)}")
        week[_WEEKDAYS.index(name)] = reader.sessions(line, node)
    sources: dict[str, int] = {}
    off, off_lines = reader.days(fields.get("days_off"), sources)
    worked_as: dict[date, int] = {}
    worked, worked_lines = reader.days(fields.get("worked"), sources, worked_as)
    first = reader.day(fields, "covers_from")
    last = reader.day(fields, "covers_until")
    if first > last:
        raise reader.error(fields["covers_from"][0], f"covers_from must not lie after covers_until ({last})")
    for day, weekday in worked_as.items():
        if not week[weekday]:
            raise reader.error(
                worked_lines[day], f"{day} stands in for {_WEEKDAYS[weekday]}, which has no sessions"
            )
    for day, line in (off_lines | worked_lines).items():
        if not first <= day <= last:
            raise reader.error(line, f"{day} lies outside what the calendar covers ({first} to {last})")
    for day in sorted(off.keys() & worked.keys()):
        raise reader.error(
            worked_lines[day], f"{day} is both a day off (line {off_lines[day]}) and worked: keep one"
        )
    plain = {key: fields[key][1].value for key in ("name", "zone", "day_minutes", "cutoff") if key in fields}
    confirmed = reader.day(fields, "confirmed_until")
    if confirmed > last:
        raise reader.error(
            fields["confirmed_until"][0], f"confirmed_until must not lie after covers_until ({last})"
        )
    try:
        return CalendarData(
            **plain,
            week=tuple(week),
            sources=tuple(sources),
            days_off=off,
            worked=worked,
            worked_as=worked_as,
            covers_from=first,
            covers_until=last,
            confirmed_until=confirmed,
        )
    except ValidationError as error:
        finding = error.errors(include_url=False)[0]
        key = str(finding["loc"][0]) if finding["loc"] else ""
        line = fields[key][0] if key in fields else 1
        raise reader.error(line, f"{key}: {finding['msg'].removeprefix('Value error, ')}") from None


class _Reader:
    """Plain values of YAML nodes, with the line in every error."""

    def __init__(self, file: str) -> None:
        self._file = file

    def error(self, line: int, message: str) -> CatalogueError:
        return CatalogueError(f"{self._file}:{line}: {message}")

    def mapping(self, node: yaml.Node | None, what: str) -> dict[str, tuple[int, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            line = node.start_mark.line + 1 if node is not None else 1
            raise self.error(line, f"{what} must be a mapping of keys to values")
        found: dict[str, tuple[int, yaml.Node]] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in found:
                raise self.error(
                    line, f"'{key.value}' stands here twice (first in line {found[key.value][0]})"
                )
            found[key.value] = (line, value)
        return found

    def sessions(self, line: int, node: yaml.Node) -> str:
        parts = (
            [str(item.value) for item in node.value]
            if isinstance(node, yaml.SequenceNode)
            else [str(node.value)]
        )
        text = " ".join(parts)
        try:
            parse_sessions(text)
        except ValueError as error:
            raise self.error(line, str(error)) from None
        return text

    def day(self, fields: dict[str, tuple[int, yaml.Node]], key: str) -> date:
        line, node = fields[key]
        return self._date(line, str(node.value))

    def _date(self, line: int, text: str) -> date:
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise self.error(line, f"'{text}' is no date: write it like 2026-01-02") from None

    def days(
        self,
        field: tuple[int, yaml.Node] | None,
        sources: dict[str, int],
        worked_as: dict[date, int] | None = None,
    ) -> tuple[dict[date, int], dict[date, int]]:
        """Dates with their source's index, and with their line; ``worked_as`` takes the weekdays given."""
        if field is None or field[1].value in ("", []):
            return {}, {}
        days: dict[date, int] = {}
        lines: dict[date, int] = {}
        for text, (line, node) in self.mapping(field[1], "days").items():
            day = self._date(line, text)
            if worked_as is not None and isinstance(node, yaml.MappingNode):
                source, worked_as[day] = self._swap(line, node, day)
            else:
                source = str(node.value).strip() if isinstance(node, yaml.ScalarNode) else ""
            if not source:
                raise self.error(line, f"{day} needs its source: the law or notice that says so")
            days[day] = sources.setdefault(source, len(sources))
            lines[day] = line
        return days, lines

    def _swap(self, line: int, node: yaml.Node, day: date) -> tuple[str, int]:
        """Source and weekday of a worked day written as {source: ..., as: friday}."""
        given = {key: str(value.value).strip() for key, (_, value) in self.mapping(node, str(day)).items()}
        if given.keys() != {"source", "as"} or given["as"] not in _WEEKDAYS:
            raise self.error(line, f"write {day} as {{source: the notice, as: a weekday like friday}}")
        return given["source"], _WEEKDAYS.index(given["as"])
