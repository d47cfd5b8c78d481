"""The embedded server: finding the program, ports, and what it says when it does not start."""

from __future__ import annotations

import socket
import sysconfig
from pathlib import Path

import pytest

from cli import embedded
from cli.embedded import claim_ports, find_binary, start_server
from cli.settings import Settings, load
from models.errors import Refusal, Unavailable


def settings(tmp_path: Path, program: str) -> Settings:
    binary = tmp_path / "temporal"
    binary.write_text(f"#!/bin/sh\n{program}\n", encoding="utf-8")
    binary.chmod(0o755)
    return load(data=tmp_path, temporal_binary=binary, temporal_port=0)


async def test_it_dies_at_once(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock, pytest.raises(Unavailable) as told:
        await start_server(
            settings(tmp_path, "echo starting; echo 'Error: no disk' >&2; exit 1"), lock.fileno()
        )
    assert told.value.message.startswith("the embedded Temporal server did not start: no disk (see ")


async def test_it_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "START_WITHIN", 0.3)
    with (tmp_path / "lock").open("w") as lock, pytest.raises(Unavailable, match="did not answer within"):
        await start_server(settings(tmp_path, "exec sleep 60"), lock.fileno())


async def test_a_port_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    """Any free port is tried again; the program counts how often it was started."""
    taken = f"echo x >> {tmp_path / 'starts'}; echo 'Error: bind: address already in use' >&2; exit 1"
    with (tmp_path / "lock").open("w") as lock, pytest.raises(Unavailable, match="already in use"):
        await start_server(settings(tmp_path, taken), lock.fileno())
    assert len((tmp_path / "starts").read_text(encoding="utf-8").split()) == embedded.ATTEMPTS


def test_ports() -> None:
    server, ui = claim_ports(0)
    assert ui == server + 1000
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ui))
        taken.listen()
        with pytest.raises(Refusal, match=f"port {ui} is in use.*--temporal-port"):
            claim_ports(server)
    with pytest.raises(Refusal, match="choose a lower one"):
        claim_ports(65000)


def test_the_program_is_found_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = settings(tmp_path, "").temporal_binary
    assert find_binary(mine) == str(mine)
    with pytest.raises(Refusal, match="there is no program at"):
        find_binary(tmp_path)
    assert find_binary(None) == str(Path(sysconfig.get_path("scripts")) / "temporal")
    monkeypatch.setattr(embedded.sysconfig, "get_path", lambda _name: str(tmp_path / "nowhere"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_binary(None) == str(mine)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(Refusal, match="'make setup' installs it"):
        find_binary(None)
