"""`danbiet web` as a process of its own: it serves the board also while no engine answers, and says so."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

from cli.board import alive
from cli.serving import CLOSING, WebServer, with_routes
from models.access import Role
from store import keys
from store.database import open_database, upgrade
from tests.cli.conftest import DANBIET
from tests.up.processes import environment, get


def test_the_web_alone(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path / 'danbiet.db'}")
    told = {"DANBIET_DATA": str(tmp_path), "DANBIET_PORT": "0", "DANBIET_TEMPORAL_ADDRESS": "127.0.0.1:1"}
    with subprocess.Popen(
        [DANBIET, "web"], stdout=subprocess.PIPE, text=True, env=environment(**told)
    ) as web:
        assert web.stdout is not None
        ready, address = web.stdout.readline().split()
        assert ready == "ready"
        assert get(f"{address}/healthz") == (200, '{"status": "ok"}')
        status, body = get(f"{address}/readyz")
        checks = json.loads(body)["checks"]
        assert (status, checks["database"]) == (503, "ok")
        assert "no Temporal server answers" in checks["temporal"]
        assert get(f"{address}/")[0] == 200
        assert "danbiet_deadlines_unprocessed 0.0" in get(f"{address}/metrics")[1]
        assert get(f"{address}/api/v1/bulletins/2025-04")[0] == 200
        web.send_signal(signal.SIGTERM)
        assert web.wait(20) == 0


def test_a_port_in_use(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path / 'danbiet.db'}")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        told = {"DANBIET_DATA": str(tmp_path), "DANBIET_PORT": port}
        ended = subprocess.run(
            [DANBIET, "web"], capture_output=True, text=True, env=environment(**told), check=False, timeout=60
        )
    assert ended.returncode == 1
    assert f"port {port} is in use" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


HEADS = {
    "a head of many lines": (
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"X-More: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
    ),
    "a head of one line": (b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ", b"a" * 1000),
    "an address": (b"GET /", b"a" * 1000),
    "trailers": (
        b"POST /sign-in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
        b"X-More: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
    ),
}


@pytest.mark.parametrize("what", HEADS)
async def test_what_never_ends_is_cut_off(what: str) -> None:
    app = with_routes(FastAPI(), {"/healthz": alive})
    app.state.closing = asyncio.Event()
    server = WebServer("127.0.0.1", 0, "--port")
    begin, more = HEADS[what]
    async with server.serving(app), asyncio.timeout(20):
        place = urlsplit(server.address)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        sent = 0
        writer.write(begin)
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof() and sent < 10_000_000:
                writer.write(more)
                sent += len(more)
                await writer.drain()
                await asyncio.sleep(0)
        assert sent < 4_000_000
        writer.close()
        async with httpx.AsyncClient() as client:
            long = {"X-Long": "a" * 20_000}
            assert (await client.get(f"{server.address}/healthz", headers=long)).status_code == 200
    server.close()


async def test_answers_do_not_wait_for_nagle() -> None:
    server = WebServer("127.0.0.1", 0, "--port")
    app = with_routes(FastAPI(), {"/healthz": alive})
    app.state.closing = asyncio.Event()
    async with server.serving(app), httpx.AsyncClient() as client:
        await client.get(f"{server.address}/healthz")
        began = time.monotonic()
        for _ in range(10):
            await client.get(f"{server.address}/healthz")
        assert time.monotonic() - began < 10 * 0.035
    server.close()


def test_an_open_stream_is_told_that_the_server_stops(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path / 'danbiet.db'}")
    engine = open_database(f"sqlite:///{tmp_path / 'danbiet.db'}")
    key, _ = keys.create(engine, "reader", Role.ADMIN)
    engine.dispose()
    told = {"DANBIET_DATA": str(tmp_path), "DANBIET_PORT": "0", "DANBIET_TEMPORAL_ADDRESS": "127.0.0.1:1"}
    with subprocess.Popen(
        [DANBIET, "web"], stdout=subprocess.PIPE, text=True, env=environment(**told)
    ) as web:
        assert web.stdout is not None
        address = web.stdout.readline().split()[1]
        with httpx.stream(
            "GET", f"{address}/api/v1/events/stream", headers={"Authorization": f"Bearer {key}"}, timeout=20
        ) as stream:
            lines = stream.iter_lines()
            assert next(lines) == ": danbiet"
            web.send_signal(signal.SIGTERM)
            began = time.monotonic()
            rest = [line for line in lines if line]
            assert web.wait(20) == 0
            took = time.monotonic() - began
    assert rest == ["event: closing", "retry: 5000", "data: {}"]
    assert took < CLOSING / 2
