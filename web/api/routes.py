"""The API's routes, all under ``/api/v1``."""

from __future__ import annotations

from fastapi import APIRouter

from web.api import dossiers, events, public, webhooks

router = APIRouter(prefix="/api/v1")
for part in (dossiers, public, events, webhooks):
    router.include_router(part.router)
