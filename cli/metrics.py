"""One `/metrics`: what the store knows, what this process counted, and the Temporal SDK's own (interfaces: Metrics)."""

from __future__ import annotations

import logging
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine

from models.calendar import WorkingCalendar
from models.catalogue import Catalogue
from models.errors import Unavailable
from store.gauges import Gauges, read_gauges

log = logging.getLogger("danbiet.metrics")


def new_registry(engine: Engine, catalogue: Catalogue) -> CollectorRegistry:
    """A registry with the gauges; the worker's activities add what they count."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the series for nobody
    registry = CollectorRegistry()
    registry.register(StoreCollector(engine, catalogue))
    ProcessCollector(registry=registry)
    return registry


def our_exposition(registry: CollectorRegistry) -> bytes:
    """Our families alone, of a process that runs no worker."""
    return generate_latest(registry)


def exposition(registry: CollectorRegistry, sdk: str) -> bytes:
    """Our families, then those of the SDK, which serves them at loopback address ``sdk``."""
    ours = our_exposition(registry)
    try:
        with urllib.request.urlopen(f"http://{sdk}/metrics", timeout=5) as answer:
            theirs: bytes = answer.read()
    except OSError as error:
        log.warning("the Temporal SDK's metrics are missing: %s", error)
        return ours
    return ours + theirs


class StoreCollector(Collector):
    """Gauges computed from the store at every scrape: right also where the worker is not.

    Where the store does not answer they are absent: an alert says so, a wrong nought would not.
    """

    def __init__(self, engine: Engine, catalogue: Catalogue) -> None:
        self._engine = engine
        used = {procedure.calendar for procedure in catalogue.procedures.values()}
        self._calendars = [catalogue.calendars[name] for name in sorted(used)]

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing: registering must not need the database."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        if self._calendars:
            yield self._confirmed_days()
        try:
            gauges = read_gauges(self._engine, datetime.now(UTC))
        except Unavailable as error:
            log.warning("no figures from the store: %s", error.message)
            return
        yield from _families(gauges)

    def _confirmed_days(self) -> GaugeMetricFamily:
        days = [
            (data.confirmed_until - datetime.now(WorkingCalendar.of(data).zone).date()).days
            for data in self._calendars
        ]
        text = "Days from today for which every calendar in use is confirmed"
        return GaugeMetricFamily("danbiet_calendar_confirmed_days", text, value=min(days))


def _families(gauges: Gauges) -> Iterator[GaugeMetricFamily]:
    labels = ("agency", "procedure", "status")
    dossiers = GaugeMetricFamily("danbiet_dossiers_open", "Dossiers not closed", labels=labels)
    for group in gauges.open:
        dossiers.add_metric([group.agency, group.procedure, group.status.value], group.dossiers)
    yield dossiers
    for name, text, value in (
        ("danbiet_deadlines_unprocessed", "Deadlines due and not recorded", gauges.deadlines_unprocessed),
        ("danbiet_outbox_pending", "Events that the slowest webhook has not had", gauges.outbox_pending),
        ("danbiet_outbox_oldest_seconds", "Age of the oldest such event", gauges.outbox_oldest_seconds),
    ):
        yield GaugeMetricFamily(name, text, value=value)
