"""Every setting of the program, in one place; each is an environment variable ``DANBIET_<NAME>``.

Commands that must answer at once do not import this module: pydantic-settings alone takes 190 ms.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cli.root import PROJECT_ROOT
from models.errors import Code, Refusal

PREFIX: Final = "DANBIET_"
SQLITE: Final = "sqlite:///"
POSTGRESQL: Final = "postgresql+psycopg://"


def _checked_address(address: str) -> str:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) <= 65535:
        raise ValueError("write HOST:PORT, e.g. 127.0.0.1:7233")
    return address


def _checked_database(url: str) -> str:
    if not url.startswith((SQLITE, POSTGRESQL)):
        raise ValueError(f"write {SQLITE}PATH or {POSTGRESQL}USER@HOST:PORT/NAME")
    return url


def _lowered(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Address = Annotated[str, AfterValidator(_checked_address)]
Database = Annotated[str, AfterValidator(_checked_database)]
Location = Annotated[Path, AfterValidator(Path.expanduser)]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lowered)]
Port = Annotated[int, Field(ge=0, le=65535)]  # 0: any free port


class Settings(BaseSettings):
    """What an installation decides. An empty variable counts as not given."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, hide_input_in_errors=True
    )

    data: Location = Path(".danbiet")
    """Where `danbiet up` keeps its databases, keys and addresses."""
    catalogue: Location = PROJECT_ROOT / "catalogue" / "can-tho"
    installation: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")] = "can-tho"
    """Last part of the `source` of every event that goes out."""
    ledger_origin: Annotated[str, Field(pattern=r"^[^\s+]+$")] = "danbiet.local/can-tho"
    """Name in the ledger's signed checkpoints: never changed once something is published."""

    database_url: Annotated[Database | None, Field(repr=False)] = None
    """Without it: SQLite, in `data`."""
    database_password_file: Location | None = None
    """Holds the password that `database_url` leaves out."""

    temporal_address: Address = "127.0.0.1:7233"
    temporal_namespace: Annotated[str, Field(min_length=1)] = "default"
    task_queue: Annotated[str, Field(min_length=1)] = "danbiet"
    temporal_binary: Location | None = None
    """The `temporal` program, where the one beside the interpreter or on PATH is not meant."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Port = 8080
    metrics_port: Port = 9090
    temporal_port: Port = 7233

    timer_jitter_seconds: Annotated[int, Field(ge=0, le=3600)] = 0
    """Deadlines are processed up to so much later, spread by dossier; the recorded instants never move."""
    webhooks_private: bool = False
    """Webhooks may be inside one's own networks, and may be plain http."""
    log_level: LogLevel = "info"

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.database_password_file is None:
            return self
        if self.database_url is None or not self.database_url.startswith(POSTGRESQL):
            raise ValueError(f"{PREFIX}DATABASE_PASSWORD_FILE needs {PREFIX}DATABASE_URL={POSTGRESQL}...")
        parts = urlsplit(self.database_url)
        if parts.username is None:
            raise ValueError(f"{PREFIX}DATABASE_URL names no user for {PREFIX}DATABASE_PASSWORD_FILE")
        if parts.password is not None:
            raise ValueError(
                f"{PREFIX}DATABASE_URL has a password already: drop it, or {PREFIX}DATABASE_PASSWORD_FILE"
            )
        return self

    @property
    def database(self) -> str:
        """The SQLAlchemy URL, with the password in it: not for logs."""
        if self.database_url is None:
            return f"{SQLITE}{(self.data / 'danbiet.db').absolute()}"
        if self.database_password_file is None:
            return self.database_url
        try:
            password = self.database_password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise Refusal(
                Code.INVALID,
                f"{PREFIX}DATABASE_PASSWORD_FILE: {self.database_password_file} cannot be read ({error})",
            ) from error
        parts = urlsplit(self.database_url)
        user, _, place = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{place}").geturl()


def load(**given: Any) -> Settings:
    """The settings of the environment; what the command line gives (and is not None) comes first."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise Refusal(Code.INVALID, "; ".join(_sentences(error))) from error


def _sentences(error: ValidationError) -> list[str]:
    """One a mistake. The value is shown, unless it may hold a password."""
    told = []
    for mistake in error.errors():
        why = mistake["msg"].removeprefix("Value error, ")
        if not mistake["loc"]:
            told.append(why)
            continue
        name = str(mistake["loc"][0])
        shown = "" if name == "database_url" else f" {mistake['input']!r}:"
        told.append(f"{PREFIX}{name.upper()}:{shown} {why}")
    return told
