"""A real receiver on loopback, as good or as bad as a test wants it."""

from __future__ import annotations

import json
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any


@dataclass
class Seen:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event


class Answering(BaseHTTPRequestHandler):
    """What a test's function answers with."""

    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        seen = Seen(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        with self.server.lock:
            self.server.seen.append(seen)
        try:
            self.server.answer(self, seen)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def say(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"content_length": "0"} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test looks at what was seen."""


Answer = Callable[[Answering, Seen], None]


class Receiver(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, answer: Answer, port: int = 0, certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", port), Answering)
        if certificate is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.answer, self.lock = answer, threading.Lock()
        self.seen: list[Seen] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"

    @property
    def ids(self) -> list[str]:
        with self.lock:
            return [each.event["id"] for each in self.seen]


@contextmanager
def receiving(
    answer: Answer | None = None, port: int = 0, certificate: Path | None = None
) -> Iterator[Receiver]:
    with Receiver(answer or ok, port, certificate) as receiver:
        thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.shutdown()
            thread.join()


def ok(handler: Answering, _seen: Seen) -> None:
    handler.say(204)


def status(code: int, **headers: str) -> Answer:
    return lambda handler, _seen: handler.say(code, **headers)


def hang(handler: Answering, _seen: Seen) -> None:
    """Never a word."""
    time.sleep(2)
    handler.close_connection = True


def gigabyte(handler: Answering, _seen: Seen) -> None:
    """As much as the sender is ready to read."""
    handler.say(200, content_length=str(10**9))
    part = b"x" * 65536
    for _ in range(10**9 // len(part)):
        handler.wfile.write(part)
        handler.server.seen[-1].headers["sent"] = str(
            int(handler.server.seen[-1].headers.get("sent", 0)) + len(part)
        )
