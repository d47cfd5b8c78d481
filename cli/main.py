"""`danbiet`: the commands, declared here and done elsewhere, so that `--help` and `due` answer at once."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.operating import GROUPS
from cli.options import Data, Json, Unused

# Looking for plugins of pydantic, of which we have none, would cost `due` a tenth of its time.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _root() -> typer.Typer:
    root = typer.Typer(
        name="danbiet",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    root.callback()(danbiet)
    return root


def danbiet() -> None:
    """Keeps a public office to its promised dates."""


app = _root()
for name, group in GROUPS.items():
    app.add_typer(group, name=name)


class Unit(StrEnum):
    """The units of models.procedure, told again so that `--help` need not load pydantic."""

    WORKING_HOURS = "working_hours"
    WORKING_DAYS = "working_days"
    CALENDAR_DAYS = "calendar_days"
    MONTHS = "months"


ACTIONS = (
    "complete",
    "hand_over",
    "transfer",
    "request_supplement",
    "supplement_received",
    "request_payment",
    "payment_received",
    "extend",
    "send_back",
    "refuse",
    "withdraw",
    "stop",
    "deliver",
    "explain",
    "review",
    "correct",
)
"""Those of models.actions, told again for the same reason."""


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


@app.command()
def up(
    data: Data = None,
    catalogue: Annotated[
        Path | None, typer.Option(help="Catalogue directory (default: the one of Can Tho).")
    ] = None,
    sample: Annotated[str | None, typer.Option(help="Import a sample once: can-tho.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (default: loopback).")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port of the board (default 8080; 0: any free one).")
    ] = None,
    temporal_port: Annotated[
        int | None, typer.Option(help="Port of Temporal (default 7233); its UI: + 1000.")
    ] = None,
    metrics_port: Annotated[int | None, typer.Option(help="Port of the metrics (default 9090).")] = None,
    live: Annotated[
        bool, typer.Option("--live/--no-live", help="Show a few live dossiers with a sample.")
    ] = True,
) -> None:
    """Run everything on this machine: Temporal server, worker, board, metrics."""
    from cli.up import up as run_up

    raise typer.Exit(run_up(data, catalogue, sample, host, port, temporal_port, metrics_port, live=live))


@app.command()
def worker(data: Data = None) -> None:
    """Run one worker process, for growth (settings from the environment)."""
    from worker import main

    raise typer.Exit(main(data))


@app.command()
def web(data: Data = None) -> None:
    """Run one web process: HTTP API and public board (settings from the environment)."""
    from cli.serving import main

    raise typer.Exit(main(data))


@app.command()
def submit(
    file: Annotated[str, typer.Argument(metavar="FILE.json|-", help="JSON file, or - for standard input.")],
    data: Data = None,
    json: Json = False,  # noqa: ARG001 - a receipt is JSON anyway
    by: Annotated[str | None, typer.Option(help="Act as this official.")] = None,
) -> None:
    """Hand in a dossier; prints its receipt. Safe to repeat."""
    from cli.acting import submit as run_submit

    run_submit(file, data, by)


@app.command("import")
def import_(
    log: Annotated[Path, typer.Argument(metavar="LOG.csv", help="Event log.")],
    data: Data = None,
    json: Json = False,
    heard: Annotated[
        str | None, typer.Option(help="Who judged this history elsewhere: it is published at once.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why, with --heard.")] = None,
) -> None:
    """Bring an event log in, through real workflows. Safe to repeat."""
    given = [bool(text and text.strip()) for text in (heard, reason) if text is not None]
    if given not in ([], [True, True]):
        raise typer.BadParameter("--heard BY and --reason TEXT go together")
    from cli.importing import import_log

    raise typer.Exit(import_log(log, data, heard, reason, json=json))


@app.command()
def act(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The dossier's code.")],
    action: Annotated[str, typer.Argument(metavar="ACTION", help=f"One of {', '.join(ACTIONS)}.")],
    data: Data = None,
    json: Json = False,  # noqa: ARG001 - a receipt is JSON anyway
    step: Annotated[str | None, typer.Option(help="The step's key.")] = None,
    official: Annotated[str | None, typer.Option(help="Who acts; with hand_over, who gets the step.")] = None,
    agency: Annotated[str | None, typer.Option(help="Where a transfer goes.")] = None,
    at: Annotated[
        str | None, typer.Option(help="When it happened (default: now); local time without offset.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why; needed to act late or in another's stead.")] = None,
    note: Annotated[str | None, typer.Option(help="A remark for the trail.")] = None,
    amount: Annotated[str | None, typer.Option(help="Of an extension, with --unit.")] = None,
    unit: Annotated[Unit | None, typer.Option()] = None,
    text: Annotated[str | None, typer.Option(help="What is missing, or with explain the answer.")] = None,
    lateness: Annotated[str | None, typer.Option(help="Its id, with explain, review, correct.")] = None,
    decision: Annotated[
        str | None, typer.Option(help="review: upheld, excused; correct: corrected, retracted.")
    ] = None,
    cause: Annotated[str | None, typer.Option(help="With review: objective, subjective.")] = None,
    by: Annotated[str | None, typer.Option(help="Act as this official (default: the local admin).")] = None,
) -> None:
    """Send an action to a dossier; prints the receipt."""
    from cli.acting import act as run_act

    fields = {
        "action": action,
        "step": step,
        "official": official,
        "agency": agency,
        "at": at,
        "reason": reason,
        "note": note,
        "amount": amount,
        "unit": unit.value if unit else None,
        "text": text,
        "lateness": lateness,
        "decision": decision,
        "cause": cause,
    }
    run_act(code, fields, data, by)


@app.command()
def show(
    code: Annotated[str, typer.Argument(metavar="CODE", help="A dossier's code, or a lateness id.")],
    data: Data = None,
    json: Json = False,
) -> None:
    """Where a dossier is, since when, who holds it, when it is due."""
    from cli.asking import show as run_show

    run_show(code, data, json=json)


@app.command()
def why(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The dossier's code.")],
    step: Annotated[
        str | None, typer.Argument(metavar="STEP", help="A step; without it, the promise.")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Why this date: day by day."""
    from cli.asking import why as run_why

    run_why(code, step, data, json=json)


@app.command()
def apology(
    code: Annotated[str, typer.Argument(metavar="CODE", help="A dossier that was extended.")],
    data: Data = None,
    json: Json = False,
) -> None:
    """The letter that goes with an extension: an apology with a new date (Form 04)."""
    from cli.letters import apology as run_apology

    run_apology(code, data, json=json)


@app.command("list")
def list_(
    data: Data = None,
    json: Json = False,
    agency: Annotated[
        str | None, typer.Option(help="Competent, or with a step that runs or is paused.")
    ] = None,
    official: Annotated[str | None, typer.Option(help="Holder of such a step.")] = None,
    procedure: Annotated[str | None, typer.Option(help="The procedure's code.")] = None,
    status: Annotated[str | None, typer.Option(help="running, paused, processed, delivered, ...")] = None,
    late: Annotated[bool, typer.Option("--late", help="Only those with a lateness.")] = False,
    due_before: Annotated[
        str | None, typer.Option(help="Nearest running deadline before this instant (with its offset).")
    ] = None,
) -> None:
    """Dossiers by their nearest deadline."""
    from cli.asking import list_dossiers

    list_dossiers(data, agency, official, procedure, status, due_before, late=late, json=json)


@app.command()
def due(
    start: Annotated[str, typer.Argument(metavar="START", help="Local date-time, or with an offset.")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="How much, e.g. 5 or 0.5.")],
    data: Data = None,
    json: Json = False,
    unit: Annotated[Unit, typer.Option()] = Unit.WORKING_DAYS,
    calendar: Annotated[str, typer.Option(help="A calendar of the catalogue.")] = "vn",
    intake: Annotated[
        bool, typer.Option("--intake", help="Normalise the start as at intake (15:00 rule).")
    ] = False,
    why: Annotated[bool, typer.Option("--why", help="Narrate it.")] = False,
) -> None:
    """When an amount of time from a start is used up, on the working calendar."""
    from cli.dates import due as run_due

    run_due(start, amount, unit.value, calendar, data, intake=intake, narrated=why, json=json)


@app.command()
def bulletin(
    period: Annotated[str, typer.Argument(metavar="YYYY-MM", help="A month, like 2025-04.")],
    data: Data = None,
    json: Json = False,
    format: Annotated[Format, typer.Option("--format")] = Format.TABLE,  # noqa: A002 - the option's name
    edition: Annotated[
        int | None, typer.Option(min=1, help="A frozen edition (default: the newest; none: preliminary).")
    ] = None,
    public: Annotated[
        bool,
        typer.Option("--public", help="As published: dossiers masked; the ledger holds its JSON's hash."),
    ] = False,
) -> None:
    """The monthly list: units, individuals, dossiers."""
    from cli.reports import bulletin as run_bulletin

    run_bulletin(period, "json" if json else format.value, data, edition, masked=public)


@app.command()
def freeze(
    period: Annotated[str, typer.Argument(metavar="YYYY-MM", help="A month that has ended.")],
    data: Data = None,
    json: Json = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Make its editions anew from the journal and compare; change nothing."),
    ] = False,
) -> None:
    """Freeze the list of a month, or restate it where facts have changed. Safe to repeat."""
    from cli.reports import check as run_check
    from cli.reports import freeze as run_freeze

    if check:
        raise typer.Exit(run_check(period, data, json=json))
    run_freeze(period, data, json=json)


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new directory.")],
    data: Unused = None,  # noqa: ARG001 - as every command
    json: Json = False,
) -> None:
    """Write a catalogue to begin with: agencies, officials, two procedures, the calendar."""
    from cli.new_catalogue import init as run_init

    run_init(directory, json=json)


@app.command()
def official(
    code: Annotated[str, typer.Argument(metavar="ID", help="The official's id.")],
    data: Data = None,
    json: Json = False,
    public: Annotated[bool, typer.Option("--public", help="As the public sees it: counts only.")] = False,
) -> None:
    """The record of a person: dossiers by deadline, what is held now, points and how they are made."""
    from cli.records import official as run_official

    run_official(code, data, json=json, public=public)


@app.command()
def agency(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The agency's code.")],
    data: Data = None,
    json: Json = False,
    public: Annotated[bool, typer.Option("--public", help="As the public sees it: counts only.")] = False,
) -> None:
    """The record of a unit: the same, with its head, its trend and peers of like volume."""
    from cli.records import agency as run_agency

    run_agency(code, data, json=json, public=public)


@app.command()
def verify(
    place: Annotated[str, typer.Argument(metavar="PATH_OR_URL", help="A ledger's directory or address.")],
    checkpoint: Annotated[
        Path | None, typer.Option(help="An earlier checkpoint, saved: all that it covers must be unchanged.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="The office's verifier key (default: the one beside the ledger).")
    ] = None,
    data: Unused = None,  # noqa: ARG001 - as every command
    json: Json = False,
) -> None:
    """Whether a ledger is what was signed; if not, which entry first disagrees."""
    from cli.verifying import verify_ledger

    raise typer.Exit(verify_ledger(place, checkpoint, key, json=json))


def _app_for(words: list[str]) -> typer.Typer:
    """The app with the one command that is asked for: to build the others takes a sixth of the time of `due`."""
    asked = [
        command
        for command in app.registered_commands
        if command.callback is not None and words[:1] == [command.name or command.callback.__name__]
    ]
    if not asked:
        return app
    alone = _root()
    alone.registered_commands = asked
    return alone


@contextmanager
def _uncollected() -> Iterator[None]:
    """The process ends before anything is worth collecting: to look for it takes a quarter of the time of `due`."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def run() -> None:
    """Run the command of this process: a refusal is one sentence on stderr and exit 1."""
    from models.errors import DanbietError

    words = sys.argv[1:]
    try:
        with _uncollected() if words[:1] == ["due"] else nullcontext():
            _app_for(words)(prog_name="danbiet")
    except DanbietError as error:
        print(f"danbiet: {error.code}: {error.message}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
