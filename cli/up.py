"""`danbiet up`: Temporal server, worker, board and metrics on one machine; Ctrl-C stops all of it, in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import cached_property
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cli import board, live
from cli.data_directory import addresses, only_one
from cli.embedded import EmbeddedServer, start_server
from cli.importing import bring_in
from cli.installation import CATALOGUE_FILE, Installation
from cli.keeping import Keeper
from cli.keys import ADMIN_KEY, ensure_admin_key
from cli.metrics import exposition, new_registry
from cli.output import padded
from cli.readiness import Readiness
from cli.relay import NAME, FileRelay
from cli.reports import as_table
from cli.root import PROJECT_ROOT
from cli.serving import WebServer, office_of, with_routes
from models.errors import Code, DanbietError, Refusal
from models.submission import Heard
from starter import Starter
from store import editions
from store.database import upgrade
from store.queries import OutEvent
from web.app import create_app
from worker import connected, quieten, run_until_stopped, running_worker, settle_down

SAMPLES = {
    "can-tho": (
        PROJECT_ROOT / "samples" / "can-tho-2025-04" / "log.csv",
        "2025-04",
        datetime(2025, 5, 15, 1, tzinfo=UTC),
    )
}
"""By name: its log, its month, and when that month's list was fixed: what came later makes a restatement."""
HEARD = Heard(
    by="UBND thành phố, thông báo tháng 5/2025",
    reason="dữ liệu mẫu: kết quả tháng 4/2025 đã được xem xét và công bố trước khi nhập",
)
LOG_BYTES = 10_000_000


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
    if sample is not None and sample not in SAMPLES:
        raise Refusal(Code.INVALID, f"there is no sample '{sample}': use {', '.join(SAMPLES)}")
    ports = {"port": port, "temporal_port": temporal_port, "metrics_port": metrics_port}
    given: dict[str, Any] = {"catalogue": catalogue and catalogue.absolute(), "host": host, **ports}
    installation = Installation(data, **given)
    with only_one(installation.data) as lock:
        _log_to_file(installation)
        failure = asyncio.run(_until_stopped(Up(installation, lock, sample, live=live)))
    gc.unfreeze()
    gc.collect()  # a worker's leftovers must go before the interpreter does (sdk-python #300)
    if failure is not None:
        raise Refusal(*failure)  # anew, for the old one's traceback holds on to those leftovers
    return 0


async def _until_stopped(everything: Up) -> tuple[Code, str] | None:
    """Run ``everything`` until a signal comes (None), or tell why it could not go on."""
    try:
        await run_until_stopped(everything.run())
    except Exception as error:
        failure = everything.failure or error
        if not isinstance(failure, DanbietError):
            raise
        return failure.code, failure.message
    return None


class Up:
    """One run of `up`: what it starts, it stops, in the opposite order."""

    def __init__(self, installation: Installation, lock: int, sample: str | None, *, live: bool) -> None:
        self._installation, self._lock, self._sample, self._live = installation, lock, sample, live
        self._data = installation.data
        self._shown_from: datetime | None = None
        self.failure: DanbietError | None = None
        """What everything else failed of."""

    async def run(self) -> None:
        """Never returns: cancelled at a signal, or raises what went wrong."""
        settings = self._installation.settings
        async with AsyncExitStack() as stack:
            web = WebServer(settings.host, settings.port, "--port")
            stack.callback(web.close)
            metrics = board.Board(settings.host, settings.metrics_port, "--metrics-port")
            stack.callback(metrics.close)
            await self._prepare()
            server = await start_server(settings, self._lock)
            stack.push_async_callback(server.stop)
            stack.enter_context(metrics)
            self._installation.settings = settings.model_copy(update={"temporal_address": server.address})
            starter = await self._work(stack, web, metrics)
            _tell_places(web.address, metrics.address, server, self._data)
            await self._tell_key()
            await self._bring_sample()
            told = {"pid": os.getpid(), "web": web.address, "metrics": metrics.address}
            told |= {"temporal": server.address, "temporal_ui": server.ui}
            stack.enter_context(addresses(self._data, told))
            settle_down()
            say(f"ready {web.address}")
            if self._sample is not None and self._live:
                await stack.enter_async_context(_beside(self._show(starter)))
            stack.callback(say, "stopping")
            self.failure = await server.ended()
            raise self.failure

    async def _prepare(self) -> None:
        """What needs no server: the catalogue, the database."""
        await asyncio.to_thread(lambda: self._installation.catalogue)
        _remember_catalogue(self._installation)
        await asyncio.to_thread(upgrade, self._installation.settings.database)

    async def _tell_key(self) -> None:
        """At the first start only. Not before everything runs, for a start that is refused tells its reason alone."""
        told = await asyncio.to_thread(ensure_admin_key, self._installation.engine, self._data)
        if told is not None:
            say(f"  {padded('admin key', 12)} {told}  (also in {self._data / ADMIN_KEY})")

    async def _work(self, stack: AsyncExitStack, web: WebServer, metrics: board.Board) -> Starter:
        """Relay, worker and web application."""
        engine, settings = self._installation.engine, self._installation.settings
        stack.callback(engine.dispose)
        registry = new_registry(engine, self._installation.catalogue)
        client, sdk = await connected(self._installation.settings)
        keeper = Keeper(engine, self._data, settings.ledger_origin)
        await stack.enter_async_context(keeper.running())
        relay = FileRelay(engine, self._data, self._seen)
        await stack.enter_async_context(relay.running())
        worker = await stack.enter_async_context(
            running_worker(
                client,
                engine,
                registry,
                installation=settings.installation,
                catalogue=self._installation.catalogue,
                task_queue=settings.task_queue,
                private_webhooks=settings.webhooks_private,
            )
        )
        scrape = board.metrics(lambda: exposition(registry, sdk))
        readiness = Readiness(client, worker, engine)
        metrics.routes |= {"/metrics": scrape, "/": scrape, "/readyz": readiness.answer}
        await readiness.wait()
        starter = Starter(
            client,
            self._installation.catalogue,
            engine,
            task_queue=settings.task_queue,
            jitter_seconds=settings.timer_jitter_seconds,
        )

        async def at_once() -> Starter:
            return starter

        routes = {"/healthz": board.alive, "/readyz": readiness.answer, "/metrics": scrape}
        app = with_routes(create_app(office_of(self._installation, at_once)), routes)
        await stack.enter_async_context(web.serving(app))
        return starter

    async def _bring_sample(self) -> None:
        """Import the sample, once for a data directory, and show its list as `danbiet bulletin` does."""
        if self._sample is None:
            return
        log, period, fixed = SAMPLES[self._sample]
        marker = self._data / f"sample.{self._sample}"
        if not marker.exists():
            say(f"importing {log.relative_to(PROJECT_ROOT)} through real workflows")
            for until in (fixed, None):
                outcome = await bring_in(self._installation, log, HEARD, until=until)
                for error in outcome.errors:
                    print(f"danbiet: {error}", file=sys.stderr)
                await asyncio.to_thread(self._freeze, period)
            marker.write_text(f"{datetime.now(UTC).isoformat(timespec='seconds')}\n", encoding="ascii")
        frozen = await asyncio.to_thread(editions.latest, self._installation.engine, period)
        if frozen is not None:
            say(f"\n{as_table(frozen.bulletin, self._zone, units=False)}\n")

    def _freeze(self, period: str) -> None:
        editions.freeze(
            self._installation.engine, self._installation.catalogue, period, now=datetime.now(UTC)
        )

    async def _show(self, starter: Starter) -> None:
        """The live demonstration; from now on every event that goes out is told on the terminal."""
        self._shown_from = datetime.now(UTC)
        try:
            await live.show(starter, say, f" --data {self._data}")
        except DanbietError as problem:
            say(f"live demonstration: {problem.message}")

    def _seen(self, event: OutEvent) -> None:
        """Tell on the terminal what happens; history was told by the bulletin."""
        if self._shown_from is None or datetime.fromisoformat(event.time) < self._shown_from:
            return
        if (shown := live.line(event, self._zone)) is not None:
            say(shown)

    @cached_property
    def _zone(self) -> ZoneInfo:
        catalogue = self._installation.catalogue
        return catalogue.calendar_of(next(iter(catalogue.procedures))).zone


def _remember_catalogue(installation: Installation) -> None:
    """For the commands that come after; nothing where it is the one they take by themselves."""
    path = installation.data / CATALOGUE_FILE
    chosen = installation.settings.catalogue.absolute()
    if chosen == type(installation.settings).model_fields["catalogue"].default:
        path.unlink(missing_ok=True)
    else:
        path.write_text(f"{chosen}\n", encoding="utf-8")


def _log_to_file(installation: Installation) -> None:
    """Everything into the data directory; on the terminal only what somebody must look at."""
    folder = installation.data / "logs"
    folder.mkdir(exist_ok=True)
    written = RotatingFileHandler(folder / "danbiet.log", maxBytes=LOG_BYTES, backupCount=3, encoding="utf-8")
    shown = logging.StreamHandler()
    shown.setLevel(logging.ERROR)
    shown.addFilter(logging.Filter("danbiet"))
    logging.basicConfig(
        level=installation.settings.log_level.upper(),
        format="%(asctime)s %(name)s %(levelname)s %(message)s",
        handlers=[written, shown],
    )
    quieten()


def _tell_places(web: str, metrics: str, server: EmbeddedServer, data: Path) -> None:
    for name, place in (
        ("board", web),
        ("metrics", f"{metrics}/metrics"),
        ("Temporal", server.address),
        ("Temporal UI", server.ui),
        ("events", data / NAME),
        ("logs", data / "logs"),
        ("data", data),
    ):
        say(f"  {padded(name, 12)} {place}")


def say(text: str) -> None:
    """On stdout, at once; nobody may be reading any more."""
    with contextlib.suppress(BrokenPipeError):
        print(text, flush=True)


@asynccontextmanager
async def _beside(coroutine: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs beside; cancelled at the end."""
    task = asyncio.create_task(coroutine)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
