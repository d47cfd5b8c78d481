"""Short reads of the store: where the event loop does them itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Engine, QueuePool

from store.database import TooLong, brief

FEW = 50
"""Rows that are read and written in a few milliseconds."""
_Read = TypeVar("_Read")


async def glance(engine: Engine, read: Callable[[], _Read], rows: int = 1) -> _Read:
    """What ``read`` returns, which finds ``rows`` at most and writes nothing; it may be called twice.

    In a file it is done right here, if a connection lies ready: handing it to a thread takes longer than the read,
    since Python's threads take turns. If the search turns out long, it is done again in a thread. So is at once what
    brings many rows, and a database server is waited for in a thread.
    """
    pool = engine.pool
    if engine.dialect.name == "sqlite" and rows <= FEW and isinstance(pool, QueuePool) and pool.checkedin():
        with contextlib.suppress(TooLong), brief():
            return read()
    return await asyncio.to_thread(read)
