"""The web application: health, the HTTP API and the public pages, over one office."""

from __future__ import annotations

import asyncio
from functools import partial

from fastapi import Depends, FastAPI

from store.ledger import checkpoint
from web import guard, problems
from web.api import ledger
from web.api import routes as api
from web.api.answers import WrittenLists
from web.office import Office
from web.pages import routes as pages
from web.pages.attempts import Attempts
from web.permissions import Operation
from web.security import Verified, allowed


def create_app(office: Office) -> FastAPI:
    """The application that ``danbiet web`` and ``danbiet up`` serve."""
    app = FastAPI(
        title="Dân Biết",
        version="1",
        summary="Every dossier, its promised date, and who kept it waiting.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        strict_content_type=False,
    )
    app.state.office = office
    app.state.written_lists = WrittenLists()
    app.state.attempts = Attempts()
    app.state.verified = Verified()
    app.state.closing = asyncio.Event()  # set when the server is to stop: streams end then
    app.state.ledger_checkpoint = partial(checkpoint, office.engine)
    app.include_router(api.router)
    app.include_router(ledger.router)
    app.include_router(pages.public)
    app.include_router(pages.guarded, dependencies=[Depends(allowed(Operation.PRINT))])
    problems.install(app)
    app.add_middleware(guard.Guard, office=office)
    return app
