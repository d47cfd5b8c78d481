"""All pages: ``public`` for everybody, ``guarded`` for who has signed in (to be included behind a guard only)."""

from __future__ import annotations

from fastapi import APIRouter

from web.pages import assets, months

public = APIRouter()
for part in (assets, months):
    public.include_router(part.router)
