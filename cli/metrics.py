"""One `/metrics`: what the store knows, what this process counted, and the Temporal SDK's own (interfaces: Metrics)."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.error import URLError

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine

from models.calendar import WorkingCalendar
from models.catalogue import Catalogue
from models.errors import Unavailable
from store.gauges import read_gauges


class StoreCollector(Collector):
    """Gauges computed from the store at every scrape: right also where the worker is not."""

    def __init__(self, engine: Engine, catalogue: Catalogue) -> None:
        self._engine, self._catalogue = engine, catalogue

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing: registering must not need the database."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        confirmed = GaugeMetricFamily(
            "danbiet_calendar_confirmed_days",
            "Days from today for which a calendar is confirmed",
            labels=["calendar"],
        )
        for name, data in self._catalogue.calendars.items():
            today = datetime.now(WorkingCalendar.of(data).zone).date()
            confirmed.add_metric([name], (data.confirmed_until - today).days)
        yield confirmed
        try:
            gauges = read_gauges(self._engine, datetime.now(UTC))
        except Unavailable:
            return  # the families are absent: an alert says so, a wrong zero would not
        dossiers = GaugeMetricFamily(
            "danbiet_dossiers_open", "Dossiers not closed", labels=["agency", "procedure", "status"]
        )
        for group in gauges.open:
            dossiers.add_metric([group.agency, group.procedure, group.status.value], group.dossiers)
        yield dossiers
        for name, text, value in (
            (
                "danbiet_deadlines_unprocessed",
                "Deadlines that are due and not recorded",
                gauges.deadlines_unprocessed,
            ),
            ("danbiet_outbox_pending", "Events that a subscriber has not had", gauges.outbox_pending),
            ("danbiet_outbox_oldest_seconds", "Age of the oldest such event", gauges.outbox_oldest_seconds),
        ):
            yield GaugeMetricFamily(name, text, value=value)


def exposition(registry: CollectorRegistry, sdk: str) -> bytes:
    """Our families, then those of the SDK, which serves them at loopback address ``sdk``."""
    ours = generate_latest(registry)
    try:
        with urllib.request.urlopen(f"http://{sdk}/metrics", timeout=5) as answer:
            theirs: bytes = answer.read()
    except (URLError, TimeoutError, OSError):
        theirs = b""
    return ours + theirs
