"""The small HTTP server: what it answers, and what it says where it cannot listen."""

from __future__ import annotations

import json
import socket
from http.client import HTTPConnection

import pytest

from cli import board
from cli.board import Answer, Board
from models.errors import Refusal, Unavailable
from tests.up.processes import get


def lost() -> Answer:
    raise Unavailable("the database is away")


def broken() -> Answer:
    raise ZeroDivisionError("secret")


def test_routes_and_problems() -> None:
    with Board("127.0.0.1", 0, "--port") as served:
        served.routes |= {"/lost": lost, "/broken": broken, "/metrics": board.metrics(lambda: b"a 1\n")}
        assert get(f"{served.address}/healthz") == (200, '{"status": "ok"}')
        assert get(f"{served.address}/metrics?x=1") == (200, "a 1\n")
        status, body = get(f"{served.address}/readyz")
        assert (status, json.loads(body)["checks"]["worker"]) == (503, "starting")
        for path, expected, code in (("lost", 503, "unavailable"), ("broken", 500, "internal")):
            status, body = get(f"{served.address}/{path}")
            assert status == expected
            assert json.loads(body)["type"] == f"/problems/{code}"
            assert "secret" not in body
        assert get(f"{served.address}/../etc/passwd")[0] == 404


def test_head_and_keep_alive() -> None:
    with Board("127.0.0.1", 0, "--port") as served:
        connection = HTTPConnection(served.address.removeprefix("http://"), timeout=5)
        for method, length in (("HEAD", 0), ("GET", 16), ("GET", 16)):
            connection.request(method, "/healthz")
            answer = connection.getresponse()
            assert (answer.status, len(answer.read())) == (200, length)
            assert answer.headers["Content-Type"] == "application/json"
        connection.close()


def test_a_taken_port_names_its_option() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Refusal, match=f"port {port} is in use.*--metrics-port"):
            Board("127.0.0.1", port, "--metrics-port")


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_a_host_that_is_not_ours(host: str) -> None:
    with pytest.raises(Refusal, match=host):
        Board(host, 0, "--port")


def test_everywhere_is_shown_as_loopback() -> None:
    with Board("0.0.0.0", 0, "--port") as served:  # noqa: S104 - what is tested
        assert served.address.startswith("http://127.0.0.1:")
        assert get(f"{served.address}/healthz")[0] == 200
