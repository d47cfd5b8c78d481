"""The few files beside the pages: one style sheet and the mark, read once, served from here and nowhere else."""

from __future__ import annotations

from fastapi import APIRouter, Response

from models.errors import Code, Refusal
from web.pages.page import STATIC, PageRoute

router = APIRouter(route_class=PageRoute, include_in_schema=False)
KINDS = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
FILES = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in KINDS}
FOR_EVER = "public, max-age=31536000, immutable"
"""Addresses carry the file's fingerprint."""


@router.get("/static/{name}")
def static(name: str) -> Response:
    if (content := FILES.get(name)) is None:
        raise Refusal(Code.NOT_FOUND, f"there is no file {name}")
    kind = KINDS[name[name.rindex(".") :]]
    headers = {"Cache-Control": FOR_EVER, "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=kind, headers=headers)
