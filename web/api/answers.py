"""How answers are written: in the thread that has read them, and a frozen list only once."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any

from fastapi import Response
from pydantic_core import to_json

KEPT_BYTES = 32_000_000
Mark = tuple[str, int, str, bool]
"""Month, edition, kind of file, whether dossiers are shown whole."""


def answer(content: Any) -> Response:
    """As JSON. A plain value would be checked against its type once more, and written by slower means."""
    return Response(to_json(content), media_type="application/json")


class WrittenLists:
    """Frozen lists as they were sent last: an edition never changes. Safe from several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Mark, bytes] = OrderedDict()
        self._lock, self._bytes = Lock(), 0

    def get(self, mark: Mark) -> bytes | None:
        with self._lock:
            if mark in self._kept:
                self._kept.move_to_end(mark)
            return self._kept.get(mark)

    def keep(self, mark: Mark, content: bytes) -> None:
        """Those that were asked for longest ago make room."""
        with self._lock:
            self._bytes += len(content) - len(self._kept.pop(mark, b""))
            self._kept[mark] = content
            while self._bytes > KEPT_BYTES:
                self._bytes -= len(self._kept.popitem(last=False)[1])
