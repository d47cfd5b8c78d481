"""What the doors open on: one installation's store, catalogue and way to its workflows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from sqlalchemy import Engine

from models.catalogue import Catalogue

if TYPE_CHECKING:
    from starter import Starter


@dataclass(frozen=True, slots=True)
class Office:
    """Handed to :func:`web.app.create_app`; routes get it as :data:`TheOffice`."""

    engine: Engine
    catalogue: Catalogue
    connect: Callable[[], Awaitable[Starter]]
    """The starter, connected once and kept; raises :class:`models.errors.Unavailable` while no server answers."""
    zone: ZoneInfo
    """The calendar's, in which instants are shown."""
    installation: str
    ledger_origin: str
    ledger_files: Path
    """Where the ledger's public files are."""
    webhooks_private: bool = False
    """Whether webhooks may be in private networks, and without TLS."""


def office_of(request: Request) -> Office:
    office = request.app.state.office
    assert isinstance(office, Office)  # noqa: S101 - set by create_app, and nobody else
    return office


async def _office(request: Request) -> Office:
    """Not a plain function: FastAPI would run that in a thread, for each request."""
    return office_of(request)


TheOffice = Annotated[Office, Depends(_office)]
