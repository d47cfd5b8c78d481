"""Who speaks through a door: the roles of keys, and how far each sees (interfaces: HTTP, roles)."""

from __future__ import annotations

from enum import StrEnum

from models.actions import Actor
from models.actions import Role as Authority
from models.budget import Model
from models.catalogue import Catalogue


class Role(StrEnum):
    """What a key is for. ``PUBLIC`` needs none."""

    PUBLIC = "public"
    COUNTER = "counter"
    OFFICIAL = "official"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Principal(Model):
    """Who asks. ``agency``: sees that unit and all below it; None: everything its role may see."""

    role: Role
    name: str
    """For the trail: the official's id, or the key's name."""
    agency: str | None = None
    official: str | None = None
    key: str | None = None
    """Prefix of the key; None: nobody signed in."""

    @property
    def sees_people(self) -> bool:
        """Points, scores and what is not published yet (rules R11)."""
        return self.role in (Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN)

    def covers(self, catalogue: Catalogue, agency: str) -> bool:
        """Whether the unit is in this key's part of the tree."""
        if self.role is Role.PUBLIC:
            return False
        if self.agency is None or agency == self.agency:
            return True
        return agency in catalogue.agencies and self.agency in catalogue.chain(agency)

    def within(self, catalogue: Catalogue) -> frozenset[str] | None:
        """The units it sees; None: all."""
        if self.agency is None:
            return None
        return frozenset(code for code in catalogue.agencies if self.covers(catalogue, code)) | {self.agency}

    def actor(self, catalogue: Catalogue, agencies: set[str]) -> Actor:
        """In whose authority this principal acts on a dossier of these units (decision 0005)."""
        match self.role:
            case Role.ADMIN:
                authority = Authority.ADMIN
            case Role.SUPERVISOR:
                authority = Authority.SUPERVISOR
            case Role.COUNTER:
                authority = Authority.COUNTER
            case _:
                heads = any(catalogue.is_supervisor(self.name, agency) for agency in agencies)
                authority = Authority.SUPERVISOR if heads else Authority.OFFICIAL
        return Actor(name=self.name, role=authority)


ANYBODY = Principal(role=Role.PUBLIC, name="public")
