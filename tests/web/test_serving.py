"""`danbiet web` as a process of its own: it serves the board also while no engine answers, and says so."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from pathlib import Path

from store.database import upgrade
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
