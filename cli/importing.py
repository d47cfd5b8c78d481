"""`danbiet import`: an event log through real workflows. All sound dossiers go in; those with a bad row are told."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cli.installation import Installation
from cli.output import Progress, as_json
from models.dossier import Dossier
from models.errors import Code, Refusal
from models.instants import whole
from models.log import Log, LoggedDossier, LogReader, RowRefused, read_log
from models.submission import DossierStart, Heard
from starter import Starter, log_request
from store import queries

IN_FLIGHT = 32
PATIENCE = 10.0
"""Seconds without any progress after which nobody is recording."""


@dataclass
class Outcome:
    """What became of the dossiers of a log."""

    rows: int = 0
    new: int = 0
    extended: int = 0
    unchanged: int = 0
    held_back: int = 0
    errors: list[Any] = field(default_factory=list)
    started: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        counts = {name: getattr(self, name) for name in ("new", "extended", "unchanged", "held_back")}
        errors = [error.model_dump(mode="json") for error in self.errors]
        return {"rows": self.rows, "dossiers": counts, "errors": errors}


def import_log(path: Path, data: Path | None, heard: str | None, reason: str | None, *, json: bool) -> int:
    """Import the log; 1 if anything was held back."""
    installation = Installation(data)
    judged = Heard(by=heard, reason=reason) if heard and reason else None
    outcome = asyncio.run(bring_in(installation, path, judged))
    if json:
        print(as_json(outcome.as_json()))
    else:
        print(
            f"{outcome.rows} rows: {outcome.new} dossiers new, {outcome.extended} extended, "
            f"{outcome.unchanged} unchanged, {outcome.held_back} held back"
        )
    for error in outcome.errors:
        print(f"danbiet: {error}", file=sys.stderr)
    if outcome.errors:
        print(
            "danbiet: mend these rows and import the file again: what went in is not brought in twice",
            file=sys.stderr,
        )
    return 1 if outcome.errors else 0


async def bring_in(installation: Installation, path: Path, heard: Heard | None) -> Outcome:
    """Read, check and send the log; returns when what was sent is recorded, or nobody records."""
    now = whole(datetime.now(UTC))
    log = _read(path, now)
    reader = LogReader(installation.catalogue, now, heard)
    plans = [plan for dossier in log.sound() if (plan := _plan(log, reader, dossier, now)) is not None]
    outcome = Outcome(rows=log.rows)
    progress = Progress("dossiers", len(plans))
    async with installation.starter() as starter:
        limit = asyncio.Semaphore(IN_FLIGHT)

        async def send(dossier: LoggedDossier, start: DossierStart) -> None:
            async with limit:
                try:
                    await _send(starter, start, heard, now, outcome)
                except Refusal as refusal:
                    log.refuse(dossier.rows[0][1], "dossier", refusal.message)
            progress.step()

        await asyncio.gather(*(send(dossier, start) for dossier, start in plans))
        progress.close()
        await _until_recorded(starter, outcome.started)
    outcome.held_back = len(log.held_back)
    outcome.errors = sorted(log.errors, key=lambda error: (error.line, error.column))
    return outcome


def _read(path: Path, now: datetime) -> Log:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return read_log(lines, file=path.name, now=now)
    except OSError as error:
        raise Refusal(Code.INVALID, f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Refusal(Code.INVALID, f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8") from None


def _plan(
    log: Log, reader: LogReader, dossier: LoggedDossier, now: datetime
) -> tuple[LoggedDossier, DossierStart] | None:
    """The start of a dossier whose every row the core accepts; otherwise its bad row is noted."""
    try:
        start = reader.start(dossier)
        try:
            Dossier(start).begin(now)
        except Refusal as refusal:
            raise _bad_row(dossier, start, refusal, now) from None
    except RowRefused as refused:
        log.refuse(refused.row, refused.column, refused.message)
        return None
    return dossier, start


def _bad_row(dossier: LoggedDossier, start: DossierStart, refusal: Refusal, now: datetime) -> RowRefused:
    """Which row the core refuses: the first whose addition makes it refuse."""
    for count in range(len(start.given)):
        try:
            Dossier(start.model_copy(update={"given": start.given[: count + 1]})).begin(now)
        except Refusal as first:
            return RowRefused(dossier.rows[count + 1][1], "activity", first.message)
    return RowRefused(dossier.rows[0][1], "activity", refusal.message)


async def _send(
    starter: Starter, start: DossierStart, heard: Heard | None, now: datetime, outcome: Outcome
) -> None:
    known = await asyncio.to_thread(queries.dossier, starter.engine, start.code)
    if known is None and await starter.start(start, now):
        outcome.new += 1
        outcome.started.append(start.code)
        return
    seen = await asyncio.to_thread(queries.action_ids, starter.engine, start.code)
    if start.row not in seen and known is not None:
        raise Refusal(
            Code.CONFLICT, f"{start.code} exists already and was submitted otherwise than this log says"
        )
    unseen = tuple(given for given in start.given if given.id not in seen)
    if not unseen:
        outcome.unchanged += 1
        return
    identity = "+".join(sorted(str(given.id) for given in unseen))[:200]
    await starter.send(start.code, log_request(unseen, identity, heard))
    outcome.extended += 1


async def _until_recorded(starter: Starter, codes: list[str]) -> None:
    """Wait until the store knows all of ``codes``; without a worker they are accepted all the same."""
    waiting, quiet = list(codes), 0.0
    progress = Progress("recorded", len(codes))
    while waiting and quiet < PATIENCE:
        left = [
            code for code in waiting if await asyncio.to_thread(queries.dossier, starter.engine, code) is None
        ]
        progress.step(len(waiting) - len(left))
        quiet = 0.0 if len(left) < len(waiting) else quiet + 0.2
        waiting = left
        if waiting:
            await asyncio.sleep(0.2)
    progress.close()
    if waiting:
        print(
            f"danbiet: {len(waiting)} dossiers are accepted and not recorded yet: see that a worker runs",
            file=sys.stderr,
        )
