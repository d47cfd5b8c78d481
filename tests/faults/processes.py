"""Real processes that may be killed: the embedded server on a file, and workers."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
from pathlib import Path

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from cli.embedded import OPTIONS
from tests.workflows.conftest import TEMPORAL
from workflows.names import SEARCH_ATTRIBUTES

ROOT = Path(__file__).parents[2]
TYPES = {"KEYWORD": "Keyword", "KEYWORD_LIST": "KeywordList", "INT": "Int", "DATETIME": "Datetime"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Killable:
    """A process started anew by ``start``, as often as it was killed. What it says is in ``log``."""

    def __init__(self, log: Path, *command: str) -> None:
        self._log, self._command = log, command
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *more: str) -> None:
        assert not self.is_running
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, *more], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
            )

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, sign: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(sign)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)


class Server(Killable):
    def __init__(self, file: Path) -> None:
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        attributes = [f"{key.name}={TYPES[key.indexed_value_type.name]}" for key in SEARCH_ATTRIBUTES]
        super().__init__(
            file.with_suffix(".log"),
            *(TEMPORAL, "server", "start-dev", "--headless", "--port", str(port), "--log-level", "never"),
            *("--db-filename", str(file)),
            *OPTIONS,
            *(part for attribute in attributes for part in ("--search-attribute", attribute)),
        )

    async def client(self) -> Client:
        for _ in range(150):
            with contextlib.suppress(RuntimeError, RPCError):
                return await Client.connect(self.address, data_converter=pydantic_data_converter)
            await asyncio.sleep(0.1)
        raise AssertionError(f"no server came up at {self.address}")


class WorkerProcess(Killable):
    def __init__(self, log: Path, server: Server, database: str) -> None:
        super().__init__(log, sys.executable, "-m", "tests.faults.worker_process", server.address, database)
