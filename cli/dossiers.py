"""`danbiet submit|act|show|why|list`: one dossier, or the list of them."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cli.dates import narration
from cli.installation import Installation
from cli.output import as_json, figure, short, table
from models.actions import first_problem
from models.dossier import Dossier
from models.errors import Code, Refusal, Unavailable
from models.instants import localised, parse_instant
from models.submission import DossierStart, Submission
from models.views import Snapshot, Status
from store import queries

Json = dict[str, Any]


def submit(file: str, data: Path | None, by: str | None, *, json: bool) -> None:  # noqa: ARG001 - a receipt is JSON anyway
    """Hand in the submission in ``file`` (``-``: standard input) and print the receipt."""
    submission = _read_submission(file)
    installation = Installation(data)

    async def send() -> Any:
        async with installation.starter() as starter:
            return await starter.submit(submission, by=starter.catalogue.official(by).id if by else "admin")

    print(as_json(asyncio.run(send())))


def _read_submission(file: str) -> Submission:
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Refusal(Code.INVALID, f"{file} cannot be read: {error.strerror}") from None
    try:
        return Submission.model_validate_json(raw.removeprefix(b"\xef\xbb\xbf"))
    except ValidationError as error:
        raise Refusal(Code.INVALID, f"{file}: {first_problem(error)}") from None


def act(code: str, fields: Json, data: Path | None, by: str | None, *, json: bool) -> None:  # noqa: ARG001
    """Send one action; ``at`` without an offset is read in the procedure's calendar."""
    installation = Installation(data)

    async def send() -> Any:
        async with installation.starter() as starter:
            if fields["at"] is not None:
                fields["at"] = parse_instant(fields["at"], zone=_zone(installation, code))
            return await starter.act(code, fields, by=by)

    print(as_json(asyncio.run(send())))


def _zone(installation: Installation, code: str) -> Any:
    snapshot = queries.dossier(installation.engine, code)
    calendars = installation.catalogue.calendars
    if snapshot is not None and snapshot.view.procedure in installation.catalogue.procedures:
        return installation.catalogue.calendar_of(snapshot.view.procedure).zone
    from zoneinfo import ZoneInfo

    return ZoneInfo(next(iter(calendars.values())).zone)


def show(code: str, data: Path | None, *, json: bool) -> None:
    """Show a dossier, or (an id like CODE:STEP:1) a lateness."""
    installation = Installation(data)
    if ":" in code:
        lateness = _lateness(installation, code)
        print(as_json(lateness) if json else _record(lateness))
        return
    view, latenesses = _state(installation, code)
    if json:
        print(as_json(view))
        return
    names = {key: official.name for key, official in installation.catalogue.officials.items()}
    print(_header(view))
    print()
    print(_steps(view, names))
    for lateness in latenesses:
        print()
        print(_lateness_line(lateness))


def why(code: str, step: str | None, data: Path | None, *, json: bool) -> None:
    """Narrate the deadline of a step, or of the promise."""
    installation = Installation(data)
    told = _why(installation, code, step)
    if json:
        print(as_json(told))
        return
    due = short(told["due_at"]) if told["due_at"] else "no due instant now"
    flag = "" if told["confirmed"] else "  (unconfirmed: beyond the calendar's confirmed days)"
    print(f"{told['subject']}: {due}{flag}")
    print(
        f"{figure(told['amount'])} {told['unit']}, {figure(told['budget_minutes'] or 0)} working minutes in all"
    )
    print()
    print(narration(told["lines"]))


def list_dossiers(
    data: Path | None,
    agency: str | None,
    official: str | None,
    procedure: str | None,
    status: str | None,
    due_before: str | None,
    *,
    late: bool,
    json: bool,
) -> None:
    """All dossiers that match, by their nearest running deadline."""
    if status is not None and status not in tuple(Status):
        raise Refusal(Code.INVALID, f"'{status}' is no status: use one of {', '.join(Status)}")
    before = parse_instant(due_before) if due_before else None
    installation = Installation(data)
    found: list[Snapshot] = []
    cursor: str | None = None
    while True:
        page = queries.list_dossiers(
            installation.engine,
            agency=agency,
            official=official,
            procedure=procedure,
            status=Status(status) if status else None,
            late=True if late else None,
            due_before=before,
            limit=500,
            cursor=cursor,
        )
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    views = [_view_json(snapshot) for snapshot in found]
    if json:
        print(as_json(views))
        return
    rows = [
        (
            view["code"],
            view["procedure"],
            view["agency"],
            view["status"],
            _nearest(view, snapshot),
            len(view["latenesses"]),
        )
        for view, snapshot in zip(views, found, strict=True)
    ]
    shown = [tuple(str(cell) for cell in row) for row in rows]
    print(table(("dossier", "procedure", "agency", "status", "next deadline", "late"), shown, right=(5,)))
    print(f"\n{len(shown)} dossiers")


def _nearest(view: Json, snapshot: Snapshot) -> str:
    del view
    if snapshot.next_deadline_at is None:
        return "-"
    return short(snapshot.next_deadline_at.astimezone(_zone_of(snapshot)))


def _zone_of(snapshot: Snapshot) -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo(snapshot.zone)


def _view_json(snapshot: Snapshot) -> Json:
    told = localised(snapshot.view, _zone_of(snapshot))
    assert isinstance(told, dict)  # noqa: S101 - a model is a mapping
    return told


# --- asking the workflow, or the store where it does not answer ----------------------------------------------------


def _ask(installation: Installation, question: str, *args: Any) -> Any:
    async def ask() -> Any:
        async with installation.starter() as starter:
            return await getattr(starter, question)(*args)

    return asyncio.run(ask())


def _state(installation: Installation, code: str) -> tuple[Json, list[Json]]:
    """The dossier and its latenesses: from its workflow, otherwise as last recorded."""
    try:
        return _ask(installation, "state", code), _ask(installation, "latenesses", code)
    except (Unavailable, Refusal) as problem:
        snapshot = queries.dossier(installation.engine, code)
        if snapshot is None:
            raise
        if isinstance(problem, Unavailable):
            print(f"danbiet: {problem.message} (shown as last recorded)", file=sys.stderr)
        zone = _zone_of(snapshot)
        recorded = queries.latenesses(installation.engine, dossier=code)
        return _view_json(snapshot), [_dict(localised(each, zone)) for each in recorded]


def _dict(value: Any) -> Json:
    assert isinstance(value, dict)  # noqa: S101 - a model is a mapping
    return value


def _lateness(installation: Installation, lateness: str) -> Json:
    code = lateness.rsplit(":", 2)[0]
    _, latenesses = _state(installation, code)
    for each in latenesses:
        if each["id"] == lateness:
            return each
    known = ", ".join(each["id"] for each in latenesses) or "none"
    raise Refusal(Code.NOT_FOUND, f"there is no lateness {lateness} (of this dossier: {known})")


def _why(installation: Installation, code: str, step: str | None) -> Json:
    try:
        return _dict(_ask(installation, "why", code, step))
    except Refusal as refusal:
        archive = queries.archive(installation.engine, code) if refusal.code is Code.NOT_FOUND else None
        if archive is None:
            raise
        dossier = Dossier(DossierStart.model_validate(archive.aggregate))
        return _dict(localised(dossier.why(step, datetime.now(UTC)), dossier.zone))


# --- for people ----------------------------------------------------------------------------------------------------


def _header(view: Json) -> str:
    due = short(view["due_at"]) if view["due_at"] else "paused: no date now"
    moved = (
        ""
        if view["due_at"] == view["original_due_at"]
        else f"  (first promised {short(view['original_due_at'])})"
    )
    flag = "" if view["confirmed"] else "  unconfirmed: beyond the calendar's confirmed days"
    closed = f", closed {short(view['closed_at'])}" if view["closed_at"] else ""
    return (
        f"{view['code']}  {view['procedure']}  {view['agency']}\n"
        f"{view['status']} (portal {view['portal_status']}){closed}\n"
        f"accepted {short(view['accepted_at'])}, clock from {short(view['clock_start'])}\n"
        f"promised {due}{moved}{flag}"
    )


def _steps(view: Json, names: dict[str, str]) -> str:
    rows = []
    for step in view["steps"]:
        holder = (
            names.get(step["official"], step["official"])
            if step["official"]
            else f"queue of {step['agency']}"
        )
        used = figure(step["consumed_minutes"])
        budget = "-" if step["budget_minutes"] is None else figure(step["budget_minutes"])
        state = step["state"] + (" LATE" if step["late"] else "")
        rows.append(
            (
                str(step["stage"]),
                step["key"],
                step["name"],
                holder,
                state,
                f"{used}/{budget}",
                short(step["due_at"]),
            )
        )
    return table(("", "step", "", "holder", "state", "minutes", "due"), rows, right=(0, 5))


def _lateness_line(lateness: Json) -> str:
    who = lateness["official"] or f"{lateness['agency']} (head {lateness['head'] or 'unknown'})"
    shares = ", ".join(f"{s['official'] or s['agency']} {s['share']:.2f} %" for s in lateness["shares"])
    return (
        f"{lateness['id']}: due {short(lateness['due_at'])}, late by {figure(lateness['overrun_minutes'])} minutes, "
        f"names {who}, {lateness['state']}\n  shares: {shares}"
    )


def _record(lateness: Json) -> str:
    lines = [_lateness_line(lateness)]
    for title, key in (
        ("recorded", "recorded_at"),
        ("window closes", "window_closes_at"),
        ("published", "published_at"),
    ):
        lines.append(f"  {title}: {short(lateness[key])}")
    if lateness["explanation"]:
        lines.append(f"  explained {short(lateness['explained_at'])}: {lateness['explanation']}")
    if lateness["heard_by"]:
        lines.append(f"  heard by {lateness['heard_by']}")
    return "\n".join(lines)
