"""Commands as people run them: through `run`, in this process or in one of their own; and a whole `up`, once."""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from sqlalchemy import Engine

from cli.main import run
from cli.settings import PREFIX, Settings
from store.database import open_database, upgrade

ROOT = Path(__file__).parents[2]
DANBIET = str(Path(sys.executable).parent / "danbiet")


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Danbiet = Callable[..., Answer]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)


@pytest.fixture
def danbiet(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Danbiet:
    """`danbiet ARGS` in this process; ``stdin``: what is piped into it."""

    def call(*args: object, stdin: str = "") -> Answer:
        monkeypatch.setattr(sys, "argv", ["danbiet", *map(str, args)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
        capsysbinary.readouterr()
        code: Any = 0
        try:
            run()
        except SystemExit as ended:
            code = ended.code or 0
        gc.unfreeze()
        told = capsysbinary.readouterr()
        return Answer(code, told.out.decode(), told.err.decode())

    return call


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with an empty database, and a Temporal server that does not answer."""
    monkeypatch.setenv("DANBIET_DATA", str(tmp_path))
    monkeypatch.setenv("DANBIET_TEMPORAL_ADDRESS", "127.0.0.1:1")
    upgrade(f"sqlite:///{tmp_path / 'danbiet.db'}")
    return tmp_path


@pytest.fixture
def engine(data: Path) -> Iterator[Engine]:
    opened = open_database(f"sqlite:///{data / 'danbiet.db'}")
    yield opened
    opened.dispose()


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running `danbiet up` on ports of its own; its data directory. Stopped as Ctrl-C stops it."""
    directory = tmp_path_factory.mktemp("up")
    with running_up(directory):
        yield directory


@contextmanager
def running_up(directory: Path, *options: str) -> Iterator[None]:
    """`danbiet up` on that data directory, stopped at the end as Ctrl-C stops it."""
    command = [DANBIET, "up", "--data", str(directory), "--no-live", *options]
    command += ["--port", "0", "--temporal-port", "0", "--metrics-port", "0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        hurry = Timer(90, process.kill)
        hurry.start()
        told = []
        for line in process.stdout:
            told.append(line)
            if line.startswith("ready "):
                break
        hurry.cancel()
        assert told, "up said nothing"
        assert told[-1].startswith("ready http"), "".join(told)
        yield
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
