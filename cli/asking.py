"""`danbiet show`, `why` and `list`: the workflow is asked where it answers, otherwise what was recorded last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import typer

from cli.installation import Installation
from cli.narration import narration
from cli.output import as_json, tell
from cli.showing import dossier_text, lateness_text, list_text
from models.dossier import Dossier
from models.errors import Code, DanbietError, Refusal, Unavailable
from models.instants import localised, parse_instant
from models.submission import DossierStart
from models.views import Snapshot, Status
from starter import Starter
from store import queries

Json = dict[str, Any]
Found = TypeVar("Found")
ANSWER_WITHIN = 10.0
"""Seconds for a workflow's answer; then what was recorded last must do."""


def show(code: str, data: Path | None, *, json: bool) -> None:
    """Show a dossier, or (an id like CODE:STEP:1) a lateness."""
    installation = Installation(data)
    if ":" in code:
        lateness = _lateness(installation, code)
        print(as_json(lateness) if json else lateness_text(lateness, installation.catalogue))
        return
    view, latenesses = _state(installation, code)
    print(as_json(view) if json else dossier_text(view, latenesses, installation.catalogue))


def why(code: str, step: str | None, data: Path | None, *, json: bool) -> None:
    """Narrate the deadline of a step, or of the promise."""
    installation = Installation(data)
    told: Json = _ask(
        installation,
        code,
        lambda starter: starter.why(code, step),
        lambda: _archived_why(installation, code, step),
    )
    print(as_json(told) if json else f"{told['subject']}: {narration(told)}")


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
    """All dossiers that match, by their nearest running deadline, as recorded."""
    if status is not None and status not in tuple(Status):
        raise typer.BadParameter(
            f"'{status}' is no status: use one of {', '.join(Status)}", param_hint="--status"
        )
    filters: Json = {
        "agency": agency,
        "official": official,
        "procedure": procedure,
        "status": Status(status) if status else None,
        "late": True if late else None,
        "due_before": parse_instant(due_before) if due_before else None,
    }
    installation = Installation(data)
    found: list[Snapshot] = []
    cursor: str | None = None
    while True:
        page = queries.list_dossiers(installation.engine, **filters, limit=queries.MOST, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    print(as_json([_view(snapshot) for snapshot in found]) if json else list_text(found))


# --- the workflow's answer, or the store's -------------------------------------------------------------------------


async def answer(installation: Installation, question: Callable[[Starter], Awaitable[Any]]) -> Any:
    """What the workflow says. Raises :class:`Unavailable` if it does not say it soon."""
    async with installation.starter() as starter:
        try:
            return await asyncio.wait_for(question(starter), ANSWER_WITHIN)
        except TimeoutError:
            raise Unavailable(f"no worker answered within {ANSWER_WITHIN:g} s") from None


def _ask(
    installation: Installation,
    code: str,
    question: Callable[[Starter], Awaitable[Any]],
    recorded: Callable[[], Found | None],
) -> Any | Found:
    """The answer of the workflow. Where it is out of reach or forgotten: what is recorded, if that answers it.

    Only an ended dossier may be forgotten: its archive is all there is to know. Of any other it is said.
    """
    try:
        return asyncio.run(answer(installation, question))
    except (Unavailable, Refusal) as problem:
        if isinstance(problem, Refusal) and problem.code is not Code.NOT_FOUND:
            raise
        if (found := recorded()) is None:
            _say_what_is_recorded(installation, code, problem)
            raise
        if isinstance(problem, Unavailable):
            tell(f"shown as last recorded: {problem.message}")
        elif queries.archive(installation.engine, code) is None:
            tell(f"shown as last recorded: {_lost(installation, code)}")
        return found


def _say_what_is_recorded(installation: Installation, code: str, problem: DanbietError) -> None:
    """A recorded dossier whose aggregate is with its workflow alone. Raises :class:`Unavailable` if there is one."""
    if queries.dossier(installation.engine, code) is not None:
        cause = problem.message if isinstance(problem, Unavailable) else _lost(installation, code)
        raise Unavailable(
            f"{cause}; only the workflow of {code} can tell that: 'danbiet show {code}' has what is recorded"
        ) from None


def _lost(installation: Installation, code: str) -> str:
    namespace = installation.settings.temporal_namespace
    return (
        f"the Temporal server at {installation.temporal} does not know the workflow of {code} in namespace "
        f"'{namespace}': is it the right one?"
    )


def _state(installation: Installation, code: str) -> tuple[Json, list[Json]]:
    """The dossier and its latenesses."""

    async def ask(starter: Starter) -> Any:
        return await starter.state(code), await starter.latenesses(code)

    def recorded() -> tuple[Json, list[Json]] | None:
        snapshot = queries.dossier(installation.engine, code)
        if snapshot is None:
            return None
        latenesses = queries.latenesses(installation.engine, dossier=code)
        return _view(snapshot), [_plain(each, ZoneInfo(snapshot.zone)) for each in latenesses]

    found: tuple[Json, list[Json]] = _ask(installation, code, ask, recorded)
    return found


def _lateness(installation: Installation, lateness: str) -> Json:
    _, latenesses = _state(installation, lateness.split(":", maxsplit=1)[0])
    for each in latenesses:
        if each["id"] == lateness:
            return each
    known = ", ".join(each["id"] for each in latenesses) or "none"
    raise Refusal(Code.NOT_FOUND, f"there is no lateness {lateness} (this dossier's: {known})")


def _archived_why(installation: Installation, code: str, step: str | None) -> Json | None:
    """Narrated anew by the core, from what an ended dossier left."""
    archive = queries.archive(installation.engine, code)
    if archive is None:
        return None
    dossier = Dossier(DossierStart.model_validate(archive.aggregate))
    return _plain(dossier.why(step, datetime.now(UTC)), dossier.zone)


def _view(snapshot: Snapshot) -> Json:
    return _plain(snapshot.view, ZoneInfo(snapshot.zone))


def _plain(value: object, zone: ZoneInfo) -> Json:
    told = localised(value, zone)
    assert isinstance(told, dict)  # noqa: S101 - a model is a mapping
    return told
