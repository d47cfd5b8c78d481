"""`danbiet import`: an event log through real workflows. All sound dossiers go in; those with a bad row are told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from temporalio.service import RPCError

from cli.installation import Installation
from cli.output import Progress, as_json, tell
from models.actions import Given
from models.errors import Code, Refusal, Unavailable
from models.instants import whole
from models.log import SUBMIT, Log, LogError, Row, read_log
from models.log_starts import BadRow, LogReader, fingerprint
from models.plain_text import check_plain
from models.submission import Heard
from models.views import Snapshot
from starter import Starter, log_request
from store import queries
from workflows.names import workflow_id

IN_FLIGHT = 32
PATIENCE = 10.0
"""Seconds without any progress after which nobody is recording."""
POLL = 0.1
SHOWN = 50
"""Findings that people are shown; `--json` has them all."""


@dataclass
class Outcome:
    """What became of the dossiers of a log."""

    rows: int = 0
    new: int = 0
    extended: int = 0
    unchanged: int = 0
    held_back: int = 0
    errors: list[LogError] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        counts = {name: getattr(self, name) for name in ("new", "extended", "unchanged", "held_back")}
        errors = [error.model_dump(mode="json") for error in self.errors]
        return {"rows": self.rows, "dossiers": counts, "errors": errors}


@dataclass(frozen=True)
class _Addition:
    """Rows of a dossier that is known already, as one request."""

    rows: list[Row]
    given: tuple[Given, ...]


@dataclass(frozen=True)
class _Plan:
    """What is to be sent, by code. Starts are made of their rows when their turn comes: a log may be long."""

    starts: dict[str, list[Row]] = field(default_factory=dict)
    additions: dict[str, _Addition] = field(default_factory=dict)


def import_log(path: Path, data: Path | None, heard: str | None, reason: str | None, *, json: bool) -> int:
    """Import the log; 1 if anything was held back."""
    check_plain({"heard": heard or "", "reason": reason or ""})
    judged = Heard(by=heard, reason=reason) if heard and reason else None
    outcome = asyncio.run(bring_in(Installation(data), path, judged))
    if json:
        print(as_json(outcome.as_json()))
    else:
        print(
            f"{outcome.rows} rows; dossiers: {outcome.new} new, {outcome.extended} extended, "
            f"{outcome.unchanged} unchanged, {outcome.held_back} held back"
        )
    for error in outcome.errors[:SHOWN]:
        tell(str(error))
    if len(outcome.errors) > SHOWN:
        tell(f"... and {len(outcome.errors) - SHOWN} more: --json lists them all")
    if outcome.errors:
        tell("mend these rows and import the file again: what went in is not brought in twice")
    return 1 if outcome.errors else 0


async def bring_in(
    installation: Installation, path: Path, heard: Heard | None, *, until: datetime | None = None
) -> Outcome:
    """Read, check and send the log; returns when what was sent is recorded, or nobody records.

    Everything is checked before anything is sent. ``until``: rows of later instants are left for another time.
    """
    now = whole(datetime.now(UTC))
    log = _read(path, now)
    if until is not None:
        log.dossiers = {code: [row for row in rows if row.at <= until] for code, rows in log.dossiers.items()}
    outcome = Outcome(rows=log.rows)
    reader = LogReader(installation.catalogue, now, heard)
    plan = await asyncio.to_thread(_plan, log, reader, installation.engine, outcome)
    if plan.starts or plan.additions:
        async with installation.starter() as starter:
            await _Sending(starter, reader, log, outcome, now, heard).send(plan)
    outcome.held_back = len(log.held_back)
    outcome.errors = sorted(log.errors, key=lambda error: (error.line, error.column or ""))
    return outcome


def _read(path: Path, now: datetime) -> Log:
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
            return read_log(lines, file=path.name, now=now)
    except OSError as error:
        raise Refusal(Code.INVALID, f"{path} cannot be read: {error.strerror}") from None


# --- checking ----------------------------------------------------------------------------------------------------


def _plan(log: Log, reader: LogReader, engine: Engine, outcome: Outcome) -> _Plan:
    """What is new in the log, and sound; bad rows are noted in the log."""
    plan = _Plan()
    sound = list(log.sound())
    with Progress("checked", len(sound)) as progress:
        for code, rows in sound:
            known = queries.dossier(engine, code)
            if known is None:
                if reader.judge(log, code, rows):
                    plan.starts[code] = rows
            else:
                _plan_known(plan, log, reader, engine, outcome, known, rows)
            progress.step()
    return plan


def _plan_known(
    plan: _Plan,
    log: Log,
    reader: LogReader,
    engine: Engine,
    outcome: Outcome,
    known: Snapshot,
    rows: list[Row],
) -> None:
    code = known.view.code
    seen = queries.action_ids(engine, code)
    unseen = [row for row in rows if row.id not in seen]
    try:
        _check_same(known, unseen)
        given = reader.additions(unseen, known.view.procedure)
    except BadRow as bad:
        log.refuse(code, bad.row.line, bad.column, bad.message)
        return
    if given:
        plan.additions[code] = _Addition(rows, given)
    else:
        outcome.unchanged += 1


def _check_same(known: Snapshot, unseen: Iterable[Row]) -> None:
    """A submission that no log brought must be the one that the row tells."""
    view = known.view
    for row in unseen:
        if row["activity"] == SUBMIT and (row["procedure"], row.at) != (view.procedure, view.accepted_at):
            raise BadRow(row, "dossier", f"{view.code} exists already and was submitted otherwise")


# --- sending -----------------------------------------------------------------------------------------------------


class _Sending:
    """Sends a plan, so many dossiers at a time, and waits until what was started is recorded."""

    def __init__(
        self,
        starter: Starter,
        reader: LogReader,
        log: Log,
        outcome: Outcome,
        now: datetime,
        heard: Heard | None,
    ) -> None:
        self._starter, self._reader, self._log = starter, reader, log
        self._outcome, self._now, self._heard = outcome, now, heard
        self._started: list[str] = []

    async def send(self, plan: _Plan) -> None:
        tasks: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        tasks += [(code, lambda c=code, r=rows: self._start(c, r)) for code, rows in plan.starts.items()]  # type: ignore[misc]
        tasks += [(code, lambda c=code, a=more: self._extend(c, a)) for code, more in plan.additions.items()]  # type: ignore[misc]
        waiting = iter(tasks)
        with Progress("sent", len(tasks)) as progress:

            async def work() -> None:
                for _, task in waiting:
                    await task()
                    progress.step()

            await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
        await self._until_recorded()

    async def _start(self, code: str, rows: list[Row]) -> None:
        start = self._reader.start(code, rows)
        if await self._starter.start(start, self._now):
            self._started.append(code)
            self._outcome.new += 1
        elif await self._accepted_content(code) == fingerprint(rows):
            self._outcome.unchanged += 1
        else:  # taken meanwhile, by a live submission or another import
            await self._extend(code, _Addition(rows, start.given))

    async def _accepted_content(self, code: str) -> object:
        """What was accepted under the code and is not recorded yet: no worker need run to know it."""
        try:
            description = await self._starter.client.get_workflow_handle(workflow_id(code)).describe()
        except RPCError as error:
            raise Unavailable(f"the Temporal server does not answer ({error.message}): try again") from None
        return (await description.memo()).get("content")

    async def _extend(self, code: str, addition: _Addition) -> None:
        ids = {given.id for given in addition.given}
        new = [row for row in addition.rows if row.id in ids]
        try:
            await self._starter.send(code, log_request(addition.given, fingerprint(new), self._heard))
        except Refusal as refusal:
            whole_log = addition.rows[0]["activity"] == SUBMIT
            if not whole_log or self._reader.judge(self._log, code, addition.rows):
                self._log.refuse(code, new[0].line, "activity", refusal.message)
        else:
            self._outcome.extended += 1

    async def _until_recorded(self) -> None:
        """Until the store knows all that was started; without a worker it is accepted all the same."""
        waiting, clock = self._started[::-1], asyncio.get_running_loop()
        last = clock.time()
        with Progress("recorded", len(waiting)) as progress:
            while waiting:
                if await asyncio.to_thread(queries.dossier, self._starter.engine, waiting[-1]) is not None:
                    waiting.pop()
                    progress.step()
                    last = clock.time()
                elif clock.time() - last < PATIENCE:
                    await asyncio.sleep(POLL)
                else:
                    break
        if waiting:
            some = "1 dossier is" if len(waiting) == 1 else f"{len(waiting)} dossiers are"
            tell(f"{some} accepted and not recorded yet: see that a worker runs")
