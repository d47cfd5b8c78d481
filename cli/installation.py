"""Which installation a command speaks to: the data directory, the running `up` if there is one, else the settings."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.settings import Settings, load

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from models.calendar import WorkingCalendar
    from models.catalogue import Catalogue
    from starter import Starter

CATALOGUE_FILE = "catalogue.path"
"""In the data directory: which catalogue `up` was started with, for the commands that come after."""


class Installation:
    """Opens lazily what a command needs of it."""

    def __init__(self, data: Path | None = None, **given: Any) -> None:
        base = load(data=data)
        remembered = base.data / CATALOGUE_FILE
        if (
            given.get("catalogue") is None
            and "catalogue" not in base.model_fields_set
            and remembered.is_file()
        ):
            given["catalogue"] = Path(remembered.read_text(encoding="utf-8").strip())
        self.settings: Settings = load(data=data, **given)

    @property
    def data(self) -> Path:
        return self.settings.data

    @cached_property
    def running(self) -> Mapping[str, Any]:
        """Addresses of the `up` that runs on this data directory; empty if none does, or it was killed."""
        try:
            addresses = json.loads((self.data / "up.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return addresses if isinstance(addresses, dict) and _lives(addresses.get("pid")) else {}

    @property
    def temporal(self) -> str:
        return str(self.running.get("temporal") or self.settings.temporal_address)

    @cached_property
    def catalogue(self) -> Catalogue:
        from store.catalogue_files import read_catalogue

        return read_catalogue(self.settings.catalogue)

    @cached_property
    def calendar(self) -> WorkingCalendar:
        """The one that most procedures go by: its zone is the installation's."""
        return self.catalogue.main_calendar

    @cached_property
    def engine(self) -> Engine:
        from store.database import open_database

        return open_database(self.settings.database)

    @asynccontextmanager
    async def starter(self) -> AsyncIterator[Starter]:
        """A starter connected to Temporal. Raises `Unavailable` if no server answers."""
        from starter import Starter, connect

        client = await connect(self.temporal, self.settings.temporal_namespace)
        yield Starter(
            client,
            self.catalogue,
            self.engine,
            task_queue=self.settings.task_queue,
            jitter_seconds=self.settings.timer_jitter_seconds,
        )


def _lives(pid: object) -> bool:
    if not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
