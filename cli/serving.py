"""The web application on its port, with health and metrics beside it: within `up`, or alone as `danbiet web`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Response

from cli.board import Answer, Route, alive, as_json, metrics, shown_host, why_not
from cli.installation import Installation
from cli.metrics import new_registry, our_exposition
from cli.protocol import Protocol
from cli.readiness import OK, database_check
from models.errors import Code, DanbietError, Refusal, Unavailable
from starter import Starter, connect
from store.database import check_current
from store.ledger_files import FOLDER
from web.app import create_app
from web.office import Office
from worker import quieten, run_until_stopped, settle_down

log = logging.getLogger("danbiet.web")
CLOSING = 3
"""Seconds for open requests, streams among them, once the server is to stop."""


class WebServer:
    """Serves an application on ``host:port`` (0: any free one) within the running event loop.

    The port is taken at once, so that one in use is found before anything else runs; ``option`` is named then.
    """

    def __init__(self, host: str, port: int, option: str) -> None:
        try:
            family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            # With its protocol named: asyncio switches Nagle's delay off only then, 40 ms for each answer.
            self._socket = socket.socket(family, kind, protocol)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(place)
            self._socket.listen(128)
        except OSError as error:
            raise Refusal(Code.CONFLICT, why_not(host, port, option, error)) from None
        self.address = f"http://{shown_host(host)}:{self._socket.getsockname()[1]}"

    def close(self) -> None:
        """Listen no more; also where it never served."""
        self._socket.close()

    @asynccontextmanager
    async def serving(self, app: FastAPI) -> AsyncIterator[None]:
        """Serves ``app`` until the end of the block."""
        # The paths of look-ups hold secrets: nothing of a request is logged here.
        config = uvicorn.Config(
            app,
            http=Protocol,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=CLOSING,
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[self._socket]))
        try:
            while not server.started and not task.done():  # noqa: ASYNC110 - it has no event of its own
                await asyncio.sleep(0.01)
            yield
        finally:
            app.state.closing.set()
            server.should_exit = True
            await task


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the process's own affair."""
        yield


def with_routes(app: FastAPI, routes: Mapping[str, Route]) -> FastAPI:
    """``app`` with health and the like; a route that fails for a reason of ours is a 503."""
    for path, route in routes.items():
        app.add_api_route(path, _endpoint(route), methods=["GET", "HEAD"], include_in_schema=False)
    return app


def _endpoint(route: Route) -> Callable[[], Response]:
    def answer() -> Response:
        told = route()
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return Response(told.body, told.status, headers, media_type=told.kind)

    return answer


def office_of(installation: Installation, connected: Callable[[], Awaitable[Starter]]) -> Office:
    return Office(
        engine=installation.engine,
        catalogue=installation.catalogue,
        connect=connected,
        zone=installation.calendar.zone,
        installation=installation.settings.installation,
        ledger_origin=installation.settings.ledger_origin,
        ledger_files=installation.data / FOLDER,
        webhooks_private=installation.settings.webhooks_private,
    )


# --- `danbiet web` -------------------------------------------------------------------------------------------------


class _Connection:
    """To Temporal, when it is first needed; a server that does not answer now may answer the next time."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._lock = asyncio.Lock()
        self._starter: Starter | None = None

    async def __call__(self) -> Starter:
        async with self._lock:
            if self._starter is None:
                settings = self._installation.settings
                client = await connect(self._installation.temporal, settings.temporal_namespace)
                self._starter = Starter(
                    client,
                    self._installation.catalogue,
                    self._installation.engine,
                    task_queue=settings.task_queue,
                    jitter_seconds=settings.timer_jitter_seconds,
                )
            return self._starter


async def serve(installation: Installation) -> None:
    """One web process. Never returns: cancelled, or raises what went wrong."""
    settings, engine = installation.settings, installation.engine
    check_current(engine)
    server = WebServer(settings.host, settings.port, "DANBIET_PORT")
    try:
        connection = _Connection(installation)
        registry = new_registry(engine, installation.catalogue)
        routes = {
            "/healthz": alive,
            "/readyz": _readiness(installation, connection),
            "/metrics": metrics(lambda: our_exposition(registry)),
        }
        app = with_routes(create_app(office_of(installation, connection)), routes)
        async with server.serving(app):
            log.info("web at %s", server.address)
            settle_down()
            print(f"ready {server.address}", flush=True)
            await asyncio.Event().wait()
    finally:
        server.close()
        engine.dispose()


def _readiness(installation: Installation, connection: _Connection) -> Route:
    """Ready with the database alone would lose no acceptance, but could take none: Temporal must answer too."""
    loop = asyncio.get_running_loop()

    async def temporal() -> str:
        try:
            await connection()
        except Unavailable as problem:
            return problem.message
        return OK

    def answer() -> Answer:
        asked = asyncio.run_coroutine_threadsafe(temporal(), loop)
        checks = {"temporal": asked.result(10), "database": database_check(installation.engine)}
        ready = all(each == OK for each in checks.values())
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return as_json(status, {"status": "ready" if ready else "not ready", "checks": checks})

    return answer


def main(data: Path | None) -> int:
    """Entry point of `danbiet web`; the exit code."""
    try:
        installation = Installation(data)
        logging.basicConfig(
            level=installation.settings.log_level.upper(),
            format="%(asctime)s %(name)s %(levelname)s %(message)s",
        )
        quieten()
        asyncio.run(run_until_stopped(serve(installation)))
    except DanbietError as error:
        print(f"danbiet: {error.code}: {error.message}", file=sys.stderr)
        return 1
    return 0
