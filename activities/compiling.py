"""Compiling the monthly list on schedule: frozen, and with it every earlier month that calls for a restatement."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from sqlalchemy import Engine
from temporalio import activity

from activities.names import FREEZE
from models.catalogue import Catalogue
from models.editions import FrozenMonth
from store import editions


class Compiling:
    """``on_frozen`` is told every edition that is frozen, or found unchanged (the ledger)."""

    def __init__(
        self, engine: Engine, catalogue: Catalogue, on_frozen: editions.OnFrozen | None = None
    ) -> None:
        self._engine, self._catalogue, self._on_frozen = engine, catalogue, on_frozen

    @activity.defn(name=FREEZE)
    async def freeze(self, period: str) -> FrozenMonth:
        """Freeze ``period``; done again, it finds nothing changed."""
        return await asyncio.to_thread(self._freeze, period)

    def _freeze(self, period: str) -> FrozenMonth:
        now = datetime.now(UTC)
        frozen = editions.freeze(
            self._engine, self._catalogue, period, now=now, on_frozen=self._on_frozen
        ).edition
        restated = editions.restate(self._engine, self._catalogue, now=now, on_frozen=self._on_frozen)
        return FrozenMonth(
            period=period,
            edition=frozen.edition,
            sha256=frozen.sha256,
            restated=tuple(each.period for each in restated),
        )
