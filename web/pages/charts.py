"""Geometry of the charts, drawn on the server: numbers in, rectangles out. The table beside each has the figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

WIDTH = 400
HEIGHT = 150
TOP = 22
BOTTOM = 22
GAP = 0.3
"""Of a column's room, left empty."""


class Bar(NamedTuple):
    label: str
    value: int
    x: float
    y: float
    width: float
    height: float
    middle: float
    labelled: bool


class Piece(NamedTuple):
    key: str
    value: int
    x: float
    width: float


def columns(values: Sequence[tuple[str, int]], every: int = 1) -> list[Bar]:
    """One column a value, tallest as high as the chart; ``every``: so many columns carry one label, the last always."""
    room = WIDTH / max(1, len(values))
    highest = max([value for _, value in values], default=0) or 1
    bars = []
    for index, (label, value) in enumerate(values):
        height = (HEIGHT - TOP - BOTTOM) * value / highest
        bars.append(
            Bar(
                label=label,
                value=value,
                x=round(index * room + room * GAP / 2, 2),
                y=round(HEIGHT - BOTTOM - height, 2),
                width=round(room * (1 - GAP), 2),
                height=round(height, 2),
                middle=round((index + 0.5) * room, 2),
                labelled=(len(values) - 1 - index) % every == 0,
            )
        )
    return bars


def strip(values: Sequence[tuple[str, int]], gap: float = 2) -> list[Piece]:
    """Parts of a whole side by side; a part that is there is never thinner than it can be seen."""
    present = [(key, value) for key, value in values if value]
    total = sum(value for _, value in present)
    room = WIDTH - gap * max(0, len(present) - 1)
    widths = [max(3.0, room * value / total) for _, value in present]
    scale = room / sum(widths) if widths else 1
    pieces, x = [], 0.0
    for (key, value), width in zip(present, widths, strict=True):
        pieces.append(Piece(key, value, round(x, 2), round(width * scale, 2)))
        x += width * scale + gap
    return pieces
