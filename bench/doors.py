"""``python -m bench doors``: reads over HTTP at a steady rate, from an embedded set-up with the April sample.

An open loop: requests are due at instants drawn beforehand (independent clients: exponential gaps), and each is
measured from the instant at which it was due, so that waiting in a queue, also in the client's own, counts.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from cli.keys import ADMIN_KEY
from cli.root import PROJECT_ROOT

LIMIT_MS = 50
"""At the 99th percentile."""
WARM_UP_SECONDS = 3.0
STOP_WITHIN = 30.0
IDLE_SECONDS = 3.0
MONTH = "2025-04"
MIX = {"dossier": 40, "list": 20, "latenesses": 15, "events": 15, "bulletin": 10}
"""Of a hundred reads."""
TICKS = os.sysconf("SC_CLK_TCK")


# --- the set-up ------------------------------------------------------------------------------------------------------


@contextmanager
def running_up() -> Iterator[tuple[str, str, int]]:
    """Address, admin key and process id of a `danbiet up` with the sample, in a directory of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DANBIET_")}
    with TemporaryDirectory(prefix="danbiet-bench-", ignore_cleanup_errors=True) as folder:
        command = [
            sys.executable,
            "-m",
            "cli.entry",
            "up",
            "--data",
            folder,
            "--sample",
            "can-tho",
            "--no-live",
        ]
        command += ["--port", "0", "--temporal-port", "0", "--metrics-port", "0"]
        with subprocess.Popen(  # noqa: S603 - our own program
            command, cwd=PROJECT_ROOT, env=kept, stdout=subprocess.PIPE, text=True
        ) as up:
            try:
                assert up.stdout is not None
                ready = next((line for line in up.stdout if line.startswith("ready ")), None)
                if ready is None:
                    raise SystemExit("bench: 'danbiet up' did not get ready")
                yield ready.split()[1], (Path(folder) / ADMIN_KEY).read_text("ascii").strip(), up.pid
            finally:
                up.terminate()
                up.communicate(timeout=STOP_WITHIN)


def requests_of(address: str, key: str, number: int, seed: int) -> list[tuple[str, bytes]]:
    """Kind and bytes of each request, drawn from the mix over what the sample holds."""
    drawn = random.Random(seed)  # noqa: S311 - a bench

    def read(path: str) -> Any:
        asked = Request(f"{address}/api/v1{path}", headers={"Authorization": f"Bearer {key}"})  # noqa: S310 - ours
        with urlopen(asked, timeout=30) as answer:  # noqa: S310 - ours
            return json.load(answer)

    dossiers = read("/dossiers?limit=500")["items"]
    codes = [each["code"] for each in dossiers]
    agencies = sorted({each["agency"] for each in dossiers})
    officials = sorted({step["official"] for each in dossiers for step in each["steps"] if step["official"]})
    last = int(read("/events?limit=1")["next_cursor"] or 0) + 400
    filters = [f"agency={each}" for each in agencies] + [f"official={each}" for each in officials]
    filters += ["late=true", "status=processed", "status=running", "due_before=2025-05-01T00:00:00%2B07:00"]

    def path(kind: str) -> str:
        match kind:
            case "dossier":
                return f"/dossiers/{drawn.choice(codes)}"
            case "list":
                return f"/dossiers?{drawn.choice(filters)}&limit=20"
            case "latenesses":
                return f"/latenesses?period={MONTH}&agency={drawn.choice(agencies)}&limit=20"
            case "events":
                return f"/events?after={drawn.randrange(last)}&limit=20"
            case _:
                return f"/bulletins/{MONTH}{drawn.choice(('', '.json', '.csv'))}"

    host = urlsplit(address).netloc
    kinds = drawn.choices(list(MIX), list(MIX.values()), k=number)
    return [
        (
            kind,
            f"GET /api/v1{path(kind)} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\r\n".encode(),
        )
        for kind in kinds
    ]


# --- the client ------------------------------------------------------------------------------------------------------


@dataclass
class Client:
    """As many connections as are needed at once, kept open; as little work as reading an answer takes."""

    host: str
    port: int
    took: dict[str, list[float]] = field(default_factory=dict)
    """Milliseconds from when a request was due, by kind."""
    sent_late: list[float] = field(default_factory=list)
    """Of that, what the client itself was late: not the server's."""
    errors: dict[str, int] = field(default_factory=dict)
    _idle: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)
    connections: int = 0

    async def run(self, requests: list[tuple[str, bytes]], rate: float, seed: int) -> None:
        drawn = random.Random(seed)  # noqa: S311 - a bench
        loop, tasks = asyncio.get_running_loop(), []
        due = loop.time()
        for kind, told in requests:
            due += drawn.expovariate(rate)
            if (left := due - loop.time()) > 0:
                await asyncio.sleep(left)
            tasks.append(asyncio.create_task(self._one(kind, told, due)))
        await asyncio.gather(*tasks)

    async def _one(self, kind: str, told: bytes, due: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            reader, writer = await self._connection()
            self.sent_late.append((loop.time() - due) * 1000)
            writer.write(told)
            status = await asyncio.wait_for(_answer(reader), 30)
        except (OSError, TimeoutError, EOFError) as error:
            self._failed(type(error).__name__)
            return
        self._idle.append((loop.time(), reader, writer))
        self.took.setdefault(kind, []).append((loop.time() - due) * 1000)
        if status != HTTPStatus.OK:
            self._failed(str(status))

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """One that was used just now, or a new one: the server closes what is idle for five seconds."""
        if self._idle:
            used, reader, writer = self._idle.pop()
            if asyncio.get_running_loop().time() - used < IDLE_SECONDS:
                return reader, writer
            writer.close()
        self.connections += 1
        return await asyncio.open_connection(self.host, self.port, limit=2**22)

    def _failed(self, what: str) -> None:
        self.errors[what] = self.errors.get(what, 0) + 1


async def _answer(reader: asyncio.StreamReader) -> int:
    """The status, when all of the answer has come."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, _, rest = head.partition(b"\r\ncontent-length: ")
    await reader.readexactly(int(rest.partition(b"\r\n")[0]))
    return int(head[9:12])


# --- the figures -----------------------------------------------------------------------------------------------------


def measure(rate: float, seconds: float) -> dict[str, Any]:
    with running_up() as (address, key, pid):
        place = urlsplit(address)
        assert place.hostname is not None
        assert place.port is not None
        warm, measured = Client(place.hostname, place.port), Client(place.hostname, place.port)
        first = requests_of(address, key, int(rate / 2 * WARM_UP_SECONDS), seed=1)
        requests = requests_of(address, key, int(rate * seconds), seed=2)
        gc.collect()
        gc.disable()
        asyncio.run(warm.run(first, rate / 2, seed=3))
        before, own, began = _cpu(pid), time.process_time(), time.monotonic()
        asyncio.run(measured.run(requests, rate, seed=4))
        lasted = time.monotonic() - began
        server, client = (_cpu(pid) - before) / lasted, (time.process_time() - own) / lasted
        gc.enable()
    return {
        "reads": len(requests),
        "reads_per_second": round(len(requests) / lasted, 1),
        "milliseconds": {
            "all": _percentiles([each for some in measured.took.values() for each in some]),
            **{
                kind: _percentiles(measured.took[kind])
                for kind in MIX
                if len(measured.took.get(kind, ())) > 1
            },
        },
        "errors": measured.errors,
        "connections": measured.connections,
        "client_late_p99": _percentiles(measured.sent_late)["p99"],
        "cores_server": round(server, 2),
        "cores_client": round(client, 2),
        "machine": {"cores": os.cpu_count(), "load_1_minute": round(os.getloadavg()[0], 2)},
    }


def _cpu(pid: int) -> float:
    """Seconds of processor time of the process so far (the Temporal server is another one)."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _percentiles(values: list[float]) -> dict[str, float]:
    cuts = quantiles(values, n=100, method="inclusive")
    found = {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "max": max(values)}
    return {name: round(value, 1) for name, value in found.items()}


def show(figures: dict[str, Any]) -> None:
    print(f"{'reads, milliseconds':<22}" + "".join(f"{name:>10}" for name in ("p50", "p95", "p99", "max")))
    for kind, row in figures["milliseconds"].items():
        print(f"{kind:<22}" + "".join(f"{value:>10}" for value in row.values()))
    machine, errors = figures["machine"], figures["errors"]
    print(
        f"{figures['reads']} reads, {figures['reads_per_second']} a second, errors {errors or 0}; "
        f"limit: p99 {LIMIT_MS} ms\n"
        f"processor: danbiet {figures['cores_server']} cores, client {figures['cores_client']}; "
        f"the machine has {machine['cores']}, load {machine['load_1_minute']}"
    )
    print(json.dumps(figures))
