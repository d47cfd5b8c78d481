"""The small HTTP server of a worker: health, readiness, metrics."""

from __future__ import annotations

import errno
import json
import logging
import socket
import socketserver
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, NamedTuple, Self

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from models.errors import Code, DanbietError, Refusal

log = logging.getLogger("danbiet.board")
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


class Answer(NamedTuple):
    status: HTTPStatus
    kind: str
    body: bytes


Route = Callable[[], Answer]
"""Called in a thread of the board. A :class:`DanbietError` is told as 503."""


def as_json(status: HTTPStatus, body: object, kind: str = "application/json") -> Answer:
    return Answer(status, kind, json.dumps(body, ensure_ascii=False).encode())


def problem(status: HTTPStatus, code: str, sentence: str) -> Answer:
    """An error as RFC 9457 has it."""
    body = {"type": f"/problems/{code}", "title": status.phrase, "status": status.value, "detail": sentence}
    return as_json(status, {**body, "code": code}, "application/problem+json")


def alive() -> Answer:
    return as_json(HTTPStatus.OK, {"status": "ok"})


def starting() -> Answer:
    """`/readyz` before there is anything to ask."""
    checks = dict.fromkeys(("temporal", "database", "worker"), "starting")
    return as_json(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "not ready", "checks": checks})


def metrics(exposition: Callable[[], bytes]) -> Route:
    return lambda: Answer(HTTPStatus.OK, CONTENT_TYPE_PLAIN_0_0_4, exposition())


def shown_host(host: str) -> str:
    """As it stands in an address that works on this machine."""
    shown = WILDCARDS.get(host, host)
    return f"[{shown}]" if ":" in shown else shown


class Board:
    """Serves ``routes`` on ``host:port`` (0: any free one) in threads of its own, within a ``with`` block.

    It listens from the start, so that a port in use is found before anything else runs; ``option`` is named then.
    """

    def __init__(self, host: str, port: int, option: str) -> None:
        self.routes: dict[str, Route] = {"/healthz": alive, "/readyz": starting}
        try:
            self._server = _Server(host, port, self)
        except OSError as error:
            raise Refusal(Code.CONFLICT, why_not(host, port, option, error)) from None
        self.address = f"http://{shown_host(host)}:{self._server.server_address[1]}"
        self._thread = Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="board", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self.close()

    def close(self) -> None:
        """Listen no more; also where it never served."""
        self._server.server_close()

    def answer(self, path: str) -> Answer:
        route = self.routes.get(path.partition("?")[0])
        if route is None:
            return problem(HTTPStatus.NOT_FOUND, Code.NOT_FOUND, "there is no such page")
        try:
            return route()
        except DanbietError as error:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, error.code, error.message)
        except Exception:
            log.exception("%s failed", path)
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "this page failed: see the log")


def why_not(host: str, port: int, option: str, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"'{host}' is no address of this machine: choose another with --host"
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use: stop what uses it, or choose another with {option}"
    return f"cannot listen on {host} port {port}: {error.strerror}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, board: Board) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.board = board
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Without HTTPServer's look-up of our own name, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "danbiet", self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the name it overrides
        """Whoever asked has gone away; the page itself is guarded by `Board.answer`."""
        log.debug("no answer to %s: %s", client_address, sys.exc_info()[1])


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "danbiet"
    sys_version = ""
    timeout = 10

    def do_GET(self) -> None:
        answer = self.server.board.answer(self.path)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(answer.body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it overrides
        """Nothing: scrapes every few seconds are no news."""
