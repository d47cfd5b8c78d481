"""`danbiet web` as a process of its own: it serves the board also while no engine answers, and says so."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx

from cli.serving import CLOSING
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
