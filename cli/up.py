"""`danbiet up`: Temporal server, worker, board and metrics on one machine; Ctrl-C stops all of it, in order."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import json
import logging
import os
import secrets
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy import text

from cli import board
from cli import live as demonstration
from cli.embedded import EmbeddedServer, claim_port, claim_temporal_ports, find_binary
from cli.importing import bring_in
from cli.installation import CATALOGUE_FILE, Installation
from cli.metrics import StoreCollector, exposition
from cli.relay import FileRelay
from cli.reports import as_table, compile_bulletin, headline
from cli.root import PROJECT_ROOT
from models.errors import Code, Refusal, Unavailable
from models.submission import Heard
from starter import Starter
from store.database import reading, upgrade
from store.gauges import read_gauges
from store.queries import OutEvent
from worker import connect_metered, running_worker, until_stopped

SAMPLES = {"can-tho": (PROJECT_ROOT / "samples" / "can-tho-2025-04" / "log.csv", "2025-04")}
HEARD = Heard(by="VP-00", reason="Văn phòng UBND thành phố công bố tháng 5/2025 (dữ liệu mẫu)")


def up(
    data: Path | None,
    catalogue: Path | None,
    sample: str | None,
    host: str | None,
    port: int | None,
    temporal_port: int | None,
    metrics_port: int | None,
    *,
    live: bool,
) -> int:
    """Run everything until SIGINT or SIGTERM; returns the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    if sample is not None and sample not in SAMPLES:
        raise Refusal(Code.INVALID, f"there is no sample '{sample}': use {', '.join(SAMPLES)}")
    given = {"catalogue": catalogue and catalogue.absolute(), "host": host, "port": port}
    ports = {"temporal_port": temporal_port, "metrics_port": metrics_port}
    installation = Installation(data, **given, **ports)
    installation.data.mkdir(parents=True, exist_ok=True)
    with _only_one(installation.data):
        asyncio.run(_Up(installation, sample, live=live).run())
    gc.collect()  # a worker's leftovers must go before the interpreter does
    return 0


@contextmanager
def _only_one(data: Path) -> Iterator[None]:
    with (data / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Refusal(
                Code.CONFLICT, f"another 'danbiet up' runs on {data}: stop it, or use --data"
            ) from None
        yield


class _Up:
    """One run of `up`: what it starts, it stops."""

    def __init__(self, installation: Installation, sample: str | None, *, live: bool) -> None:
        self._installation, self._sample, self._live = installation, sample, live
        self._data = installation.data
        self._began = datetime.now(UTC)
        self._quiet = True

    async def run(self) -> None:
        stopped = asyncio.create_task(until_stopped())
        async with AsyncExitStack() as stack:
            serving = asyncio.create_task(self._serve(stack))
            await asyncio.wait({stopped, serving}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()
                await stopped
            else:
                serving.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await serving
            say("stopping")

    async def _serve(self, stack: AsyncExitStack) -> None:
        installation, settings = self._installation, self._installation.settings
        catalogue = installation.catalogue
        port = claim_port(settings.host, settings.port, "--port")
        metrics_port = claim_port(settings.host, settings.metrics_port, "--metrics-port")
        (self._data / CATALOGUE_FILE).write_text(f"{settings.catalogue}\n", encoding="utf-8")
        _admin_key(self._data)
        upgrade(settings.database)
        server = EmbeddedServer(
            find_binary(settings.temporal_binary),
            self._data,
            *claim_temporal_ports(settings.temporal_port),
            settings.temporal_namespace,
        )
        stack.push_async_callback(server.stop)
        await server.start()
        client, sdk = await connect_metered(server.address, settings.temporal_namespace)
        registry = CollectorRegistry()
        registry.register(StoreCollector(installation.engine, catalogue))
        await stack.enter_async_context(
            running_worker(
                client,
                installation.engine,
                registry,
                installation=settings.installation,
                task_queue=settings.task_queue,
            )
        )
        starter = Starter(client, catalogue, installation.engine, task_queue=settings.task_queue)
        loop = asyncio.get_running_loop()

        def temporal_answers() -> None:
            asyncio.run_coroutine_threadsafe(client.service_client.check_health(), loop).result(5)

        def database_answers() -> None:
            with reading(installation.engine) as connection:
                connection.execute(text("SELECT 1 FROM dossier LIMIT 1"))

        text_of = lambda: exposition(registry, sdk)  # noqa: E731
        routes: dict[str, board.Route] = {
            "/healthz": board.alive,
            "/readyz": board.ready({"temporal": temporal_answers, "database": database_answers}),
            "/metrics": board.metrics(text_of),
            "/": board.page(
                self._headlines,
                lambda: sum(
                    each.dossiers for each in read_gauges(installation.engine, datetime.now(UTC)).open
                ),
                {"/metrics": "/metrics", "/readyz": "/readyz", "Temporal": server.ui},
            ),
        }
        web = board.Board(settings.host, port, routes)
        metrics = board.Board(
            settings.host, metrics_port, {name: routes[name] for name in ("/metrics", "/healthz")}
        )
        for each in (web, metrics):
            each.start()
            stack.callback(each.stop)
        stack.enter_context(self._addresses(web.address, metrics.address, server))
        relay = FileRelay(installation.engine, self._data / "events.ndjson", self._seen)
        await stack.enter_async_context(_task(relay.run()))
        self._tell_places(web.address, metrics.address, server)
        if self._sample is not None:
            await self._bring_sample(self._sample)
        say(f"ready {web.address}")
        self._quiet = False
        self._began = datetime.now(UTC)
        if self._sample is not None and self._live:
            await stack.enter_async_context(_task(self._show(starter)))

    async def _show(self, starter: Starter) -> None:
        try:
            await demonstration.show(starter, say)
        except (Refusal, Unavailable) as problem:
            say(f"live: {problem.message}")

    def _headlines(self) -> list[str]:
        now = datetime.now(UTC)
        last = (now.year, now.month - 1) if now.month > 1 else (now.year - 1, 12)
        periods = [f"{now:%Y-%m}", f"{last[0]}-{last[1]:02d}"]
        if self._sample is not None:
            periods.append(SAMPLES[self._sample][1])
        return [headline(compile_bulletin(self._installation, period)[0]) for period in periods]

    def _seen(self, event: OutEvent) -> None:
        if self._quiet:
            return
        zone = compile_zone(self._installation)
        shown = demonstration.line(event, zone)
        if shown is not None and datetime.fromisoformat(event.time) >= self._began:
            say(shown)

    async def _bring_sample(self, sample: str) -> None:
        log, period = SAMPLES[sample]
        marker = self._data / f"sample.{sample}"
        if not marker.exists():
            say(f"importing {log.relative_to(PROJECT_ROOT)} through real workflows")
            outcome = await bring_in(self._installation, log, HEARD)
            for error in outcome.errors:
                print(f"danbiet: {error}", file=sys.stderr)
            marker.write_text(f"{self._began.isoformat()}\n", encoding="utf-8")
        compiled, zone = await asyncio.to_thread(compile_bulletin, self._installation, period)
        say("")
        say(as_table(compiled, zone))
        say("")

    def _tell_places(self, web: str, metrics: str, server: EmbeddedServer) -> None:
        for name, place in (
            ("board", web),
            ("metrics", f"{metrics}/metrics"),
            ("Temporal", server.address),
            ("Temporal UI", server.ui),
            ("events", str(self._data / "events.ndjson")),
            ("data", str(self._data)),
        ):
            say(f"  {name:<12}{place}")

    @contextmanager
    def _addresses(self, web: str, metrics: str, server: EmbeddedServer) -> Iterator[None]:
        """`up.json`, for every other command: written whole, gone when we are."""
        path = self._data / "up.json"
        told = {
            "pid": os.getpid(),
            "web": web,
            "metrics": metrics,
            "temporal": server.address,
            "temporal_ui": server.ui,
        }
        fresh = path.with_suffix(".tmp")
        fresh.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        fresh.replace(path)
        self._installation.__dict__["running"] = told
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def compile_zone(installation: Installation) -> Any:
    return installation.catalogue.calendar_of(demonstration.PROCEDURE).zone


def say(line: str) -> None:
    print(line, flush=True)


@asynccontextmanager
async def _task(coroutine: Any) -> AsyncIterator[None]:
    """Runs beside; cancelled at the end."""
    task = asyncio.create_task(coroutine)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _admin_key(data: Path) -> None:
    """The first start writes the key of the local admin, readable by its owner alone."""
    path = data / "admin.key"
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{secrets.token_urlsafe(32)}\n")
