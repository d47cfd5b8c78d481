"""`danbiet submit` and `act`: what the counter and the officials hand in; the answer is the receipt, as JSON."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import typer
from pydantic import JsonValue, ValidationError

from cli.installation import Installation
from cli.output import as_json
from models.actions import ACTION_NAMES, first_problem
from models.errors import Code, Refusal
from models.instants import parse_instant
from models.submission import Submission
from starter import ADMIN
from store import queries


def submit(file: str, data: Path | None, by: str | None) -> None:
    """Hand in the submission in ``file`` (``-``: standard input) and print the receipt."""
    submission = read_submission(file)
    installation = Installation(data)
    sender = installation.catalogue.official(by).id if by else ADMIN.name

    async def send() -> JsonValue:
        async with installation.starter() as starter:
            return await starter.submit(submission, by=sender)

    print(as_json(asyncio.run(send())))


def read_submission(file: str) -> Submission:
    """Raises :class:`Refusal` with the name of the first field that is wrong."""
    name = "standard input" if file == "-" else file
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Refusal(Code.INVALID, f"{name} cannot be read: {error.strerror}") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refusal(Code.INVALID, f"{name} is not UTF-8: save it with that encoding") from None
    try:
        return Submission.model_validate_json(text)
    except ValidationError as error:
        raise Refusal(Code.INVALID, f"{name}: {_sentence(error)}") from None


def _sentence(error: ValidationError) -> str:
    if error.errors()[0]["loc"] or error.errors()[0]["type"] in ("json_invalid", "value_error"):
        return first_problem(error)
    return "write a JSON object with procedure, agency and more (see the interfaces: Submission)"


def act(code: str, fields: Mapping[str, Any], data: Path | None, by: str | None) -> None:
    """Send one action; its ``at`` may be a local date-time, on the dossier's calendar."""
    if fields["action"] not in ACTION_NAMES:
        raise typer.BadParameter(
            f"'{fields['action']}' is no action: use one of {', '.join(ACTION_NAMES)}", param_hint="ACTION"
        )
    installation = Installation(data)
    told = {name: value for name, value in fields.items() if value is not None}
    if "at" in told:
        told["at"] = parse_instant(told["at"], zone=_zone(installation, code))

    async def send() -> JsonValue:
        async with installation.starter() as starter:
            return await starter.act(code, told, by=by)

    print(as_json(asyncio.run(send())))


def _zone(installation: Installation, code: str) -> ZoneInfo:
    """The zone of the dossier's calendar; of the installation's, while the dossier is not recorded yet."""
    snapshot = queries.dossier(installation.engine, code)
    return installation.calendar.zone if snapshot is None else ZoneInfo(snapshot.zone)
