"""How the process ends: what was answered is out, and the exit code is the command's, whatever threads still run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT

PROCESS = """
import atexit, sys
atexit.register(print, "taken down")
sys.argv = ["danbiet", *{args!r}]
from cli.entry import main
main()
"""


def process(*args: str, stdout: int | None = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROCESS.format(args=args)]
    return subprocess.run(
        command, cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )


def test_a_process_that_may_have_threads_of_temporal_is_not_taken_down(data: Path) -> None:
    asked = process("show", "H13.2-250401-0001", "--data", str(data))
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr.startswith("danbiet: unavailable: no Temporal server answers")


@pytest.mark.parametrize(
    ("args", "code"),
    [(["due", "2026-03-02 09:00", "0"], 0), (["due", "yesterday", "1"], 1), (["dance"], 2), (["--help"], 0)],
)
def test_any_other_ends_as_processes_do(args: list[str], code: int) -> None:
    ended = process(*args)
    assert ended.returncode == code
    assert ended.stdout.endswith("taken down\n")


def test_an_answer_that_cannot_be_written_is_no_success(data: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    script = "import temporalio\n" + PROCESS.format(args=["due", "2026-03-02", "0"])
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stdout=full, timeout=60, check=False)
    assert ended.returncode == 1
