"""What is declared: the commands of this release, their exit codes, and how fast they answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import ACTIONS, Unit
from models import budget
from models.actions import ACTION_NAMES
from tests.cli.conftest import DANBIET, Danbiet

COMMANDS = {
    "up",
    "worker",
    "web",
    "submit",
    "import",
    "init",
    "act",
    "show",
    "why",
    "list",
    "due",
    "apology",
    "bulletin",
    "freeze",
    "official",
    "agency",
    "verify",
    "catalogue",
    "db",
    "keys",
    "ledger",
    "webhooks",
}
HEAVY = {"temporalio", "sqlmodel", "sqlalchemy", "pydantic_settings", "fastapi", "alembic", "rich"}
PROBE = """
import sys
sys.argv = ["danbiet", *{args!r}]
from cli.main import run
try:
    run()
finally:
    print("LOADED", *sorted({{name.split(".")[0] for name in sys.modules}}))
"""


LIBRARIES = (sys.executable, "-c", "import typer, typer._adapters, yaml")
"""What `due` cannot do without; nearly all of its time, and as slow or fast as the machine is just now."""
STOPWATCH = (
    "import resource, subprocess, sys\n"
    "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
    "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
    "print(used.ru_utime + used.ru_stime)"
)


def seconds(*command: str) -> float:
    """CPU time of one run, its start and end included."""
    run = [sys.executable, "-c", STOPWATCH, *command]
    return float(subprocess.run(run, check=True, capture_output=True, text=True).stdout)


def test_help_lists_the_commands_of_this_release(danbiet: Danbiet) -> None:
    answer = danbiet("--help")
    listed = answer.out.split("Commands:")[1]
    assert answer.code == 0
    assert {
        line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2] != " "
    } == COMMANDS


@pytest.mark.parametrize("command", [*sorted(COMMANDS), "catalogue check", "db upgrade", "db rebuild"])
def test_every_command_has_its_help(danbiet: Danbiet, command: str) -> None:
    answer = danbiet(*command.split(), "--help")
    assert answer.code == 0
    assert f"danbiet {command}" in answer.out


GROUPS = {"catalogue", "db", "keys", "ledger", "webhooks"}
MORE = {"catalogue check", "db upgrade", "db rebuild", "keys create", "keys list", "keys revoke"} | {
    "ledger erase",
    "ledger new-key",
    *(f"webhooks {verb}" for verb in ("add", "list", "remove", "replay")),
}


@pytest.mark.parametrize("command", sorted(COMMANDS - GROUPS | MORE))
def test_every_command_takes_a_data_directory(danbiet: Danbiet, command: str) -> None:
    assert "--data" in danbiet(*command.split(), "--help").out


@pytest.mark.parametrize(
    "command",
    [
        "show",
        "why",
        "list",
        "due",
        "bulletin",
        "freeze",
        "official",
        "agency",
        "verify",
        "catalogue check",
        "db rebuild",
        "import",
    ],
)
def test_every_reading_command_takes_json(danbiet: Danbiet, command: str) -> None:
    assert "--json" in danbiet(*command.split(), "--help").out


@pytest.mark.parametrize(
    "args",
    [
        ["dance"],
        ["show"],
        ["due", "2026-01-01", "five"],
        ["due", "2026-01-01", "5", "--unit", "weeks"],
        ["act", "H13.2-250401-0001", "dance"],
        ["list", "--status", "lost"],
        ["bulletin", "2025-04", "--format", "pdf"],
        ["import", "log.csv", "--heard", "VP"],
        ["import", "log.csv", "--reason", "công bố"],
        ["import", "log.csv", "--heard", " ", "--reason", " "],
        ["up", "--port", "eighty"],
    ],
)
def test_a_wrong_usage_exits_with_2(danbiet: Danbiet, args: list[str]) -> None:
    answer = danbiet(*args)
    assert (answer.code, answer.out) == (2, "")
    assert "Usage: danbiet" in answer.err


def test_a_refusal_is_one_sentence_and_exits_with_1(danbiet: Danbiet) -> None:
    answer = danbiet("due", "yesterday", "5", "--json")
    assert (answer.code, answer.out) == (1, "")
    assert (
        answer.err
        == "danbiet: invalid: 'yesterday' is not an instant: write it like 2026-01-08T08:00:00+07:00\n"
    )


def test_what_is_told_again_for_speed_is_what_the_core_says() -> None:
    assert [unit.value for unit in Unit] == [unit.value for unit in budget.Unit]
    assert ACTION_NAMES == ACTIONS


@pytest.mark.parametrize(
    "args", [["--help"], ["due", "2025-12-30 08:00", "5"], ["due", "2025-12-30 08:00", "5", "--json"]]
)
def test_fast_commands_load_nothing_heavy(args: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(args=args)], check=True, capture_output=True, text=True
    )
    loaded = set(done.stdout.split("LOADED")[1].split())
    assert "typer" in loaded
    assert not loaded & HEAVY
    if args == ["--help"]:
        assert "pydantic" not in loaded


@pytest.mark.parametrize("args", [["--help"], ["due", "2025-12-30 08:00", "5"]])
def test_fast_commands_answer_at_once(
    args: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within 0.3 s where the libraries take 0.2: measured in turns, the best of many, as others use the machine too."""
    monkeypatch.chdir(tmp_path)
    ours, theirs = zip(*((seconds(DANBIET, *args), seconds(*LIBRARIES)) for _ in range(10)), strict=True)
    assert min(ours) < 1.4 * min(theirs)
