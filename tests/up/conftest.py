from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.up.processes import RunningUp


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., RunningUp]]:
    """Starts `up` on the directory of this test; nothing outlives the test."""
    started: list[RunningUp] = []

    def begin(*arguments: str) -> RunningUp:
        started.append(RunningUp(tmp_path / "data", *arguments))
        return started[-1]

    yield begin
    for each in reversed(started):
        each.close()
