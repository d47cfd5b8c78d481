"""All pages: ``public`` for everybody, ``guarded`` for who has signed in (to be included behind a guard only)."""

from __future__ import annotations

from fastapi import APIRouter

from web.pages import about, assets, desk, feeds, intake, lookup, months, printed, records, why

public = APIRouter()
for part in (assets, months, records, feeds, about, lookup, why, intake, desk):
    public.include_router(part.router)

guarded = APIRouter()
"""Names applicants and full codes: ``app.include_router(guarded, dependencies=[...])``, never without one."""
guarded.include_router(printed.router)
