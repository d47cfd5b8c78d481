"""Dossiers and latenesses for people (interfaces: Dossier, Lateness): short lines, aligned tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from cli.output import figure, moment, padded, short, table
from models.catalogue import Catalogue
from models.views import Snapshot

Json = Mapping[str, Any]


def dossier_text(view: Json, latenesses: Sequence[Json], catalogue: Catalogue) -> str:
    """Header, steps, latenesses."""
    parts = [_header(view, catalogue), _steps(view["steps"])]
    if latenesses:
        parts.append("\n".join(_late_line(each) for each in latenesses))
    return "\n\n".join(parts)


def lateness_text(lateness: Json, catalogue: Catalogue) -> str:
    """One missed deadline, whom it names and why, and how its hearing stands."""
    named = (
        lateness["official"] or f"nobody; {lateness['head'] or 'its head'} answers for {lateness['agency']}"
    )
    agency = catalogue.agencies.get(lateness["agency"])
    lines = [
        f"{lateness['id']}  {lateness['state']}",
        *_fields(
            ("agency", f"{lateness['agency']}  {agency.name if agency else ''}"),
            ("names", named),
            ("due", moment(lateness["due_at"])),
            ("done", moment(lateness["completed_at"]) if lateness["completed_at"] else "not yet"),
            ("late by", _overrun(lateness)),
            ("recorded", moment(lateness["recorded_at"])),
            ("hearing until", moment(lateness["window_closes_at"])),
            ("published", moment(lateness["published_at"])),
            ("explained", _explanation(lateness)),
            ("review", _review(lateness["review"])),
            ("heard by", lateness["heard_by"] or "-"),
        ),
    ]
    for title, key in (("held it before", "shares"), ("held it after", "after")):
        held = [
            (
                each["official"] or f"queue of {each['agency']}",
                each["agency"],
                figure(each["minutes"]),
                f"{each['share']:.2f} %" if "share" in each else "",
            )
            for each in lateness[key]
        ]
        if held:
            lines += ["", table((title, "agency", "minutes", "share"), held, right=(2, 3))]
    return "\n".join(lines)


def list_text(found: Iterable[Snapshot]) -> str:
    """One line a dossier."""
    rows = [
        (
            snapshot.view.code,
            snapshot.view.procedure,
            snapshot.view.agency,
            snapshot.view.status.value,
            ", ".join(step.key for step in snapshot.view.steps if step.state in ("running", "paused")) or "-",
            _local(snapshot),
            str(len(snapshot.view.latenesses) or "-"),
        )
        for snapshot in found
    ]
    count = f"{len(rows)} dossier{'' if len(rows) == 1 else 's'}"
    if not rows:
        return count
    header = ("dossier", "procedure", "agency", "status", "now at", "next deadline", "late")
    return f"{table(header, rows, right=(6,))}\n\n{count}"


def _local(snapshot: Snapshot) -> str:
    at = snapshot.next_deadline_at
    return "-" if at is None else short(at.astimezone(ZoneInfo(snapshot.zone)))


def _header(view: Json, catalogue: Catalogue) -> str:
    procedure, agency = catalogue.procedures.get(view["procedure"]), catalogue.agencies.get(view["agency"])
    promised = moment(view["due_at"]) if view["due_at"] else "no date"
    if view["status"] == "paused":
        promised = "none while paused"
    if view["original_due_at"] not in (None, view["due_at"]):
        promised += f"  (at first {moment(view['original_due_at'])})"
    if not view["confirmed"]:
        promised += "  unconfirmed: a day before it is not decided by law or notice yet"
    rows = [
        ("procedure", f"{view['procedure']}  {procedure.name if procedure else ''}"),
        ("agency", f"{view['agency']}  {agency.name if agency else ''}"),
        ("accepted", moment(view["accepted_at"])),
        ("clock from", moment(view["clock_start"])),
        ("promised", promised),
    ]
    if view["closed_at"]:
        rows.append(("closed", moment(view["closed_at"])))
    head = f"{view['code']}  {view['status']} (portal {view['portal_status']})"
    return "\n".join([head, *_fields(*rows)])


def _steps(steps: Sequence[Json]) -> str:
    rows = [
        (
            str(step["stage"]),
            step["key"],
            step["name"],
            step["official"] or f"queue of {step['agency']}",
            f"{step['state']}{', LATE' if step['late'] else ''}",
            figure(step["consumed_minutes"]),
            "-" if step["budget_minutes"] is None else figure(step["budget_minutes"]),
            short(step["due_at"]),
            short(step["completed_at"]),
        )
        for step in steps
    ]
    header = ("", "step", "", "holder", "state", "used", "of", "due", "done")
    return table(header, rows, right=(5, 6))


def _late_line(lateness: Json) -> str:
    named = lateness["official"] or lateness["agency"]
    due, overrun = short(lateness["due_at"]), _overrun(lateness)
    return f"LATE  {lateness['id']}  due {due}, {overrun}, {named}, {lateness['state']}"


def _overrun(lateness: Json) -> str:
    return (
        f"{figure(lateness['overrun_minutes'])} working minutes "
        f"({figure(lateness['overrun_working_days'])} working days)"
    )


def _explanation(lateness: Json) -> str:
    return (
        f"{moment(lateness['explained_at'])}: {lateness['explanation']}" if lateness["explained_at"] else "-"
    )


def _review(review: Json | None) -> str:
    if review is None:
        return "-"
    cause = f" ({review['cause']})" if review["cause"] else ""
    return f"{moment(review['at'])} {review['decision']}{cause} by {review['by']}: {review['reason']}"


def _fields(*rows: tuple[str, str]) -> list[str]:
    return [f"  {padded(name, 14)}{value}".rstrip() for name, value in rows]
