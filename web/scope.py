"""Whether a dossier is in somebody's part of the tree."""

from __future__ import annotations

from models.access import Principal
from models.errors import Code, Refusal
from models.views import Snapshot
from store import queries
from web.glance import glance
from web.office import Office


async def visible(office: Office, principal: Principal, code: str) -> Snapshot:
    """The dossier, if it is in the key's units; answered alike where it is not and where there is none."""
    snapshot = await glance(office.engine, lambda: queries.dossier(office.engine, code))
    if snapshot is None or not any(
        principal.covers(office.catalogue, each) for each in agencies_of(snapshot)
    ):
        raise Refusal(Code.NOT_FOUND, f"there is no dossier {code}")
    return snapshot


def agencies_of(snapshot: Snapshot) -> set[str]:
    return {snapshot.view.agency, *(step.agency for step in snapshot.view.steps)}
