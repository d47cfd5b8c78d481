"""`danbiet up` as a process of its own, on free ports and in a directory of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

ROOT = Path(__file__).parents[2]
FREE = ("--port", "0", "--temporal-port", "0", "--metrics-port", "0")
PATIENCE = 40.0


def environment(**more: str) -> dict[str, str]:
    """Ours, without any setting of the program."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DANBIET_")}
    return kept | {"PYTHONUNBUFFERED": "1", **more}


def danbiet(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "cli.entry", *arguments],
        cwd=ROOT,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def eventually(true: Callable[[], object], seconds: float = PATIENCE) -> None:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, "it did not come true"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """There is such a process, and it has not ended (a zombie has)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X")


def children_of(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text(encoding="utf-8").rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def get(url: str) -> tuple[int, str]:
    try:
        answer: HTTPResponse
        with urlopen(url, timeout=10) as answer:  # noqa: S310 - an address of ours
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def samples(text: str) -> Iterator[Sample]:
    for family in text_string_to_metric_families(text):
        yield from family.samples


class RunningUp:
    """One `danbiet up`; ``told`` is everything it printed up to the ready line."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.data = data
        self.errors = data.with_suffix(".stderr")
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cli.entry", "up", "--data", str(data), *FREE, *arguments],
                cwd=ROOT,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.told: list[str] = []
        self.children: list[int] = []

    def until_ready(self) -> dict[str, Any]:
        """The addresses in `up.json`."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told.append(line.rstrip("\n"))
            if line.startswith("ready "):
                break
        else:
            raise AssertionError(f"it ended: {self.told} {self.errors.read_text(encoding='utf-8')}")
        self.children = children_of(self.process.pid)
        assert self.children
        addresses: dict[str, Any] = json.loads((self.data / "up.json").read_text(encoding="utf-8"))
        return addresses

    def stop(self, sign: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(sign)
        code = self.process.wait(PATIENCE)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def close(self) -> None:
        """Leave nothing behind, whatever has happened."""
        if self.process.poll() is None:
            self.stop(signal.SIGKILL)
        elif self.process.stdout is not None:
            self.process.stdout.close()
        eventually(lambda: not any(map(is_alive, self.children)))
