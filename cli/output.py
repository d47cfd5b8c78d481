"""What people see: tables that align (also in Vietnamese), JSON for programs, progress on a terminal only."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self, TextIO

WIDE = ("W", "F")
BAR = 30


def width(text: str) -> int:
    """Columns that ``text`` takes on a terminal: marks take none, wide characters two."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in WIDE else 1
        for char in unicodedata.normalize("NFC", text)
    )


def padded(text: str, columns: int, *, right: bool = False) -> str:
    space = " " * max(0, columns - width(text))
    return space + text if right else text + space


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Rows under a header, columns two spaces apart; ``right``: columns of figures."""
    columns = [max(width(row[i]) for row in (header, *rows)) for i in range(len(header))]
    rule = ["-" * column for column in columns]
    return "\n".join(
        "  ".join(padded(cell, columns[i], right=i in right) for i, cell in enumerate(row)).rstrip()
        for row in (header, rule, *rows)
    )


def as_json(value: Any) -> str:
    """JSON for programs; indented where a person reads it."""
    return json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None)


def short(instant: str | datetime | None) -> str:
    """An instant with its offset as a person reads it: local date and time to the minute."""
    if instant is None:
        return "-"
    at = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return at.strftime("%Y-%m-%d %H:%M")


def moment(instant: str | datetime | None) -> str:
    """Like :func:`short`, with the day of the week, and with seconds where there are any."""
    if instant is None:
        return "-"
    at = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return at.strftime("%a %Y-%m-%d %H:%M:%S").removesuffix(":00")


def figure(value: float) -> str:
    """Minutes or days with at most two decimals, without needless zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def tell(sentence: str) -> None:
    """A word to the person, beside the answer: on stderr."""
    print(f"danbiet: {sentence}", file=sys.stderr)


class Progress:
    """A bar that fills on a terminal, a count where the total is not known; silent in a pipe."""

    def __init__(self, what: str, total: int | None, stream: TextIO | None = None) -> None:
        self._what, self._total, self._done, self._told = what, total, 0, ""
        self._stream = stream or sys.stderr
        self._shown = self._stream.isatty() and total != 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._told:
            self._say(f"\r{self._line()}\n")

    def step(self) -> None:
        self.reach(self._done + 1)

    def reach(self, done: int) -> None:
        """So many are done now."""
        self._done = done
        if self._shown and (line := self._line()) != self._told:
            self._say(f"\r{line}")
            self._told = line

    def _line(self) -> str:
        if self._total is None:
            return f"{self._what} {self._done}"
        filled = round(min(1.0, self._done / self._total) * BAR)
        return f"{self._what:<9}[{'#' * filled:<{BAR}}] {self._done}/{self._total}"

    def _say(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
