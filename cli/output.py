"""What people see: tables that align (also in Vietnamese), JSON for programs, progress on a terminal only."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TextIO

WIDE = ("W", "F")


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


def figure(value: float) -> str:
    """Minutes or days without needless zeros."""
    return f"{value:g}"


class Progress:
    """A line that counts on a terminal; silent in a pipe."""

    def __init__(self, what: str, total: int, stream: TextIO | None = None) -> None:
        self._what, self._total, self._done = what, total, 0
        self._stream = stream or sys.stderr
        self._shown = self._stream.isatty() and total > 0

    def step(self, count: int = 1) -> None:
        self._done += count
        if self._shown:
            share = min(1.0, self._done / self._total)
            bar = "#" * round(share * 30)
            print(
                f"\r{self._what} [{bar:<30}] {self._done}/{self._total}",
                end="",
                file=self._stream,
                flush=True,
            )

    def close(self) -> None:
        if self._shown:
            print(file=self._stream)
