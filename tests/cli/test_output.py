"""Tables that align, figures without needless zeros, progress on a terminal and silence in a pipe."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from unicodedata import normalize

import pytest

from cli.output import Progress, figure, moment, padded, short, table, width

NAME = "Cán bộ CĐ-01, Cần Thơ"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), (NAME, 21), (normalize("NFD", NAME), 21), ("文書", 4), ("", 0)]
)
def test_width_on_a_terminal(text: str, columns: int) -> None:
    assert width(text) == columns
    assert width(padded(text, 30)) == 30
    assert padded(text, 0) == text


def test_a_table_aligns_also_with_marks_and_wide_characters() -> None:
    rows = [(normalize("NFD", "Cần"), "1", "x"), ("文", "10", "y"), ("a", "", "")]
    lines = table(("who", "n", ""), rows, right=(1,)).splitlines()
    assert lines[0] == "who   n"
    assert [width(line.removesuffix("x").removesuffix("y").rstrip()) for line in lines[2:4]] == [7, 7]
    assert lines[4] == "a"


@pytest.mark.parametrize(
    ("value", "text"),
    [(480, "480"), (0.5, "0.5"), (1234567.0, "1234567"), (10.25, "10.25"), (0, "0"), (401.666, "401.67")],
)
def test_figures(value: float, text: str) -> None:
    assert figure(value) == text


def test_instants_for_people() -> None:
    assert short("2026-01-08T08:00:30+07:00") == "2026-01-08 08:00"
    assert moment("2026-01-08T08:00:30+07:00") == "Thu 2026-01-08 08:00:30"
    assert moment(datetime(2026, 1, 8, 8, tzinfo=UTC)) == "Thu 2026-01-08 08:00"
    assert (short(None), moment(None)) == ("-", "-")


def test_progress_is_silent_in_a_pipe_and_without_work() -> None:
    pipe, terminal = io.StringIO(), Terminal()
    with Progress("sent", 2, pipe) as progress:
        progress.step()
    with Progress("sent", 0, terminal):
        pass
    assert (pipe.getvalue(), terminal.getvalue()) == ("", "")


def test_progress_fills_a_bar_on_a_terminal() -> None:
    terminal = Terminal()
    with Progress("sent", 2, terminal) as progress:
        progress.step()
        progress.step()
    last = terminal.getvalue().removesuffix("\n").split("\r")[-1]
    assert last.endswith("] 2/2")
    assert last.count("#") == 30
    assert terminal.getvalue().endswith("\n")


def test_progress_without_a_total_counts() -> None:
    terminal = Terminal()
    with Progress("rebuilt", None, terminal) as progress:
        progress.reach(500)
    assert terminal.getvalue() == "\rrebuilt 500\rrebuilt 500\n"
