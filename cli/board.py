"""The small HTTP server of this release: health, readiness, metrics, and one plain page."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple

from prometheus_client import CONTENT_TYPE_LATEST


class Answer(NamedTuple):
    status: HTTPStatus
    kind: str
    body: bytes


Route = Callable[[], Answer]
Check = Callable[[], None]
"""Raises, with a sentence, where something is not ready."""


class Board:
    """Serves ``routes`` on ``host:port`` in threads of its own."""

    def __init__(self, host: str, port: int, routes: Mapping[str, Route]) -> None:
        self._server = ThreadingHTTPServer((host, port), _handler(routes))
        self._server.daemon_threads = True
        bound = self._server.server_address
        shown = f"[{host}]" if ":" in host else host
        self.address = f"http://{shown}:{bound[1]}"
        self._thread = Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="board", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(routes: Mapping[str, Route]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version = "danbiet"
        sys_version = ""
        timeout = 10

        def do_GET(self) -> None:
            route = routes.get(self.path.split("?")[0])
            answer = (
                problem(HTTPStatus.NOT_FOUND, "not_found", "there is no such page")
                if route is None
                else route()
            )
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(answer.body)))
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(answer.body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it overrides
            """Nothing: scrapes every few seconds are no news."""

    return Handler


def problem(status: HTTPStatus, code: str, sentence: str) -> Answer:
    """An error as RFC 9457 has it."""
    body = {
        "type": f"/problems/{code}",
        "title": status.phrase,
        "status": status.value,
        "detail": sentence,
        "code": code,
    }
    return Answer(status, "application/problem+json", json.dumps(body, ensure_ascii=False).encode())


def alive() -> Answer:
    return Answer(HTTPStatus.OK, "application/json", b'{"status": "ok"}')


def ready(checks: Mapping[str, Check]) -> Route:
    """200 when every check passes, otherwise 503 that says which does not."""

    def answer() -> Answer:
        told = {name: _outcome(check) for name, check in checks.items()}
        good = all(each == "ok" for each in told.values())
        status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
        body = {"status": "ready" if good else "not ready", "checks": told}
        return Answer(status, "application/json", json.dumps(body, ensure_ascii=False).encode())

    return answer


def _outcome(check: Check) -> str:
    try:
        check()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        return str(error) or type(error).__name__
    return "ok"


def metrics(text: Callable[[], bytes]) -> Route:
    return lambda: Answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, text())


def page(
    compile_headlines: Callable[[], list[str]], open_dossiers: Callable[[], int], links: Mapping[str, str]
) -> Route:
    """The front page until the public board comes: the headlines, and where everything is."""

    def answer() -> Answer:
        headlines = "".join(f"<li>{html.escape(line)}</li>" for line in compile_headlines())
        places = "".join(
            f'<li><a href="{html.escape(url)}">{html.escape(name)}</a></li>' for name, url in links.items()
        )
        body = (
            '<!doctype html><html lang="vi"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Dân Biết</title>'
            "<style>body{font-family:system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}"
            "</style></head><body><h1>Dân Biết</h1>"
            f"<h2>Trễ hạn · Late</h2><ul>{headlines}</ul>"
            f"<p>Hồ sơ đang giải quyết · Open dossiers: <strong>{open_dossiers()}</strong></p>"
            f"<h2>Vận hành · Operation</h2><ul>{places}</ul></body></html>"
        )
        return Answer(HTTPStatus.OK, "text/html; charset=utf-8", body.encode())

    return answer
