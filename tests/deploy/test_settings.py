"""One class of settings: from the environment, refused in sentences that name the variable."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import make_url

from cli.root import PROJECT_ROOT
from cli.settings import PREFIX, Settings, load
from models.errors import Code, Refusal

POSTGRESQL = "postgresql+psycopg://danbiet@db:5432/danbiet"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)


def test_defaults_are_those_of_one_machine() -> None:
    settings = load()
    assert settings.data == Path(".danbiet")
    assert settings.catalogue == PROJECT_ROOT / "catalogue" / "can-tho"
    assert (settings.host, settings.port, settings.metrics_port) == ("127.0.0.1", 8080, 9090)
    assert (settings.temporal_address, settings.temporal_namespace) == ("127.0.0.1:7233", "default")
    assert (settings.task_queue, settings.timer_jitter_seconds) == ("danbiet", 0)
    assert (settings.installation, settings.ledger_origin) == ("can-tho", "danbiet.local/can-tho")


def test_variables_count_empty_ones_do_not_and_the_command_line_comes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DANBIET_PORT", "8081")
    monkeypatch.setenv("DANBIET_METRICS_PORT", "")
    monkeypatch.setenv("DANBIET_LOG_LEVEL", "WARNING")
    assert (load().port, load().metrics_port, load().log_level) == (8081, 9090, "warning")
    assert load(port=0, metrics_port=None).port == 0


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load().port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DANBIET_PORT", "eighty"),
        ("DANBIET_METRICS_PORT", "65536"),
        ("DANBIET_TIMER_JITTER_SECONDS", "-1"),
        ("DANBIET_LOG_LEVEL", "loud"),
        ("DANBIET_TEMPORAL_ADDRESS", "temporal"),
        ("DANBIET_TEMPORAL_ADDRESS", "temporal:0"),
        ("DANBIET_INSTALLATION", "Cần Thơ"),
        ("DANBIET_LEDGER_ORIGIN", "two words"),
        ("DANBIET_DATABASE_URL", "mysql://host/name"),
        ("DANBIET_DATABASE_URL", "danbiet.db"),
    ],
)
def test_refusal_names_the_variable(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(Refusal, match=variable) as caught:
        load()
    assert caught.value.code is Code.INVALID


def test_every_mistake_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANBIET_PORT", "x")
    monkeypatch.setenv("DANBIET_LOG_LEVEL", "y")
    with pytest.raises(Refusal, match=r"DANBIET_PORT: 'x': .*; DANBIET_LOG_LEVEL: 'y': "):
        load()


def test_database_is_a_file_in_the_data_folder(tmp_path: Path) -> None:
    url = make_url(load(data=tmp_path).database)
    assert (url.drivername, url.database) == ("sqlite", str(tmp_path / "danbiet.db"))


def test_database_stays_the_same_file_when_the_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert make_url(load().database).database == str(tmp_path / ".danbiet" / "danbiet.db")


def test_password_comes_from_a_file_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "password"
    file.write_text("a/b@c:d é%\n", encoding="utf-8")
    monkeypatch.setenv("DANBIET_DATABASE_URL", POSTGRESQL)
    monkeypatch.setenv("DANBIET_DATABASE_PASSWORD_FILE", str(file))
    url = make_url(load().database)
    assert (url.username, url.password, url.host, url.port, url.database) == (
        "danbiet",
        "a/b@c:d é%",
        "db",
        5432,
        "danbiet",
    )


def test_password_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    settings = load(database_url=POSTGRESQL, database_password_file=tmp_path / "none")
    with pytest.raises(Refusal, match="DANBIET_DATABASE_PASSWORD_FILE"):
        _ = settings.database


@pytest.mark.parametrize("url", [None, "sqlite:///x.db", "postgresql+psycopg://db/danbiet"])
def test_password_file_without_a_user_to_give_it_to_is_refused(url: str | None, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="DANBIET_DATABASE_URL"):
        load(database_url=url, database_password_file=tmp_path / "password")


def test_two_passwords_are_refused_and_none_is_shown(tmp_path: Path) -> None:
    url = "postgresql+psycopg://danbiet:hunter2@db/danbiet"
    with pytest.raises(Refusal, match="password already") as caught:
        load(database_url=url, database_password_file=tmp_path / "password")
    assert "hunter2" not in f"{caught.value}{caught.value.__cause__}"
    assert "hunter2" not in repr(load(database_url=url))


def test_project_root_costs_nothing_to_import() -> None:
    check = "import sys, cli.root; sys.exit('pydantic' in sys.modules or 'pydantic_settings' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], cwd=PROJECT_ROOT, check=False).returncode == 0
    assert (PROJECT_ROOT / "pyproject.toml").is_file()
