"""Recording what a dossier told: journal, projections and outbox in one transaction, and the metrics of it."""

from __future__ import annotations

from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Histogram
from temporalio import activity

from activities.names import RECORD, RECORD_ALL
from models.events import Event, EventType, Record
from store.journal import Journal

LAG_BUCKETS = (1.5, 2, 3, 5, 10, 30, 60, 300, 1800, 3600, 6 * 3600, 86400)


class Recording:
    """The activity that writes to the store; one for a process, its journal commits many dossiers together."""

    def __init__(self, journal: Journal, registry: CollectorRegistry) -> None:
        self._journal = journal
        self._lateness = Counter(
            "danbiet_lateness",
            "Latenesses recorded",
            ["agency", "procedure", "step"],
            registry=registry,
        )
        self._lag = Histogram(
            "danbiet_deadline_lag_seconds",
            "From a missed deadline to its recording; imported history excluded",
            buckets=LAG_BUCKETS,
            registry=registry,
        )

    @activity.defn(name=RECORD)
    async def record(self, record: Record) -> None:
        """Write ``record`` once, however often it is handed in."""
        await self.record_all([record])

    @activity.defn(name=RECORD_ALL)
    async def record_all(self, records: list[Record]) -> None:
        """Write what a dossier told while an earlier record was on its way, in one transaction."""
        recorded = await self._journal.record_all(records)
        now = datetime.now(UTC)
        for record, added in zip(records, recorded, strict=True):
            for event in added.new:
                if event.type is EventType.RECORDED:
                    self._count(event, now, imported=record.imported)

    def _count(self, event: Event, now: datetime, *, imported: bool) -> None:
        data = event.data
        step = str(data["step"] or "promise")
        self._lateness.labels(str(data["agency"]), str(data["procedure"]), step).inc()
        if not imported:
            self._lag.observe(max(0.0, (now - event.at).total_seconds()))
