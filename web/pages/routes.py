"""All pages: ``public`` for everybody, ``guarded`` for who has signed in (to be included behind a guard only)."""

from __future__ import annotations

from fastapi import APIRouter

from web.pages import about, assets, desk, feeds, intake, lookup, months, printed, records, why

OPEN = (assets, months, records, feeds, about, lookup, why, intake, desk)
"""For everybody; what needs a key looks for it itself."""
GUARDED = (printed,)
"""Name applicants and full codes: ``app.include_router(guarded, dependencies=[...])``, never without one."""

public, guarded = APIRouter(), APIRouter()
for part in OPEN:
    public.include_router(part.router)
for part in GUARDED:
    guarded.include_router(part.router)
