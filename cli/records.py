"""`danbiet official`, `danbiet agency`: the record of a person or a unit, with the points and how they are made."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from cli.installation import Installation
from cli.output import as_json, figure, padded, short, table
from models.instants import localised
from models.records import AgencyRecord, OfficialRecord, Peer, Points, Record
from store.records import agency_record, official_record

MONTHS = 12
"""So many of the latest are shown to people; JSON has all."""


def official(code: str, data: Path | None, *, json: bool, public: bool) -> None:
    """On the machine itself one is the admin: the full record, unless ``public``."""
    installation = Installation(data)
    record = official_record(
        installation.engine, installation.catalogue, code, datetime.now(UTC), full=not public
    )
    _show(record, installation.calendar.zone, _official_head(record), json=json)


def agency(code: str, data: Path | None, *, json: bool, public: bool) -> None:
    installation = Installation(data)
    record = agency_record(
        installation.engine, installation.catalogue, code, datetime.now(UTC), full=not public
    )
    _show(record, installation.calendar.zone, _agency_head(record), json=json)


def _show(record: Record, zone: ZoneInfo, head: list[str], *, json: bool) -> None:
    if json:
        print(as_json(localised(record, zone)))
        return
    print("\n".join([*head, *_common(record, zone)]))
    if isinstance(record, AgencyRecord):
        print("\n" + _peers(record))


def _official_head(record: OfficialRecord) -> list[str]:
    where = f"{record.agency}  {record.agency_name}" if record.agency else "not in the catalogue"
    return [f"{record.official}  {record.name}  {record.position}".rstrip(), _line("agency", where)]


def _agency_head(record: AgencyRecord) -> list[str]:
    head = f"{record.head}  {record.head_name or ''}".rstrip() if record.head else "-"
    return [f"{record.agency}  {record.name}", _line("head", head)]


def _common(record: Record, zone: ZoneInfo) -> list[str]:
    counts, held = record.counts, record.open
    lines = [
        _line("dossiers", f"early {counts.early}, on time {counts.on_time}, late {counts.late}"),
        _line("not late", _percent(record.on_time_share)),
        _line("held now", f"running {held.running}, paused {held.paused}, of them overdue {held.overdue}"),
    ]
    if record.minutes is not None:
        lines.append(_line("unscored", f"{counts.unscored} (no deadline, or late where another is named)"))
        own, others = figure(record.minutes.named), figure(record.minutes.of_others)
        lines.append(_line("late steps", f"{own} working minutes where named, {others} where another is"))
    if record.progress is not None and record.score is not None:
        lines += ["", *_points("progress points", record.progress), *_points("score", record.score)]
    if record.by_month:
        rows = [
            (
                month.period,
                str(month.early),
                str(month.on_time),
                str(month.late),
                _percent(month.on_time_share),
            )
            for month in record.by_month[-MONTHS:]
        ]
        lines += ["", table(("month", "early", "on time", "late", "not late"), rows, right=(1, 2, 3, 4))]
    if held.items:
        held_rows = [
            (item.dossier, item.step, item.state, short(item.due_at and item.due_at.astimezone(zone)))
            for item in held.items
        ]
        lines += ["", table(("held now", "step", "state", "due"), held_rows)]
    return lines


def _points(name: str, points: Points) -> list[str]:
    counted = ", ".join(f"{key.replace('_', ' ')} {count}" for key, count in points.counts.items())
    return [
        _line(name, f"{points.points} of {points.out_of}, {_percent(points.percent)} ({points.source})"),
        f"    {points.formula}",
        f"    {counted}",
    ]


def _peers(record: AgencyRecord) -> str:
    def row(peer: Peer) -> tuple[str, ...]:
        return (peer.agency, peer.name, str(peer.steps), str(peer.late), _percent(peer.on_time_share))

    header = (f"steps since {record.since}", "", "done", "late", "not late")
    return table(header, [row(record.own), *map(row, record.peers)], right=(2, 3, 4))


def _percent(share: float | None) -> str:
    return "no rate under 20" if share is None else f"{figure(share)} %"


def _line(name: str, value: str) -> str:
    return f"  {padded(name, 16)}{value}"
